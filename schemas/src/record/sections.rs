//! The smaller sections of a record: vibration, motion, pose test, gaps, quality, events, maintenance.

use super::{MaintenanceKind, Severity};

/// One vibration sensor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vibration {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// Where the sensor sits; unique in the record.
    pub location: Box<str>,
    /// Class of the machine, by which zones are chosen.
    pub machine_class: Option<Box<str>>,
    /// Root mean square of the vibration velocity, in mm/s.
    pub velocity_rms_mm_s: Option<f64>,
    /// Root mean square of the acceleration, in m/s².
    pub acceleration_rms_m_s2: Option<f64>,
    /// Peak acceleration, in m/s².
    pub peak_m_s2: Option<f64>,
    /// Peak over root mean square.
    pub crest: Option<f64>,
    /// Fourth standardised moment.
    pub kurtosis: Option<f64>,
    /// Sampling rate, in Hz.
    pub fs_hz: Option<f64>,
    /// Acceleration samples, at most 2,048, in m/s².
    pub samples_m_s2: Option<Box<[f64]>>,
}

/// Where a mobile robot is, and how well it follows its path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Motion {
    /// The map that positions refer to.
    pub map_id: Option<Box<str>>,
    /// Position on the map, in m.
    pub x_m: Option<f64>,
    /// Position on the map, in m.
    pub y_m: Option<f64>,
    /// Heading, in rad.
    pub theta_rad: Option<f64>,
    /// Speed over ground, in m/s.
    pub speed_m_s: Option<f64>,
    /// Whether the robot knows where it is.
    pub localized: Option<bool>,
    /// How sure it is, 0–1.
    pub localization_score: Option<f64>,
    /// Expected error of the position, in m.
    pub localization_deviation_m: Option<f64>,
    /// Root mean square of the distance from the path, in m.
    pub cross_track_rms_m: Option<f64>,
    /// Greatest distance from the path, in m.
    pub cross_track_max_m: Option<f64>,
    /// 95th percentile of the distance from the path, in m.
    pub cross_track_p95_m: Option<f64>,
    /// Distance from the path that is allowed, in m.
    pub allowed_deviation_m: Option<f64>,
    /// The path to follow, at most 256 points (x, y), in m.
    pub reference_path_m: Option<Box<[[f64; 2]]>>,
    /// The path taken, at most 256 points (x, y), in m.
    pub actual_path_m: Option<Box<[[f64; 2]]>>,
    /// Share of wheel turns that moved nothing.
    pub wheel_slip: Option<f64>,
}

/// Poses attained for one commanded pose: x, y, z in m, then three angles in rad.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PoseTest {
    /// The commanded pose.
    pub command: Option<Box<[f64; 6]>>,
    /// The poses attained, 2 to 100.
    pub attained: Option<Box<[[f64; 6]]>>,
    /// Temperature around the robot during the test, in °C.
    pub ambient_temp_c: Option<f64>,
}

/// What the sender knows to be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gap {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// First moment that is missing, Unix microseconds UTC.
    pub from_us: i64,
    /// End of what is missing, Unix microseconds UTC.
    pub to_us: i64,
    /// Why.
    pub cause: Box<str>,
    /// JSON pointer of what is missing, if it is not everything.
    pub pointer: Option<Box<str>>,
}

/// What the source said of a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quality {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// JSON pointer of the value.
    pub pointer: Box<str>,
    /// The source's status: a name, or the decimal digits of a code.
    pub status_code: Option<Box<str>>,
    /// Since when, Unix microseconds UTC.
    pub from_us: Option<i64>,
    /// Until when, Unix microseconds UTC.
    pub to_us: Option<i64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// When, Unix microseconds UTC.
    pub time_us: i64,
    /// The maker's code; a number is kept as its decimal digits.
    pub code: Box<str>,
    /// How bad it is.
    pub severity: Severity,
    /// The component that it concerns.
    pub component_id: Option<Box<str>>,
    /// The maker's text.
    pub text: Option<Box<str>>,
}

/// Something that was done to the robot.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// When, Unix microseconds UTC.
    pub time_us: i64,
    /// What.
    pub kind: MaintenanceKind,
    /// The component that it concerns.
    pub component_id: Option<Box<str>>,
    /// `component_epoch` from then on; 0 to 2^32 − 1.
    pub new_component_epoch: Option<i64>,
    /// Number of the work order.
    pub work_order: Option<Box<str>>,
}
