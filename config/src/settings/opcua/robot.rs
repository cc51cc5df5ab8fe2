//! What of a server becomes the records of one robot: its nodes, the fields they feed, and the ratings of its joints.

use std::ops::RangeInclusive;
use std::time::Duration;

use tacho_schemas::RobotId;
use tacho_schemas::record::RobotKind;
use toml::{Table, Value};

use super::field::Field;
use super::unit::Unit;
use crate::problem::Problem;
use crate::section::Section;
use crate::units::format_duration;

const NODE_BYTES_MAX: usize = 512;
const TEXT_BYTES_MAX: usize = 256;
const TEXT: &str = "a text of 1 to 256 bytes";
const ROBOTICS: &str = "robotics";
/// Exponent of the load where none is set: that of strain wave gears.
const LOAD_EXPONENT: f64 = 3.0;

/// One robot of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct RobotMapping {
    /// Which nodes feed it besides `signals`: those that the bridge finds by their types.
    pub profile: Option<Profile>,
    /// Which of the robots that are found it is; without it, all that no other entry names.
    pub serial_number: Option<String>,
    /// Its ID. `None` with a profile if the robot's own identification holds it; else only where the file has none, which
    /// is a problem of its own.
    pub robot_id: Option<RobotId>,
    /// What kind of robot it is.
    pub robot_kind: RobotKind,
    /// Hours of power-on at the first contact, for a controller that does not count them: the bridge counts on from
    /// here while the server answers.
    pub power_on_h_start: Option<f64>,
    /// Ratings of joints whose revolutions and loads are counted here.
    pub joints: Vec<JointRatings>,
    /// Which node feeds which field.
    pub signals: Vec<SignalMapping>,
}

/// A companion specification by whose types nodes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// OPC 40010-1, Robotics.
    Robotics,
}

/// What the counting of revolutions and loads of one joint needs.
#[derive(Debug, Clone, PartialEq)]
pub struct JointRatings {
    /// Name of the joint, as in `joints.NAME.…`.
    pub name: String,
    /// Revolutions of the reducer's input per revolution of the joint.
    pub gear_ratio: Option<f64>,
    /// Rated torque T_N of the reducer, in Nm.
    pub rated_torque_nm: Option<f64>,
    /// Repeated peak torque T_R, in Nm.
    pub repeated_peak_torque_nm: Option<f64>,
    /// Momentary peak torque T_M, in Nm.
    pub momentary_peak_torque_nm: Option<f64>,
    /// Exponent p of the load: 3 for strain wave gears, 10/3 for RV gears.
    pub load_exponent: f64,
    /// The reducer or motor in place.
    pub component_id: Option<String>,
}

/// One node and the field that it feeds.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalMapping {
    /// Node ID, `nsu=URI;s=…` or `ns=N;s=…` (also `i=`, `g=`, `b=`).
    pub node: String,
    /// Element of an array, from 0.
    pub index: Option<u32>,
    /// What it feeds.
    pub field: Field,
    /// Unit of the node's value; without it the server's `EngineeringUnits` are asked, and failing these it is the field's.
    pub unit: Option<Unit>,
    /// Factor on the value before its unit is converted.
    pub scale: f64,
    /// Added to the scaled value before its unit is converted.
    pub offset: f64,
    /// How often the server looks at this node; without it the server's interval.
    pub sampling_interval: Option<Duration>,
}

impl RobotMapping {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        let expected = "29 characters of 0-9 and A-Z, under which the robot is registered";
        let kinds = RobotKind::ALL.iter().map(|kind| format!("\"{kind}\"")).collect::<Vec<_>>().join(" or ");
        let parse = |value: &Value| RobotId::parse(value.as_str()?.as_bytes()).ok();
        let parse_kind = |value: &Value| RobotKind::parse(value.as_str()?);
        let profile = s.optional("profile", "\"robotics\", for OPC 40010-1", |value| {
            (value.as_str()? == ROBOTICS).then_some(Profile::Robotics)
        });
        let robot = Self {
            profile,
            serial_number: s.optional("serial_number", TEXT, text),
            robot_id: match profile {
                Some(_) => s.optional("robot_id", expected, parse),
                None => s.required("robot_id", expected, None, |value| parse(value).map(Some)),
            },
            robot_kind: match profile {
                Some(Profile::Robotics) => s.optional("robot_kind", &kinds, parse_kind).unwrap_or(RobotKind::Arm),
                None => s.required("robot_kind", &kinds, RobotKind::Arm, parse_kind),
            },
            power_on_h_start: s.optional_number("power_on_h_start", 0.0..=1_000_000.0),
            joints: s.array("joints", JointRatings::read),
            signals: s.array("signals", SignalMapping::read),
        };
        robot.check_hours(s);
        robot.check_joints(s);
        robot.check_profile(s);
        robot
    }

    fn check_hours(&self, s: &mut Section<'_>) {
        let counted = self.signals.iter().any(|signal| signal.field == Field::power_on());
        // With a profile, they may come from a node that is found, or else from 0 on.
        let lacks = self.power_on_h_start.is_none() && !counted && self.profile.is_none();
        if lacks || (self.power_on_h_start.is_some() && counted) {
            let expected =
                "either a signal of counters.power_on_h, or power_on_h_start, from which the bridge counts on";
            s.problem("power_on_h_start", "", expected);
        }
    }

    fn check_joints(&self, s: &mut Section<'_>) {
        // A joint of a signal whose field is wrong would only repeat that; those of a profile are not known here.
        let all_known = self.signals.iter().all(|signal| signal.field.is_known()) && self.profile.is_none();
        for name in self.joints.iter().filter(|_| all_known).map(|joint| &joint.name) {
            if !name.is_empty() && !self.signals.iter().any(|signal| signal.field.joint() == Some(name)) {
                s.problem("joints", name, "a joint that a signal feeds");
            }
        }
    }

    fn check_profile(&self, s: &mut Section<'_>) {
        match (self.profile, &self.serial_number) {
            (None, Some(serial)) => {
                s.problem("serial_number", serial, "profile = \"robotics\" beside it, which finds robots by it");
            }
            (Some(_), None) if self.robot_id.is_none() && !(self.signals.is_empty() && self.joints.is_empty()) => {
                s.problem("serial_number", "", "the serial number of the robot that signals and joints are of");
            }
            _ => {}
        }
    }

    /// Fields and joints that are there twice.
    pub(super) fn doubles(&self, place: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, signal) in self.signals.iter().enumerate() {
            if signal.field.is_known() && self.signals[..index].iter().any(|other| other.field == signal.field) {
                let key = format!("{place}.signals[{index}].field");
                problems.push(Problem::new(key, &signal.field.to_string(), "a field that no other signal feeds"));
            }
        }
        for (index, joint) in self.joints.iter().enumerate() {
            if self.joints[..index].iter().any(|other| other.name == joint.name) {
                let key = format!("{place}.joints[{index}].name");
                problems.push(Problem::new(key, &joint.name, "a joint that is there once"));
            }
        }
        problems
    }

    pub(super) fn written(&self) -> Table {
        let mut table = Table::from_iter([("robot_kind".to_owned(), Value::from(self.robot_kind.as_str()))]);
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                table.insert(key.to_owned(), value);
            }
        };
        let list = |tables: Vec<Value>| (!tables.is_empty()).then(|| Value::from(tables));
        put("profile", self.profile.map(|Profile::Robotics| Value::from(ROBOTICS)));
        put("serial_number", self.serial_number.clone().map(Value::from));
        put("robot_id", self.robot_id.map(|id| Value::from(id.as_str())));
        put("power_on_h_start", self.power_on_h_start.map(Value::from));
        put("joints", list(self.joints.iter().map(|joint| Value::from(joint.written())).collect()));
        put("signals", list(self.signals.iter().map(|signal| Value::from(signal.written())).collect()));
        table
    }
}

impl JointRatings {
    /// Ratios of gears that are taken.
    pub const GEAR_RATIOS: RangeInclusive<f64> = 0.001..=100_000.0;

    /// Of a joint of which nothing else is known.
    pub fn named(name: String) -> Self {
        Self {
            name,
            gear_ratio: None,
            rated_torque_nm: None,
            repeated_peak_torque_nm: None,
            momentary_peak_torque_nm: None,
            load_exponent: LOAD_EXPONENT,
            component_id: None,
        }
    }

    fn read(s: &mut Section<'_>) -> Self {
        let torque = 0.001..=1_000_000.0;
        Self {
            name: s.text("name", TEXT_BYTES_MAX),
            gear_ratio: s.optional_number("gear_ratio", Self::GEAR_RATIOS),
            rated_torque_nm: s.optional_number("rated_torque_nm", torque.clone()),
            repeated_peak_torque_nm: s.optional_number("repeated_peak_torque_nm", torque.clone()),
            momentary_peak_torque_nm: s.optional_number("momentary_peak_torque_nm", torque),
            load_exponent: s.optional_number("load_exponent", 1.0..=10.0).unwrap_or(LOAD_EXPONENT),
            component_id: s.optional("component_id", TEXT, text),
        }
    }

    fn written(&self) -> Table {
        let numbers = [
            ("gear_ratio", self.gear_ratio),
            ("rated_torque_nm", self.rated_torque_nm),
            ("repeated_peak_torque_nm", self.repeated_peak_torque_nm),
            ("momentary_peak_torque_nm", self.momentary_peak_torque_nm),
            ("load_exponent", Some(self.load_exponent)),
        ];
        let numbers = numbers.into_iter().filter_map(|(key, number)| Some((key.to_owned(), Value::from(number?))));
        let mut table: Table = numbers.collect();
        table.insert("name".to_owned(), Value::from(self.name.clone()));
        if let Some(id) = &self.component_id {
            table.insert("component_id".to_owned(), Value::from(id.clone()));
        }
        table
    }
}

impl SignalMapping {
    /// Whether a text has the form of a node ID; its namespace is resolved by the bridge.
    pub fn takes(node: &str) -> bool {
        let rest = match node.split_once(';') {
            Some((space, rest)) if space.starts_with("nsu=") && space.len() > 4 => rest,
            Some((space, rest)) if space.strip_prefix("ns=").is_some_and(|n| n.parse::<u16>().is_ok()) => rest,
            _ => node,
        };
        let sound = match rest.split_at_checked(2) {
            Some(("i=", id)) => id.parse::<u32>().is_ok(),
            Some(("s=" | "g=" | "b=", id)) => !id.is_empty(),
            _ => false,
        };
        sound && node.len() <= NODE_BYTES_MAX && !node.contains(char::is_control)
    }

    fn read(s: &mut Section<'_>) -> Self {
        let node = "a node ID such as \"nsu=http://maker.example/robot;s=J1.Speed\" or \"ns=2;i=1001\"";
        let field = s.required("field", Field::EXPECTED, Field::Unknown, |value| Field::parse(value.as_str()?));
        let units = match field.dimension() {
            Some(dimension) => format!("a unit of {dimension}: {}", dimension.units()),
            None => "no unit: the field has none".to_owned(),
        };
        let known = field.is_known();
        let ms = Duration::from_millis;
        let read = Self {
            node: s.required("node", node, String::new(), |value| {
                value.as_str().filter(|text| Self::takes(text)).map(str::to_owned)
            }),
            index: s.optional_integer("index", 0_u32..=65_535),
            unit: s.optional("unit", &units, |value| {
                let unit = Unit::parse(value.as_str()?)?;
                (!known || field.dimension() == Some(unit.dimension())).then_some(unit)
            }),
            scale: s.optional_number("scale", -1e9..=1e9).unwrap_or(1.0),
            offset: s.optional_number("offset", -1e9..=1e9).unwrap_or(0.0),
            sampling_interval: s.optional_duration("sampling_interval", ms(10)..=ms(3_600_000)),
            field,
        };
        if read.scale == 0.0 {
            s.problem("scale", "0", "another number than 0");
        }
        read
    }

    fn written(&self) -> Table {
        let mut table = Table::from_iter([
            ("node".to_owned(), Value::from(self.node.clone())),
            ("field".to_owned(), Value::from(self.field.to_string())),
            ("scale".to_owned(), Value::from(self.scale)),
            ("offset".to_owned(), Value::from(self.offset)),
        ]);
        if let Some(index) = self.index {
            table.insert("index".to_owned(), Value::from(i64::from(index)));
        }
        if let Some(unit) = self.unit {
            table.insert("unit".to_owned(), Value::from(unit.to_string()));
        }
        if let Some(interval) = self.sampling_interval {
            table.insert("sampling_interval".to_owned(), Value::from(format_duration(interval)));
        }
        table
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| (1..=TEXT_BYTES_MAX).contains(&text.len())).map(str::to_owned)
}
