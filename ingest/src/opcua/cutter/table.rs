//! Which number of a signal means which field of which robot: written to the journal before the samples it numbers.
//!
//! So the journal can be read without the configuration of its day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tacho_config::settings::opcua::{Field, JointRatings, RobotMapping, ServerSettings};
use tacho_schemas::record::RobotKind;

/// The signals of one server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// Its robots.
    pub robots: Vec<RobotEntry>,
    /// Its signals, by number.
    pub signals: Vec<SignalEntry>,
}

/// A robot of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobotEntry {
    /// Its ID.
    pub robot_id: String,
    /// Its kind, as in a record.
    pub robot_kind: String,
    /// Hours of power-on from which the bridge counts on, if it does.
    pub power_on_h_start: Option<f64>,
    /// Ratings of its joints.
    pub joints: Vec<JointEntry>,
}

/// Ratings of a joint; see [`JointRatings`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JointEntry {
    /// Its name.
    pub name: String,
    /// Revolutions of the input per revolution of the joint.
    pub gear_ratio: Option<f64>,
    /// T_N in Nm.
    pub rated_torque_nm: Option<f64>,
    /// T_R in Nm.
    pub repeated_peak_torque_nm: Option<f64>,
    /// T_M in Nm.
    pub momentary_peak_torque_nm: Option<f64>,
    /// Exponent of the load.
    pub load_exponent: f64,
    /// The reducer or motor in place.
    pub component_id: Option<String>,
}

/// A signal of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalEntry {
    /// Number of its robot.
    pub robot: usize,
    /// Its field, as the configuration names it.
    pub field: String,
    /// Factor and offset into the field's unit.
    pub factor: f64,
    /// Added after the factor.
    pub offset: f64,
    /// Factor from seconds into the field's unit, for values that are texts of durations; 0 where the field is no time.
    pub of_seconds: f64,
}

impl Table {
    /// The table of a server; units that only the server knows come later.
    pub(in crate::opcua) fn of(server: &ServerSettings) -> Self {
        let mut table = Self::default();
        for mapping in &server.robots {
            let robot = table.robots.len();
            table.robots.push(RobotEntry::of(mapping));
            for signal in &mapping.signals {
                table.signals.push(SignalEntry::of(robot, &signal.field, signal.scale, signal.offset));
            }
        }
        table
    }
}

impl Table {
    /// The fields of a robot that another table has not, or reads in another way.
    pub(super) fn others(&self, other: &Self, robot_id: &str) -> impl Iterator<Item = Field> {
        let of = |table: &Self| -> BTreeMap<String, SignalEntry> {
            let place = table.robots.iter().position(|robot| robot.robot_id == robot_id);
            let signals = table.signals.iter().filter(|signal| Some(signal.robot) == place);
            signals.map(|signal| (signal.field.clone(), SignalEntry { robot: 0, ..signal.clone() })).collect()
        };
        let (ours, theirs) = (of(self), of(other));
        ours.into_iter()
            .filter(move |(field, entry)| theirs.get(field) != Some(entry))
            .filter_map(|(f, _)| Field::parse(&f))
    }
}

impl RobotEntry {
    /// A robot of which only the ID is known, until a table names it.
    pub(super) fn unknown(robot_id: &str) -> Self {
        let (robot_id, robot_kind) = (robot_id.to_owned(), RobotKind::Arm.as_str().to_owned());
        Self { robot_id, robot_kind, power_on_h_start: None, joints: Vec::new() }
    }

    fn of(mapping: &RobotMapping) -> Self {
        Self {
            robot_id: mapping.robot_id.map_or_else(String::new, |id| id.as_str().to_owned()),
            robot_kind: mapping.robot_kind.as_str().to_owned(),
            power_on_h_start: mapping.power_on_h_start,
            joints: mapping.joints.iter().map(JointEntry::of).collect(),
        }
    }
}

impl JointEntry {
    fn of(ratings: &JointRatings) -> Self {
        Self {
            name: ratings.name.clone(),
            gear_ratio: ratings.gear_ratio,
            rated_torque_nm: ratings.rated_torque_nm,
            repeated_peak_torque_nm: ratings.repeated_peak_torque_nm,
            momentary_peak_torque_nm: ratings.momentary_peak_torque_nm,
            load_exponent: ratings.load_exponent,
            component_id: ratings.component_id.clone(),
        }
    }
}

impl SignalEntry {
    fn of(robot: usize, field: &Field, scale: f64, offset: f64) -> Self {
        let seconds = tacho_config::settings::opcua::Unit::parse("s");
        let of_seconds = seconds.zip(field.unit()).and_then(|(seconds, unit)| seconds.into_unit(unit));
        let of_seconds = of_seconds.map_or(0.0, |(factor, _)| factor);
        Self { robot, field: field.to_string(), factor: scale, offset, of_seconds }
    }

    /// Lets a unit's factor and offset follow those of the mapping.
    pub(in crate::opcua) fn then(&mut self, factor: f64, offset: f64) {
        self.factor *= factor;
        self.offset = self.offset * factor + offset;
    }
}
