//! The fields of a record: JSON name, kind, limits, and which are mandatory. The public contract as a table.

mod battery;
mod joint;
mod sections;

use super::kinds::{Count, Float, Sequence, Time};
use super::object::fields;
use super::texts::{Id, Text, Version, Word};
use crate::RobotId;
use crate::record::{
    Battery, Counters, Event, Gap, Joint, Maintenance, Motion, OperationalMode, PoseTest, Quality, Record, RobotKind,
    Vibration,
};

fields! {
    Record = Record::new(blank_id(), RobotKind::Arm);
    check "schema_version" => schema_version: Version,
    must "robot_id" => robot_id: Id,
    must "stream_epoch" => stream_epoch: Sequence,
    must "seq" => seq: Sequence,
    must "window_start" => window_start_us: Time,
    must "window_end" => window_end_us: Time,
    must "robot_kind" => robot_kind: Word<RobotKind>,
    may "model_config" => model_config: Text,
    may "firmware" => firmware: Text,
    may "operational_mode" => operational_mode: Word<OperationalMode>,
    may "payload_kg" => payload_kg: Float,
    may "ambient_temp_c" => ambient_temp_c: Float,
    whole "counters" => counters: Counters,
    list "joints" => joints: Joint,
    list "batteries" => batteries: Battery,
    list "vibration" => vibration: Vibration,
    part "motion" => motion: Motion,
    part "pose_test" => pose_test: PoseTest,
    list "gaps" => gaps: Gap,
    list "quality" => quality: Quality,
    list "events" => events: Event,
    list "maintenance" => maintenance: Maintenance,
}

fields! {
    Counters = Counters::default();
    must "power_on_h" => power_on_h: Float,
    may "servo_on_h" => servo_on_h: Float,
    may "motion_h" => motion_h: Float,
    may "energy_kwh" => energy_kwh: Float,
    may "estop_count" => estop_count: Count,
    may "protective_stop_count" => protective_stop_count: Count,
    may "collision_count" => collision_count: Count,
    may "error_count" => error_count: Count,
    may "brake_dynamic_count" => brake_dynamic_count: Count,
    may "brake_energy_j" => brake_energy_j: Float,
    may "distance_m" => distance_m: Float,
    may "step_count" => step_count: Count,
}

/// Stands in a record until its own ID is read, which is mandatory.
fn blank_id() -> RobotId {
    RobotId::parse(&[b'0'; 29]).expect("29 digits are a robot ID")
}
