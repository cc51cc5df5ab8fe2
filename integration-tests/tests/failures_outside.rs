//! Cases of the list of failures (docs/failures.md) that come from outside: a full disk, and who may look or connect.

use std::path::Path;
use std::time::Duration;

use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::device::{Device, publish};
use tacho_integration_tests::disk::SmallDisk;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const PATIENCE: Duration = Duration::from_secs(60);

/// Publishes one record over a connection of its own; whether it was acknowledged.
fn acknowledged(mqtt: &str, seq: i64, payload: &[u8]) -> bool {
    let device = Device::connected(mqtt, &format!("device-{seq}"), 60);
    device.is_ok_and(|mut device| {
        device.send(&publish(&topic(ROBOT), 1, payload)).is_ok() && device.acknowledged(1).is_ok()
    })
}

#[test]
fn failure_19_a_full_disk_stops_writes_is_told_and_ends_by_itself_with_nothing_acknowledged_lost() {
    let mut plant = Plant::new(PlantOptions::default()).unwrap();
    let Some(disk) = SmallDisk::mounted(plant.data(), 48).unwrap() else {
        return;
    };
    plant.start().unwrap();
    let (mqtt, lake) = (plant.mqtt().unwrap(), plant.lake());
    assert!(acknowledged(&mqtt, 1, record(ROBOT, 1, 1).as_bytes()));
    until("the first record", PATIENCE, &Some(1), || lake.try_int("select count(*) from records"));

    disk.fill_but(0).unwrap();
    let large = |seq| {
        record(ROBOT, 1, seq).replace("\"robot_kind\"", &format!("\"note\":\"{}\",\"robot_kind\"", "x".repeat(200_000)))
    };
    let mut seqs = 2..;
    let mut good = vec![1];
    until_some("a publish that is not acknowledged", PATIENCE, || {
        let seq = seqs.next().unwrap();
        let taken = acknowledged(&mqtt, seq, large(seq).as_bytes());
        good.extend(taken.then_some(seq));
        (!taken).then_some(())
    });
    until("readiness false", PATIENCE, &503, || plant.ask("/ready").unwrap().0);
    let (_, told) = plant.ask("/ready").unwrap();
    assert!(told.contains("log") || told.contains("lake"), "{told}");
    assert!(plant.logged().to_lowercase().contains("space") || plant.logged().contains("full"), "{}", plant.logged());

    disk.free().unwrap();
    until_some("a publish that is acknowledged again", PATIENCE, || {
        let seq = seqs.next().unwrap();
        let taken = acknowledged(&mqtt, seq, record(ROBOT, 1, seq).as_bytes());
        good.extend(taken.then_some(seq));
        taken.then_some(())
    });
    until("readiness", PATIENCE, &200, || plant.ask("/ready").unwrap().0);
    let list = good.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let landed = format!("select count(*) from records where seq in ({list})");
    let all = i64::try_from(good.len()).unwrap();
    until("all that was acknowledged", PATIENCE, &Some(all), || lake.try_int(&landed));
    plant.stop().unwrap();
    drop(disk);
}

#[test]
fn failure_21_nobody_connects_without_a_name_unless_that_is_switched_on() {
    let mut plant =
        Plant::new(PlantOptions { config: Some("[mqtt]\n".to_owned()), ..PlantOptions::default() }).unwrap();
    let refused = format!("{:#}", plant.start().unwrap_err());
    assert!(refused.contains("anonymous"), "{refused}");

    let users = plant.beside("users");
    std::fs::write(&users, format!("cell-7:{HASH}:gateway\n")).unwrap();
    let config = format!("[mqtt]\nusers_file = \"{}\"\n", users.display());
    let plant = Plant::started(PlantOptions { config: Some(config), ..PlantOptions::default() }).unwrap();
    assert!(!acknowledged(&plant.mqtt().unwrap(), 1, record(ROBOT, 1, 1).as_bytes()));
}

/// Of a password that nobody gives here.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$wSCbJm0GqLnRDlOOdIBgJxbCWnVqgWoVSbgOlD6HOTQ";

#[test]
fn failure_21_no_secret_and_no_payload_is_in_any_log_line() {
    let env = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let options = PlantOptions { env, ..PlantOptions::configured("[anchor]\nwindow = \"1s\"") };
    let mut plant = Plant::started(options).unwrap();
    let mqtt = plant.mqtt().unwrap();
    let marked = record(ROBOT, 1, 1).replace("\"robot_kind\"", "\"firmware\":\"MARK-PAYLOAD\",\"robot_kind\"");
    for payload in [marked.clone(), marked.replace("1204.5", "-1"), "MARK-PAYLOAD".to_owned()] {
        assert!(acknowledged(&mqtt, 1, payload.as_bytes()));
    }
    let lake = plant.lake();
    until("all counted", PATIENCE, &Some(3), || lake.try_int("select sum(received) from ledger"));
    until_some("an anchor", PATIENCE, || lake.try_int("select count(*) from anchors").filter(|count| *count > 0));
    let secret = std::fs::read_to_string(plant.data().join("keys/log.key")).unwrap();
    plant.stop().unwrap();
    let logged = plant.logged();
    assert!(logged.contains("TRACE") || logged.contains("DEBUG"), "everything is logged:\n{logged}");
    let key = secret.trim().rsplit('+').next().unwrap();
    for unwanted in ["MARK-PAYLOAD", key] {
        let line = logged.lines().find(|line| line.contains(unwanted));
        assert_eq!(line, None, "{unwanted} is logged");
    }
}

/// Every case has its row, and every test that a row names is there; every test that bears a number has a row.
#[test]
fn the_list_of_failures_names_tests_that_exist() {
    let root = Path::new("..");
    let list = std::fs::read_to_string(root.join("docs/failures.md")).unwrap();
    for case in 1..=24 {
        assert!(list.contains(&format!("\n| {case} | ")), "case {case} has no row");
    }
    let mut named = Vec::new();
    // Tests stand as `name` in [file](../path).
    for row in list.lines().filter(|line| line.starts_with("| ")) {
        let mut rest = row;
        while let Some((before, after)) = rest.split_once(" in [") {
            let name = before.rsplit('`').nth(1).unwrap();
            let path = after.split_once("](../").unwrap().1.split_once(')').unwrap().0;
            let text = std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(text.contains(&format!("fn {name}(")), "{path} has no {name}");
            named.push(name);
            rest = after;
        }
    }
    for folder in ["integration-tests/tests", "ingest/tests/mqtt"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let numbered =
                text.split("fn failure_").skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name);
            for name in numbered.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())) {
                let name = format!("failure_{name}");
                assert!(named.contains(&name.as_str()), "{name} is in no row of docs/failures.md");
            }
        }
    }
}
