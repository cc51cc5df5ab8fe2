//! Nothing is deleted that somebody needs.

use super::*;

#[tokio::test]
async fn vacuum_waits_for_the_anchorer_and_leaves_live_and_unfinished_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..4 {
        append(&mut table, 10).await;
    }
    let mut maintainer = maintainer(dir.path(), "").await;
    maintainer.compact_once(Some(4), later()).await.unwrap().unwrap();
    assert_eq!(parquet_files(dir.path()), 5);
    assert_eq!(maintainer.vacuum(None).await.unwrap(), 0);
    assert_eq!(maintainer.vacuum(Some(4)).await.unwrap(), 0, "the merge is commit 5");
    let unfinished = maintainer.committer.write_rows(vec![sample::batch(Table::Joints, 3)]).await.unwrap();
    assert_eq!(maintainer.vacuum(Some(5)).await.unwrap(), 4);
    assert_eq!(parquet_files(dir.path()), 2);
    drop(unfinished);
    assert_eq!(maintainer.vacuum(Some(5)).await.unwrap(), 1, "an orphan");
    assert_eq!(rows(dir.path()).await.num_rows(), 40);
}

#[tokio::test]
async fn vacuum_keeps_what_was_removed_of_late() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    append(&mut table, 10).await;
    append(&mut table, 10).await;
    let keep = MaintenanceOptions { removed_keep: Duration::from_secs(60), ..options() };
    let mut maintainer = Maintainer::open(dir.path(), Table::Joints, writing(""), keep).await.unwrap();
    maintainer.compact_once(Some(2), later()).await.unwrap().unwrap();
    assert_eq!(maintainer.vacuum(Some(3)).await.unwrap(), 0);
}

/// A table with commits 1 to `commits`, and checkpoints of some of them.
async fn checkpointed(dir: &FsPath, commits: i64, checkpoints: &[i64]) -> LakeTable {
    let mut table = writer(dir).await;
    for version in 1..=commits {
        append(&mut table, 4).await;
        if checkpoints.contains(&version) {
            assert_eq!(table.checkpoint().await.unwrap(), version);
        }
    }
    table
}

#[tokio::test]
async fn log_clean_up_keeps_two_checkpoints_and_what_lies_between() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = checkpointed(dir.path(), 6, &[4]).await;
    let mut maintainer = maintainer(dir.path(), "").await;
    assert_eq!(maintainer.clean_log(Some(6)).await.unwrap(), 0, "one checkpoint is too few");
    table.checkpoint().await.unwrap();
    assert_eq!(maintainer.clean_log(None).await.unwrap(), 0);
    assert_eq!(maintainer.clean_log(Some(5)).await.unwrap(), 0, "the anchorer still reads entry 6");
    assert_eq!(maintainer.clean_log(Some(6)).await.unwrap(), 4);
    let listing = log::list(table.store().as_ref()).await.unwrap();
    assert_eq!((listing.entries, listing.checkpoints), ([4, 5, 6].into(), [4, 6].into()));
    append(&mut table, 4).await;
    table.checkpoint().await.unwrap();
    assert_eq!(maintainer.clean_log(Some(7)).await.unwrap(), 3, "entries 4 and 5, checkpoint 4");
    assert_eq!(rows(dir.path()).await.num_rows(), 28);
    drop(table);
    assert_eq!(writer(dir.path()).await.txn("a"), Some(28));
}

#[tokio::test]
async fn an_interrupted_clean_up_is_taken_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = checkpointed(dir.path(), 6, &[2, 4, 6]).await;
    for version in [0, 1] {
        table.store().delete(&log::entry_path(version)).await.unwrap();
    }
    table.store().delete(&log::checkpoint_path(2)).await.unwrap();
    let mut maintainer = maintainer(dir.path(), "").await;
    assert_eq!(maintainer.clean_log(Some(6)).await.unwrap(), 2, "entries 2 and 3");
    append(&mut table, 4).await;
    assert_eq!(rows(dir.path()).await.num_rows(), 28);
}

#[tokio::test]
async fn entries_that_are_young_stay() {
    let dir = tempfile::tempdir().unwrap();
    let table = checkpointed(dir.path(), 6, &[2, 4]).await;
    let keep = MaintenanceOptions { log_keep: Duration::from_secs(60), ..options() };
    let mut maintainer = Maintainer::open(dir.path(), Table::Joints, writing(""), keep).await.unwrap();
    assert_eq!(maintainer.clean_log(Some(6)).await.unwrap(), 0);
    assert_eq!(log::list(table.store().as_ref()).await.unwrap().entries.len(), 7);
}

#[tokio::test]
async fn a_damaged_checkpoint_stops_the_clean_up() {
    let dir = tempfile::tempdir().unwrap();
    let table = checkpointed(dir.path(), 4, &[2, 3]).await;
    let checkpoint = dir.path().join("joints").join(log::checkpoint_path(3).as_ref());
    std::fs::write(checkpoint, "cut").unwrap();
    let reader = TableReader::open(dir.path(), Table::Joints).unwrap();
    let mut maintainer = Maintainer { committer: table, reader, options: options(), shunned: HashSet::new() };
    let stopped = maintainer.clean_log(Some(4)).await;
    assert!(matches!(stopped, Err(CleanError::Checkpoint(_))), "{stopped:?}");
    assert_eq!(log::list(maintainer.committer.store().as_ref()).await.unwrap().entries.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_background_keeps_a_table_small_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let often = Duration::from_millis(20);
    let timing = MaintenanceOptions { compact_every: often, clean_every: often, ..options() };
    let orphans_late = MaintenanceOptions { orphan_keep: Duration::from_secs(600), ..timing };
    let mut table =
        LakeTable::open_or_create(dir.path(), Table::Joints, TableOptions { checkpoint_every: 5, ..writing("") })
            .await
            .unwrap();
    let lake = Lake::open(dir.path(), writing("")).unwrap();
    let maintenance = Maintenance::open(&lake, orphans_late, Arc::new(Unanchored)).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(maintenance.run(stop.clone()));
    for _ in 0..20 {
        append(&mut table, 6).await;
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let first_entry = dir.path().join(table.table().name()).join(log::entry_path(0).as_ref());
    while first_entry.exists() || live(dir.path()).await.len() > 8 || parquet_files(dir.path()) > 8 {
        let left = parquet_files(dir.path());
        assert!(std::time::Instant::now() < deadline, "{left} files are left, or the first entry");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(rows(dir.path()).await.num_rows(), 120);
    assert!(table.store().head(&log::hint_path()).await.is_ok());
}

/// All that maintenance does to one table, with a fault on the way.
async fn everything(dir: &FsPath, faults: &str) {
    let mut maintainer = maintainer(dir, faults).await;
    let _merged = maintainer.compact_once(Some(i64::MAX), later()).await;
    let _written = maintainer.committer.checkpoint().await;
    let _vacuumed = maintainer.vacuum(Some(i64::MAX)).await;
    let _cleaned = maintainer.clean_log(Some(i64::MAX)).await;
}

#[tokio::test]
async fn a_fault_at_any_step_loses_no_row_and_the_next_round_ends_what_was_begun() {
    let parts = ["compact", "checkpoint", "vacuum", "log_cleanup"];
    let steps = crate::fault::steps().into_iter();
    let steps: Vec<String> = steps.filter(|step| parts.iter().any(|part| step.contains(part))).collect();
    assert_eq!(steps.len(), 11);
    for step in steps {
        let dir = tempfile::tempdir().unwrap();
        checkpointed(dir.path(), 6, &[2, 4, 6]).await;
        everything(dir.path(), &format!("{step}=error")).await;
        everything(dir.path(), "").await;
        assert_eq!(rows(dir.path()).await.num_rows(), 24, "{step}");
        assert_eq!((live(dir.path()).await.len(), parquet_files(dir.path())), (1, 1), "{step}");
    }
}
