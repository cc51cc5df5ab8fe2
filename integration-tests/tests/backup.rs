//! A backup of an instance, running or not, holds everything that was acknowledged before it; a restore checks every byte
//! of it, and a start refuses one that a registry is ahead of.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tacho_integration_tests::client::{simulate, simulated};
use tacho_integration_tests::files::{all_files, live_files};
use tacho_integration_tests::lake::Lake;
use tacho_integration_tests::plant::{copy_folder, tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};
use tacho_schemas::Digest;

const PATIENCE: Duration = Duration::from_secs(120);
const RECORDS: i64 = 20_000;

fn options() -> PlantOptions {
    PlantOptions::configured("[anchor]\nwindow = \"2s\"\n[lake.compaction]\ninterval = \"1s\"\nmin_files = 2")
}

fn backup(data: &Path, to: &Path) -> Output {
    tacho(&["backup", "--data", data.to_str().unwrap(), "--to", to.to_str().unwrap()]).unwrap()
}

fn restore(from: &Path, data: &Path) -> Output {
    tacho(&["restore", "--from", from.to_str().unwrap(), "--data", data.to_str().unwrap()]).unwrap()
}

fn registry(plant: &Plant) -> PathBuf {
    plant.beside("data.registry")
}

/// Entries of the tree that the manifest of a backup names.
fn tree_size(backup: &Path) -> u64 {
    let manifest = fs::read_to_string(backup.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    manifest["tree_size"].as_u64().unwrap()
}

/// Entries of the tree that a folder of the file registry knows.
fn known_size(registry: &Path) -> Option<u64> {
    let files = all_files(registry).ok()?;
    let checkpoint = files.iter().find(|path| path.ends_with("checkpoint"))?;
    fs::read_to_string(checkpoint).ok()?.lines().nth(1)?.parse().ok()
}

/// The keys of a journal's whole lines, as `robot,seq`.
fn keys(journal: &Path) -> HashSet<String> {
    let text = fs::read_to_string(journal).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|parts| format!("{},{}", parts[0], parts[2]))
        .collect()
}

fn landed_keys(lake: &Lake) -> HashSet<String> {
    let csv = lake.text("select robot_id, seq from records where stream_epoch = 7", "csv").unwrap_or_default();
    csv.lines().skip(1).map(str::to_owned).collect()
}

/// Takes a backup and the registry as it was at that moment: a window may be closed between the two, then again.
fn backup_and_registry(plant: &Plant) -> (PathBuf, PathBuf, HashSet<String>) {
    let journal = plant.beside("acknowledged.csv");
    let mut attempt = 0;
    until_some("a backup between two windows", PATIENCE, || {
        attempt += 1;
        let [to, before, after] = ["backup", "before", "after"].map(|name| plant.beside(&format!("{name}-{attempt}")));
        let acknowledged = keys(&journal);
        copy_folder(&registry(plant), &before).unwrap();
        let made = backup(&plant.data(), &to);
        assert!(made.status.success(), "{}", text(&made));
        copy_folder(&registry(plant), &after).unwrap();
        let size = Some(tree_size(&to));
        [before, after].into_iter().find(|copy| known_size(copy) == size).map(|copy| (to, copy, acknowledged))
    })
}

/// A plant whose data directory was restored, beside a registry.
fn restored(backup: &Path, registry_copy: &Path) -> Plant {
    let plant = Plant::new(options()).unwrap();
    let done = restore(backup, &plant.data());
    assert!(done.status.success(), "{}", text(&done));
    assert!(text(&done).contains("there is no registry in"), "{}", text(&done));
    copy_folder(registry_copy, &registry(&plant)).unwrap();
    plant
}

fn a_proof_holds(data: &Path) {
    let robot = "CNKSTRK6001000000000000000001";
    let data_text = data.to_str().unwrap();
    let made = tacho(&["prove", "--robot", robot, "--seq", "5", "--epoch", "7", "--data", data_text]).unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let proof = data.with_file_name("row.tlog-proof");
    fs::write(&proof, &made.stdout).unwrap();
    let key = data.join("keys/log.vkey");
    let held = tacho(&["verify", proof.to_str().unwrap(), "--key", key.to_str().unwrap()]).unwrap();
    assert!(held.status.success(), "{}", text(&held));
}

fn audit_is_green(plant: &Plant) {
    let audit = plant.audit().unwrap();
    assert!(audit.status.success(), "{}", text(&audit));
}

#[test]
fn a_backup_under_load_restores_to_all_that_was_acknowledged_and_a_newer_registry_refuses_it() {
    let mut plant = Plant::started(options()).unwrap();
    let journal = plant.beside("acknowledged.csv");
    let records = RECORDS.to_string();
    let args = ["--robots", "50", "--connections", "50", "--rate", "1500", "--records", &records, "--epoch", "7"];
    let journaled = [&args[..], &["--journal", journal.to_str().unwrap()]].concat();
    let mut devices = simulate(&plant.mqtt().unwrap(), &journaled).unwrap();
    let lake = plant.lake();
    until_some("records and an anchor", PATIENCE, || {
        let landed = lake.try_int("select count(*) from records")?;
        let anchored = lake.try_int("select count(*) from anchors")?;
        (landed > RECORDS / 5 && anchored > 0).then_some(())
    });
    let (made, registry_then, acknowledged) = backup_and_registry(&plant);
    assert!(acknowledged.len() > 1_000, "{} acknowledged before the backup", acknowledged.len());
    assert!(!plant.data().join("backup.mirror").exists());
    assert!(devices.wait().unwrap().success());
    until("all landed", PATIENCE, &Some(RECORDS), || lake.try_int("select count(*) from records"));
    until_some("a newer anchor", PATIENCE, || known_size(&registry(&plant)).filter(|size| *size > tree_size(&made)));
    plant.stop().unwrap();
    audit_is_green(&plant);

    let mut stale = restored(&made, &registry(&plant));
    let refused = format!("{:#}", stale.start().unwrap_err());
    assert!(refused.contains("the registry is ahead"), "{refused}");

    let mut second = restored(&made, &registry_then);
    second.start().unwrap();
    let lake = second.lake();
    until_some("all that was acknowledged before the backup", PATIENCE, || {
        acknowledged.is_subset(&landed_keys(&lake)).then_some(())
    });
    simulated(&second.mqtt().unwrap(), &["--robots", "10", "--rate", "0", "--records", "500", "--epoch", "8"]).unwrap();
    until("new records", PATIENCE, &Some(500), || lake.try_int("select count(*) from records where stream_epoch = 8"));
    second.stop().unwrap();
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    a_proof_holds(&second.data());
    audit_is_green(&second);
}

#[test]
fn a_backup_of_an_instance_at_rest_is_restored_only_if_it_is_whole_and_of_a_known_format() {
    let mut plant = Plant::started(options()).unwrap();
    let args = ["--robots", "10", "--rate", "200", "--records", "400", "--epoch", "7", "--faults", "poison=0.05"];
    simulated(&plant.mqtt().unwrap(), &args).unwrap();
    plant.stop().unwrap();
    let made = plant.beside("backup");
    let told = backup(&plant.data(), &made);
    assert!(told.status.success() && text(&told).contains("hard links"), "{}", text(&told));
    let again = backup(&plant.data(), &made);
    assert!(again.status.code() == Some(3) && text(&again).contains("is not empty"), "{}", text(&again));

    // Everything that a reader asks for is there; only to run it must be restored.
    assert!(Lake::new(made.clone()).int("select count(*) from records").unwrap() > 300);
    let run =
        tacho(&["up", "--data", made.to_str().unwrap(), "--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).unwrap();
    assert!(run.status.code() == Some(3) && text(&run).contains("tacho restore"), "{}", text(&run));

    let copy = plant.beside("copy");
    copy_folder(&made, &copy).unwrap();
    let mut targets = live_files(&copy, "records").unwrap();
    let folders = ["log", "registry", "keys", "lake/_ledger", "lake/records/_delta_log"];
    targets.extend(folders.iter().filter_map(|folder| all_files(&copy.join(folder)).unwrap().into_iter().next_back()));
    targets.push(copy.join("manifest.json"));
    assert!(targets.len() >= 7, "{targets:?}");
    let into = plant.beside("into");
    for target in &targets {
        let original = fs::read(target).unwrap();
        let mut changed = original.clone();
        changed[original.len() / 2] ^= 0x04;
        fs::write(target, &changed).unwrap();
        let refused = restore(&copy, &into);
        assert_eq!(refused.status.code(), Some(1), "{}: {}", target.display(), text(&refused));
        assert!(
            text(&refused).contains(target.to_str().unwrap()),
            "{} is not named: {}",
            target.display(),
            text(&refused)
        );
        assert!(all_files(&into).unwrap_or_default().is_empty(), "nothing is restored");
        fs::write(target, &original).unwrap();
    }
    let aside = copy.with_file_name("aside");
    fs::rename(&targets[0], &aside).unwrap();
    let refused = restore(&copy, &into);
    assert!(refused.status.code() == Some(1) && text(&refused).contains("it is missing"), "{}", text(&refused));
    fs::rename(&aside, &targets[0]).unwrap();

    let manifest = fs::read_to_string(copy.join("manifest.json")).unwrap();
    let newer = manifest.replacen("\"format\": 1", "\"format\": 2", 1);
    fs::write(copy.join("manifest.sha256"), format!("{}  manifest.json\n", Digest::of(newer.as_bytes()))).unwrap();
    fs::write(copy.join("manifest.json"), newer).unwrap();
    let refused = restore(&copy, &into);
    assert!(refused.status.code() == Some(3) && text(&refused).contains("newer release"), "{}", text(&refused));

    let full = restore(&made, &plant.data());
    assert!(full.status.code() == Some(3) && text(&full).contains("is not empty"), "{}", text(&full));
    let before = plant.lake().int("select count(*) from records").unwrap();
    let mut second = restored(&made, &registry(&plant));
    second.start().unwrap();
    until("the same records", PATIENCE, &Some(before), || second.lake().try_int("select count(*) from records"));
    second.stop().unwrap();
    a_proof_holds(&second.data());
    audit_is_green(&second);
}
