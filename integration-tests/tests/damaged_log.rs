//! A damaged log: what has landed blocks nothing, what has not is refused by name until the operator goes on without it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_integration_tests::client::{http_get, simulated};
use tacho_integration_tests::plant::{copy_folder, text};
use tacho_integration_tests::{Plant, PlantOptions, until};

const LANDED: Duration = Duration::from_secs(60);

/// Publishes records of one stream epoch, one after the other, so that each is a batch of its own.
fn publish(plant: &Plant, epoch: &str, records: &str) {
    let args = ["--robots", "1", "--rate", "50", "--records", records, "--epoch", epoch];
    simulated(&plant.mqtt().unwrap(), &args).unwrap();
}

fn landed(plant: &Plant, records: i64) {
    let lake = plant.lake();
    until("all landed", LANDED, &Some(records), || lake.try_int("select count(*) from records"));
}

/// The newest segment that holds a text, and where it holds it first and last.
fn segment_with(plant: &Plant, text: &str) -> (PathBuf, usize, usize) {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(plant.data().join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    let find = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let mut places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text.as_bytes()));
        let first = places.next()?;
        Some((file.clone(), first, places.next_back().unwrap_or(first)))
    };
    files.iter().rev().find_map(find).unwrap()
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn whole(plant: &mut Plant) {
    let lake = plant.lake();
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    plant.stop().unwrap();
    let audit = plant.audit().unwrap();
    assert!(audit.status.success(), "{}", text(&audit));
}

#[test]
fn damage_in_what_has_landed_is_told_and_read_around_after_a_crash_and_after_a_clean_end() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    publish(&plant, "7", "10");
    landed(&plant, 10);
    plant.kill().unwrap();
    let (file, first, _) = segment_with(&plant, "\"stream_epoch\":7");
    flip(&file, first);
    plant.start().unwrap();
    let logged = plant.logged();
    let name = file.file_name().unwrap().to_str().unwrap();
    let told = logged.lines().find(|line| line.contains("damaged where all has landed")).expect("a warning");
    assert!(told.contains("WARN") && told.contains(name) && told.contains("position="), "{told}");
    let metrics = http_get(&plant.admin().unwrap(), "/metrics").unwrap();
    assert!(metrics.contains("tacho_log_lost_records_total{landed=\"yes\"} 1"), "{metrics}");
    publish(&plant, "8", "10");
    landed(&plant, 20);

    plant.stop().unwrap();
    let (file, _, last) = segment_with(&plant, "\"stream_epoch\":8");
    flip(&file, last);
    plant.start().unwrap();
    publish(&plant, "9", "10");
    landed(&plant, 30);
    whole(&mut plant);
}

#[test]
fn damage_in_what_has_not_landed_is_refused_by_name_until_the_operator_goes_on_without_it() {
    let lander = |interval: &str| PlantOptions::configured(&format!("[lake]\ncommit_interval = \"{interval}\""));
    let mut plant = Plant::started(lander("30s")).unwrap();
    for epoch in ["7", "8", "9"] {
        publish(&plant, epoch, "1");
    }
    plant.kill().unwrap();
    let (file, at, _) = segment_with(&plant, "\"stream_epoch\":8");
    flip(&file, at);
    for _again in 0..2 {
        let refused = format!("{:#}", plant.start().unwrap_err());
        for part in [file.file_name().unwrap().to_str().unwrap(), "damaged at byte", "offsets", "--new-log"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }
    std::fs::write(plant.beside("tacho.toml"), lander("1s").config.unwrap()).unwrap();
    plant.spawn(&["--new-log"]).unwrap();
    plant.wait_until_up().unwrap();
    landed(&plant, 2);
    let lake = plant.lake();
    assert_eq!(lake.int("select count(*) from gap_events where kind = 'lost'").unwrap(), 1);
    plant.stop().unwrap();
    plant.start().unwrap();
    whole(&mut plant);
}

#[test]
fn a_log_that_ends_below_what_has_landed_is_refused_and_set_aside_by_name() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    publish(&plant, "7", "10");
    landed(&plant, 10);
    plant.kill().unwrap();
    let (file, _, last) = segment_with(&plant, "\"stream_epoch\":7");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..last]).unwrap();
    let refused = format!("{:#}", plant.start().unwrap_err());
    let torn = format!("{} was torn at byte", file.file_name().unwrap().to_str().unwrap());
    for part in ["ends at offset", &torn, "--new-log"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    plant.spawn(&["--new-log"]).unwrap();
    plant.wait_until_up().unwrap();
    publish(&plant, "8", "10");
    landed(&plant, 20);
    let aside = std::fs::read_dir(plant.data()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(aside.filter(|name| name.to_str().unwrap().starts_with("log.")).count(), 1);
    plant.stop().unwrap();
    plant.start().unwrap();
    whole(&mut plant);
}

#[test]
fn of_a_log_with_another_past_what_the_lake_lacks_is_taken_over() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    publish(&plant, "7", "10");
    landed(&plant, 10);
    plant.stop().unwrap();
    let mut twin = Plant::new(PlantOptions::default()).unwrap();
    for folder in ["data", "data.registry"] {
        copy_folder(&plant.beside(folder), &twin.beside(folder)).unwrap();
    }
    for (plant, epoch, records) in [(&mut plant, "8", "10"), (&mut twin, "9", "12")] {
        plant.start().unwrap();
        publish(plant, epoch, records);
        plant.stop().unwrap();
    }
    std::fs::remove_dir_all(plant.data().join("log")).unwrap();
    std::fs::rename(twin.data().join("log"), plant.data().join("log")).unwrap();
    let refused = format!("{:#}", plant.start().unwrap_err());
    assert!(refused.contains("the lake has record") && refused.contains("--new-log"), "{refused}");
    plant.spawn(&["--new-log"]).unwrap();
    plant.wait_until_up().unwrap();
    landed(&plant, 32);
    assert_eq!(plant.lake().int("select sum(duplicate) from ledger").unwrap(), 10);
    whole(&mut plant);
}
