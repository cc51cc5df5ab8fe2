//! A row of `records`: envelope, counters, motion, pose test and health of the robot, with all flags of the record.

use serde::Serialize;

use tacho_schemas::json::format_time;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Counters, Gap, Motion, Quality, Record};
use tacho_schemas::table::TableBuilder;

use super::notes::rest_of_extra;
use super::{Notes, Origin, further};
use crate::indicators::RobotHealth;
use crate::indicators::further::FurtherRecord;

/// Appends the row of a record.
pub(super) fn append(
    row: &mut TableBuilder,
    origin: &Origin<'_>,
    record: &Record,
    (health, indicators): (Result<RobotHealth<'_>, Absent>, Option<&FurtherRecord>),
    notes: &mut Notes,
) {
    origin.place(row, record);
    envelope(row, origin, record);
    counters(row, &record.counters);
    motion(row, record.motion.as_deref());
    let test = record.pose_test.as_deref();
    row.decimals("pose_test_command", test.and_then(|test| Some(&test.command.as_ref()?[..])));
    row.decimals("pose_test_attained", test.and_then(|test| Some(test.attained.as_ref()?.as_flattened())));
    row.decimal("pose_test_ambient_temp_c", test.and_then(|test| test.ambient_temp_c));
    notes.indicator(row, "robot_health_index", health.map(|health| health.index));
    row.text("robot_health_component", health.ok().map(|health| health.component));
    row.text("gaps", gaps_json(&record.gaps).as_deref());
    row.text("quality", quality_json(&record.quality).as_deref());
    row.text("principal", Some(origin.principal));
    row.int("payload_hash", Some(origin.payload_hash));
    further::record(row, (indicators, origin.formulas), health.is_ok_and(|health| health.assumed), notes);
    notes.flag_misfits(row, record.flags.clone());
    origin.end(row, notes, &rest_of_extra(record));
}

fn envelope(row: &mut TableBuilder, origin: &Origin<'_>, record: &Record) {
    row.time("window_start", Some(record.window_start_us));
    row.time("window_end", Some(record.window_end_us));
    row.int("schema_version", Some(tacho_schemas::record::SCHEMA_VERSION));
    row.text("robot_kind", Some(record.robot_kind.as_str()));
    row.text("model", Some(&origin.found.model.name));
    row.text("model_config", record.model_config.as_deref());
    row.text("firmware", record.firmware.as_deref());
    row.text("operational_mode", record.operational_mode.map(|mode| mode.as_str()));
    row.decimal("payload_kg", record.payload_kg);
    row.decimal("ambient_temp_c", record.ambient_temp_c);
}

fn counters(row: &mut TableBuilder, counters: &Counters) {
    row.decimal("power_on_h", Some(counters.power_on_h));
    row.decimal("servo_on_h", counters.servo_on_h);
    row.decimal("motion_h", counters.motion_h);
    row.decimal("energy_kwh", counters.energy_kwh);
    row.int("estop_count", counters.estop_count);
    row.int("protective_stop_count", counters.protective_stop_count);
    row.int("collision_count", counters.collision_count);
    row.int("error_count", counters.error_count);
    row.int("brake_dynamic_count", counters.brake_dynamic_count);
    row.decimal("brake_energy_j", counters.brake_energy_j);
    row.decimal("distance_m", counters.distance_m);
    row.int("step_count", counters.step_count);
}

fn motion(row: &mut TableBuilder, motion: Option<&Motion>) {
    row.text("map_id", motion.and_then(|motion| motion.map_id.as_deref()));
    row.decimal("x_m", motion.and_then(|motion| motion.x_m));
    row.decimal("y_m", motion.and_then(|motion| motion.y_m));
    row.decimal("theta_rad", motion.and_then(|motion| motion.theta_rad));
    row.decimal("speed_m_s", motion.and_then(|motion| motion.speed_m_s));
    row.boolean("localized", motion.and_then(|motion| motion.localized));
    row.decimal("localization_score", motion.and_then(|motion| motion.localization_score));
    row.decimal("localization_deviation_m", motion.and_then(|motion| motion.localization_deviation_m));
    row.decimal("cross_track_rms_m", motion.and_then(|motion| motion.cross_track_rms_m));
    row.decimal("cross_track_max_m", motion.and_then(|motion| motion.cross_track_max_m));
    row.decimal("cross_track_p95_m", motion.and_then(|motion| motion.cross_track_p95_m));
    row.decimal("allowed_deviation_m", motion.and_then(|motion| motion.allowed_deviation_m));
    let reference = motion.and_then(|motion| motion.reference_path_m.as_deref());
    let actual = motion.and_then(|motion| motion.actual_path_m.as_deref());
    row.decimals("reference_path_m", reference.map(<[[f64; 2]]>::as_flattened));
    row.decimals("actual_path_m", actual.map(<[[f64; 2]]>::as_flattened));
    row.decimal("wheel_slip", motion.and_then(|motion| motion.wheel_slip));
}

/// A declared gap, as in the record with times in UTC.
#[derive(Serialize)]
struct GapText<'a> {
    from: String,
    to: String,
    cause: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
}

/// What the source said of a value, as in the record with times in UTC.
#[derive(Serialize)]
struct QualityText<'a> {
    pointer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

fn gaps_json(gaps: &[Gap]) -> Option<String> {
    json_array(gaps, |gap| GapText {
        from: format_time(gap.from_us),
        to: format_time(gap.to_us),
        cause: &gap.cause,
        pointer: gap.pointer.as_deref(),
    })
}

fn quality_json(quality: &[Quality]) -> Option<String> {
    json_array(quality, |quality| QualityText {
        pointer: &quality.pointer,
        status_code: quality.status_code.as_deref(),
        from: quality.from_us.map(format_time),
        to: quality.to_us.map(format_time),
    })
}

/// A JSON array with the keys in the order of declaration; `None` if there are no elements.
fn json_array<'a, T, U: Serialize>(elements: &'a [T], text: impl Fn(&'a T) -> U) -> Option<String> {
    if elements.is_empty() {
        return None;
    }
    let texts: Vec<U> = elements.iter().map(text).collect();
    Some(serde_json::to_string(&texts).expect("texts in a struct are JSON"))
}
