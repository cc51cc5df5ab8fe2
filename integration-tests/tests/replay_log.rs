//! `tacho replay-log`: raw records processed once more, into a lake of its own; what has landed stays as it is.

use std::path::Path;
use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub, simulated};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Lake, Plant, PlantOptions, until};

const SOON: Duration = Duration::from_secs(60);
const TABLES: [(&str, &str); 8] = [
    ("records", "seq"),
    ("joints", "joint"),
    ("batteries", "pack_id"),
    ("vibration", "location"),
    ("events", "row_index"),
    ("maintenance", "row_index"),
    ("rejected", "reason"),
    ("gap_events", "row_index"),
];

/// All rows of a table for which something holds, in the order of the log.
fn rows(lake: &Lake, (table, key): (&str, &str), condition: &str) -> String {
    let sql = format!("select * from {table} where {condition} order by partition, \"offset\", ordinal, {key}");
    lake.text(&sql, "json").unwrap()
}

fn replayed(plant: &Plant, into: &Path, args: &[&str]) -> serde_json::Value {
    let (data, into) = (plant.data(), into.to_str().unwrap());
    let args = [&["replay-log", "--data", data.to_str().unwrap(), "--into", into], args].concat();
    let output = tacho(&args).unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(plant: &Plant, into: &Path, args: &[&str]) -> String {
    let (data, into) = (plant.data(), into.to_str().unwrap());
    let output = tacho(&[&["replay-log", "--data", data.to_str().unwrap(), "--into", into], args].concat()).unwrap();
    assert!(!output.status.success());
    text(&output)
}

fn received(plant: &Plant, count: i64) {
    until("all counted", SOON, &Some(count), || plant.lake().try_int("select sum(received) from ledger"));
}

#[test]
fn under_the_same_configuration_the_rows_are_the_same_also_beside_a_running_instance_and_for_a_part() {
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let faults = "gap=0.05,duplicate=0.05,poison=0.05,conflict=0.05,reorder=0.05,bad_id=0.05";
    let args = ["--robots", "20", "--rate", "0", "--records", "2000", "--epoch", "7", "--faults", faults];
    let acknowledged = simulated(&plant.mqtt().unwrap(), &args).unwrap()["acknowledged"].as_i64().unwrap();
    received(&plant, acknowledged);
    let (source, all) = (plant.lake(), plant.beside("all"));
    let report = replayed(&plant, &all, &[]);
    assert_eq!(report["received"].as_i64(), Some(acknowledged));
    assert_eq!(report["configurations"].as_array().unwrap().len(), 1);
    for table in TABLES {
        let (before, after) = (rows(&source, table, "true"), rows(&Lake::new(all.clone()), table, "true"));
        let differing = before.lines().zip(after.lines()).find(|(before, after)| before != after);
        assert_eq!((differing, before.lines().count()), (None, after.lines().count()), "{table:?}");
    }
    let ledger = "select robot_id, received, landed, duplicate, rejected, missing from ledger order by robot_id";
    assert_eq!(Lake::new(all.clone()).text(ledger, "csv").unwrap(), source.text(ledger, "csv").unwrap());

    // A part begins with an empty ledger: what the records before it have taken is not known there.
    let [first, last] = report["offsets"]["3"].as_array().unwrap()[..]
        .iter()
        .map(|offset| offset.as_i64().unwrap())
        .collect::<Vec<_>>()[..]
    else {
        panic!("{report}")
    };
    let (from, to) = (first + (last - first) / 3, last - 5);
    let part = plant.beside("part");
    let report = replayed(&plant, &part, &["--from", &format!("3:{from}"), "--to", &format!("3:{to}")]);
    assert_eq!(report["offsets"]["3"], serde_json::json!([from, to]));
    let within = format!("partition = 3 and \"offset\" >= {from} and \"offset\" < {to}");
    let landed = rows(&source, TABLES[0], &within);
    let again = rows(&Lake::new(part.clone()), TABLES[0], "partition = 3");
    assert!(landed.lines().count() > 20, "enough to compare");
    assert_eq!(landed.lines().find(|row| !again.lines().any(|other| other == *row)), None);

    let now = plant.beside("now");
    let report = replayed(&plant, &now, &["--from", "2100-01-01", "--to", "2100-01-02T00:00:00Z"]);
    assert_eq!(report["received"].as_i64(), Some(0));
    assert!(refused(&plant, &part, &[]).contains("not empty"), "{}", refused(&plant, &part, &[]));
    let outside = refused(&plant, &plant.beside("outside"), &["--from", "3:99999999"]);
    assert!(outside.contains("offset 99999999 of partition 3 is outside of the log"), "{outside}");
    assert!(refused(&plant, &plant.beside("none"), &["--to", "8:1"]).contains("partitions 0 to 7"));
}

#[test]
fn under_another_configuration_what_it_lets_pass_lands_and_the_old_rows_stay_as_they_are() {
    if !installed("mosquitto_pub") {
        return;
    }
    let strict = "[processing.limits.counter]\nhard_max = 1000";
    let mut plant = Plant::started(PlantOptions::configured(strict)).unwrap();
    let file = plant.beside("publish.bin");
    for seq in 1..=3 {
        std::fs::write(&file, record(ROBOT, 1, seq)).unwrap();
        mosquitto_pub(&plant.mqtt().unwrap(), "5", &topic(ROBOT), &file).unwrap();
    }
    received(&plant, 3);
    plant.stop().unwrap();
    let before = TABLES.map(|table| rows(&plant.lake(), table, "true"));

    let mended = plant.beside("mended.toml");
    std::fs::write(&mended, "profile = \"development\"\n[processing.limits.counter]\nhard_max = 2000\n").unwrap();
    let into = plant.beside("mended");
    let report = replayed(&plant, &into, &["--config", mended.to_str().unwrap()]);
    assert_eq!((report["landed"].as_i64(), report["rejected"].as_i64()), (Some(3), Some(0)));
    let lake = Lake::new(into);
    let under = lake.rows("select distinct config_digest from records").unwrap();
    assert_eq!(report["configurations"], serde_json::json!([under[0]["config_digest"]]));
    let rejected_under = plant.lake().rows("select distinct config_digest from rejected").unwrap();
    assert_ne!(rejected_under[0]["config_digest"], under[0]["config_digest"]);
    assert_eq!(TABLES.map(|table| rows(&plant.lake(), table, "true")), before);
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
}
