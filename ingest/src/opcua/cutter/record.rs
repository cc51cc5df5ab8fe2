//! A record of the public contract, as JSON, from a robot's state and one window of it.

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use tacho_config::settings::opcua::{BatteryField, Field, JointField, RobotField};
use tacho_schemas::record::OperationalMode;

use super::robot::{RobotState, Window};
use super::stats::Stats;
use super::table::{JointEntry, RobotEntry};
use crate::opcua::value::Value;

/// Most gaps of a record.
pub(super) const GAPS_MAX: usize = 64;
/// Most entries of quality of a record.
pub(super) const QUALITY_MAX: usize = 256;
/// Most events of a record.
pub(super) const EVENTS_MAX: usize = 256;

/// The bounds of a window of receipt time, Unix microseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start_us: i64,
    pub(super) end_us: i64,
}

/// A number as JSON; what is not finite is none.
pub(super) fn number(value: f64) -> Json {
    Json::from(value)
}

/// Milliseconds of a time in microseconds, which is what a record's integer times are.
pub(super) fn ms(time_us: i64) -> Json {
    Json::from(time_us.div_euclid(1000))
}

/// The record of a window of a robot whose signals feed some fields.
pub(super) fn record(
    robot: &RobotEntry,
    fields: &[Field],
    state: &RobotState,
    window: &Window,
    bounds: Bounds,
) -> Bytes {
    let mut record = Map::new();
    let mut put = |name: &str, value: Json| record.insert(name.to_owned(), value);
    put("schema_version", Json::from(1));
    put("robot_id", Json::from(robot.robot_id.clone()));
    put("stream_epoch", Json::from(state.stream_epoch));
    put("seq", Json::from(state.next_seq));
    put("window_start", ms(bounds.start_us));
    put("window_end", ms(bounds.end_us));
    put("robot_kind", Json::from(robot.robot_kind.clone()));
    for (field, value) in &window.now {
        if let Some(value) = of_now(*field, value) {
            put(field.name(), value);
        }
    }
    put("counters", Json::Object(counters(fields, state)));
    put_list(&mut put, "joints", joints(robot, state, window));
    put_list(&mut put, "batteries", batteries(state, window));
    put_list(&mut put, "gaps", window.gaps.iter().map(|gap| Json::Object(gap.json())).collect());
    put_list(&mut put, "quality", state.quality(window));
    put_list(
        &mut put,
        "events",
        window.events.iter().take(EVENTS_MAX).map(|event| Json::Object(event.json())).collect(),
    );
    Json::Object(record).to_string().into()
}

fn put_list(put: &mut impl FnMut(&str, Json) -> Option<Json>, name: &str, list: Vec<Json>) {
    if !list.is_empty() {
        put(name, Json::Array(list));
    }
}

/// What the robot is now; a mode that is none of the contract's is left out.
fn of_now(field: RobotField, value: &Value) -> Option<Json> {
    match (field, value) {
        (RobotField::OperationalMode, value) => operational_mode(value).map(Json::from),
        (RobotField::Firmware, Value::Text(text)) => Some(Json::from(text.clone())),
        (RobotField::Payload | RobotField::AmbientTemp, Value::Number(value)) => Some(number(*value)),
        _ => None,
    }
}

/// Words of the contract, or numbers of OPC 40010-1's `OperationalModeEnumeration`.
fn operational_mode(value: &Value) -> Option<&'static str> {
    match value {
        Value::Text(text) => OperationalMode::parse(&text.to_ascii_lowercase()).map(|mode| mode.as_str()),
        // 1 manual at reduced speed, 2 manual at high speed, 3 automatic, 4 automatic by an external control.
        Value::Number(number) if [1.0, 2.0].contains(number) => Some("manual"),
        Value::Number(number) if *number == 3.0 => Some("automatic"),
        Value::Number(number) if *number == 4.0 => Some("external"),
        _ => None,
    }
}

/// The robot's counters, without those that nothing feeds any more: they stand beside others that went on.
fn counters(fields: &[Field], state: &RobotState) -> Map<String, Json> {
    let is_fed = |name: &str| {
        let is_it = |field: &Field| matches!(field, Field::Counter(counter) if counter.name() == name);
        // Hours of power-on are in every record; and a robot that no table names any more has the fields of before.
        fields.is_empty() || is_it(&Field::power_on()) || fields.iter().any(is_it)
    };
    let fed = state.counters.iter().filter(|(name, _)| is_fed(name));
    fed.map(|(name, counter)| (name.clone(), number(counter.total))).collect()
}

fn joints(robot: &RobotEntry, state: &RobotState, window: &Window) -> Vec<Json> {
    let mut names: Vec<&String> = state.joints.keys().collect();
    names.extend(window.stats.keys().filter_map(Field::joint).filter(|name| !state.joints.contains_key(*name)));
    names.sort_unstable();
    names.dedup();
    let joint = |name: &String| {
        let ratings = robot.joints.iter().find(|joint| joint.name == *name);
        let mut joint = Map::from_iter([("name".to_owned(), Json::from(name.clone()))]);
        if let Some(counted) = state.joints.get(name) {
            counted.write(&mut joint, ratings);
        }
        if let Some(id) = ratings.and_then(|ratings: &JointEntry| ratings.component_id.clone()) {
            joint.insert("component_id".to_owned(), Json::from(id));
        }
        for field in JointField::ALL {
            if let Some(stats) = window.stats.get(&Field::Joint(name.clone(), *field)) {
                write_joint(*field, stats, &mut joint);
            }
        }
        (joint.len() > 1).then_some(Json::Object(joint))
    };
    names.into_iter().filter_map(joint).collect()
}

fn write_joint(field: JointField, stats: &Stats, joint: &mut Map<String, Json>) {
    if !stats.has_samples() {
        return;
    }
    let mut put = |name: &str, value: f64| joint.insert(name.to_owned(), number(value));
    match field {
        JointField::Speed => {
            put("speed_rms_rad_s", stats.rms());
            put("speed_absmax_rad_s", stats.absmax());
        }
        JointField::Torque => {
            put("torque_rms_nm", stats.rms());
            put("torque_absmax_nm", stats.absmax());
            put("torque_mean_nm", stats.mean());
        }
        JointField::Current => {
            put("current_rms_a", stats.rms());
            put("current_absmax_a", stats.absmax());
        }
        JointField::FollowingError => {
            put("following_error_rms_rad", stats.rms());
            put("following_error_max_rad", stats.absmax());
        }
        JointField::TempMotor | JointField::TempReducer | JointField::TempDrive => {
            put(field.name(), stats.max());
        }
        JointField::TorqueResidual | JointField::FrictionResidual | JointField::LostMotion | JointField::BrakeHold => {
            put(field.name(), stats.last());
        }
        // Counters stand in the joint's state; of a position a record has only what turned.
        JointField::Position
        | JointField::InputRev
        | JointField::InputRevLoad
        | JointField::PeakTorqueCount
        | JointField::MomentaryPeakCount => {}
    }
}

fn batteries(state: &RobotState, window: &Window) -> Vec<Json> {
    let pack_of = |field: &Field| match field {
        Field::Battery(pack, _) => Some(pack.clone()),
        _ => None,
    };
    let mut packs: Vec<String> = window.stats.keys().filter_map(pack_of).collect();
    packs.dedup();
    let battery = |pack: String| {
        let mut battery = Map::from_iter([("pack_id".to_owned(), Json::from(pack.clone()))]);
        for field in BatteryField::ALL {
            let stats = window.stats.get(&Field::Battery(pack.clone(), *field));
            if let Some(stats) = stats.filter(|stats| stats.has_samples()) {
                write_battery(*field, stats, &mut battery);
            }
        }
        for (name, counter) in state.batteries.get(&pack).into_iter().flatten() {
            battery.insert(name.clone(), number(counter.total));
        }
        Json::Object(battery)
    };
    packs.into_iter().map(battery).collect()
}

fn write_battery(field: BatteryField, stats: &Stats, battery: &mut Map<String, Json>) {
    let mut put = |name: &str, value: f64| battery.insert(name.to_owned(), number(value));
    match field {
        BatteryField::Voltage => {
            put("voltage_v", stats.last());
            put("voltage_min_v", stats.min());
            put("voltage_max_v", stats.max());
        }
        BatteryField::Current => {
            put("current_a", stats.last());
            put("current_rms_a", stats.rms());
            put("current_absmax_a", stats.absmax());
        }
        BatteryField::Soc => {
            put("soc_start", stats.first());
            put("soc_end", stats.last());
        }
        BatteryField::Temp => {
            put("temp_min_c", stats.min());
            put("temp_max_c", stats.max());
        }
        BatteryField::FullCharge
        | BatteryField::CycleCount
        | BatteryField::Health
        | BatteryField::CellMin
        | BatteryField::CellMax => {
            put(field.name(), stats.last());
        }
        BatteryField::DischargedCharge | BatteryField::ChargedCharge => {}
    }
}
