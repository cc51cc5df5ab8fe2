//! A row of `joints`.

use tacho_schemas::record::{Joint, Record};
use tacho_schemas::table::TableBuilder;

use super::{Notes, Origin, further};
use crate::indicators::JointIndicators;

/// Appends the row of a joint of a record.
pub(super) fn append(
    row: &mut TableBuilder,
    origin: &Origin<'_>,
    record: &Record,
    joint: &Joint,
    indicators: &JointIndicators,
    notes: &mut Notes,
) {
    origin.place(row, record);
    row.time("window_end", Some(record.window_end_us));
    row.text("joint", Some(&joint.name));
    row.text("component_id", joint.component_id.as_deref());
    row.int("component_epoch", Some(joint.component_epoch));
    counters(row, joint);
    statistics(row, joint);
    tests_and_samples(row, joint);
    notes.indicator(row, "reducer_damage", indicators.wear.damage);
    notes.indicator(row, "reducer_l10_h", indicators.wear.l10_h);
    notes.indicator(row, "reducer_rul_h", indicators.wear.rul_h);
    notes.indicator(row, "thermal_load_rate_pct", indicators.thermal_load_rate_pct);
    notes.indicator(row, "following_error_health", indicators.following_error_health);
    notes.indicator(row, "component_health_index", indicators.health_index);
    further::joint(row, indicators, origin.formulas, notes);
    origin.end_component(row, record, ("joints", joint.index), notes);
}

fn counters(row: &mut TableBuilder, joint: &Joint) {
    row.decimal("input_rev", joint.input_rev);
    row.decimal("input_rev_load", joint.input_rev_load);
    row.decimals("load_hist_rev", joint.load_hist_rev.as_ref().map(|bins| &bins[..]));
    row.decimals("grease_temp_hist_rev", joint.grease_temp_hist_rev.as_ref().map(|bins| &bins[..]));
    row.decimals("temp_hist_h", joint.temp_hist_h.as_ref().map(|bins| &bins[..]));
    row.decimals("rainflow_hist_cycles", joint.rainflow_hist_cycles.as_ref().map(|bins| &bins[..]));
    row.int("peak_torque_count", joint.peak_torque_count);
    row.int("momentary_peak_count", joint.momentary_peak_count);
}

fn statistics(row: &mut TableBuilder, joint: &Joint) {
    row.decimal("torque_rms_nm", joint.torque_rms_nm);
    row.decimal("torque_absmax_nm", joint.torque_absmax_nm);
    row.decimal("torque_mean_nm", joint.torque_mean_nm);
    row.decimal("current_rms_a", joint.current_rms_a);
    row.decimal("current_absmax_a", joint.current_absmax_a);
    row.decimal("speed_rms_rad_s", joint.speed_rms_rad_s);
    row.decimal("speed_absmax_rad_s", joint.speed_absmax_rad_s);
    row.decimal("temp_motor_c", joint.temp_motor_c);
    row.decimal("temp_reducer_c", joint.temp_reducer_c);
    row.decimal("temp_drive_c", joint.temp_drive_c);
    row.decimal("following_error_rms_rad", joint.following_error_rms_rad);
    row.decimal("following_error_max_rad", joint.following_error_max_rad);
}

fn tests_and_samples(row: &mut TableBuilder, joint: &Joint) {
    let samples = joint.samples.as_deref();
    row.decimal("torque_residual_rms_nm", joint.torque_residual_rms_nm);
    row.decimal("friction_residual_nm", joint.friction_residual_nm);
    row.decimal("friction_test_speed_rad_s", joint.friction_test_speed_rad_s);
    row.decimal("friction_test_torque_nm", joint.friction_test_torque_nm);
    row.decimal("lost_motion_arcmin", joint.lost_motion_arcmin);
    row.decimal("brake_hold_ratio", joint.brake_hold_ratio);
    row.decimal("samples_dt_s", samples.and_then(|samples| samples.dt_s));
    row.decimals("samples_position_rad", samples.and_then(|samples| samples.position_rad.as_deref()));
    row.decimals("samples_velocity_rad_s", samples.and_then(|samples| samples.velocity_rad_s.as_deref()));
    row.decimals("samples_torque_nm", samples.and_then(|samples| samples.torque_nm.as_deref()));
    row.decimals("samples_torque_model_nm", samples.and_then(|samples| samples.torque_model_nm.as_deref()));
    row.decimals("samples_current_a", samples.and_then(|samples| samples.current_a.as_deref()));
}
