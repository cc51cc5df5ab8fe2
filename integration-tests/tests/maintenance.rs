//! What maintenance teams are told: views and advice hold on to what a test found, follow the part that is in place, and are not
//! led astray by a wrong clock, a repeated value or a clone.

use serde_json::{Value, json};
use tacho_integration_tests::client::installed;
use tacho_integration_tests::history::{HOUR_MS, LIFE_REV, alerts, due, land, near, now_ms, of, plant, record, robot};
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions};

#[test]
fn what_a_test_found_stands_until_a_newer_test_or_another_component() {
    let Some(mut plant) = plant() else { return };
    let id = robot(1);
    let joint = |joint: Value| json!({"joints": [joint]});
    let failed = joint(json!({"name": "J1", "input_rev": 1e6, "brake_hold_ratio": 0.4, "lost_motion_arcmin": 2.9}));
    let ordinary = joint(json!({"name": "J1", "input_rev": 1.1e6}));
    let lake = land(&plant, &[record(&id, 1, 3.0, &failed), record(&id, 2, 2.0, &ordinary)]);
    assert_eq!(due(&lake, &id), ["brake-holds-too-little \"J1\" 1", "lost-motion \"J1\" 1"]);
    let renewed = joint(json!({"name": "J1", "component_epoch": 1, "input_rev": 10}));
    land(&plant, &[record(&robot(2), 1, 3.0, &failed), record(&robot(2), 2, 1.0, &renewed)]);
    assert_eq!(due(&lake, &robot(2)), [""; 0], "that was another component");
    let passed = joint(json!({"name": "J1", "input_rev": 1.2e6, "brake_hold_ratio": 1.4}));
    land(&plant, &[record(&robot(3), 1, 3.0, &failed), record(&robot(3), 2, 1.0, &passed)]);
    assert_eq!(due(&lake, &robot(3)), ["lost-motion \"J1\" 1"]);
    plant.stop().unwrap();
}

#[test]
fn remaining_life_is_what_is_left_at_the_rate_of_the_component_in_place_whatever_one_clock_says() {
    let Some(mut plant) = plant() else { return };
    let id = robot(1);
    let joint = |epoch: u32, damage: f64| {
        json!({"joints": [{"name": "J1", "component_epoch": epoch, "input_rev": 2e9, "input_rev_load": damage * LIFE_REV,
                           "following_error_rms_rad": 1e-3 * damage}]})
    };
    // A thousandth of the life in six hours, for ten days.
    let mut records: Vec<Value> = (0..=40)
        .map(|seq| record(&id, seq, 6.0 * (40 - seq) as f64 + 0.1, &joint(0, 0.5 + 0.001 * seq as f64)))
        .collect();
    // Four years ahead, and one with the epoch of a component to come.
    records[12] = record(&id, 12, -35_000.0, &joint(0, 0.512));
    records[20] = record(&id, 20, 120.1, &joint(7, 0.001));
    let lake = land(&plant, &records);
    let rul = &of(&lake, "joint_rul", &id)[..];
    assert_eq!(rul.len(), 1, "{rul:?}");
    assert_eq!((&rul[0]["trend"], &rul[0]["n"], &rul[0]["seq"]), (&json!("rising"), &json!(39), &json!(40)), "{rul:?}");
    near(&rul[0], "damage", 0.54);
    near(&rul[0], "damage_per_h", 0.001 / 6.0);
    near(&rul[0], "damage_per_h_recent", 0.001 / 6.0);
    near(&rul[0], "rul_h", 0.46 / (0.001 / 6.0));
    let accuracy = of(&lake, "accuracy_trend", &id);
    let accuracy = accuracy.iter().find(|row| row["component_epoch"] == 0).unwrap();
    assert_eq!((&accuracy["trend"], &accuracy["n"]), (&json!("worse"), &json!(39)), "{accuracy:?}");
    near(accuracy, "slope_per_d", 4e-6);

    // In an hour there is no trend yet, however many records.
    let id = robot(2);
    let soon: Vec<Value> =
        (0..=40).map(|seq| record(&id, seq, (40 - seq) as f64 / 40.0, &joint(0, 0.5 + 0.001 * seq as f64))).collect();
    land(&plant, &soon);
    let rul = &of(&lake, "joint_rul", &id)[0];
    assert_eq!((&rul["trend"], &rul["rul_h"]), (&json!("too few"), &Value::Null), "{rul:?}");
    assert_eq!(due(&lake, &id), [""; 0]);
    plant.stop().unwrap();
}

#[test]
fn a_pack_is_judged_by_its_measurements_each_once_and_only_while_it_is_in_place() {
    let Some(mut plant) = plant() else { return };
    let pack = |pack: Value| json!({"batteries": [pack]});
    let whole = |id: &str, full_ah: f64, through_ah: f64| {
        json!({"pack_id": id, "voltage_v": 48.0, "current_a": 0.0, "soc_start": 0.9, "soc_end": 0.8, "temp_min_c": 20.0,
               "temp_max_c": 25.0, "full_charge_ah": full_ah, "discharged_ah": through_ah, "charged_ah": through_ah})
    };
    // The battery management measures once in eight records, and counts cycles in the first half only.
    let id = robot(1);
    let records: Vec<Value> = (0..80)
        .map(|seq| {
            let mut sent = whole("PK-1", 29.0 - 0.1 * (seq / 8) as f64, 30.0 * (500 + seq) as f64);
            if seq < 40 {
                sent["bms_cycle_count"] = json!(500 + seq);
            }
            record(&id, seq, 6.0 * (80 - seq) as f64, &pack(sent))
        })
        .collect();
    let lake = land(&plant, &records);
    let rul = &of(&lake, "battery_rul", &id)[0];
    assert_eq!((&rul["n"], &rul["n_d"]), (&json!(10), &json!(10)), "one point a measurement: {rul:?}");
    assert_eq!(
        (&rul["cycle_source"], &rul["trend"], &rul["trend_d"]),
        (&json!("equivalent_full_cycles"), &json!("falling"), &json!("falling")),
        "{rul:?}"
    );
    near(rul, "ah_per_cycle", -0.1 / 8.0);
    near(rul, "end_at_cycle", 500.0 + 8.0 * (29.0 - 24.0) / 0.1);
    near(rul, "ah_per_d", -0.1 / 2.0);

    let id = robot(2);
    let (old, new) = (pack(whole("OLD", 20.0, 900.0)), pack(whole("NEW", 30.0, 90.0)));
    land(&plant, &[record(&id, 1, 3.0, &old)]);
    assert_eq!(due(&lake, &id), ["battery-end-of-life \"OLD\" 1"]);
    let id = robot(3);
    land(&plant, &[record(&id, 1, 3.0, &old), record(&id, 2, 2.0, &new), record(&id, 3, 1.0, &json!({}))]);
    assert_eq!(due(&lake, &id), [""; 0], "it was taken out");
    for view in ["battery_health", "battery_rul", "pack_tests"] {
        let packs = of(&lake, view, &id);
        assert!(!packs.is_empty() && packs.iter().all(|row| row["pack_id"] == "NEW"), "{view}: {packs:?}");
    }
    plant.stop().unwrap();
}

#[test]
fn clones_show_by_turns_and_counters_by_what_they_cannot_do() {
    let Some(mut plant) = plant() else { return };
    let part = |id: &str| json!({"joints": [{"name": "J1", "component_id": id, "input_rev": 5e6}]});
    // Two robots in one stream, each with its own part.
    let two: Vec<Value> = (0..8)
        .map(|seq| record(&robot(1), seq, 8.0 - seq as f64, &part(if seq % 2 == 0 { "A" } else { "B" })))
        .collect();
    let lake = land(&plant, &two);
    assert_eq!(alerts(&lake, &robot(1)), ["clone_two_components", "component_renamed"]);
    // A part is replaced once, and a record of the former stream comes late.
    let mut one: Vec<Value> = (0..8).map(|seq| record(&robot(2), seq, 8.0 - seq as f64, &part("A"))).collect();
    let renewed = json!({"stream_epoch": 2, "joints": [{"name": "J1", "component_id": "B", "component_epoch": 1, "input_rev": 5}]});
    one.push(record(&robot(2), 0, 0.5, &renewed));
    one.push(record(&robot(2), 8, 0.7, &part("A")));
    land(&plant, &one);
    assert_eq!(alerts(&lake, &robot(2)), [""; 0]);
    // Two streams by turns.
    let turns: Vec<Value> =
        (0..8).map(|turn| record(&robot(3), turn, 8.0 - turn as f64, &json!({"stream_epoch": 1 + turn % 2}))).collect();
    land(&plant, &turns);
    assert_eq!(
        alerts(&lake, &robot(3)),
        ["clone_two_streams", "counter_backwards"],
        "hours of one stream after the other's"
    );
    // A fifth too fast, below an hour at each step; and energy that falls.
    let counters = |seq: i64| json!({"counters": {"power_on_h": 100.0 + 0.3 * seq as f64, "energy_kwh": if seq == 20 { 1.0 } else { 50.0 }}});
    let fast: Vec<Value> =
        (0..40).map(|seq| record(&robot(4), seq, 10.0 - 0.25 * seq as f64, &counters(seq))).collect();
    land(&plant, &fast);
    assert_eq!(alerts(&lake, &robot(4)), ["counter_backwards", "counter_too_fast"]);
    plant.stop().unwrap();
}

#[test]
fn grease_counts_from_the_greasing_and_events_of_a_wrong_clock_do_not_count() {
    let Some(mut plant) = plant() else { return };
    let greased = |usage_rev: f64, more: Value| {
        let mut joint = json!({"name": "J1", "input_rev": usage_rev, "input_rev_load": usage_rev});
        joint["grease_temp_hist_rev"] = json!([usage_rev, 0, 0, 0, 0, 0, 0, 0]);
        let mut sent = json!({"joints": [joint]});
        for (key, value) in more.as_object().unwrap() {
            sent[key] = value.clone();
        }
        sent
    };
    // Greased ten days before the first record, when most of the usage had been.
    let at = now_ms() - 240 * HOUR_MS;
    let event = json!({"maintenance": [{"time": at, "kind": "grease"}]});
    let id = robot(1);
    let records = [record(&id, 1, 2.0, &greased(8e8, event)), record(&id, 2, 1.0, &greased(8.5e8, json!({})))];
    let lake = land(&plant, &records);
    let grease = &of(&lake, "grease_due", &id)[0];
    near(grease, "grease_usage", 1.0);
    assert!((grease["grease_usage_since"].as_f64().unwrap() - 0.5 / 8.5).abs() < 1e-5, "{grease:?}");
    near(grease, "years_since", 239.0 / 8766.0);
    assert_eq!(due(&lake, &id), [""; 0]);

    let id = robot(2);
    let failed = |time: i64| json!({"time": time, "code": "E1", "severity": "error", "component_id": "drive"});
    let (then, later) = (now_ms() - HOUR_MS, now_ms() + 90_000 * HOUR_MS);
    let events =
        json!({"events": (0..30).map(|number| failed(if number < 3 { then } else { later })).collect::<Vec<_>>()});
    land(&plant, &[record(&id, 1, 0.5, &events)]);
    assert_eq!(of(&lake, "event_counts", &id)[0]["errors_7d"], 3);
    plant.stop().unwrap();
}

#[test]
fn rules_of_ones_own_hold_for_whoever_asks_the_data_directory_and_a_wrong_one_is_told_and_harms_nothing() {
    if !installed("mosquitto_pub") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    let rule = |name: &str, column: &str| {
        format!(
            "[[rules]]\nname = \"{name}\"\nview = \"joint_wear\"\ncomponent = \"joint\"\ncolumn = \"{column}\"\nabove = 0.1\n\
             urgency = \"plan\"\nadvice = \"look\"\nsource = \"judgement\"\n"
        )
    };
    std::fs::write(&file, rule("mine", "reducer_damage") + &rule("wrong", "reducer_damge")).unwrap();
    let config = format!("[processing]\nrules_file = {file:?}");
    let mut plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    let joint = json!({"joints": [{"name": "J1", "input_rev": 2e9, "input_rev_load": 0.5 * LIFE_REV}]});
    let lake = land(&plant, &[record(&robot(1), 1, 1.0, &joint)]);
    assert_eq!(due(&lake, &robot(1)), ["mine \"J1\" 1"]);
    assert_eq!(lake.int("select count(*) from fleet").unwrap(), 1);
    let data = plant.data();
    let asked = tacho(&["sql", "select 1", "--data", data.to_str().unwrap()]).unwrap();
    assert!(
        text(&asked).contains("rule wrong: column = reducer_damge: expected a column of joint_wear"),
        "{}",
        text(&asked)
    );
    plant.stop().unwrap();
    let settings = folder.path().join("tacho.toml");
    std::fs::write(&settings, format!("profile = \"development\"\n{config}")).unwrap();
    let checked = tacho(&["check", settings.to_str().unwrap()]).unwrap();
    assert!(!checked.status.success() && text(&checked).contains("rule wrong: column"), "{}", text(&checked));
}
