//! The made-up records that are published and processed. Robots are of the built-in model `example-arm-6`.

use std::time::{SystemTime, UNIX_EPOCH};

/// First sequence number: ten digits, and so have all that follow.
pub(crate) const FIRST_SEQ: usize = 1_000_000_001;

/// Unix milliseconds.
pub(crate) fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// ID of the fleet's `number`th robot.
pub(crate) fn robot_id(number: usize) -> String {
    format!("CNAB12HX0001{number:017}")
}

/// Topic of a robot.
pub(crate) fn topic(robot_id: &str) -> String {
    format!("robots/{robot_id}/telemetry")
}

/// A valid record of about 300 bytes, with one joint.
pub(crate) fn small(robot_id: &str, seq: usize) -> String {
    let end_ms = now_ms();
    let start_ms = end_ms - 60_000;
    format!(
        r#"{{"schema_version":1,"robot_id":"{robot_id}","stream_epoch":1,"seq":{seq},"window_start":{start_ms},"window_end":{end_ms},"robot_kind":"arm","counters":{{"power_on_h":1204.5,"motion_h":861.75}},"joints":[{{"name":"J1","input_rev":{seq},"torque_rms_nm":38.4,"current_rms_a":2.31,"temp_motor_c":41.5}}]}}"#
    )
}
