//! Windows of real lakes in temporary folders: one chain, crashes at every step, backups, forks.

mod due;
mod restored;

use std::fs;

use tacho_schemas::table::Table;

use super::*;
use crate::merkle::TreeHead;
use crate::plant::Plant;
use crate::statement::{Statement as _, WindowStatement};

/// The window statements of a log, in order, as they stand in its tiles.
fn windows(plant: &Plant) -> Vec<WindowStatement> {
    let dir = plant.data_dir().join("registry");
    let lock = Lock::read(&dir).unwrap().unwrap();
    let tiles = TileStore::new(&dir);
    crate::published::windows(&tiles, lock.size).map(|window| *window.unwrap().1).collect()
}

fn head_in_registry(plant: &Plant, anchorer: &Anchorer) -> TreeHead {
    let registry = FileRegistry::new(plant.registry_dir());
    registry.head(anchorer.origin(), anchorer.key.verifier()).unwrap().unwrap()
}

#[tokio::test]
async fn windows_follow_each_other_and_hold_what_has_landed_between() {
    let mut plant = Plant::new();
    plant.land(2).await;
    let mut anchorer = plant.anchorer().await.unwrap();
    let first = anchorer.tick(true).await.unwrap().unwrap();
    assert_eq!((first.win_no, first.tree_size), (0, 1));
    assert_eq!(anchorer.tick(true).await.unwrap(), None, "nothing new has landed");
    plant.land(3).await;
    assert_eq!(anchorer.tick(false).await.unwrap(), None, "no window is due");
    let second = anchorer.tick(true).await.unwrap().unwrap();
    assert_eq!((second.win_no, second.tree_size), (1, 2));

    let windows = windows(&plant);
    // In each round a record of three robots with two joints, and two dead letters of each.
    assert_eq!((windows[0].counts.landed, windows[0].counts.rejected), (6, 12));
    assert_eq!((windows[1].counts.landed, windows[1].counts.rejected), (9, 18));
    assert_eq!(windows[1].counts.rows[..2], [9, 18]);
    assert_eq!(windows[1].prev_win_hash, Some(windows[0].leaf_hash()));
    let ends: Vec<i64> = windows[0].ranges.iter().map(|range| range.to).collect();
    let begins: Vec<i64> = windows[1].ranges.iter().map(|range| range.from).collect();
    assert_eq!(ends, begins);
    // Two segments of each robot: what has a stream epoch, and what has none.
    assert_eq!((windows[1].n_segs, windows[1].n_heads), (6, 3));
    assert_eq!(head_in_registry(&plant, &anchorer), anchorer.lock.head());
    let report = plant.audit().await.unwrap();
    assert_eq!((report.windows, report.young_rows, report.registry_size), (2, 0, 2));
}

#[tokio::test]
async fn a_window_closes_when_its_time_is_over_or_enough_rows_have_come() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let mut many = AnchorerOptions { max_rows: 24, ..plant.options() };
    let mut anchorer = Anchorer::open(many.clone()).await.unwrap();
    assert_eq!(anchorer.tick(false).await.unwrap(), None, "no rows have come");
    plant.land(1).await;
    assert_eq!(anchorer.tick(false).await.unwrap().unwrap().win_no, 1, "enough rows have come");
    plant.land(1).await;
    many.max_rows = 1 << 20;
    many.window = Duration::ZERO;
    let mut anchorer = Anchorer::open(many).await.unwrap();
    assert_eq!(anchorer.tick(false).await.unwrap().unwrap().win_no, 2, "the time is over");
}

#[tokio::test]
async fn a_crash_at_any_step_leaves_one_statement_a_window_with_the_same_bytes() {
    let mut plant = Plant::new();
    plant.land(2).await;
    plant.anchor().await;
    plant.land(2).await;
    // The copy is as the plant; what it comes to without a fault is what must come out with one.
    let undisturbed = plant.copy();
    undisturbed.anchor().await;
    let files = ["lock.json", "checkpoint", "segments/0000000001", "heads/0000000001", "tile/entries/000.p/2"];
    let bytes = |plant: &Plant| files.map(|file| fs::read(plant.data_dir().join("registry").join(file)).unwrap());
    let expected = bytes(&undisturbed);
    for step in FAULT_STEPS {
        let plant = plant.copy();
        let options = AnchorerOptions { faults: format!("{step}=error").parse().unwrap(), ..plant.options() };
        let mut anchorer = Anchorer::open(options).await.unwrap();
        let error = anchorer.tick(true).await.unwrap_err();
        assert!(matches!(error, AnchorError::Injected(_)), "{step}: {error}");
        assert_eq!(error.verdict(), Verdict::Wait);
        drop(anchorer);
        let report = plant.audit().await.unwrap_or_else(|error| panic!("audit after a crash at {step}: {error}"));
        assert!((1..=2).contains(&report.windows), "{step}");
        let mut anchorer = plant.anchorer().await.unwrap_or_else(|error| panic!("{step}: {error}"));
        anchorer.tick(true).await.unwrap();
        assert_eq!(anchorer.windows(), 2, "{step}");
        assert_eq!(anchorer.tick(true).await.unwrap(), None, "{step}: nothing new has landed");
        assert!(bytes(&plant) == expected, "{step}: other bytes than without a crash");
        assert_eq!(head_in_registry(&plant, &anchorer), anchorer.lock.head(), "{step}");
        assert_eq!(plant.audit().await.unwrap().windows, 2, "{step}");
    }
}

#[tokio::test]
async fn the_same_anchorer_goes_on_after_an_error() {
    for step in FAULT_STEPS {
        let mut plant = Plant::new();
        plant.land(1).await;
        let options = AnchorerOptions { faults: format!("{step}=error").parse().unwrap(), ..plant.options() };
        let mut anchorer = Anchorer::open(options).await.unwrap();
        anchorer.tick(true).await.unwrap_err();
        plant.audit().await.unwrap_or_else(|error| panic!("audit after a crash at {step}: {error}"));
        plant.land(1).await;
        anchorer.tick(true).await.unwrap();
        anchorer.tick(true).await.unwrap();
        let report = plant.audit().await.unwrap_or_else(|error| panic!("{step}: {error}"));
        assert_eq!(report.young_rows, 0, "{step}");
        assert_eq!(windows(&plant).len() as u64, anchorer.windows(), "{step}");
    }
}

#[tokio::test]
async fn an_origin_is_fixed_at_the_first_start() {
    let plant = Plant::new();
    let mut options = AnchorerOptions { origin: Some("log.example/1".to_owned()), ..plant.options() };
    fs::create_dir_all(plant.lake_dir()).unwrap();
    assert_eq!(Anchorer::open(options.clone()).await.unwrap().origin(), "log.example/1");
    assert_eq!(plant.anchorer().await.unwrap().origin(), "log.example/1");
    options.origin = Some("log.example/2".to_owned());
    assert!(matches!(Anchorer::open(options).await, Err(OpenError::Origin { .. })));
}

#[tokio::test]
async fn compactions_are_stated_with_the_next_window() {
    let mut plant = Plant::new();
    plant.land(3).await;
    let mut anchorer = plant.anchorer().await.unwrap();
    anchorer.tick(true).await.unwrap();
    let closed = *anchorer.stated_versions().get(Table::Joints);
    assert!(plant.compact(Table::Joints, closed).await);
    assert_eq!(plant.audit().await.unwrap().young_files, 1, "the merged file is not stated yet");
    plant.land(1).await;
    let second = anchorer.tick(true).await.unwrap().unwrap();
    assert_eq!(second.tree_size, 3, "a window and a compaction");
    assert_eq!(plant.audit().await.unwrap().young_files, 0);
}
