//! Indicators that the formulas 2026.2 add, as those of 2026.3 compute them: values with their methods, reasons, and what never happens.

use proptest::prelude::*;
use serde_json::{Value, json};

use tacho_config::models::{Models, Reducer};
use tacho_config::{FORMULAS_2026_1, FORMULAS_2026_2};
use tacho_schemas::processed::Processed;
use tacho_schemas::table::{Kind, Table};

use super::fixture::{full, number, object, process, processor_of, processor_with, raw, text};
use crate::indicators::catalogue;

/// [`full`] with a joint, a pack and sections that have everything the laws need.
pub(super) fn everything() -> Value {
    let mut record = full();
    let joint = record["joints"][0].as_object_mut().unwrap();
    let more = json!({
        "load_hist_rev": [0, 0, 0, 0, 0, 21_000_000.0, 0, 0, 0, 0, 0, 0],
        "grease_temp_hist_rev": [0, 0, 21_000_000.0, 0, 0, 0, 0, 0],
        "temp_hist_h": [0, 0, 1000, 100, 0, 0, 0, 0],
        "rainflow_hist_cycles": [9e6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "momentary_peak_count": 100, "peak_torque_count": 300,
        "friction_test_speed_rad_s": 1.0, "friction_test_torque_nm": 12.0, "temp_reducer_c": 30.0,
        "lost_motion_arcmin": 2.0, "brake_hold_ratio": 1.4,
        "samples": {
            "dt_s": 0.1, "velocity_rad_s": [0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.3, -0.2, -0.5, -0.3],
            "torque_nm": [10, 12, 15, 20, 18, 12, 5, -4, -10, -6],
            "torque_model_nm": [9, 11, 14, 18.5, 17, 11, 4.2, -3.1, -8.8, -5.2]
        }
    });
    joint.extend(more.as_object().unwrap().clone());
    let pack = record["batteries"][0].as_object_mut().unwrap();
    let more = json!({
        "cell_min_v": 3.98, "cell_max_v": 4.0, "rest_s": 900, "current_absmax_a": 45.0, "current_a": -0.5,
        "discharged_wh": 450_000.0, "charged_wh": 500_000.0, "dcir_mohm": 30.0, "dcir_temp_c": 25.0,
        "soc_rainflow_hist_cycles": [0, 0, 0, 0, 0, 0, 0, 100, 0, 0], "ageing_cycle": 0.02, "ageing_calendar": 0.01
    });
    pack.extend(more.as_object().unwrap().clone());
    record["vibration"] = json!([{
        "location": "base", "velocity_rms_mm_s": 3.2, "machine_class": "II",
        "samples_m_s2": [1, 2, 3, 4, 100]
    }]);
    record["pose_test"] = json!({
        "command": [0, 0, 0, 0, 0, 0],
        "attained": [[2e-5, -1e-5, 3e-5, 0, 0, 0], [0, 2e-5, -1e-5, 0, 0, 0], [-1e-5, 1e-5, 2e-5, 0, 0, 0],
                     [3e-5, 0, 1e-5, 0, 0, 0], [1e-5, -2e-5, 0, 0, 0, 0]]
    });
    record["motion"] = json!({
        "reference_path_m": [[0, 0], [3, 0]], "actual_path_m": [[0, 0.02], [1, -0.03], [2, 0.05], [3, 0.01]],
        "allowed_deviation_m": 0.1, "localization_deviation_m": 0.02
    });
    record["counters"]["brake_dynamic_count"] = json!(200);
    record
}

#[test]
fn a_record_with_everything_has_every_further_indicator() {
    let processed = process(&everything());
    let expected = [
        (Table::Joints, "average_torque_ratio", "0.4182"),
        (Table::Joints, "momentary_peak_usage", "0.070000"),
        (Table::Joints, "grease_usage", "0.024706"),
        (Table::Joints, "fatigue_damage", "0.000000000"),
        (Table::Joints, "fatigue_damage_window", "0.000000000000000"),
        (Table::Joints, "reducer_damage_window", "0.000000000031488"),
        (Table::Joints, "torque_residual_norm", "0.011934"),
        (Table::Joints, "friction_excess_nm", "1.020"),
        (Table::Joints, "friction_ratio", "1.2000"),
        (Table::Joints, "lost_motion_health", "0.5000"),
        (Table::Batteries, "capacity_ah", "28.900000"),
        (Table::Batteries, "end_of_life_ah", "24.000000"),
        (Table::Batteries, "dcir_25c_mohm", "30.000"),
        (Table::Batteries, "soh_resistance", "0.5000"),
        (Table::Batteries, "c_rate_max", "1.5000"),
        (Table::Batteries, "cell_imbalance_mv", "20.0"),
        (Table::Batteries, "energy_efficiency", "0.9000"),
        (Table::Vibration, "kurtosis_pearson", "3.247"),
        (Table::Vibration, "crest_factor", "2.233"),
        (Table::Records, "brake_damage", "0.000540000"),
        (Table::Records, "pose_accuracy_mm", "0.0141"),
        (Table::Records, "pose_repeatability_mm", "0.0354"),
        (Table::Records, "path_max_m", "0.0500"),
        (Table::Records, "path_ratio", "0.5000"),
        (Table::Records, "localization_ratio", "0.2000"),
    ];
    for (table, column, value) in expected {
        assert_eq!(number(&processed, table, column, 0).as_deref(), Some(value), "{column}");
    }
    assert_eq!(text(&processed, Table::Vibration, "velocity_zone", 0).as_deref(), Some("C"));
    let methods = |table| object(&processed, table, "methods", 0);
    let assumed = "rating_assumed";
    let of_joint = json!({
        "reducer_l10_h": "temp_histogram_hours", "reducer_rul_h": "temp_histogram_hours",
        "thermal_load_rate_pct": assumed, "following_error_health": assumed, "component_health_index": assumed,
        "momentary_peak_usage": assumed, "grease_usage": assumed, "bearing_damage": "load_histogram, rating_assumed",
        "fatigue_damage": assumed, "fatigue_damage_window": assumed, "torque_residual_norm": "samples",
        "friction_excess_nm": "samples", "friction_ratio": assumed, "lost_motion_health": assumed,
        "winding_damage": assumed
    });
    assert_eq!(methods(Table::Joints), of_joint);
    assert_eq!(methods(Table::Vibration), json!({"crest_factor": "samples", "kurtosis_pearson": "samples"}));
    let of_record = methods(Table::Records);
    assert_eq!(of_record["brake_damage"], "stop_count, rating_assumed");
    for column in ["pose_accuracy_mm", "pose_accuracy_rad", "pose_repeatability_mm", "pose_repeatability_rad"] {
        assert_eq!(of_record[column], "fewer_than_30_cycles", "{column}");
    }
    assert_eq!(of_record["robot_health_index"], "rating_assumed");
    assert_eq!(of_record["path_rms_m"], "paths");
    let of_pack = json!({
        "soh_capacity": assumed, "equivalent_full_cycles": assumed, "pack_health_index": assumed,
        "end_of_life_ah": assumed, "dcir_25c_mohm": assumed, "soh_resistance": assumed, "c_rate_max": assumed,
        "cycle_damage": assumed
    });
    assert_eq!(methods(Table::Batteries), of_pack);
    let absent = object(&processed, Table::Joints, "absent", 0);
    assert_eq!(absent, json!({}), "nothing is absent");
}

#[test]
fn rows_of_the_former_formulas_are_what_they_were() {
    let processor = processor_of(Models::builtin(), FORMULAS_2026_1);
    let processed = processor.process(3, 7..8, &[raw(7, everything().to_string())]);
    assert_eq!(text(&processed, Table::Joints, "formula_version", 0).as_deref(), Some("2026.1"));
    assert_eq!(number(&processed, Table::Joints, "reducer_damage", 0).as_deref(), Some("0.005333333"));
    assert_eq!(number(&processed, Table::Joints, "component_health_index", 0).as_deref(), Some("0.9778"));
    for table in [Table::Joints, Table::Batteries, Table::Vibration, Table::Records] {
        assert_eq!(text(&processed, table, "methods", 0), None);
        let former = ["reducer_damage", "thermal", "following", "component_health", "soh_capacity", "equivalent"];
        for column in table.columns().iter().filter(|column| is_further(column.name, &former)) {
            let empty = match column.kind {
                Kind::Text => text(&processed, table, column.name, 0).is_none(),
                _ => number(&processed, table, column.name, 0).is_none(),
            };
            assert!(empty, "{}.{}", table.name(), column.name);
        }
    }
    assert_eq!(text(&processed, Table::Joints, "absent", 0), None);
}

/// What the formulas 2026.2 said of a record that those of 2026.3 judge otherwise: its rows are replayed bit for bit.
#[test]
fn rows_of_the_formulas_2026_2_are_what_they_were() {
    let mut record = everything();
    record["batteries"][0]["full_charge_ah"] = json!(15_000);
    record["vibration"][0]["samples_m_s2"] = json!(vec![0.1; 10]);
    record["model_config"] = json!("generic-arm");
    record["joints"][0].as_object_mut().unwrap().remove("temp_hist_h");
    let processor = processor_of(Models::builtin(), FORMULAS_2026_2);
    let processed = processor.process(3, 7..8, &[raw(7, record.to_string())]);
    assert_eq!(text(&processed, Table::Joints, "formula_version", 0).as_deref(), Some("2026.2"));
    // 6.4e6 of 60 · 7,000 · 2,000, in the robot's 1,100.25 h.
    assert_eq!(number(&processed, Table::Joints, "reducer_damage", 0).as_deref(), Some("0.007619048"));
    assert_eq!(number(&processed, Table::Joints, "reducer_l10_h", 0).as_deref(), Some("144407.8"));
    let text_of = |table, column| text(&processed, table, column, 0);
    let methods = r#"{"torque_residual_norm":"samples","friction_excess_nm":"samples"}"#;
    assert_eq!(text_of(Table::Joints, "methods").as_deref(), Some(methods));
    let absent = concat!(
        r#"{"thermal_load_rate_pct":"rating_missing","following_error_health":"rating_missing","#,
        r#""momentary_peak_usage":"rating_missing","grease_usage":"rating_missing","bearing_damage":"rating_missing","#,
        r#""fatigue_damage":"rating_missing","fatigue_damage_window":"rating_missing","friction_ratio":"rating_missing","#,
        r#""lost_motion_health":"rating_missing","*":"input_missing"}"#
    );
    assert_eq!(text_of(Table::Joints, "absent").as_deref(), Some(absent));
    assert_eq!(text_of(Table::Records, "flags"), None);
    assert_eq!(text_of(Table::Batteries, "methods"), None);
    assert_eq!(number(&processed, Table::Batteries, "capacity_ah", 0).as_deref(), Some("15000.000000"));
    assert_eq!(number(&processed, Table::Vibration, "kurtosis_pearson", 0).as_deref(), Some("1.000"));
    let of_record = concat!(
        r#"{"pose_accuracy_mm":"fewer_than_30_cycles","#,
        r#""path_rms_m":"paths","path_max_m":"paths","path_p95_m":"paths"}"#
    );
    assert_eq!(text_of(Table::Records, "methods").as_deref(), Some(of_record));
}

/// Whether a column is one that the formulas 2026.2 add.
fn is_further(name: &str, former: &[&str]) -> bool {
    let of_robot =
        ["robot_health_index", "robot_health_component", "pack_health_index", "reducer_l10_h", "reducer_rul_h"];
    let told = catalogue::entries().any(|entry| entry.column == name);
    let before = former.iter().any(|start| name.starts_with(start) && name != "reducer_damage_window");
    told && !before && !of_robot.contains(&name)
}

#[test]
fn an_rv_reducer_wears_by_its_own_law() {
    let mut models = Models::builtin().all().to_vec();
    for joint in models.iter_mut().flat_map(|model| &mut model.joints) {
        if let Reducer::StrainWave(rating) = joint.reducer.clone() {
            joint.reducer = Reducer::Rv(tacho_config::models::ReducerRating {
                rated_speed_rpm: 15.0,
                rated_life_l10_h: 6000.0,
                ..rating
            });
        }
    }
    let processed = processor_with(Models::of(models).unwrap()).process(3, 7..8, &[raw(7, full().to_string())]);
    // 6.4e6 weighted input revolutions, of 60 · 6,000 h · 15 rpm of the output · 100.
    assert_eq!(number(&processed, Table::Joints, "reducer_damage", 0).as_deref(), Some("0.011851852"));
}

#[test]
fn the_order_of_joints_does_not_matter() {
    let record = everything();
    let mut swapped = record.clone();
    swapped["joints"].as_array_mut().unwrap().reverse();
    let (one, other) = (process(&record), process(&swapped));
    for entry in catalogue::entries().filter(|entry| entry.table == Table::Joints) {
        for (here, there) in [(0, 1), (1, 0)] {
            let value = |processed: &Processed, row| number(processed, Table::Joints, entry.column, row);
            assert_eq!(value(&one, here), value(&other, there), "{}", entry.column);
        }
    }
    assert_eq!(
        number(&one, Table::Records, "robot_health_index", 0),
        number(&other, Table::Records, "robot_health_index", 0)
    );
}

/// Inputs of the further indicators of a joint of `example-arm-6`: of each group one must be there.
const NEEDS: [(&str, &[&[&str]]); 13] = [
    ("average_torque_ratio", &[&["input_rev"], &["input_rev_load", "load_hist_rev"]]),
    ("momentary_peak_usage", &[&["momentary_peak_count"]]),
    ("grease_usage", &[&["grease_temp_hist_rev"], &["input_rev"], &["input_rev_load", "load_hist_rev"]]),
    ("bearing_damage", &[&["load_hist_rev"]]),
    ("fatigue_damage", &[&["rainflow_hist_cycles"]]),
    ("fatigue_damage_window", &[&["samples"]]),
    ("reducer_damage_window", &[&["samples"]]),
    ("torque_residual_norm", &[&["samples", "torque_residual_rms_nm"]]),
    ("friction_excess_nm", &[&["samples", "friction_residual_nm"]]),
    ("friction_ratio", &[&["friction_test_torque_nm"], &["temp_reducer_c", "temp_motor_c"]]),
    ("lost_motion_health", &[&["lost_motion_arcmin"]]),
    ("temp_equivalent_h", &[&["temp_hist_h"]]),
    ("winding_damage", &[&["temp_hist_h"]]),
];

/// Whether the record lacks an input of a further indicator, so that `*` may stand for it.
fn lacks_input(record: &Value, table: Table, column: &str) -> bool {
    let joint = record["joints"][0].as_object().unwrap();
    match table {
        Table::Joints => NEEDS.iter().any(|(name, groups)| {
            *name == column && groups.iter().any(|group| group.iter().all(|key| !joint.contains_key(*key)))
        }),
        Table::Batteries => column == "capacity_ah" && record["batteries"][0].get("full_charge_ah").is_none(),
        _ => (column.starts_with("path_") || column == "localization_ratio") && record.get("motion").is_none(),
    }
}

/// Each indicator of a row is there, or has a reason of its own that the page of indicators lists, or lacks an input and has that
/// of `*`.
fn has_reasons(record: &Value, processed: &Processed) -> Result<(), TestCaseError> {
    for entry in catalogue::entries() {
        if processed.rows.get(entry.table).num_rows() == 0 {
            continue;
        }
        let textual = ["soh_capacity_method", "velocity_zone", "robot_health_component"].contains(&entry.column);
        let there = if textual {
            text(processed, entry.table, entry.column, 0).is_some()
        } else {
            number(processed, entry.table, entry.column, 0).is_some()
        };
        let absent = object(processed, entry.table, "absent", 0);
        let named = match entry.column {
            "soh_capacity_method" => "soh_capacity",
            "robot_health_component" => "robot_health_index",
            column => column,
        };
        let place = format!("{}.{}", entry.table.name(), entry.column);
        match absent.get(named).and_then(Value::as_str) {
            Some(reason) => {
                prop_assert!(!there, "{place} is there and has a reason: {absent}");
                let listed = entry.nulls.split(", ").chain(catalogue::NULLS_OF_NUMBERS).any(|null| null == reason);
                prop_assert!(listed, "{place}: the page does not say {reason}");
            }
            None => {
                let starred = absent.get("*").is_some() && lacks_input(record, entry.table, entry.column);
                prop_assert!(there != starred, "{place} is null without a reason, or there without input: {absent}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any finite inputs, any of them missing: a value or a reason, and damage that never falls with use.
    #[test]
    fn whatever_is_sent_each_indicator_has_a_value_or_a_reason(
        rev in 1.0..1e12_f64, load_of_turn in 0.0..50.0_f64, hours in prop::collection::vec(0.0..1e5_f64, 8),
        cycles in prop::collection::vec(0.0..1e9_f64, 16), torque in -400.0..400.0_f64, speed in -6.0..6.0_f64,
        dropped in prop::collection::vec(any::<bool>(), 12), current in 0.0..20.0_f64,
    ) {
        let mut record = everything();
        let load = load_of_turn * rev;
        let joint = record["joints"][0].as_object_mut().unwrap();
        joint.remove("load_hist_rev");
        joint.extend(json!({
            "input_rev": rev, "input_rev_load": load, "grease_temp_hist_rev": hours, "temp_hist_h": hours,
            "rainflow_hist_cycles": cycles, "current_rms_a": current, "friction_test_torque_nm": torque,
            "friction_test_speed_rad_s": speed,
        }).as_object().unwrap().clone());
        let keys = ["input_rev", "input_rev_load", "grease_temp_hist_rev", "temp_hist_h", "rainflow_hist_cycles",
                    "current_rms_a", "friction_test_torque_nm", "samples", "lost_motion_arcmin", "momentary_peak_count",
                    "temp_reducer_c", "following_error_rms_rad"];
        for (key, gone) in keys.iter().zip(&dropped) {
            if *gone {
                joint.remove(*key);
            }
        }
        if dropped[0] {
            record.as_object_mut().unwrap().remove("motion");
            record["batteries"][0].as_object_mut().unwrap().remove("full_charge_ah");
        }
        let processed = process(&record);
        has_reasons(&record, &processed)?;

        let joint = record["joints"][0].as_object_mut().unwrap();
        if !dropped[1] {
            joint.insert("input_rev_load".to_owned(), json!(load * 1.5 + 1.0));
        }
        let later = process(&record);
        let damage = |processed: &Processed| {
            number(processed, Table::Joints, "reducer_damage", 0).map(|text| text.parse::<f64>().unwrap())
        };
        prop_assert!(damage(&later) >= damage(&processed));
    }
}
