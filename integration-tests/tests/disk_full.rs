//! The disk under the lake fills up: readiness goes false, nothing acknowledged is lost, nothing is left lying about, and
//! it recovers by itself when there is room again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::disk::SmallDisk;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const LANDED: Duration = Duration::from_secs(90);
/// Room for small files, but not for all of a batch.
const LEFT_FREE: u64 = 96 * 1024;

/// Data files of the lake that no commit entry names.
fn unnamed_files(lake: &Path) -> Vec<PathBuf> {
    let mut unnamed = Vec::new();
    for table in std::fs::read_dir(lake).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(entries) = std::fs::read_dir(table.join("_delta_log")) else { continue };
        let entries = entries.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok());
        let named: BTreeSet<PathBuf> = entries
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
            .filter_map(|action| action["add"]["path"].as_str().map(|path| table.join(path)))
            .collect();
        let days = std::fs::read_dir(&table).unwrap().map(|entry| entry.unwrap().path());
        for day in days.filter(|day| day.to_string_lossy().contains("received_day=")) {
            unnamed.extend(std::fs::read_dir(day).unwrap().map(|file| file.unwrap().path()));
        }
        unnamed.retain(|file| !named.contains(file));
    }
    unnamed
}

#[test]
fn a_full_disk_stops_landing_and_nothing_else_and_landing_resumes_unaided() {
    let mut plant = Plant::new(PlantOptions::default()).unwrap();
    let Some(disk) = SmallDisk::mounted(plant.data().join("lake"), 16).unwrap() else { return };
    plant.start().unwrap();
    let mqtt = plant.mqtt().unwrap();
    let publish = |epoch: &str, records: &str| {
        simulated(&mqtt, &["--robots", "20", "--rate", "0", "--records", records, "--epoch", epoch]).unwrap();
    };
    let lake = plant.lake();
    publish("7", "200");
    until("the first records", LANDED, &Some(200), || lake.try_int("select count(*) from records"));
    assert_eq!(plant.ask("/ready").unwrap().0, 200);

    disk.fill_but(LEFT_FREE).unwrap();
    publish("8", "4000");
    until_some("landing tries again and again", LANDED, || {
        (plant.logged().matches("nothing lands; it is tried again").count() >= 4).then_some(())
    });
    let (status, told) = plant.ask("/ready").unwrap();
    assert!(status == 503 && told.contains("processing: "), "{status}: {told}");
    assert!(told.contains("No space left"), "{told}");
    until("the files of the failed batches go", LANDED, &Vec::new(), || unnamed_files(disk.folder()));

    disk.free().unwrap();
    until("all records", LANDED, &Some(4_200), || lake.try_int("select count(*) from records"));
    until("readiness", LANDED, &200, || plant.ask("/ready").unwrap().0);
    plant.stop().unwrap();
    assert_eq!(unnamed_files(disk.folder()), Vec::<PathBuf>::new());
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    plant.audited().unwrap();
}
