//! The disk gives errors for a while (strace injects them): nothing is acknowledged that is not durable, readiness is false
//! and says why, and everything goes on unaided when the errors end.

use std::time::Duration;

use tacho_integration_tests::client::{installed, simulated};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::device::{Device, publish};
use tacho_integration_tests::trace::Trace;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const SOON: Duration = Duration::from_secs(60);

fn started() -> Plant {
    Plant::started(PlantOptions::configured("[anchor]\nwindow = \"1s\"")).unwrap()
}

fn simulate(plant: &Plant, epoch: &str) {
    let args = ["--robots", "20", "--rate", "0", "--records", "200", "--epoch", epoch];
    simulated(&plant.mqtt().unwrap(), &args).unwrap();
}

/// Readiness is false, and says which part fails and with what.
fn told(plant: &Plant, part: &str, error: &str) {
    until_some("readiness false", SOON, || {
        let (status, told) = plant.ask("/ready").unwrap();
        (status == 503 && told.contains(part) && told.contains(error)).then_some(())
    });
}

/// All of so many records are there once, anchored, and the audit finds nothing.
fn whole(plant: &mut Plant, records: i64) {
    let lake = plant.lake();
    until("all landed", SOON, &Some(records), || lake.try_int("select count(*) from records"));
    until("readiness", SOON, &200, || plant.ask("/ready").unwrap().0);
    plant.stop().unwrap();
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    let audited = plant.audited().unwrap();
    assert!(audited.contains("not yet anchored: 0 rows"), "{audited}");
}

/// The errors hit what is written by these calls, which is all but the log's batches.
fn lands_again(calls: &str, error: &str, said: &str) {
    if !installed("strace") {
        return;
    }
    let mut plant = started();
    simulate(&plant, "7");
    let lake = plant.lake();
    until("the first records", SOON, &Some(200), || lake.try_int("select count(*) from records"));
    let failing = Trace::failing(plant.pid().unwrap(), plant.beside("calls.txt"), calls, error).unwrap();
    let Some(failing) = failing else { return };
    simulate(&plant, "8");
    told(&plant, "processing: ", said);
    drop(failing);
    whole(&mut plant, 400);
}

#[test]
fn a_disk_that_cannot_sync_lake_ledger_and_anchors_holds_them_up_and_nothing_else() {
    lands_again("fsync", "EIO", "Input/output error");
}

#[test]
fn a_disk_without_room_for_a_commit_holds_landing_up_and_nothing_else() {
    lands_again("link,linkat", "ENOSPC", "No space left");
}

#[test]
fn a_log_that_cannot_be_synced_acknowledges_nothing_until_it_can() {
    if !installed("strace") {
        return;
    }
    let mut plant = started();
    simulate(&plant, "7");
    let failing = Trace::failing(plant.pid().unwrap(), plant.beside("calls.txt"), "fdatasync", "EIO").unwrap();
    let Some(failing) = failing else { return };
    let mqtt = plant.mqtt().unwrap();
    let acknowledged = |seq: i64| {
        let device = Device::connected(&mqtt, &format!("device-{seq}"), 60);
        device.is_ok_and(|mut device| {
            let packet = publish(&topic(ROBOT), 1, record(ROBOT, 1, seq).as_bytes());
            device.send(&packet).is_ok() && device.acknowledged(1).is_ok()
        })
    };
    assert!(!acknowledged(1));
    told(&plant, "log: ", "Input/output error");
    drop(failing);
    let mut seqs = 2..;
    let taken = until_some("a publish that is acknowledged again", SOON, || {
        let seq = seqs.next().unwrap();
        acknowledged(seq).then_some(seq)
    });
    // What was not acknowledged may be there or not; what was is.
    let lake = plant.lake();
    let it = format!("select count(*) from records where stream_epoch = 1 and seq = {taken}");
    until("the record that was acknowledged", SOON, &Some(1), || lake.try_int(&it));
    let landed = lake.int("select sum(landed) from ledger").unwrap();
    whole(&mut plant, landed);
}
