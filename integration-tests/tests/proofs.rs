//! G7: proofs outlive compaction, a changed proof is refused, and a changed byte anywhere is found and named.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::files::{all_files, live_files};
use tacho_integration_tests::plant::{copy_folder, tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const ROBOT: &str = "CNKSTRK6001000000000000000001";

fn prove(data: &Path, further: &[&str]) -> Output {
    tacho(&[&["prove", "--robot", ROBOT, "--seq", "5", "--data", data.to_str().unwrap()], further].concat()).unwrap()
}

fn verify(data: &Path, proof: &[u8]) -> Output {
    let file = data.with_file_name("row.tlog-proof");
    std::fs::write(&file, proof).unwrap();
    tacho(&["verify", file.to_str().unwrap(), "--key", data.join("keys/log.vkey").to_str().unwrap()]).unwrap()
}

/// An instance at rest with several windows and files that were merged; the proof was made before that.
fn anchored() -> (Plant, Vec<u8>) {
    let mut plant = Plant::started(PlantOptions::eager()).unwrap();
    let mqtt = plant.mqtt().unwrap();
    let publish = |epoch: &str| {
        let args = [
            "--robots",
            "10",
            "--rate",
            "200",
            "--records",
            "600",
            "--epoch",
            epoch,
            "--faults",
            "poison=0.02,gap=0.02",
        ];
        simulated(&mqtt, &args).unwrap();
    };
    publish("7");
    let proof = until_some("a proof", Duration::from_secs(60), || {
        let output = prove(&plant.data(), &[]);
        output.status.success().then_some(output.stdout)
    });
    publish("8");
    until_some("a compaction", Duration::from_secs(60), || plant.logged().contains("files merged").then_some(()));
    plant.stop().unwrap();
    (plant, proof)
}

#[test]
fn a_proof_made_before_a_compaction_holds_after_it_and_so_does_a_new_one() {
    let (plant, before) = anchored();
    let data = plant.data();
    let held = verify(&data, &before);
    assert!(held.status.success(), "{}", text(&held));
    assert!(text(&held).contains(ROBOT) && text(&held).contains("power_on_h"), "{}", text(&held));

    for further in [vec![], vec!["--table", "joints", "--component", "J3"], vec!["--epoch", "7"]] {
        let made = prove(&data, &further);
        assert!(made.status.success(), "{further:?}: {}", text(&made));
        let held = verify(&data, &made.stdout);
        assert!(held.status.success(), "{further:?}: {}", text(&held));
    }
    let unknown = tacho(&["prove", "--robot", ROBOT, "--seq", "99999", "--data", data.to_str().unwrap()]).unwrap();
    assert_eq!(unknown.status.code(), Some(1), "{}", text(&unknown));
    assert!(text(&unknown).contains("no such row; stream epoch 7 has seq 1 to"), "{}", text(&unknown));
    assert!(unknown.stdout.is_empty(), "standard output is a proof or nothing");

    let mut changed = before.clone();
    for index in (0..before.len()).step_by(97) {
        changed[index] ^= 1;
        assert_eq!(verify(&data, &changed).status.code(), Some(1), "byte {index}");
        changed[index] ^= 1;
    }
}

#[test]
fn failure_23_one_changed_byte_in_any_live_file_tile_or_statement_is_found_and_named() {
    let (plant, _) = anchored();
    plant.audited().unwrap();
    let live = tacho(&["sql", "select 1", "--data", plant.data().to_str().unwrap()]).unwrap();
    assert!(live.status.success());

    let mut targets = Vec::new();
    for folder in ["registry/tile", "registry/segments"] {
        targets.extend(all_files(&plant.data().join(folder)).unwrap());
    }
    targets.push(plant.data().join("registry/checkpoint"));
    targets.push(plant.data().join("keys/log.vkey"));
    for table in ["records", "joints", "batteries", "events", "rejected"] {
        targets.extend(live_files(&plant.data(), table).unwrap());
    }
    assert!(targets.len() >= 10, "{targets:?}");
    let step = targets.len().div_ceil(24);
    for target in targets.iter().step_by(step) {
        let original = std::fs::read(target).unwrap();
        for at in [0, original.len() / 2, original.len() - 1] {
            let mut changed = original.clone();
            changed[at] ^= 0x10;
            std::fs::write(target, &changed).unwrap();
            let found = plant.audit().unwrap();
            assert_eq!(found.status.code(), Some(1), "{} byte {at}: {}", target.display(), text(&found));
            let name = target.file_name().unwrap().to_str().unwrap();
            assert!(text(&found).contains(name), "{} byte {at} is not named: {}", target.display(), text(&found));
        }
        std::fs::write(target, &original).unwrap();
    }
    plant.audited().unwrap();
}

#[test]
fn failure_24_a_restored_backup_meets_a_registry_that_is_ahead() {
    let mut plant = Plant::started(PlantOptions::eager()).unwrap();
    let args = ["--robots", "5", "--rate", "100", "--records", "100", "--epoch"];
    simulated(&plant.mqtt().unwrap(), &[&args[..], &["7"]].concat()).unwrap();
    plant.stop().unwrap();
    copy_folder(&plant.data(), &plant.beside("backup")).unwrap();
    plant.start().unwrap();
    simulated(&plant.mqtt().unwrap(), &[&args[..], &["8"]].concat()).unwrap();
    plant.stop().unwrap();

    std::fs::rename(plant.data(), plant.beside("newer")).unwrap();
    std::fs::rename(plant.beside("backup"), plant.data()).unwrap();
    let refused = plant.start().unwrap_err();
    assert!(format!("{refused:#}").contains("the registry is ahead"), "{refused:#}");
    plant.spawn(&["--new-origin"]).unwrap();
    plant.wait_until_up().unwrap();
    let lake = plant.lake();
    until("a window of the new log", Duration::from_secs(60), &true, || {
        lake.try_int("select count(*) from anchors").unwrap_or(0) > 0
    });
    plant.stop().unwrap();
    plant.audited().unwrap();
}
