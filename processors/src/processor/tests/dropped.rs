//! What is dropped or flagged in a record that is kept.

use serde_json::{Value, json};

use tacho_schemas::processed::Processed;
use tacho_schemas::table::Table;

use super::fixture::{flags, full, full_with, number, object, only_kept, process, text};

/// The flags of the record's row.
fn record_flags(record: &Value) -> Vec<String> {
    let processed = process(record);
    only_kept(&processed);
    flags(&processed, Table::Records, 0)
}

fn joints(processed: &Processed) -> Vec<Option<String>> {
    let rows = processed.rows.get(Table::Joints).num_rows();
    (0..rows).map(|row| text(processed, Table::Joints, "joint", row)).collect()
}

#[test]
fn a_joint_outside_of_a_hard_range_is_dropped_alone_and_kept_as_it_came() {
    let processed = process(&full_with("/joints/0/temp_motor_c", json!(500)));
    assert_eq!(only_kept(&processed).component_rows, [1, 1, 0, 1, 0]);
    assert_eq!(joints(&processed), [Some("J2".to_owned())]);
    assert_eq!(flags(&processed, Table::Records, 0), ["element_dropped:/joints/0 (range:/joints/0/temp_motor_c)"]);
    let extra = object(&processed, Table::Records, "extra", 0);
    assert_eq!(extra["/joints/0"]["temp_motor_c"], 500);
    assert_eq!(extra["/joints/0"]["name"], "J1");
}

#[test]
fn a_state_of_charge_in_percent_drops_the_pack_with_the_hint() {
    for field in ["soc_start", "soc_end"] {
        let flags = record_flags(&full_with(&format!("/batteries/0/{field}"), json!(79)));
        let expected = format!("element_dropped:/batteries/0 (range:/batteries/0/{field}, percent?)");
        assert_eq!(flags, [expected]);
    }
}

#[test]
fn a_name_that_stands_twice_drops_the_later_joint() {
    let processed = process(&full_with("/joints/1/name", json!("J1")));
    assert_eq!(joints(&processed), [Some("J1".to_owned())]);
    assert_eq!(number(&processed, Table::Joints, "temp_motor_c", 0).as_deref(), Some("41.5"));
    assert_eq!(
        flags(&processed, Table::Records, 0),
        ["element_dropped:/joints/1 (consistency:/joints/1/name, stands twice)"]
    );
}

#[test]
fn a_histogram_whose_sum_is_not_the_counter_drops_the_joint_from_one_percent_on() {
    let bins = |sum: f64| json!([0, 0, 0, 0, 0, sum, 0, 0, 0, 0, 0, 0]);
    assert_eq!(record_flags(&full_with("/joints/1/load_hist_rev", bins(10_600_000.0))), [""; 0]);
    assert_eq!(
        record_flags(&full_with("/joints/1/load_hist_rev", bins(10_610_000.0))),
        ["element_dropped:/joints/1 (consistency:/joints/1/load_hist_rev, its sum is not input_rev)"]
    );
}

#[test]
fn samples_of_different_lengths_are_dropped_without_their_joint() {
    let samples = json!({"dt_s": 0.1, "torque_nm": [1, 2, 3], "current_a": [1, 2]});
    let processed = process(&full_with("/joints/0/samples", samples.clone()));
    assert_eq!(only_kept(&processed).component_rows[0], 2);
    let expected = ["section_dropped:/joints/0/samples (length:/joints/0/samples/current_a, of another length)"];
    assert_eq!(flags(&processed, Table::Records, 0), expected);
    assert_eq!(flags(&processed, Table::Joints, 0), expected);
    assert_eq!(flags(&processed, Table::Joints, 1), [""; 0]);
    assert_eq!(object(&processed, Table::Joints, "extra", 0), json!({"/joints/0/samples": samples}));
    assert_eq!(text(&processed, Table::Records, "extra", 0), None);
}

#[test]
fn a_minimum_above_its_maximum_drops_the_pack() {
    assert_eq!(
        record_flags(&full_with("/batteries/0/temp_min_c", json!(31.5))),
        ["element_dropped:/batteries/0 (consistency:/batteries/0/temp_min_c, above temp_max_c)"]
    );
}

#[test]
fn an_optional_counter_that_is_negative_is_dropped_without_the_others() {
    let processed = process(&full_with("/counters/motion_h", json!(-1.50)));
    assert_eq!(flags(&processed, Table::Records, 0), ["field_dropped:/counters/motion_h (range:/counters/motion_h)"]);
    assert_eq!(object(&processed, Table::Records, "extra", 0), json!({"/counters/motion_h": -1.5}));
    assert_eq!(number(&processed, Table::Records, "motion_h", 0), None);
    assert_eq!(number(&processed, Table::Records, "servo_on_h", 0).as_deref(), Some("1100.2500"));
}

#[test]
fn suspect_values_stay_and_are_flagged_on_their_row_and_on_the_records() {
    // Above T_R of the model's reducer (204 Nm), and three times its continuous current (6 A).
    let mut record = full_with("/joints/0/torque_absmax_nm", json!(205));
    record["joints"][1]["current_absmax_a"] = json!(18.1);
    let processed = process(&record);
    assert_eq!(flags(&processed, Table::Joints, 0), ["suspect_range:/joints/0/torque_absmax_nm"]);
    assert_eq!(flags(&processed, Table::Joints, 1), ["suspect_range:/joints/1/current_absmax_a"]);
    assert_eq!(flags(&processed, Table::Records, 0).len(), 2);
    assert_eq!(number(&processed, Table::Joints, "torque_absmax_nm", 0).as_deref(), Some("205.00"));
}

#[test]
fn a_clock_ahead_by_more_than_five_minutes_or_before_2015_is_suspect() {
    let window = |text: &str| {
        let mut record = full_with("/window_start", json!(text));
        record["window_end"] = json!(text);
        record_flags(&record)
    };
    assert_eq!(window("2026-11-21T08:20:01Z"), [""; 0]);
    assert_eq!(window("2026-11-21T08:20:01.000001Z"), ["clock_suspect:/window_end"]);
    assert_eq!(window("2014-12-31T23:59:59Z"), ["clock_suspect:/window_end"]);
    assert_eq!(window("2015-01-01T00:00:00Z"), [""; 0]);
}

#[test]
fn a_model_that_is_asked_for_and_unknown_is_flagged_and_the_ids_own_is_used() {
    let processed = process(&full_with("/model_config", json!("nobody-knows")));
    assert_eq!(flags(&processed, Table::Records, 0), ["model_config_unknown:/model_config"]);
    assert_eq!(text(&processed, Table::Records, "model", 0).as_deref(), Some("example-arm-6"));
    let processed = process(&full_with("/model_config", json!("generic-arm")));
    assert_eq!(text(&processed, Table::Records, "model", 0).as_deref(), Some("generic-arm"));
}

#[test]
fn hours_in_motion_above_those_with_servos_on_are_inconsistent_and_stay() {
    let record = full_with("/counters/motion_h", json!(1150.0));
    assert_eq!(record_flags(&record), ["inconsistent:/counters/motion_h"]);
    assert_eq!(record_flags(&full()), [""; 0]);
}
