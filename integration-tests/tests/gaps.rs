//! Duplicates, conflicts, gaps and late fills, across restarts and compaction (G2, G4).

use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const LANDED: Duration = Duration::from_secs(40);

fn publish(plant: &Plant, seqs: &[i64]) {
    let records: Vec<String> = seqs.iter().map(|seq| record(ROBOT, 1, *seq)).collect();
    let file = plant.beside("records.json");
    std::fs::write(&file, format!("[{}]", records.join(","))).unwrap();
    mosquitto_pub(&plant.mqtt().unwrap(), "5", &topic(ROBOT), &file).unwrap();
}

/// (landed, duplicate, rejected, missing) once `received` records are counted.
fn counts(plant: &Plant, received: i64) -> [i64; 4] {
    let lake = plant.lake();
    until("all counted", LANDED, &Some(received), || lake.try_int("select sum(received) from ledger"));
    let rows = lake.rows("select landed, duplicate, rejected, missing from ledger").unwrap();
    ["landed", "duplicate", "rejected", "missing"].map(|name| rows[0][name].as_i64().unwrap())
}

#[test]
fn gaps_open_narrow_and_close_and_duplicates_stay_known_across_restart_and_compaction() {
    if !installed("mosquitto_pub") {
        return;
    }
    let mut plant = Plant::started(PlantOptions::eager()).unwrap();
    publish(&plant, &[1, 2, 3, 10]);
    assert_eq!(counts(&plant, 4), [4, 0, 0, 6]);
    let gaps = plant.lake().rows("select seq_first, seq_last, kind from gaps").unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!((&gaps[0]["seq_first"], &gaps[0]["seq_last"]), (&4.into(), &9.into()));

    plant.kill().unwrap();
    plant.start().unwrap();
    publish(&plant, &[5, 6, 2]);
    assert_eq!(counts(&plant, 7), [6, 1, 0, 4]);
    let gaps = plant.lake().rows("select seq_first, seq_last from gaps order by seq_first").unwrap();
    let ranges: Vec<(i64, i64)> =
        gaps.iter().map(|row| (row["seq_first"].as_i64().unwrap(), row["seq_last"].as_i64().unwrap())).collect();
    assert_eq!(ranges, [(4, 4), (7, 9)]);

    until_some("a compaction", Duration::from_secs(60), || plant.logged().contains("files merged").then_some(()));
    plant.stop().unwrap();
    plant.start().unwrap();
    publish(&plant, &[4, 7, 8, 9, 10, 1]);
    assert_eq!(counts(&plant, 13), [10, 3, 0, 0]);
    let lake = plant.lake();
    assert_eq!(lake.rows("select * from gaps").unwrap(), Vec::new());
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
}
