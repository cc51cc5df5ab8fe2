//! A robot that a server was found to have: which it is, and what of it becomes which field.

use std::collections::{BTreeMap, BTreeSet};

use tacho_config::settings::opcua::{CounterField, Field, JointField, JointRatings, SignalMapping, Unit};
use tacho_schemas::RobotId;

use super::Look;
use super::robotics::{self, Candidate};
use super::variable::Variable;

/// Properties that may hold a robot ID, the first that does before others.
const ID_HOLDERS: [&str; 4] = ["AssetId", "ProductInstanceUri", "SerialNumber", "ComponentName"];
const SERVO_ON: Field = Field::Counter(CounterField::ServoOn);
const MOTION: Field = Field::Counter(CounterField::Motion);
/// Why hours are left out beside others.
const OF_NOW: &str = "its hours would be counted from 0, beside hours of the robot's life";
const OF_LIFE: &str = "its hours are of the robot's life, beside hours of power-on that are counted from 0";

/// A robot of a server, by its types.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRobot {
    /// Names from `Objects` to its motion device.
    pub path: String,
    /// What the device says of itself: names of properties and their texts.
    pub identification: BTreeMap<String, String>,
    /// Joints whose gear ratio the server names.
    pub joints: Vec<JointRatings>,
    /// What of it is mapped, by fields.
    pub signals: Vec<FoundSignal>,
    /// What might be a field and is none, and why.
    pub left: Vec<(Variable, String)>,
}

/// A variable and the field that it feeds.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSignal {
    /// As the settings have it.
    pub mapping: SignalMapping,
    /// The variable.
    pub variable: Variable,
}

impl FoundRobot {
    pub(super) fn of(look: &Look, device: usize) -> Self {
        let (mut signals, mut left) = (Vec::new(), Vec::new());
        let (mut taken, mut linear) = (BTreeSet::new(), BTreeSet::new());
        for Candidate { field, place, unit, .. } in robotics::candidates(&look.seen, &look.named, device) {
            let Some(variable) = look.variables.get(&place) else { continue };
            let unit = unit.and_then(Unit::parse);
            let misfit = variable.misfit(&field).filter(|_| unit.is_none());
            if let (Field::Joint(name, JointField::Position), Some(_)) = (&field, &misfit) {
                linear.insert(name.clone());
            }
            // A joint's position comes before its speed, whose unit may not be known at all.
            let turns_not = matches!(&field, Field::Joint(name, JointField::Speed) if linear.contains(name));
            let why = misfit.or_else(|| turns_not.then(|| "its axis is no rotary one".to_owned()));
            // No record is taken without the hours of power-on: they are counted here, if the server has none.
            let is_void = field == Field::power_on() && !variable.has_value;
            let why = why.or_else(|| is_void.then(|| "it has no value".to_owned()));
            let why = why.or_else(|| taken.contains(&field).then(|| format!("another node feeds {field}")));
            if let Some(why) = why.or_else(|| unusable(variable, &field)) {
                left.push((variable.clone(), why));
                continue;
            }
            taken.insert(field.clone());
            let node = variable.node.clone();
            let mapping =
                SignalMapping { node, index: None, field, unit, scale: 1.0, offset: 0.0, sampling_interval: None };
            signals.push(FoundSignal { mapping, variable: variable.clone() });
        }
        let has =
            |joint: &String| signals.iter().any(|signal: &FoundSignal| signal.mapping.field.joint() == Some(joint));
        let gears = robotics::gears(&look.seen, &look.named, device).into_iter().filter(|(joint, _)| has(joint));
        let joints = gears.filter_map(|(joint, place)| geared(joint, look.variables.get(&place)?.ratio?)).collect();
        let path = look.seen.tree.path(device);
        Self { path, identification: identification(look, device), joints, signals, left }
    }

    /// The same without hours that contradict others, where the settings feed some fields themselves: the hours of a life
    /// and those that the bridge counts from 0 do not stand beside each other.
    #[must_use]
    pub(in crate::opcua) fn without_contradictions(mut self, is_set: impl Fn(&Field) -> bool) -> Self {
        if is_set(&Field::power_on()) || self.counts_hours() {
            self.leaves(&SERVO_ON, OF_NOW);
            return self;
        }
        self.leaves(&MOTION, OF_LIFE);
        if is_set(&MOTION) {
            self.leaves(&SERVO_ON, OF_NOW);
        }
        self
    }

    fn leaves(&mut self, field: &Field, why: &str) {
        let left = self.signals.extract_if(.., |signal| signal.mapping.field == *field);
        self.left.extend(left.map(|signal| (signal.variable, why.to_owned())));
    }

    /// Its robot ID, where its identification holds one.
    pub fn robot_id(&self) -> Option<RobotId> {
        let texts = ID_HOLDERS.iter().filter_map(|name| self.identification.get(*name));
        // A product instance URI may end with it.
        let parts = texts.flat_map(|text| [text.as_str(), text.rsplit(['/', ':', '=']).next().unwrap_or_default()]);
        parts.filter_map(|text| RobotId::parse(text.as_bytes()).ok()).next()
    }

    /// Its serial number; empty if it has none.
    pub fn serial_number(&self) -> &str {
        self.identification.get("SerialNumber").map_or("", String::as_str)
    }

    /// Whether its controller counts the hours of power-on.
    pub fn counts_hours(&self) -> bool {
        self.signals.iter().any(|signal| signal.mapping.field == Field::power_on())
    }
}

/// Why the settings would not take a mapping.
fn unusable(variable: &Variable, field: &Field) -> Option<String> {
    if Field::parse(&field.to_string()).as_ref() != Some(field) {
        return Some(format!("its name makes no field: {field:?}"));
    }
    (!SignalMapping::takes(&variable.node)).then(|| "its node ID is too long or has control characters".to_owned())
}

fn identification(look: &Look, device: usize) -> BTreeMap<String, String> {
    let properties = robotics::identification(&look.seen, &look.named, device).into_iter();
    let told = properties.filter_map(|place| {
        let text = look.variables.get(&place)?.text.clone().filter(|text| !text.is_empty())?;
        Some((look.seen.tree.nodes[place].name.clone(), text))
    });
    told.collect()
}

fn geared(name: String, gear_ratio: f64) -> Option<JointRatings> {
    // What the settings take; a gear that turns the other way turns as often.
    let gear_ratio = Some(gear_ratio.abs()).filter(|ratio| JointRatings::GEAR_RATIOS.contains(ratio))?;
    Some(JointRatings { gear_ratio: Some(gear_ratio), ..JointRatings::named(name) })
}

#[cfg(test)]
pub(in crate::opcua) mod tests {
    use super::*;

    /// A signal of a field, as a robot is found to have it.
    pub(in crate::opcua) fn signal(field: &str) -> FoundSignal {
        let variable = Variable::of_test(&format!("ns=2;s={field}"));
        let (node, field) = (variable.node.clone(), Field::parse(field).unwrap());
        let mapping =
            SignalMapping { node, index: None, field, unit: None, scale: 1.0, offset: 0.0, sampling_interval: None };
        FoundSignal { mapping, variable }
    }

    fn taken(has: &[&str], set: &[&str]) -> Vec<String> {
        let (path, identification, joints, left) = (String::new(), BTreeMap::new(), Vec::new(), Vec::new());
        let signals = has.iter().map(|field| signal(field)).collect();
        let robot = FoundRobot { path, identification, joints, signals, left };
        let robot = robot.without_contradictions(|field| set.contains(&field.to_string().as_str()));
        assert_eq!(robot.signals.len() + robot.left.len(), has.len(), "what is not taken is told");
        robot.signals.iter().map(|signal| signal.mapping.field.to_string()).collect()
    }

    #[test]
    fn hours_of_a_life_do_not_stand_beside_hours_that_are_counted_from_0() {
        let [power_on, servo_on, motion] = ["counters.power_on_h", "counters.servo_on_h", "counters.motion_h"];
        assert_eq!(taken(&[power_on, servo_on, motion], &[]), [power_on, motion]);
        assert_eq!(taken(&[power_on, servo_on], &[]), [power_on]);
        assert_eq!(taken(&[servo_on, motion], &[]), [servo_on], "power-on is counted from 0");
        assert_eq!(taken(&[servo_on, motion], &[power_on]), [motion]);
        assert_eq!(taken(&[servo_on, motion], &[motion]), Vec::<String>::new());
        assert_eq!(taken(&[servo_on], &[]), [servo_on]);
    }
}
