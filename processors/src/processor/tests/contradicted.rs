//! What the formulas 2026.3 do with inputs that contradict each other, with laws that do not apply, and how they tell where a value is
//! from.

use serde_json::{Value, json};

use tacho_config::FORMULAS_2026_2;
use tacho_config::models::{Models, Reducer};
use tacho_schemas::processed::Processed;
use tacho_schemas::table::Table;

use super::fixture::{flags, number, object, process, processor_of, processor_with, raw, text};
use super::further::everything;

/// [`everything`] with members of its first joint changed; null takes one away.
fn with_joint(changes: &Value) -> Value {
    let mut record = everything();
    change(&mut record["joints"][0], changes);
    record
}

fn with_pack(changes: &Value) -> Value {
    let mut record = everything();
    change(&mut record["batteries"][0], changes);
    record
}

fn change(part: &mut Value, changes: &Value) {
    let part = part.as_object_mut().unwrap();
    part.extend(changes.as_object().unwrap().clone());
    part.retain(|_, value| !value.is_null());
}

fn by_former(record: &Value) -> Processed {
    processor_of(Models::builtin(), FORMULAS_2026_2).process(3, 7..8, &[raw(7, record.to_string())])
}

fn joint(processed: &Processed, column: &str) -> Option<String> {
    number(processed, Table::Joints, column, 0)
}

fn absent(processed: &Processed, table: Table) -> Value {
    object(processed, table, "absent", 0)
}

fn methods(processed: &Processed, table: Table) -> Value {
    object(processed, table, "methods", 0)
}

const OF_SAMPLES: [&str; 4] =
    ["fatigue_damage_window", "reducer_damage_window", "torque_residual_norm", "friction_excess_nm"];

#[test]
fn samples_that_take_longer_than_their_window_are_of_no_use() {
    let mut record = everything();
    record["window_start"] = record["window_end"].clone();
    let processed = process(&record);
    for column in OF_SAMPLES {
        assert_eq!(absent(&processed, Table::Joints)[column], "inconsistent", "{column}");
        assert_eq!(joint(&processed, column), None, "{column}");
        assert_eq!(methods(&processed, Table::Joints)[column], Value::Null, "{column}");
        assert!(joint(&by_former(&record), column).is_some(), "{column}: as the former formulas had it");
        assert!(joint(&process(&everything()), column).is_some(), "{column}");
    }
    change(&mut record["joints"][0], &json!({"torque_residual_rms_nm": 8.7, "friction_residual_nm": 2.5}));
    let processed = process(&record);
    assert_eq!(joint(&processed, "torque_residual_norm").as_deref(), Some("0.100000"), "as sent");
    assert_eq!(joint(&processed, "friction_excess_nm").as_deref(), Some("2.500"));
    assert_eq!(methods(&processed, Table::Joints)["torque_residual_norm"], Value::Null);
}

#[test]
fn the_current_of_the_samples_goes_before_the_one_sent() {
    let samples = json!({"dt_s": 0.1, "current_a": [3, 3, 3]});
    let record = with_joint(&json!({ "samples": samples }));
    let processed = process(&record);
    assert_eq!(joint(&processed, "thermal_load_rate_pct").as_deref(), Some("25.00"));
    assert_eq!(methods(&processed, Table::Joints)["thermal_load_rate_pct"], "samples, rating_assumed");
    let processed = process(&everything());
    assert_eq!(methods(&processed, Table::Joints)["thermal_load_rate_pct"], "rating_assumed");
    let former = joint(&by_former(&record), "thermal_load_rate_pct");
    assert_eq!(former, joint(&processed, "thermal_load_rate_pct"), "2.31 A, as sent");
}

#[test]
fn a_load_that_cannot_be_does_no_damage_and_is_flagged() {
    let of_load = ["reducer_damage", "reducer_l10_h", "reducer_rul_h", "average_torque_ratio", "grease_usage"];
    let beyond_peaks = json!({"load_hist_rev": null, "input_rev_load": 89.0 * 21e6});
    let not_the_histograms = json!({"input_rev_load": 2e6});
    for changes in [beyond_peaks, not_the_histograms] {
        let record = with_joint(&changes);
        let processed = process(&record);
        for column in of_load {
            assert_eq!(absent(&processed, Table::Joints)[column], "inconsistent", "{changes} {column}");
            assert_eq!(joint(&processed, column), None, "{changes} {column}");
            assert!(joint(&by_former(&record), column).is_some(), "{column}: as the former formulas had it");
        }
        assert!(flags(&processed, Table::Joints, 0).contains(&"inconsistent:/joints/0/input_rev_load".to_owned()));
        assert_eq!(flags(&by_former(&record), Table::Joints, 0), [""; 0]);
    }
    let at_the_peak = with_joint(&json!({"load_hist_rev": null, "input_rev_load": 76.0 * 21e6}));
    assert!(joint(&process(&at_the_peak), "reducer_damage").is_some());
    assert_eq!(flags(&process(&at_the_peak), Table::Joints, 0), [""; 0]);
}

#[test]
fn of_a_joint_without_a_reducer_no_law_of_reducers_holds() {
    let mut models = Models::builtin().all().to_vec();
    for joint in models.iter_mut().flat_map(|model| &mut model.joints) {
        joint.reducer = Reducer::Unrated;
    }
    let models = Models::of(models).unwrap();
    let processed = processor_with(models.clone()).process(3, 7..8, &[raw(7, everything().to_string())]);
    let former = processor_of(models, FORMULAS_2026_2).process(3, 7..8, &[raw(7, everything().to_string())]);
    for column in [
        "reducer_damage",
        "reducer_l10_h",
        "reducer_rul_h",
        "average_torque_ratio",
        "momentary_peak_usage",
        "grease_usage",
        "bearing_damage",
        "fatigue_damage",
        "reducer_damage_window",
        "torque_residual_norm",
    ] {
        assert_eq!(absent(&processed, Table::Joints)[column], "not_applicable", "{column}");
        assert_eq!(absent(&former, Table::Joints)[column], "rating_missing", "{column}");
    }
    for column in ["winding_damage", "fatigue_damage_window", "friction_ratio", "component_health_index"] {
        assert!(joint(&processed, column).is_some(), "{column}");
    }
}

#[test]
fn a_friction_test_without_speed_or_torque_is_none() {
    for test in [json!({"friction_test_speed_rad_s": 0.0}), json!({"friction_test_torque_nm": 0.0})] {
        let processed = process(&with_joint(&test));
        assert_eq!(absent(&processed, Table::Joints)["friction_ratio"], "out_of_range", "{test}");
        assert_eq!(joint(&processed, "friction_ratio"), None);
    }
}

#[test]
fn what_comes_from_one_of_two_sources_says_from_which() {
    let of_histogram =
        process(&with_joint(&json!({"input_rev_load": null, "temp_hist_h": null, "component_id": null})));
    let of_joint = methods(&of_histogram, Table::Joints);
    for (column, words) in [
        ("reducer_damage", "load_histogram"),
        ("average_torque_ratio", "load_histogram"),
        ("grease_usage", "load_histogram, rating_assumed"),
        ("reducer_l10_h", "load_histogram"),
        ("reducer_rul_h", "load_histogram"),
    ] {
        assert_eq!(of_joint[column], words, "{column}");
    }
    let of_both = methods(&process(&with_joint(&json!({"input_rev_load": null}))), Table::Joints);
    assert_eq!(of_both["reducer_l10_h"], "load_histogram, temp_histogram_hours");
    assert_eq!(methods(&process(&everything()), Table::Records)["path_ratio"], "paths");

    let samples = json!({"t_s": [0, 0.5], "voltage_v": [50.0, 48.8], "current_a": [-2, -42]});
    let of_step = process(&with_pack(&json!({ "samples": samples })));
    assert_eq!(methods(&of_step, Table::Batteries)["soh_resistance"], "samples, rating_assumed");
    assert_eq!(methods(&process(&everything()), Table::Batteries)["soh_resistance"], "rating_assumed");
}

#[test]
fn only_columns_that_have_a_value_are_named_among_the_methods() {
    let record = with_joint(&json!({"temp_hist_h": [0, 0, 0, 0, 0, 0, 0, 1e15]}));
    let processed = process(&record);
    assert_eq!(absent(&processed, Table::Joints)["winding_damage"], "out_of_resolution");
    let of_joint = methods(&processed, Table::Joints);
    assert_eq!(of_joint["winding_damage"], Value::Null, "{of_joint}");
    for (column, _) in of_joint.as_object().unwrap() {
        assert!(joint(&processed, column).is_some(), "{column}");
    }
}

#[test]
fn hours_that_do_not_make_up_a_packs_age_give_no_loss() {
    let pack = |age_d: f64, hours: f64| {
        let changes = json!({
            "ageing_cycle": null, "age_d": age_d, "temp_hist_h": [0, 0, hours, 0, 0, 0, 0, 0],
            "soc_hist_h": [0, 0, 0, 0, 0, hours, 0, 0, 0, 0]
        });
        let processed = process(&with_pack(&changes));
        let reason = absent(&processed, Table::Batteries)["xu_loss"].as_str().map(str::to_owned);
        (number(&processed, Table::Batteries, "xu_loss", 0).is_some(), reason)
    };
    assert_eq!(pack(100.0, 2400.0), (true, None));
    assert_eq!(pack(100.0, 800.0), (false, Some("inconsistent".to_owned())));
    assert_eq!(pack(100.0, 0.0), (false, Some("no_operating_hours".to_owned())));
}

#[test]
fn samples_of_a_pack_that_do_not_span_the_window_contradict_its_states_of_charge() {
    let samples = json!({"t_s": [0, 30], "current_a": [-10, -10]});
    let record = with_pack(&json!({"full_charge_ah": null, "soc_start": 0.9, "soc_end": 0.4, "samples": samples}));
    let processed = process(&record);
    for column in ["capacity_ah", "soh_capacity", "pack_health_index"] {
        assert_eq!(absent(&processed, Table::Batteries)[column], "inconsistent", "{column}");
    }
    assert_eq!(absent(&by_former(&record), Table::Batteries)["soh_capacity"], "input_missing");
    assert_eq!(text(&processed, Table::Batteries, "soh_capacity_method", 0), None);
}
