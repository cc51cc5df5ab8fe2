//! The further columns of a row: those that the formulas 2026.2 add, and how all indicators were found. By the formulas 2026.1 all of them are null, and
//! nothing is noted of them, so that such rows stay what they were.

use tacho_schemas::record::Vibration;
use tacho_schemas::table::TableBuilder;

use super::Notes;
use crate::indicators::further::FurtherRecord;
use crate::indicators::vibration::{shape, velocity_zone};
use crate::indicators::{BatteryIndicators, FormulaSet, JointIndicators, Method};

/// Decimal columns of a joint, in schema order.
const JOINT: [&str; 13] = [
    "average_torque_ratio",
    "momentary_peak_usage",
    "grease_usage",
    "bearing_damage",
    "fatigue_damage",
    "fatigue_damage_window",
    "reducer_damage_window",
    "torque_residual_norm",
    "friction_excess_nm",
    "friction_ratio",
    "lost_motion_health",
    "temp_equivalent_h",
    "winding_damage",
];

/// Decimal columns of a pack.
const BATTERY: [&str; 9] = [
    "capacity_ah",
    "end_of_life_ah",
    "dcir_25c_mohm",
    "soh_resistance",
    "c_rate_max",
    "cell_imbalance_mv",
    "energy_efficiency",
    "xu_loss",
    "cycle_damage",
];

/// Decimal columns of a record.
const RECORD: [&str; 11] = [
    "robot_health_geometric",
    "brake_damage",
    "pose_accuracy_mm",
    "pose_accuracy_rad",
    "pose_repeatability_mm",
    "pose_repeatability_rad",
    "path_rms_m",
    "path_max_m",
    "path_p95_m",
    "path_ratio",
    "localization_ratio",
];

fn nulls(row: &mut TableBuilder, names: &[&'static str]) {
    for name in names {
        row.decimal(name, None);
    }
    row.text("methods", None);
}

/// The further columns of a joint.
pub(super) fn joint(row: &mut TableBuilder, indicators: &JointIndicators, formulas: FormulaSet, notes: &mut Notes) {
    let Some(further) = &indicators.further else { return nulls(row, &JOINT) };
    let (wear, assumed) = (&indicators.wear, &further.assumed);
    let thermal = indicators.thermal_load_rate_pct.is_ok();
    notes.note_method("reducer_damage", wear.damage.is_ok(), further.reducer_method, assumed.reducer);
    notes.note_methods("reducer_l10_h", wear.l10_h.is_ok(), further.life_methods, assumed.reducer);
    notes.note_methods("reducer_rul_h", wear.rul_h.is_ok(), further.life_methods, assumed.reducer);
    notes.note_method("thermal_load_rate_pct", thermal, further.thermal_method, assumed.drive);
    let following = indicators.following_error_health.is_ok();
    notes.note_method("following_error_health", following, Method::Sent, assumed.drive);
    let healthy = indicators.health_index.is_ok();
    notes.note_method("component_health_index", healthy, Method::Sent, further.health_assumed);
    notes.traced(row, "average_torque_ratio", further.average_torque_ratio, assumed.reducer);
    notes.rated(row, "momentary_peak_usage", further.momentary_peak_usage, assumed.momentary_peak);
    notes.traced(row, "grease_usage", further.grease_usage, assumed.grease);
    notes.traced(row, "bearing_damage", further.bearing_damage, assumed.bearing);
    notes.rated(row, "fatigue_damage", further.fatigue_damage, assumed.fatigue);
    notes.rated(row, "fatigue_damage_window", further.fatigue_damage_window, assumed.fatigue);
    notes.rated(row, "reducer_damage_window", further.reducer_damage_window, assumed.reducer);
    notes.traced(row, "torque_residual_norm", further.torque_residual_norm, assumed.reducer);
    notes.traced(row, "friction_excess_nm", further.friction_excess_nm, false);
    notes.traced(row, "friction_ratio", further.friction_ratio, assumed.friction);
    notes.rated(row, "lost_motion_health", further.lost_motion_health, assumed.lost_motion);
    notes.further(row, "temp_equivalent_h", further.temp_equivalent_h);
    notes.rated(row, "winding_damage", further.winding_damage, assumed.winding);
    notes.append_methods(row, formulas);
}

/// The further columns of a pack.
pub(super) fn battery(row: &mut TableBuilder, indicators: &BatteryIndicators, formulas: FormulaSet, notes: &mut Notes) {
    let Some(further) = &indicators.further else { return nulls(row, &BATTERY) };
    let assumed = further.assumed;
    for (name, is_there) in [
        ("soh_capacity", indicators.soh_capacity.is_ok()),
        ("equivalent_full_cycles", indicators.equivalent_full_cycles.is_ok()),
        ("pack_health_index", indicators.health_index.is_ok()),
    ] {
        notes.note_method(name, is_there, Method::Sent, assumed.pack);
    }
    notes.further(row, "capacity_ah", further.capacity_ah);
    notes.rated(row, "end_of_life_ah", further.end_of_life_ah, assumed.pack);
    notes.traced(row, "dcir_25c_mohm", further.dcir_25c_mohm, assumed.resistance);
    notes.traced(row, "soh_resistance", further.soh_resistance, assumed.resistance);
    notes.traced(row, "c_rate_max", further.c_rate_max, assumed.pack);
    notes.further(row, "cell_imbalance_mv", further.cell_imbalance_mv);
    notes.further(row, "energy_efficiency", further.energy_efficiency);
    notes.traced(row, "xu_loss", further.xu_loss, false);
    notes.rated(row, "cycle_damage", further.cycle_damage, assumed.cycle_life);
    notes.append_methods(row, formulas);
}

/// The further columns of a vibration sensor.
pub(super) fn vibration(row: &mut TableBuilder, sensor: &Vibration, formulas: FormulaSet, notes: &mut Notes) {
    if formulas == FormulaSet::Y2026R1 {
        row.text("velocity_zone", None);
        return nulls(row, &["crest_factor", "kurtosis_pearson", "skewness"]);
    }
    match velocity_zone(sensor) {
        Ok((zone, method)) => {
            row.text("velocity_zone", Some(zone.as_str()));
            notes.note_method("velocity_zone", true, method, false);
        }
        Err(reason) => {
            row.text("velocity_zone", None);
            notes.further_absent("velocity_zone", reason);
        }
    }
    let shape = shape(sensor, formulas);
    notes.traced(row, "crest_factor", shape.crest, false);
    notes.traced(row, "kurtosis_pearson", shape.kurtosis, false);
    notes.further(row, "skewness", shape.skewness);
    notes.append_methods(row, formulas);
}

/// The further columns of a record; `health_assumed`: whether the health of the robot rests on an assumed rating.
pub(super) fn record(
    row: &mut TableBuilder,
    (further, formulas): (Option<&FurtherRecord>, FormulaSet),
    health_assumed: bool,
    notes: &mut Notes,
) {
    let Some(further) = further else { return nulls(row, &RECORD) };
    let (pose, path) = (&further.pose, &further.path);
    notes.note_method("robot_health_index", health_assumed, Method::Sent, health_assumed);
    notes.rated(row, "robot_health_geometric", further.health_geometric, further.geometric_assumed);
    notes.traced(row, "brake_damage", further.brake_damage, further.brakes_assumed);
    for (name, traced) in [
        ("pose_accuracy_mm", pose.accuracy_mm),
        ("pose_accuracy_rad", pose.accuracy_rad),
        ("pose_repeatability_mm", pose.repeatability_mm),
        ("pose_repeatability_rad", pose.repeatability_rad),
        ("path_rms_m", path.rms_m),
        ("path_max_m", path.max_m),
        ("path_p95_m", path.p95_m),
    ] {
        notes.traced(row, name, traced, false);
    }
    notes.traced(row, "path_ratio", path.ratio, false);
    notes.further(row, "localization_ratio", path.localization_ratio);
    notes.append_methods(row, formulas);
}
