//! What stands in the rows of a good record.

use serde_json::json;

use tacho_config::FORMULAS_2026_1;
use tacho_config::models::{Models, Reducer};
use tacho_schemas::Digest;
use tacho_schemas::table::Table;

use super::fixture::{
    RECEIVED_AT_US, ROBOT, flags, full, full_with, number, object, only_kept, process, processor_of, raw, text,
};

#[test]
fn a_record_becomes_a_row_per_part_with_its_place_in_the_log() {
    let payload = full().to_string();
    let processed = super::fixture::processor().process(3, 7..8, &[raw(7, payload.clone())]);
    let kept = only_kept(&processed);
    assert_eq!(kept.component_rows, [2, 1, 0, 1, 0]);
    assert_eq!(kept.power_on, 12_045_000);
    assert_eq!(kept.window_end_us, RECEIVED_AT_US - 1_000_000);
    assert_eq!(kept.payload_hash, Digest::of(payload.as_bytes()).first_i64());
    for table in [Table::Records, Table::Joints, Table::Batteries, Table::Events] {
        assert_eq!(text(&processed, table, "robot_id", 0).as_deref(), Some(ROBOT));
        for (column, value) in
            [("partition", "3"), ("offset", "7"), ("ordinal", "0"), ("seq", "1024"), ("log_epoch", "1")]
        {
            assert_eq!(number(&processed, table, column, 0).as_deref(), Some(value), "{}", table.name());
        }
        assert_eq!(text(&processed, table, "config_digest", 0), Some(processed.config.to_string()));
        assert_eq!(text(&processed, table, "extra", 0), None);
        assert_eq!(flags(&processed, table, 0), [""; 0]);
    }
    assert_eq!(number(&processed, Table::Records, "power_on_h", 0).as_deref(), Some("1204.5000"));
    assert_eq!(text(&processed, Table::Records, "model", 0).as_deref(), Some("example-arm-6"));
    assert_eq!(text(&processed, Table::Records, "principal", 0).as_deref(), Some("cell-7"));
}

/// J1: 6.4e6 weighted revolutions of 60 · 10,000 · 2,000, in 1,100.25 h with servos on; 2.31 A of 6 A; 0.12 mrad between 0.1 and 1.
#[test]
fn a_joints_indicators_are_those_of_its_laws() {
    let mut record = full();
    record["joints"][0].as_object_mut().unwrap().remove("component_id");
    let processed = process(&record);
    let expected = [
        ("reducer_damage", "0.005333333"),
        ("reducer_l10_h", "206296.9"),
        ("reducer_rul_h", "205196.6"),
        ("thermal_load_rate_pct", "14.82"),
        ("following_error_health", "0.9778"),
        ("component_health_index", "0.9778"),
    ];
    for (column, value) in expected {
        assert_eq!(number(&processed, Table::Joints, column, 0).as_deref(), Some(value), "{column}");
    }
    assert_eq!(text(&processed, Table::Joints, "absent", 0).as_deref(), Some(r#"{"*":"input_missing"}"#));
}

#[test]
fn an_indicator_without_its_input_is_null_with_the_reason_beside_it() {
    let processed = process(&full());
    assert_eq!(number(&processed, Table::Joints, "thermal_load_rate_pct", 1), None);
    assert_eq!(
        text(&processed, Table::Joints, "absent", 1).as_deref(),
        Some(
            r#"{"thermal_load_rate_pct":"input_missing","following_error_health":"input_missing","*":"input_missing"}"#
        )
    );
    assert_eq!(number(&processed, Table::Joints, "component_health_index", 1).as_deref(), Some("0.9981"));
}

#[test]
fn a_packs_health_decides_the_robots_if_it_is_the_least() {
    let processed = process(&full());
    let expected = [("soh_capacity", "0.9633"), ("equivalent_full_cycles", "307.177"), ("pack_health_index", "0.8167")];
    for (column, value) in expected {
        assert_eq!(number(&processed, Table::Batteries, column, 0).as_deref(), Some(value), "{column}");
    }
    assert_eq!(text(&processed, Table::Batteries, "soh_capacity_method", 0).as_deref(), Some("full_charge_ah"));
    assert_eq!(number(&processed, Table::Records, "robot_health_index", 0).as_deref(), Some("0.8167"));
    assert_eq!(text(&processed, Table::Records, "robot_health_component", 0).as_deref(), Some("PK-88121"));
}

#[test]
fn a_replaced_component_has_damage_and_no_hours_of_its_own() {
    let processed = process(&full_with("/joints/0/component_epoch", json!(2)));
    assert_eq!(number(&processed, Table::Joints, "reducer_damage", 0).as_deref(), Some("0.005333333"));
    let absent = object(&processed, Table::Joints, "absent", 0);
    let reason = "no_operating_hours";
    assert_eq!(absent, json!({"reducer_l10_h": reason, "reducer_rul_h": reason, "*": "input_missing"}));
}

/// 20,000 h of a robot: component A with D 0.917; then component B, also of epoch 0, with D 0.0092 in the robot's hours.
#[test]
fn another_component_does_not_inherit_the_robots_hours() {
    let mut record = full();
    record["counters"] = json!({"power_on_h": 20_000.0});
    let lives = |record: &serde_json::Value| {
        let processed = process(record);
        let life = ["reducer_l10_h", "reducer_rul_h"].map(|column| number(&processed, Table::Joints, column, 0));
        (life, object(&processed, Table::Joints, "absent", 0), object(&processed, Table::Joints, "methods", 0))
    };
    for (component, load) in [("A", 1.1e9), ("B", 1.1e7)] {
        record["joints"][0]["component_id"] = json!(component);
        record["joints"][0]["input_rev_load"] = json!(load);
        let (life, absent, _) = lives(&record);
        assert_eq!(life, [None, None]);
        assert_eq!(absent["reducer_l10_h"], "no_operating_hours");
        assert_eq!(absent["reducer_rul_h"], "no_operating_hours");
    }
    record["joints"][0]["temp_hist_h"] = json!([0, 0, 150, 50, 0, 0, 0, 0]);
    let (life, _, methods) = lives(&record);
    assert_eq!(life[0].as_deref(), Some("21818.2"), "200 h of its own");
    assert_eq!(methods["reducer_l10_h"], "temp_histogram_hours");
    record["joints"][0].as_object_mut().unwrap().remove("component_id");
    assert_eq!(lives(&record).2["reducer_rul_h"], "power_on_hours");
}

#[test]
fn the_load_histogram_stands_in_for_a_missing_counter() {
    let mut record = full();
    let joint = record["joints"][1].as_object_mut().unwrap();
    joint.remove("input_rev_load");
    joint.insert("load_hist_rev".to_owned(), json!([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10_500_000]));
    let processed = process(&record);
    // 10.5e6 revolutions at three times the rated torque: 27 · 10.5e6 / 1.2e9.
    assert_eq!(number(&processed, Table::Joints, "reducer_damage", 1).as_deref(), Some("0.236250000"));
}

#[test]
fn by_the_former_formulas_an_rv_reducer_has_no_wear() {
    let mut models = Models::builtin().all().to_vec();
    for joint in models.iter_mut().flat_map(|model| &mut model.joints) {
        if let Reducer::StrainWave(rating) = joint.reducer.clone() {
            joint.reducer = Reducer::Rv(rating);
        }
    }
    let processor = processor_of(Models::of(models).unwrap(), FORMULAS_2026_1);
    let processed = processor.process(3, 7..8, &[raw(7, full().to_string())]);
    let absent = object(&processed, Table::Joints, "absent", 0);
    for column in ["reducer_damage", "reducer_l10_h", "reducer_rul_h"] {
        assert_eq!(absent[column], "not_strain_wave");
        assert_eq!(number(&processed, Table::Joints, column, 0), None);
    }
}

#[test]
fn a_full_discharge_in_the_samples_gives_the_capacity() {
    let mut record = full();
    let pack = record["batteries"][0].as_object_mut().unwrap();
    pack.remove("full_charge_ah");
    (pack["soc_start"], pack["soc_end"]) = (json!(0.9), json!(0.4));
    pack.insert("samples".to_owned(), json!({"t_s": [0, 450, 900], "current_a": [-54, -54, -54]}));
    let processed = process(&record);
    // 13.5 Ah for half of the charge: 27 Ah of 30.
    assert_eq!(number(&processed, Table::Batteries, "soh_capacity", 0).as_deref(), Some("0.9000"));
    assert_eq!(text(&processed, Table::Batteries, "soh_capacity_method", 0).as_deref(), Some("partial_cycle"));
}

#[test]
fn an_unknown_field_stands_on_the_row_of_its_element_and_nowhere_else() {
    let mut record = full_with("/joints/1/vendor", json!([1, 2]));
    record["site"] = json!("hall 3");
    let processed = process(&record);
    assert_eq!(object(&processed, Table::Records, "extra", 0), json!({"/site": "hall 3"}));
    assert_eq!(object(&processed, Table::Joints, "extra", 1), json!({"/joints/1/vendor": [1, 2]}));
    assert_eq!(text(&processed, Table::Joints, "extra", 0), None);
}

#[test]
fn a_value_that_its_column_cannot_hold_is_null_and_flagged_on_its_row() {
    let mut record = full_with("/joints/0/lost_motion_arcmin", json!(5e6));
    record["joints"][1]["input_rev_load"] = json!(1e-9);
    let processed = process(&record);
    assert_eq!(number(&processed, Table::Joints, "lost_motion_arcmin", 0), None);
    assert_eq!(flags(&processed, Table::Joints, 0), ["out_of_resolution:lost_motion_arcmin"]);
    // The life at next to no load is longer than a decimal of 18 digits.
    assert_eq!(object(&processed, Table::Joints, "absent", 1)["reducer_l10_h"], "out_of_resolution");
    assert_eq!(
        flags(&processed, Table::Joints, 1),
        ["out_of_resolution:reducer_l10_h", "out_of_resolution:reducer_rul_h"]
    );
}

#[test]
fn declared_gaps_and_quality_are_texts_of_the_record_and_entries_of_its_verdict() {
    let mut record = full_with(
        "/gaps",
        json!([{"from": 1_795_248_000_000_i64, "to": "2026-11-21T08:01:00Z", "cause": "wifi \"2\""}]),
    );
    record["quality"] = json!([{"pointer": "/joints/0/temp_motor_c", "status_code": "UncertainLastUsableValue"}]);
    let processed = process(&record);
    assert_eq!(
        text(&processed, Table::Records, "gaps", 0).as_deref(),
        Some(r#"[{"from":"2026-11-21T08:00:00.000000Z","to":"2026-11-21T08:01:00.000000Z","cause":"wifi \"2\""}]"#)
    );
    assert_eq!(
        text(&processed, Table::Records, "quality", 0).as_deref(),
        Some(r#"[{"pointer":"/joints/0/temp_motor_c","status_code":"UncertainLastUsableValue"}]"#)
    );
    let gaps = &only_kept(&processed).declared_gaps;
    assert_eq!((gaps.len(), gaps[0].to_us - gaps[0].from_us), (1, 60_000_000));
}
