//! A data directory that a former release has left, with tables of fewer columns: this release goes on with it, and its rows
//! stay proved.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_config::FORMULAS;
use tacho_integration_tests::client::{installed, mosquitto_pub};
use tacho_integration_tests::clock::Clock;
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::files::live_files;
use tacho_integration_tests::plant::{copy_folder, tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

/// 2026-11-21T22:00:00Z, the evening of the day on which the former release has landed its rows: a merge is of one day.
const THAT_EVENING_S: i64 = 1_795_298_400;

fn former(name: &str) -> PathBuf {
    Path::new("former/generation-1").join(name)
}

/// The lines of a verified proof of a row of `joints`.
fn proved(data: &Path, seq: &str, joint: &str) -> Vec<String> {
    let arguments = ["prove", "--robot", ROBOT, "--seq", seq, "--table", "joints", "--component", joint];
    let proof = tacho(&[&arguments[..], &["--data", data.to_str().unwrap()]].concat()).unwrap();
    assert!(proof.status.success(), "seq {seq}: {}", text(&proof));
    let file = data.with_file_name(format!("{seq}.tlog-proof"));
    fs::write(&file, proof.stdout).unwrap();
    verified(data, &file)
}

fn verified(data: &Path, proof: &Path) -> Vec<String> {
    let key = data.join("keys/log.vkey");
    let output = tacho(&["verify", proof.to_str().unwrap(), "--key", key.to_str().unwrap()]).unwrap();
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn names(lines: &[String], column: &str) -> bool {
    lines.iter().any(|line| line.split_whitespace().next() == Some(column))
}

#[test]
fn a_lake_of_a_former_release_is_gone_on_with_and_its_rows_stay_proved() {
    if !installed("mosquitto_pub") {
        return;
    }
    let eager = "[log]\npartitions = 2\n[anchor]\nwindow = \"1s\"\n[lake.compaction]\ninterval = \"1s\"\nmin_files = 2";
    let mut plant = Plant::new(PlantOptions::configured(eager)).unwrap();
    let Some(clock) = Clock::new(plant.beside("").as_path()).unwrap() else { return };
    clock.set_to(THAT_EVENING_S).unwrap();
    plant.set_env(clock.env());
    let data = plant.data();
    for (name, to) in [("data", data.clone()), ("data.registry", plant.beside("data.registry"))] {
        copy_folder(&former(name), &to).unwrap();
    }
    // Version control does not keep that only the owner may read secrets.
    for secret in ["keys/log.key", "keys/salts/2026-11"] {
        fs::set_permissions(data.join(secret), Permissions::from_mode(0o600)).unwrap();
    }
    let before = plant.audit().unwrap();
    assert!(before.status.success() && text(&before).contains("2 windows, 28 rows"), "{}", text(&before));
    let of_then = verified(&data, &former("row.tlog-proof"));
    assert!(names(&of_then, "reducer_damage") && !names(&of_then, "bearing_damage"), "{of_then:?}");
    // Before anything has opened the tables for writing they lack the columns, and are read all the same.
    let lake = plant.lake();
    assert_eq!(
        lake.int("select count(*) - count(bearing_damage) from joints where formula_version = '2026.1'").unwrap(),
        18
    );

    plant.start().unwrap();
    let file = plant.beside("record.json");
    for seq in 4..6 {
        fs::write(&file, record(ROBOT, 1, seq)).unwrap();
        mosquitto_pub(&plant.mqtt().unwrap(), "311", &topic(ROBOT), &file).unwrap();
        let sql = format!("select count(*) from records where seq = {seq} and formula_version = '{FORMULAS}'");
        until("a record of this release", Duration::from_secs(30), &Some(1), || lake.try_int(&sql));
    }
    until_some("a merge of old and new rows", Duration::from_secs(60), || {
        (live_files(&data, "joints").ok()?.len() == 1).then_some(())
    });
    until_some("an anchor of the new rows", Duration::from_secs(60), || {
        let said = text(&plant.audit().ok()?);
        said.contains("not yet anchored: 0 rows").then_some(())
    });
    plant.stop().unwrap();

    let after = plant.audit().unwrap();
    assert!(after.status.success(), "{}", text(&after));
    for seq in ["1", "2", "3"] {
        let lines = proved(&data, seq, "J3");
        assert!(names(&lines, "reducer_damage") && !names(&lines, "bearing_damage"), "{lines:?}");
    }
    assert_eq!(verified(&data, &former("row.tlog-proof")), of_then);
    assert!(names(&proved(&data, "4", "J1"), "bearing_damage"));
    assert_eq!(lake.int("select count(*) from joints").unwrap(), 20);
    assert_eq!(lake.int("select count(*) from joints where bearing_damage is null").unwrap(), 18 + 2);

    let [merged] = &live_files(&data, "joints").unwrap()[..] else { panic!("one file") };
    let whole = fs::read(merged).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 9 + 1) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(merged, changed).unwrap();
        let found = plant.audit().unwrap();
        assert_eq!(found.status.code(), Some(1), "byte {at}: {}", text(&found));
        assert!(text(&found).contains("joints/"), "byte {at}: {}", text(&found));
    }
}
