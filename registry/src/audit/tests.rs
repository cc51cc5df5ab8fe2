//! Every kind of tampering with a real lake and log, and what the audit says of it.

mod forged;
mod former;
mod kept;
mod stated;

use std::fs;
use std::path::{Path, PathBuf};

use tacho_lake::Lake;
use tacho_lake::table::DataFile;

use super::*;
use crate::plant::{Plant, files_below};

/// Three windows, with a compaction between, and younger rows behind.
async fn anchored() -> Plant {
    let mut plant = Plant::new();
    plant.land(2).await;
    plant.anchor().await;
    let versions = plant.anchorer().await.unwrap().stated_versions();
    assert!(plant.compact(Table::Joints, *versions.get(Table::Joints)).await);
    for rounds in [1, 2] {
        plant.land(rounds).await;
        plant.anchor().await;
    }
    plant.land(1).await;
    plant
}

/// What the audit names.
async fn found(plant: &Plant) -> String {
    found_of(plant, "").await
}

/// What the audit names, after something was done.
async fn found_of(plant: &Plant, done: &str) -> String {
    match plant.audit().await {
        Ok(report) => panic!("{done}: nothing found: {report}"),
        Err(error) => {
            assert!(error.is_divergence(), "{error}");
            error.to_string()
        }
    }
}

/// The live file of a table that was written first: its rows are anchored.
async fn oldest(plant: &Plant, table: Table) -> DataFile {
    let reader = Lake::read_only(plant.lake_dir()).unwrap().reader(table).unwrap();
    let files = reader.live_files(None).await.unwrap().files;
    files.into_iter().min_by_key(|file| file.written_ms).unwrap()
}

/// Flips a bit at some places of a file, one after the other; each time the audit must name the file.
async fn flip(plant: &Plant, path: &Path, name: &str) {
    let whole = fs::read(path).unwrap();
    let step = (whole.len() / 6).max(1);
    for at in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
        let named = found_of(plant, &format!("byte {at} of {name}")).await;
        assert!(named.contains(name), "byte {at} of {name}: {named}");
    }
    fs::write(path, whole).unwrap();
}

#[tokio::test]
async fn what_was_not_touched_is_as_anchored() {
    let plant = anchored().await;
    let report = plant.audit().await.unwrap();
    assert_eq!((report.windows, report.tree_size, report.registry_size, report.robots), (3, 4, 4, 3));
    // In each round three records with two joints, and six dead letters; the first letters of a robot open gaps.
    assert_eq!(report.young_rows, 3 + 6 + 6 + gaps(&plant).await);
    assert!(report.to_string().contains("3 windows"), "{report}");
}

/// Rows of the last round in `gap_events`, which depend on the ledger's rules.
async fn gaps(plant: &Plant) -> u64 {
    let lake = Lake::read_only(plant.lake_dir()).unwrap();
    let live = lake.reader(Table::GapEvents).unwrap().live_files(None).await.unwrap();
    let newest = live.files.iter().max_by_key(|file| file.written_ms).unwrap();
    let last = live.files.iter().filter(|file| file.written_ms == newest.written_ms);
    last.map(|file| file.stats.as_ref().unwrap().rows).sum()
}

#[tokio::test]
async fn a_directory_without_a_log_has_nothing_anchored() {
    let mut plant = Plant::new();
    plant.land(1).await;
    let report = plant.audit().await.unwrap();
    assert!(report.origin.is_empty() && report.young_rows > 0, "{report:?}");
    plant.anchor().await;
    fs::remove_file(plant.data_dir().join("registry/lock.json")).unwrap();
    assert!(found(&plant).await.contains("lock.json"));
    let nowhere = audit(&plant.data_dir(), &plant.data_dir().join("none"), &plant.registry_dir(), |_| {}).await;
    assert!(nowhere.is_err());
}

#[tokio::test]
async fn a_changed_byte_of_any_data_file_is_named() {
    let plant = anchored().await;
    let lake = plant.lake_dir();
    for table in Table::ALL {
        let reader = Lake::read_only(&lake).unwrap().reader(table).unwrap();
        let files = reader.live_files(None).await.unwrap().files;
        for file in files.iter().take(2) {
            let name = format!("{}/{}", table.name(), file.path);
            flip(&plant, &lake.join(&name), &name).await;
        }
    }
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_changed_byte_of_the_log_or_the_keys_is_named() {
    let plant = anchored().await;
    let data = plant.data_dir();
    let mut files: Vec<PathBuf> = files_below(&data.join("registry/tile"));
    files.extend(files_below(&data.join("registry/segments")));
    files.extend(["registry/checkpoint", "registry/lock.json", "keys/log.vkey"].map(|name| data.join(name)));
    files.extend(files_below(&data.join("registry/heads")));
    for path in files {
        flip(&plant, &path, path.strip_prefix(&data).unwrap().to_str().unwrap()).await;
    }
    for path in files_below(&data.join("keys/salts")) {
        flip(&plant, &path, "keys/salts").await;
    }
    for path in files_below(&plant.registry_dir()) {
        flip(&plant, &path, "checkpoint").await;
    }
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_changed_or_missing_configuration_of_rows_is_named() {
    let plant = anchored().await;
    let [config] = &files_below(&plant.lake_dir().join("_config"))[..] else { panic!("one configuration") };
    let name = format!("_config/{}", config.file_name().unwrap().to_str().unwrap());
    flip(&plant, config, &name).await;
    let whole = fs::read(config).unwrap();
    fs::remove_file(config).unwrap();
    let named = found(&plant).await;
    assert!(named.contains(&name) && named.contains("missing"), "{named}");
    fs::write(config, whole).unwrap();
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let plant = anchored().await;
    let data = plant.data_dir();
    let mut tiles = files_below(&data.join("registry/tile"));
    // Narrower ones may be removed.
    tiles.retain(|path| path.ends_with("000.p/4"));
    assert_eq!(tiles.len(), 2);
    let names = ["registry/segments/0000000001", "registry/checkpoint", "keys/log.vkey"].map(|name| data.join(name));
    for path in tiles.iter().chain(&names) {
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let named = found_of(&plant, &path.display().to_string()).await;
        assert!(named.contains(name), "{name}: {named}");
        fs::write(path, bytes).unwrap();
    }
    let file = format!("joints/{}", oldest(&plant, Table::Joints).await.path);
    fs::remove_file(plant.lake_dir().join(&file)).unwrap();
    assert!(found(&plant).await.contains(&file));
}

#[tokio::test]
async fn a_log_that_was_rolled_back_is_found_by_the_registry() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let before = plant.copy();
    plant.land(1).await;
    plant.anchor().await;
    for folder in ["registry", "keys"] {
        fs::remove_dir_all(plant.data_dir().join(folder)).unwrap();
        crate::plant::copy_dir(&before.data_dir().join(folder), &plant.data_dir().join(folder));
    }
    assert!(found(&plant).await.contains("the registry has a tree of 2 entries"));
}
