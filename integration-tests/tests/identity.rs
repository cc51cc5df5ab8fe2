//! A lake follows one log: a deleted log, or a lake of another one, is refused with what to do.

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions};

fn used() -> Plant {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    simulated(&plant.mqtt().unwrap(), &["--robots", "5", "--rate", "0", "--records", "100", "--epoch", "7"]).unwrap();
    plant.stop().unwrap();
    plant
}

#[test]
fn a_deleted_log_is_refused_and_accepted_only_by_name() {
    let mut plant = used();
    std::fs::remove_dir_all(plant.data().join("log")).unwrap();
    let refused = format!("{:#}", plant.start().unwrap_err());
    assert!(refused.contains("--new-log"), "{refused}");
    assert!(!plant.data().join("log").exists(), "nothing is made in its place unasked");

    plant.spawn(&["--new-log"]).unwrap();
    plant.wait_until_up().unwrap();
    simulated(&plant.mqtt().unwrap(), &["--robots", "5", "--rate", "0", "--records", "100", "--epoch", "8"]).unwrap();
    plant.stop().unwrap();
    let lake = plant.lake();
    assert_eq!(lake.int("select count(*) from records").unwrap(), 200);
    assert_eq!(lake.int("select count(distinct log_epoch) from records").unwrap(), 2);
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
}

#[test]
fn a_lake_of_another_log_is_refused() {
    let (mut plant, other) = (used(), used());
    std::fs::remove_dir_all(plant.data().join("lake")).unwrap();
    std::fs::rename(other.data().join("lake"), plant.data().join("lake")).unwrap();
    let refused = format!("{:#}", plant.start().unwrap_err());
    assert!(refused.contains("follows log") && refused.contains("--new-log"), "{refused}");
}

#[test]
fn two_instances_cannot_share_a_directory() {
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let data = plant.data();
    let second =
        tacho(&["up", "--data", data.to_str().unwrap(), "--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).unwrap();
    assert_eq!(second.status.code(), Some(3));
    let told = text(&second);
    assert!(told.contains("is in use by process"), "{told}");
    assert!(told.contains(&plant.pid().unwrap().to_string()), "the holder is named: {told}");
    assert!(plant.mqtt().is_ok(), "the endpoints of the first are untouched");
}
