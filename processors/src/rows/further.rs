//! The further columns of a row: those that the formulas 2026.2 add. By the formulas 2026.1 all of them are null, and
//! nothing is noted of them, so that such rows stay what they were.

use tacho_schemas::record::Vibration;
use tacho_schemas::table::TableBuilder;

use super::Notes;
use crate::indicators::further::{FurtherBattery, FurtherRecord};
use crate::indicators::vibration::{shape, velocity_zone};
use crate::indicators::{FormulaSet, JointIndicators};

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
pub(super) fn joint(row: &mut TableBuilder, indicators: &JointIndicators, notes: &mut Notes) {
    let Some(further) = &indicators.further else { return nulls(row, &JOINT) };
    if indicators.wear.damage.is_ok() {
        notes.note_method("reducer_damage", further.reducer_method);
    }
    if indicators.thermal_load_rate_pct.is_ok() {
        notes.note_method("thermal_load_rate_pct", further.thermal_method);
    }
    notes.further(row, "average_torque_ratio", further.average_torque_ratio);
    notes.further(row, "momentary_peak_usage", further.momentary_peak_usage);
    notes.further(row, "grease_usage", further.grease_usage);
    notes.further(row, "bearing_damage", further.bearing_damage);
    notes.further(row, "fatigue_damage", further.fatigue_damage);
    notes.further(row, "fatigue_damage_window", further.fatigue_damage_window);
    notes.further(row, "reducer_damage_window", further.reducer_damage_window);
    notes.traced(row, "torque_residual_norm", further.torque_residual_norm);
    notes.traced(row, "friction_excess_nm", further.friction_excess_nm);
    notes.further(row, "friction_ratio", further.friction_ratio);
    notes.further(row, "lost_motion_health", further.lost_motion_health);
    notes.further(row, "temp_equivalent_h", further.temp_equivalent_h);
    notes.further(row, "winding_damage", further.winding_damage);
    row.text("methods", notes.methods());
}

/// The further columns of a pack.
pub(super) fn battery(row: &mut TableBuilder, further: Option<&FurtherBattery>, notes: &mut Notes) {
    let Some(further) = further else { return nulls(row, &BATTERY) };
    notes.further(row, "capacity_ah", further.capacity_ah);
    notes.further(row, "end_of_life_ah", further.end_of_life_ah);
    notes.traced(row, "dcir_25c_mohm", further.dcir_25c_mohm);
    notes.further(row, "soh_resistance", further.soh_resistance);
    notes.traced(row, "c_rate_max", further.c_rate_max);
    notes.further(row, "cell_imbalance_mv", further.cell_imbalance_mv);
    notes.further(row, "energy_efficiency", further.energy_efficiency);
    notes.traced(row, "xu_loss", further.xu_loss);
    notes.further(row, "cycle_damage", further.cycle_damage);
    row.text("methods", notes.methods());
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
            notes.note_method("velocity_zone", method);
        }
        Err(reason) => {
            row.text("velocity_zone", None);
            notes.further_absent("velocity_zone", reason);
        }
    }
    let shape = shape(sensor);
    notes.traced(row, "crest_factor", shape.crest);
    notes.traced(row, "kurtosis_pearson", shape.kurtosis);
    notes.further(row, "skewness", shape.skewness);
    row.text("methods", notes.methods());
}

/// The further columns of a record.
pub(super) fn record(row: &mut TableBuilder, further: Option<&FurtherRecord>, notes: &mut Notes) {
    let Some(further) = further else { return nulls(row, &RECORD) };
    notes.further(row, "robot_health_geometric", further.health_geometric);
    notes.traced(row, "brake_damage", further.brake_damage);
    notes.traced(row, "pose_accuracy_mm", further.pose.accuracy_mm);
    notes.further(row, "pose_accuracy_rad", further.pose.accuracy_rad);
    notes.further(row, "pose_repeatability_mm", further.pose.repeatability_mm);
    notes.further(row, "pose_repeatability_rad", further.pose.repeatability_rad);
    notes.traced(row, "path_rms_m", further.path.rms_m);
    notes.traced(row, "path_max_m", further.path.max_m);
    notes.traced(row, "path_p95_m", further.path.p95_m);
    notes.further(row, "path_ratio", further.path.ratio);
    notes.further(row, "localization_ratio", further.path.localization_ratio);
    row.text("methods", notes.methods());
}
