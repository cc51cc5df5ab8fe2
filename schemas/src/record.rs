//! The record: one robot, one window of time of at most an hour. Version 1 of the public contract.
//!
//! Fields are named as in the JSON, units last. What is absent is `None`, and mandatory fields are plain values.
//! How JSON becomes a record is in [`crate::json`]; what ranges are sane is the processors' business.

mod battery;
mod extra;
mod joint;
mod kinds;
mod sections;

use crate::RobotId;
use crate::processed::StreamKey;
use crate::reason::Flag;

pub use battery::{Battery, BatterySamples};
pub use extra::Extra;
pub(crate) use extra::push_json_string;
pub use joint::{Joint, JointSamples};
pub(crate) use kinds::words;
pub use kinds::{MaintenanceKind, OperationalMode, RobotKind, Severity};
pub use sections::{Event, Gap, Maintenance, Motion, PoseTest, Quality, Vibration};

/// The version of the contract that this release reads.
pub const SCHEMA_VERSION: i64 = 1;
/// The greatest `stream_epoch` and `seq`: 2^53 − 1, exact in every reader's floats.
pub const MAX_SEQUENCE: i64 = (1 << 53) - 1;
/// Bins of `load_hist_rev`, by |T|/T_N.
pub const LOAD_BINS: usize = 12;
/// Bins of the temperature histograms; inner edges 0, 20, 40, 50, 60, 70 and 80 °C.
pub const TEMP_BINS: usize = 8;
/// Bins of `rainflow_hist_cycles`, by torque range in steps of T_M/16.
pub const RAINFLOW_BINS: usize = 16;
/// Bins by state of charge or depth of discharge, in steps of a tenth.
pub const SOC_BINS: usize = 10;

/// One telemetry record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The robot, which is that of the topic.
    pub robot_id: RobotId,
    /// Grows whenever `seq` restarts; 0 to 2^53 − 1.
    pub stream_epoch: i64,
    /// Rises by one with each record of the robot within a `stream_epoch`; 0 to 2^53 − 1.
    pub seq: i64,
    /// Start of the window, Unix microseconds UTC.
    pub window_start_us: i64,
    /// End of the window, Unix microseconds UTC.
    pub window_end_us: i64,
    /// What kind of robot it is.
    pub robot_kind: RobotKind,
    /// Overrides the model configuration that the ID's manufacturer and model name.
    pub model_config: Option<Box<str>>,
    /// Version of the controller's software.
    pub firmware: Option<Box<str>>,
    /// How the robot was operated.
    pub operational_mode: Option<OperationalMode>,
    /// Mass carried, in kg.
    pub payload_kg: Option<f64>,
    /// Temperature around the robot, in °C.
    pub ambient_temp_c: Option<f64>,
    /// Cumulative counters of the whole robot.
    pub counters: Counters,
    /// Joints, at most 64.
    pub joints: Vec<Joint>,
    /// Battery packs, at most 16.
    pub batteries: Vec<Battery>,
    /// Vibration sensors, at most 32.
    pub vibration: Vec<Vibration>,
    /// Where a mobile robot is and how well it follows its path.
    pub motion: Option<Box<Motion>>,
    /// A pose accuracy test after ISO 9283.
    pub pose_test: Option<Box<PoseTest>>,
    /// What the sender knows to be missing, at most 64.
    pub gaps: Vec<Gap>,
    /// What the source said of a value's quality, at most 256.
    pub quality: Vec<Quality>,
    /// Events, at most 256.
    pub events: Vec<Event>,
    /// Maintenance done, at most 64.
    pub maintenance: Vec<Maintenance>,
    /// Unknown fields and dropped parts, as they came.
    pub extra: Extra,
    /// What is to be said of the record, in the order in which it was found.
    pub flags: Vec<Flag>,
}

impl Record {
    /// A record at the beginning of time with no counters: what a sender fills in.
    pub fn new(robot_id: RobotId, robot_kind: RobotKind) -> Self {
        Self {
            robot_id,
            stream_epoch: 0,
            seq: 0,
            window_start_us: 0,
            window_end_us: 0,
            robot_kind,
            model_config: None,
            firmware: None,
            operational_mode: None,
            payload_kg: None,
            ambient_temp_c: None,
            counters: Counters::default(),
            joints: Vec::new(),
            batteries: Vec::new(),
            vibration: Vec::new(),
            motion: None,
            pose_test: None,
            gaps: Vec::new(),
            quality: Vec::new(),
            events: Vec::new(),
            maintenance: Vec::new(),
            extra: Extra::default(),
            flags: Vec::new(),
        }
    }

    /// What identifies it within its robot, for ever.
    pub fn key(&self) -> StreamKey {
        StreamKey { epoch: self.stream_epoch, seq: self.seq }
    }
}

/// Cumulative counters of the whole robot; none falls within its life.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counters {
    /// Hours with power on.
    pub power_on_h: f64,
    /// Hours with the servos on.
    pub servo_on_h: Option<f64>,
    /// Hours in motion.
    pub motion_h: Option<f64>,
    /// Energy taken, in kWh.
    pub energy_kwh: Option<f64>,
    /// Emergency stops.
    pub estop_count: Option<i64>,
    /// Protective stops.
    pub protective_stop_count: Option<i64>,
    /// Collisions detected.
    pub collision_count: Option<i64>,
    /// Errors reported by the controller.
    pub error_count: Option<i64>,
    /// Stops by the brakes from motion.
    pub brake_dynamic_count: Option<i64>,
    /// Energy that the brakes took, in J.
    pub brake_energy_j: Option<f64>,
    /// Distance travelled, in m.
    pub distance_m: Option<f64>,
    /// Steps walked.
    pub step_count: Option<i64>,
}
