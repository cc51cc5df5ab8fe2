//! Records for tests: made ones, and the recorded data that lies beside the project where there is any.

use std::path::{Path, PathBuf};

/// A robot of the shipped example model.
pub const ROBOT: &str = "CNAB12HX00010000000000000042A";

/// A file of the recorded data; `None`, with a message, where it is absent.
pub fn recorded(name: &str) -> Option<PathBuf> {
    let path = Path::new("../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: the recorded data {name} is not here");
    None
}

/// Topic of a robot's telemetry.
pub fn topic(robot: &str) -> String {
    format!("robots/{robot}/telemetry")
}

/// A minimal record with one joint.
pub fn record(robot: &str, epoch: i64, seq: i64) -> String {
    format!(
        r#"{{"schema_version":1,"robot_id":"{robot}","stream_epoch":{epoch},"seq":{seq},"window_start":"2026-11-21T08:00:00Z","window_end":"2026-11-21T08:15:00Z","robot_kind":"arm","counters":{{"power_on_h":1204.5,"motion_h":861.75}},"joints":[{{"name":"J1","input_rev":21000000,"input_rev_load":6400000,"torque_rms_nm":38.4,"current_rms_a":2.31,"temp_motor_c":41.5,"following_error_rms_rad":0.00012}}]}}"#
    )
}
