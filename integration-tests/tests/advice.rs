//! Remaining life and advice where histories are not plain: a silent robot, a part that is replaced by one that tells less, a model
//! that is changed, measurements of long ago, methods by turns, and counters that no machine has.

use serde_json::{Value, json};
use tacho_integration_tests::client::installed;
use tacho_integration_tests::history::{LIFE_REV, alerts, due, land, near, of, plant, record, robot};
use tacho_integration_tests::{Plant, PlantOptions};

/// J1 of a component, with its spent life.
fn joint(component: &str, epoch: u32, damage: Option<f64>) -> Value {
    let load = damage.map(|damage| damage * LIFE_REV);
    json!({"joints": [{"name": "J1", "component_id": component, "component_epoch": epoch, "input_rev": 2e9, "input_rev_load": load}]})
}

/// A record every six hours, the last one `until_h` ago, whose spent life is of its number.
fn wearing(robot: &str, count: i64, until_h: f64, damage: impl Fn(f64) -> f64) -> Vec<Value> {
    let at = |seq: i64| {
        record(robot, seq, until_h + 6.0 * (count - 1 - seq) as f64, &joint("A", 0, Some(damage(seq as f64))))
    };
    (0..count).map(at).collect()
}

#[test]
fn a_worn_reducer_stays_due_while_its_robot_is_silent_and_a_removed_one_does_not() {
    let Some(mut plant) = plant() else { return };
    let silent = robot(1);
    let lake = land(&plant, &wearing(&silent, 8, 31.0 * 24.0, |seq| 1.2 + 0.001 * seq));
    let rul = &of(&lake, "joint_rul", &silent)[0];
    assert_eq!((&rul["trend"], &rul["n"], &rul["rul_h"]), (&json!("too few"), &json!(0), &Value::Null), "{rul:?}");
    near(rul, "damage", 1.207);
    assert_eq!(due(&lake, &silent), ["reducer-life-mostly-spent \"J1\" 7", "reducer-life-spent \"J1\" 7"]);

    let replaced = robot(2);
    let mut records = wearing(&replaced, 40, 7.0, |seq| 0.5 + 0.012 * seq);
    records.push(record(&replaced, 40, 1.0, &joint("B", 1, None)));
    land(&plant, &records);
    let rul = &of(&lake, "joint_rul", &replaced)[..];
    assert_eq!((rul.len(), &rul[0]["component_id"], &rul[0]["damage"]), (1, &json!("B"), &Value::Null), "{rul:?}");
    assert_eq!(due(&lake, &replaced), [""; 0]);

    // The new one has not worn for long: no fall of the counter, no wear of the old one.
    let clean = robot(3);
    let mut records = wearing(&clean, 4, 30.0, |seq| 0.5 + 0.01 * seq);
    records.push(record(
        &clean,
        4,
        2.0,
        &json!({"joints": [{"name": "J1", "component_id": "B", "component_epoch": 1}]}),
    ));
    records.push(record(&clean, 5, 1.0, &joint("B", 1, Some(0.001))));
    land(&plant, &records);
    assert_eq!(of(&lake, "identity_alerts", &clean).len(), 0);

    // By its last three days it goes within a week, whatever the month says.
    let harder = robot(4);
    land(&plant, &wearing(&harder, 100, 1.0, |seq| if seq < 80.0 { 0.5 } else { 0.5 + 0.009 * (seq - 79.0) }));
    let rul = &of(&lake, "joint_rul", &harder)[0];
    near(rul, "rul_h_recent", (1.0 - 0.68) / (0.009 / 6.0));
    assert!(due(&lake, &harder).contains(&"reducer-life-short \"J1\" 99".to_owned()), "{:?}", due(&lake, &harder));
    plant.stop().unwrap();
}

/// A model of the tests' robots, by the life of its reducers.
fn model(life_h: u32) -> String {
    format!(
        "name = \"my-arm\"\nkind = \"arm\"\nmatches = [\"MYARM00001\"]\nsource = \"test\"\n[reducers.r]\nkind = \"strain_wave\"\n\
         gear_ratio = 100\nrated_torque_nm = 87\nrepeated_peak_torque_nm = 204\nmomentary_peak_torque_nm = 369\n\
         rated_speed_rpm = 2000\nrated_life_l10_h = {life_h}\nsource = \"test\"\n[[joints]]\ndefault = true\nreducer = \"r\"\n\
         source = \"test\"\n"
    )
}

#[test]
fn a_model_that_is_changed_in_the_middle_of_a_series_is_no_wear() {
    if !installed("mosquitto_pub") {
        return;
    }
    let models = tempfile::tempdir().unwrap();
    let file = models.path().join("my-arm.toml");
    std::fs::write(&file, model(10_000)).unwrap();
    let config = format!("[processing]\nmodels_dir = {:?}", models.path());
    let mut plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    let robot = "CNMYARM0000100000000000000001".to_owned();
    let records = wearing(&robot, 40, 1.0, |seq| 0.1 + 0.001 * seq);
    land(&plant, &records[..30]);
    plant.stop().unwrap();
    std::fs::write(&file, model(5_000)).unwrap();
    plant.start().unwrap();
    plant.wait_until_up().unwrap();
    let lake = land(&plant, &records[30..]);
    let rul = &of(&lake, "joint_rul", &robot)[0];
    assert_eq!((&rul["trend"], &rul["n"]), (&json!("rising"), &json!(40)), "{rul:?}");
    near(rul, "damage", 2.0 * 0.139);
    near(rul, "damage_per_h", 2.0 * 0.001 / 6.0);
    near(rul, "rul_h", (1.0 - 0.278) / (0.002 / 6.0));
    plant.stop().unwrap();
}

fn pack(pack: &Value) -> Value {
    let mut sent = json!({"pack_id": "PK", "voltage_v": 48.0, "current_a": 0.0, "soc_start": 0.9, "soc_end": 0.8, "temp_min_c": 20.0,
                          "temp_max_c": 25.0, "discharged_ah": 30.0});
    for (key, value) in pack.as_object().unwrap() {
        sent[key] = value.clone();
    }
    json!({"batteries": [sent]})
}

#[test]
fn a_packs_remaining_life_is_from_now_on_whenever_it_was_measured() {
    let Some(mut plant) = plant() else { return };
    // 30 Ah new and 24 at its end, falling by 0.01 a day; measured until a hundred days ago, repeated since.
    let id = robot(1);
    let at = |seq: i64| {
        let day = 20 * seq;
        let measured = day.min(200);
        pack(&json!({"full_charge_ah": 27.0 - 0.01 * measured as f64, "bms_cycle_count": day}))
    };
    let records: Vec<Value> =
        (0..=15).map(|seq| record(&id, seq, 24.0 * (300 - 20 * seq) as f64 + 0.5, &at(seq))).collect();
    let lake = land(&plant, &records);
    let rul = &of(&lake, "battery_rul", &id)[0];
    assert_eq!((&rul["trend_d"], &rul["n_d"]), (&json!("falling"), &json!(11)), "{rul:?}");
    let left_d = rul["rul_d"].as_f64().unwrap();
    assert!(left_d.abs() < 0.1, "300 days of 300 are over: {left_d}");
    assert!(rul["rul_cycles"].as_f64().unwrap().abs() < 1e-6, "{rul:?}");

    // Two packs that are told of by turns are both in place.
    let id = robot(2);
    let turn = |name: &str| pack(&json!({"pack_id": name, "full_charge_ah": 20.0}));
    let records: Vec<Value> = (0..6)
        .map(|seq| record(&id, seq, 0.5 * (6 - seq) as f64, &turn(if seq % 2 == 0 { "LEFT" } else { "RIGHT" })))
        .collect();
    land(&plant, &records);
    assert_eq!(due(&lake, &id), ["battery-end-of-life \"LEFT\" 4", "battery-end-of-life \"RIGHT\" 5"]);
    plant.stop().unwrap();
}

#[test]
fn accuracy_is_of_the_component_in_place_and_of_one_method() {
    let Some(mut plant) = plant() else { return };
    let id = robot(1);
    let error = |part: &str, epoch: u32, rms: f64| json!({"joints": [{"name": "J1", "component_id": part, "component_epoch": epoch, "input_rev": 1e6, "following_error_rms_rad": rms}]});
    let mut records: Vec<Value> = (0..40)
        .map(|seq| record(&id, seq, 6.0 * (50 - seq) as f64, &error("A", 0, 1e-4 * (1.0 + 0.05 * seq as f64))))
        .collect();
    records.extend((40..50).map(|seq| record(&id, seq, 6.0 * (50 - seq) as f64 - 5.0, &error("B", 1, 1e-4))));
    let lake = land(&plant, &records);
    let trends = of(&lake, "accuracy_trend", &id);
    assert_eq!(
        (trends.len(), &trends[0]["component_id"], &trends[0]["trend"]),
        (1, &json!("B"), &json!("no trend")),
        "{trends:?}"
    );
    assert_eq!(due(&lake, &id), [""; 0]);

    let id = robot(2);
    let motion = |seq: i64| {
        let path = |y: f64| json!([[0.0, y], [1.0, y], [2.0, y]]);
        if seq % 2 == 0 || seq > 30 {
            json!({"motion": {"reference_path_m": path(0.0), "actual_path_m": path(0.02)}})
        } else {
            json!({"motion": {"cross_track_rms_m": 0.01, "cross_track_max_m": 0.02}})
        }
    };
    let records: Vec<Value> = (0..40).map(|seq| record(&id, seq, 6.0 * (40 - seq) as f64, &motion(seq))).collect();
    land(&plant, &records);
    let mut trends: Vec<String> = of(&lake, "accuracy_trend", &id)
        .into_iter()
        .map(|row| format!("{} {} {}", row["quantity"], row["method"], row["trend"]).replace('"', ""))
        .collect();
    trends.sort();
    assert_eq!(trends, ["path_rms_m paths no trend", "path_rms_m sent no trend"]);
    plant.stop().unwrap();
}

#[test]
fn counters_are_too_fast_step_by_step_and_a_part_without_an_id_is_no_other_part() {
    let Some(mut plant) = plant() else { return };
    // A part whose ID every fifth record tells.
    let id = robot(1);
    let part = |seq: i64| {
        let mut joint = json!({"name": "J1", "input_rev": 1e6 + 1e3 * seq as f64});
        if seq % 5 == 0 {
            joint["component_id"] = json!("A");
        }
        json!({"joints": [joint]})
    };
    let records: Vec<Value> = (0..20).map(|seq| record(&id, seq, (20 - seq) as f64, &part(seq))).collect();
    let lake = land(&plant, &records);
    assert_eq!(alerts(&lake, &id), [""; 0]);

    // 500 h in an hour, in a year that was idle otherwise; a record of 2016 hides nothing.
    let id = robot(2);
    let hours = |power_on_h: f64| json!({"counters": {"power_on_h": power_on_h}});
    let jump = |seq: i64| hours(1000.0 + if seq > 20 { 500.0 } else { 0.0 });
    let mut records: Vec<Value> = (0..40).map(|seq| record(&id, seq, (40 - seq) as f64, &jump(seq))).collect();
    records[3] = record(&id, 3, 87_600.0, &jump(3));
    land(&plant, &records);
    assert_eq!(alerts(&lake, &id), ["counter_too_fast"]);

    // A new controller counts from 0: it fell, and was never too fast.
    let id = robot(3);
    let fell = |seq: i64| hours(if seq < 3 { 1000.0 + seq as f64 } else { (seq - 3) as f64 });
    let records: Vec<Value> = (0..6).map(|seq| record(&id, seq, (6 - seq) as f64, &fell(seq))).collect();
    land(&plant, &records);
    assert_eq!(alerts(&lake, &id), ["counter_backwards"]);

    // A billion turns, a million ampere hours and a million kilometres in an hour.
    let id = robot(4);
    let fast = |seq: i64| {
        let by = 1.0 + seq as f64;
        let mut more = pack(&json!({"discharged_ah": 1e6 * by, "charged_ah": 1e6 * by}));
        more["counters"] = json!({"power_on_h": by, "distance_m": 1e9 * by});
        more["joints"] = json!([{"name": "J1", "input_rev": 1e9 * by}]);
        more
    };
    let records: Vec<Value> = (0..3).map(|seq| record(&id, seq, (3 - seq) as f64, &fast(seq))).collect();
    land(&plant, &records);
    assert_eq!(alerts(&lake, &id), ["counter_too_fast"; 3]);
    plant.stop().unwrap();
}
