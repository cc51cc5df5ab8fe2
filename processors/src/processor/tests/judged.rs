//! What the formulas 2026.3 do not take on trust: whose ratings they are, and figures that cannot be.

use serde_json::{Value, json};

use tacho_config::FORMULAS;
use tacho_config::models::Models;
use tacho_schemas::RobotKey;
use tacho_schemas::processed::Processed;
use tacho_schemas::table::Table;

use super::fixture::{flags, number, object, process, processor_of, raw, text};
use super::further::everything;

const STRANGER: &str = "ZZ9999999999000000000000000ZZ";
const UR3E: &str = "DKUR00UR3E0000000000000000001";

/// [`everything`] as another robot sends it.
fn sent_by(robot: &str, mut record: Value) -> Processed {
    record["robot_id"] = json!(robot);
    let mut raw = raw(7, record.to_string());
    raw.envelope.robot = RobotKey::Id(robot.parse().unwrap());
    processor_of(Models::builtin(), FORMULAS).process(3, 7..8, &[raw])
}

/// No indicator of a model's ratings, each with the reason `model_unknown`.
fn knows_no_model(processed: &Processed) {
    let of_tables: [(Table, &[&str]); 3] = [
        (
            Table::Joints,
            &[
                "reducer_damage",
                "reducer_l10_h",
                "reducer_rul_h",
                "thermal_load_rate_pct",
                "following_error_health",
                "average_torque_ratio",
                "momentary_peak_usage",
                "grease_usage",
                "bearing_damage",
                "fatigue_damage",
                "fatigue_damage_window",
                "reducer_damage_window",
                "torque_residual_norm",
                "friction_ratio",
                "lost_motion_health",
                "winding_damage",
                "component_health_index",
            ],
        ),
        (
            Table::Batteries,
            &[
                "soh_capacity",
                "equivalent_full_cycles",
                "pack_health_index",
                "end_of_life_ah",
                "dcir_25c_mohm",
                "soh_resistance",
                "c_rate_max",
                "cell_imbalance_mv",
                "energy_efficiency",
                "xu_loss",
                "cycle_damage",
            ],
        ),
        (Table::Records, &["robot_health_index", "robot_health_geometric", "brake_damage"]),
    ];
    for (table, columns) in of_tables {
        let absent = object(processed, table, "absent", 0);
        for column in columns {
            assert_eq!(number(processed, table, column, 0), None, "{column}");
            assert_eq!(absent[column], "model_unknown", "{column}: {absent}");
        }
    }
    assert_eq!(number(processed, Table::Batteries, "capacity_ah", 0).as_deref(), Some("28.900000"));
    assert_eq!(number(processed, Table::Joints, "friction_excess_nm", 0).as_deref(), Some("1.020"));
}

#[test]
fn an_unknown_robot_has_reasons_and_no_guess() {
    let processed = sent_by(STRANGER, everything());
    knows_no_model(&processed);
    assert!(flags(&processed, Table::Records, 0).contains(&"model_generic:/robot_id".to_owned()));
}

#[test]
fn a_robot_that_names_a_generic_model_is_known_no_better() {
    let mut record = everything();
    record["model_config"] = json!("generic-arm");
    let processed = sent_by(UR3E, record.clone());
    knows_no_model(&processed);
    let found = flags(&processed, Table::Records, 0);
    for flag in ["model_generic:/robot_id", "model_config_differs:/model_config"] {
        assert!(found.contains(&flag.to_owned()), "{found:?}");
    }
    let found = flags(&sent_by(STRANGER, record), Table::Records, 0);
    assert!(found.contains(&"model_generic:/robot_id".to_owned()), "{found:?}");
    assert!(!found.contains(&"model_config_differs:/model_config".to_owned()), "its ID is of no model: {found:?}");
}

#[test]
fn who_chooses_the_ratings_of_another_model_is_flagged() {
    let flagged = |model: &str| {
        let mut record = everything();
        record["model_config"] = json!(model);
        let processed = sent_by(UR3E, record);
        assert_eq!(text(&processed, Table::Records, "model", 0).as_deref(), Some(model));
        flags(&processed, Table::Records, 0).contains(&"model_config_differs:/model_config".to_owned())
    };
    assert!(flagged("kestrel-k6"));
    assert!(!flagged("ur3e"));
    let mut record = everything();
    record["model_config"] = json!("kestrel-k6");
    let stranger = sent_by(STRANGER, record);
    assert_eq!(text(&stranger, Table::Records, "model", 0).as_deref(), Some("kestrel-k6"));
    assert_eq!(flags(&stranger, Table::Records, 0), [""; 0], "its ID is of no model that is known");
}

#[test]
fn what_comes_from_an_assumed_rating_says_so() {
    let methods = |robot| object(&sent_by(robot, everything()), Table::Joints, "methods", 0);
    let of_ur3e = methods(UR3E);
    for column in ["reducer_damage", "average_torque_ratio", "reducer_damage_window"] {
        assert_eq!(of_ur3e[column], "rating_assumed", "{of_ur3e}");
    }
    assert_eq!(of_ur3e["torque_residual_norm"], "samples, rating_assumed");
    assert_eq!(of_ur3e["reducer_l10_h"], "temp_histogram_hours, rating_assumed");
    assert_eq!(methods(super::fixture::ROBOT)["reducer_damage"], Value::Null, "a catalogue's rating");
}

/// A pack, changed; its columns that are null, with their reasons.
fn pack_with(changes: &Value) -> (Processed, Value) {
    let mut record = everything();
    record["batteries"][0].as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let processed = process(&record);
    let absent = object(&processed, Table::Batteries, "absent", 0);
    (processed, absent)
}

#[test]
fn a_capacity_in_another_unit_is_no_health() {
    for full_charge_ah in [15_000.0, 1e15, 0.0] {
        let (processed, absent) = pack_with(&json!({ "full_charge_ah": full_charge_ah }));
        for column in ["soh_capacity", "pack_health_index", "capacity_ah"] {
            assert_eq!(absent[column], "out_of_range", "{full_charge_ah}: {column}");
            assert_eq!(number(&processed, Table::Batteries, column, 0), None);
        }
        assert_eq!(text(&processed, Table::Batteries, "soh_capacity_method", 0), None);
        assert_eq!(object(&processed, Table::Batteries, "methods", 0)["soh_capacity"], Value::Null);
    }
}

#[test]
fn an_efficiency_or_a_resistance_that_cannot_be_is_none() {
    let (_, absent) = pack_with(&json!({"discharged_wh": 1_500_000.0, "dcir_mohm": 0.0}));
    for column in ["energy_efficiency", "dcir_25c_mohm", "soh_resistance"] {
        assert_eq!(absent[column], "out_of_range", "{absent}");
    }
    let (_, absent) = pack_with(&json!({"dcir_mohm": 5.0}));
    assert_eq!(absent["soh_resistance"], "out_of_range", "a quarter of the resistance as new");
    let (_, absent) = pack_with(&json!({"dcir_mohm": 50.0}));
    assert_eq!(absent.get("soh_resistance"), None, "past its end");
}

#[test]
fn a_charge_while_the_state_of_charge_falls_is_no_capacity() {
    let samples = json!({"t_s": [0, 450, 900], "current_a": [10, 10, 10]});
    let (_, absent) = pack_with(&json!({"full_charge_ah": null, "soc_start": 0.9, "soc_end": 0.4, "samples": samples}));
    for column in ["capacity_ah", "soh_capacity", "pack_health_index"] {
        assert_eq!(absent[column], "inconsistent", "{absent}");
    }
}

#[test]
fn load_that_no_revolution_can_have_made_is_flagged() {
    let flagged = |changes: Value| {
        let mut record = everything();
        record["joints"][0].as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let found = flags(&process(&record), Table::Joints, 0);
        found.contains(&"inconsistent:/joints/0/input_rev_load".to_owned())
    };
    assert!(!flagged(json!({})));
    assert!(flagged(json!({"input_rev": 0, "load_hist_rev": null, "input_rev_load": 1e10})));
    assert!(!flagged(json!({"input_rev": 0, "load_hist_rev": null, "input_rev_load": 0})));
    let all_in = |bin: usize, load: f64| {
        let mut bins = [0.0; 12];
        bins[bin] = 21e6;
        json!({"load_hist_rev": bins, "input_rev_load": load})
    };
    assert!(flagged(all_in(0, 1e10)));
    assert!(flagged(all_in(6, 22e6)) && !flagged(all_in(6, 21e6)), "at the rated torque at most");
    assert!(!flagged(all_in(11, 60.0 * 21e6)), "above the last edge only the momentary peak bounds it");
    assert!(flagged(all_in(11, 1e12)));
}
