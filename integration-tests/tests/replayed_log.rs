//! G6: the raw log replayed into an empty lake gives the same rows, bit for bit.

use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::{Lake, Plant, PlantOptions, until};

const LANDED: Duration = Duration::from_secs(60);

/// All rows of all tables, in the order of the log.
fn rows(lake: &Lake) -> Vec<String> {
    ["records", "joints", "batteries", "vibration", "events", "maintenance", "rejected", "gap_events"]
        .map(|table| {
            let key = match table {
                "joints" => ", joint",
                "batteries" => ", pack_id",
                "vibration" => ", location",
                "events" | "maintenance" | "gap_events" => ", row_index",
                _ => "",
            };
            lake.text(&format!("select * from {table} order by partition, \"offset\", ordinal{key}"), "json").unwrap()
        })
        .to_vec()
}

#[test]
fn the_log_replayed_into_an_empty_lake_gives_the_same_rows() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let faults = "gap=0.05,duplicate=0.05,poison=0.05,conflict=0.05,reorder=0.05,clock_skew=0.05,bad_id=0.05";
    let args = ["--robots", "30", "--rate", "0", "--records", "3000", "--epoch", "7", "--faults", faults];
    simulated(&plant.mqtt().unwrap(), &args).unwrap();
    plant.stop().unwrap();
    let lake = plant.lake();
    let received = lake.int("select sum(received) from ledger").unwrap();
    let before = rows(&lake);
    assert!(
        before.iter().filter(|table| table.lines().count() > 10).count() >= 5,
        "the faults gave rows to most tables"
    );

    for folder in ["data/lake", "data/registry", "data/keys", "data.registry"] {
        std::fs::rename(plant.beside(folder), plant.beside(&format!("{}.before", folder.replace('/', "-")))).unwrap();
    }
    plant.start().unwrap();
    until("the replay", LANDED, &Some(received), || lake.try_int("select sum(received) from ledger"));
    plant.stop().unwrap();
    let after = rows(&lake);
    for (before, after) in before.iter().zip(&after) {
        let differing = before.lines().zip(after.lines()).find(|(before, after)| before != after);
        assert_eq!(differing, None);
        assert_eq!(before.lines().count(), after.lines().count());
    }
}
