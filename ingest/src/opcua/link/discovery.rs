//! The robots of a server that are found by their types: which of the settings' robots they are, and what feeds them.
//!
//! What is found is the same in the same order at every session, so that a subscription of before is gone on with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opcua::client::Session;
use opcua::types::Error;
use tacho_config::settings::OpcuaSettings;
use tacho_config::settings::opcua::{Field, RobotMapping, ServerSettings};
use tacho_schemas::RobotId;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::opcua::browse::{FoundRobot, robots};

/// First and longest pause before robots that are not there are looked for again.
const AGAIN_MIN: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_secs(300);

/// Which server reports which robot: one alone.
#[derive(Debug, Clone, Default)]
pub(in crate::opcua) struct Claims(Arc<Mutex<BTreeMap<RobotId, String>>>);

/// Finds the robots of one server.
#[derive(Debug)]
pub(super) struct Discovery {
    server: ServerSettings,
    claims: Claims,
    /// As they were found last.
    robots: Option<Vec<RobotMapping>>,
    /// All that were found ever, in the order in which their signals are numbered.
    order: Vec<RobotId>,
    told: BTreeSet<String>,
    /// When to look again.
    next: Instant,
    pause: Duration,
    /// A look while connected.
    looking: Option<JoinHandle<Result<Vec<FoundRobot>, Error>>>,
}

impl Claims {
    /// The robots that the settings name.
    pub(in crate::opcua) fn of(settings: &OpcuaSettings) -> Self {
        let named = settings
            .servers
            .iter()
            .flat_map(|server| server.robots.iter().filter_map(|robot| Some((robot.robot_id?, server.name.clone()))));
        Self(Arc::new(Mutex::new(named.collect())))
    }

    /// Takes a robot for a server; gives the server that has it already, if it is another one.
    fn take(&self, robot: RobotId, server: &str) -> Option<String> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = claims.entry(robot).or_insert_with(|| server.to_owned());
        (of != server).then(|| of.clone())
    }
}

impl Discovery {
    /// Of a server, if some of its robots are to be found; those that a run before knew keep their order.
    pub(super) fn of(server: &ServerSettings, claims: Claims, known: &[String]) -> Option<Self> {
        server.robots.iter().any(|robot| robot.profile.is_some()).then(|| Self {
            server: server.clone(),
            claims,
            robots: None,
            order: known.iter().filter_map(|id| RobotId::parse(id.as_bytes()).ok()).collect(),
            told: BTreeSet::new(),
            next: Instant::now(),
            pause: AGAIN_MIN,
            looking: None,
        })
    }

    /// Looks for robots at a new session; gives the server with them, where they are others than before.
    pub(super) async fn renewed(&mut self, session: &Session) -> Result<Option<ServerSettings>, Error> {
        self.stops();
        let found = robots(session).await?;
        let robots = self.settled(&found);
        Ok((self.robots.as_ref() != Some(&robots)).then(|| self.has(robots)))
    }

    /// Looks for robots that came, once in a while, while other things go on; gives the server with them, if there are
    /// some. Those that are known stay as they are until the next session.
    pub(super) async fn more(&mut self, session: &Arc<Session>) -> Option<ServerSettings> {
        let Some(looking) = self.looking.take_if(|looking| looking.is_finished()) else {
            if self.looking.is_none() && self.next <= Instant::now() {
                let session = Arc::clone(session);
                self.looking = Some(tokio::spawn(async move { robots(&session).await }));
            }
            return None;
        };
        let found = match looking.await.ok()? {
            Ok(found) => found,
            Err(error) => {
                info!(server = self.server.name, %error, "robots that came cannot be looked for");
                self.next = Instant::now() + self.server.browse_interval;
                return None;
            }
        };
        let mut all = self.robots.clone().unwrap_or_default();
        let known = all.len();
        let is_new = |robot: &RobotMapping| all[..known].iter().all(|known| known.robot_id != robot.robot_id);
        let more: Vec<_> = self.settled(&found).into_iter().filter(is_new).collect();
        all.extend(more);
        (all.len() > known).then(|| self.has(all))
    }

    /// Looks no more.
    pub(super) fn stops(&mut self) {
        if let Some(looking) = self.looking.take() {
            looking.abort();
        }
    }

    /// Whether it has looked before.
    pub(super) fn knows(&self) -> bool {
        self.robots.is_some()
    }

    /// The robots of the settings with what was found of them, those that were found before in their order; tells what is
    /// amiss.
    fn settled(&mut self, found: &[FoundRobot]) -> Vec<RobotMapping> {
        let (mut robots, mut amiss) = assigned(&self.server.robots, found);
        robots.retain(|robot| {
            let other = robot.robot_id.and_then(|id| Some((id, self.claims.take(id, &self.server.name)?)));
            amiss.extend(other.iter().map(|(id, other)| format!("robot {id} is reported by server {other} already")));
            other.is_none()
        });
        let again =
            if amiss.is_empty() { self.server.browse_interval } else { self.pause.min(self.server.browse_interval) };
        self.next = Instant::now() + again;
        self.pause = if amiss.is_empty() { AGAIN_MIN } else { (self.pause * 2).min(AGAIN_MAX) };
        for why in &amiss {
            if !self.told.contains(why) {
                warn!(server = self.server.name, "{why}");
            }
        }
        self.told = amiss.into_iter().collect();
        for id in robots.iter().filter_map(|robot| robot.robot_id) {
            if !self.order.contains(&id) {
                self.order.push(id);
            }
        }
        robots.sort_by_key(|robot| self.order.iter().position(|id| Some(*id) == robot.robot_id));
        robots
    }

    fn has(&mut self, robots: Vec<RobotMapping>) -> ServerSettings {
        let signals: usize = robots.iter().map(|robot| robot.signals.len()).sum();
        info!(server = self.server.name, robots = robots.len(), signals, "found the robots by their types");
        self.robots = Some(robots.clone());
        ServerSettings { robots, ..self.server.clone() }
    }
}

/// The robots of the settings with what was found of them, and what is amiss.
fn assigned(settings: &[RobotMapping], found: &[FoundRobot]) -> (Vec<RobotMapping>, Vec<String>) {
    let (by_types, mapped): (Vec<_>, Vec<_>) = settings.iter().partition(|robot| robot.profile.is_some());
    let entry_of = |robot: &FoundRobot| {
        let serial = Some(robot.serial_number()).filter(|serial| !serial.is_empty());
        let by_serial = by_types.iter().position(|entry| serial.is_some() && entry.serial_number.as_deref() == serial);
        by_serial.or_else(|| by_types.iter().position(|entry| entry.serial_number.is_none()))
    };
    let (mut robots, mut amiss) = (BTreeMap::new(), Vec::new());
    let entries: Vec<_> = found.iter().map(entry_of).collect();
    for (robot, entry) in found.iter().zip(&entries) {
        let place = format!("the motion device {} (serial number {:?})", robot.path, robot.serial_number());
        let Some(number) = *entry else {
            amiss.push(format!("{place} is none of the settings: name it by its serial_number there"));
            continue;
        };
        let entry = by_types[number];
        let same = entries.iter().filter(|other| **other == Some(number)).count();
        if same > 1 && (entry.robot_id.is_some() || entry.serial_number.is_some()) {
            amiss.push(format!(
                "{place} is one of {same} for one robot of the settings: name each by its serial_number"
            ));
            continue;
        }
        let Some(id) = entry.robot_id.or_else(|| robot.robot_id()) else {
            amiss.push(format!("{place} holds no robot ID: set robot_id beside its serial_number in the settings"));
            continue;
        };
        let is_mapped = mapped.iter().any(|robot| robot.robot_id == Some(id));
        if is_mapped || robots.contains_key(&id) {
            amiss.push(format!("{place} has the robot ID {id}, and another robot of the server has it too"));
            continue;
        }
        robots.insert(id, fed(entry, id, robot));
    }
    for (number, entry) in by_types.iter().enumerate().filter(|(number, _)| !entries.contains(&Some(*number))) {
        let which = entry.serial_number.as_deref().map_or_else(|| number.to_string(), |serial| format!("{serial:?}"));
        amiss.push(format!("the server has no motion device for the robot {which} of the settings yet"));
    }
    let mapped = mapped.into_iter().cloned();
    (mapped.chain(robots.into_values()).collect(), amiss)
}

/// A robot of the settings, fed by what was found where the settings say nothing else.
fn fed(entry: &RobotMapping, id: RobotId, found: &FoundRobot) -> RobotMapping {
    let feeds = |field: &Field| entry.signals.iter().any(|signal| signal.field == *field);
    let has_hours = entry.power_on_h_start.is_some_and(|hours| hours > 0.0);
    let further =
        found.clone().without_contradictions(|field| feeds(field) || (has_hours && *field == Field::power_on()));
    let further = further.signals.into_iter().map(|signal| signal.mapping);
    let signals: Vec<_> =
        entry.signals.iter().cloned().chain(further.filter(|mapping| !feeds(&mapping.field))).collect();
    let mut joints = entry.joints.clone();
    for geared in &found.joints {
        match joints.iter_mut().find(|joint| joint.name == geared.name) {
            Some(joint) => joint.gear_ratio = joint.gear_ratio.or(geared.gear_ratio),
            None => joints.push(geared.clone()),
        }
    }
    let counts = signals.iter().any(|signal| signal.field == Field::power_on());
    let power_on_h_start = (!counts).then(|| entry.power_on_h_start.unwrap_or(0.0));
    let (robot_id, robot_kind) = (Some(id), entry.robot_kind);
    RobotMapping { profile: None, serial_number: None, robot_id, robot_kind, power_on_h_start, joints, signals }
}

#[cfg(test)]
mod tests {
    use tacho_config::settings::opcua::{JointRatings, Profile};
    use tacho_schemas::record::RobotKind;

    use super::*;
    use crate::opcua::browse::signal;

    const ONE: &str = "CNAB12HX00010000000000000042A";
    const OTHER: &str = "CNAB12HX00010000000000000043B";

    fn id(text: &str) -> RobotId {
        RobotId::parse(text.as_bytes()).unwrap()
    }

    fn entry(serial: Option<&str>, robot: Option<&str>) -> RobotMapping {
        RobotMapping {
            profile: Some(Profile::Robotics),
            serial_number: serial.map(str::to_owned),
            robot_id: robot.map(id),
            robot_kind: RobotKind::Arm,
            power_on_h_start: None,
            joints: Vec::new(),
            signals: Vec::new(),
        }
    }

    fn found(serial: &str, asset: &str) -> FoundRobot {
        let told = [("SerialNumber", serial), ("AssetId", asset)];
        FoundRobot {
            path: format!("DeviceSet/{serial}"),
            identification: told.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
            joints: vec![JointRatings { gear_ratio: Some(101.0), ..JointRatings::named("J1".to_owned()) }],
            signals: Vec::new(),
            left: Vec::new(),
        }
    }

    fn ids(robots: &[RobotMapping]) -> Vec<&str> {
        robots.iter().filter_map(|robot| Some(robot.robot_id.as_ref()?.as_str())).collect()
    }

    #[test]
    fn a_robot_is_the_one_of_its_serial_number_or_has_its_id_itself() {
        let settings = [entry(Some("B"), Some(OTHER)), entry(None, None)];
        let (robots, amiss) = assigned(&settings, &[found("B", "x"), found("A", ONE)]);
        assert_eq!((ids(&robots), amiss), (vec![ONE, OTHER], Vec::new()));
        assert_eq!((robots[0].power_on_h_start, robots[0].joints[0].gear_ratio), (Some(0.0), Some(101.0)));
        assert_eq!(robots, assigned(&settings, &[found("A", ONE), found("B", "x")]).0, "in whatever order");
    }

    #[test]
    fn what_is_not_clear_is_told_and_no_robot() {
        for (settings, found, told) in [
            (vec![entry(None, None)], vec![found("A", "no ID")], "holds no robot ID"),
            (vec![entry(Some("B"), None)], vec![], "no motion device for the robot \"B\""),
            (vec![entry(Some("A"), Some(ONE))], vec![found("A", ""), found("B", "")], "is none of the settings"),
            (vec![entry(None, Some(ONE))], vec![found("A", ""), found("B", "")], "is one of 2"),
            (vec![entry(None, None)], vec![found("A", ONE), found("B", ONE)], "another robot of the server has it"),
        ] {
            let amiss = assigned(&settings, &found).1;
            assert!(amiss.iter().any(|why| why.contains(told)), "{told}: {amiss:?}");
        }
    }

    #[test]
    fn what_the_settings_say_comes_before_what_is_found() {
        let ratings = JointRatings { gear_ratio: Some(50.0), ..JointRatings::named("J1".to_owned()) };
        let settings = RobotMapping { joints: vec![ratings], power_on_h_start: Some(7.0), ..entry(None, Some(ONE)) };
        let (robots, _) = assigned(&[settings], &[found("A", OTHER)]);
        assert_eq!((ids(&robots), robots[0].power_on_h_start), (vec![ONE], Some(7.0)));
        assert_eq!(robots[0].joints.iter().map(|joint| joint.gear_ratio).collect::<Vec<_>>(), [Some(50.0)]);
    }

    #[test]
    fn hours_of_a_life_are_taken_beside_those_that_the_settings_say() {
        let signals = ["counters.servo_on_h", "counters.motion_h"].map(signal).into();
        let found = FoundRobot { signals, ..found("A", ONE) };
        let fields = |power_on_h_start| {
            let settings = RobotMapping { power_on_h_start, ..entry(None, None) };
            let (robots, _) = assigned(&[settings], std::slice::from_ref(&found));
            robots[0].signals.iter().map(|signal| signal.field.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(fields(None), ["counters.servo_on_h"]);
        assert_eq!(fields(Some(5_000.0)), ["counters.motion_h"]);
    }

    #[test]
    fn a_robot_is_reported_by_one_server() {
        let claims = Claims::default();
        assert_eq!(claims.take(id(ONE), "a"), None);
        assert_eq!(claims.take(id(ONE), "b"), Some("a".to_owned()));
        assert_eq!(claims.take(id(ONE), "a"), None);
    }
}
