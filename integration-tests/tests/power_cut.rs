//! What a power cut or a failing disk does to the commit entries of the lake: what has landed is never given up silently.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::plant::{copy_folder, tacho};
use tacho_integration_tests::{Plant, PlantOptions, until};

/// Publishes records and ends when they are landed and anchored.
fn used(plant: &mut Plant, epoch: &str, all: i64) {
    plant.start().unwrap();
    simulated(&plant.mqtt().unwrap(), &["--robots", "20", "--rate", "0", "--records", "300", "--epoch", epoch])
        .unwrap();
    let lake = plant.lake();
    until("all landed", Duration::from_secs(60), &Some(all), || lake.try_int("select count(*) from records"));
    plant.stop().unwrap();
}

fn newest_entry(table: &Path) -> PathBuf {
    let entries = std::fs::read_dir(table.join("_delta_log")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|entry| entry.extension().is_some_and(|extension| extension == "json")).max().unwrap()
}

fn audited(plant: &Plant) -> bool {
    tacho(&["audit", "--data", plant.data().to_str().unwrap()]).unwrap().status.success()
}

#[test]
fn a_cut_entry_that_has_landed_is_refused_by_name_and_taken_again_when_it_is_restored() {
    let mut plant = Plant::new(PlantOptions::default()).unwrap();
    used(&mut plant, "7", 300);
    for table in ["records", "joints", "batteries"] {
        let entry = newest_entry(&plant.data().join("lake").join(table));
        let bytes = std::fs::read(&entry).unwrap();
        std::fs::write(&entry, &bytes[..bytes.len() / 2]).unwrap();
        let refused = format!("{:#}", plant.start().unwrap_err());
        let name = format!("{table}/_delta_log/{}", entry.file_name().unwrap().to_str().unwrap());
        assert!(refused.contains(&name) && refused.contains("restore this file from a backup"), "{refused}");
        assert_eq!(std::fs::read(&entry).unwrap().len(), bytes.len() / 2, "nothing was touched");
        std::fs::write(&entry, bytes).unwrap();
    }
    used(&mut plant, "8", 600);
    assert!(audited(&plant));
}

#[test]
fn a_lake_that_is_older_than_its_anchors_is_refused_and_the_right_one_is_taken() {
    let mut plant = Plant::new(PlantOptions::default()).unwrap();
    used(&mut plant, "7", 300);
    let (lake, older, newer) = (plant.data().join("lake"), plant.beside("older"), plant.beside("newer"));
    copy_folder(&lake, &older).unwrap();
    used(&mut plant, "8", 600);
    std::fs::rename(&lake, &newer).unwrap();
    copy_folder(&older, &lake).unwrap();
    let refused = format!("{:#}", plant.start().unwrap_err());
    assert!(refused.contains("has landed or is anchored"), "{refused}");
    std::fs::remove_dir_all(&lake).unwrap();
    std::fs::rename(&newer, &lake).unwrap();
    used(&mut plant, "9", 900);
    assert!(audited(&plant));
}
