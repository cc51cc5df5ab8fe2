//! What is on disk after a crash, and what checkpoints stand for.

use super::*;

#[tokio::test]
async fn a_newest_entry_that_was_cut_is_set_aside_and_its_version_made_again() {
    for rest in [&b""[..], b"{\"commitInfo\":{}}\n{\"txn\":{\"appI", &[0; 512]] {
        let dir = tempfile::tempdir().unwrap();
        let mut table = open(dir.path(), "").await;
        append_rows(&mut table, "a", 0, 5).await;
        append_rows(&mut table, "a", 5, 5).await;
        let newest = dir.path().join("joints/_delta_log/00000000000000000002.json");
        std::fs::write(&newest, rest).unwrap();
        let mut table = open(dir.path(), "").await;
        assert_eq!((table.version(), table.txn("a")), (1, Some(5)));
        assert_eq!(std::fs::read(newest.with_extension("json.torn")).unwrap(), rest, "what is left of it stays");
        append_rows(&mut table, "a", 5, 5).await;
        assert_eq!(rows_at(&table, None).await, 10);
    }
}

#[tokio::test]
async fn a_damaged_entry_that_is_not_the_newest_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "").await;
    append_rows(&mut table, "a", 0, 5).await;
    append_rows(&mut table, "a", 5, 5).await;
    std::fs::write(dir.path().join("joints/_delta_log/00000000000000000001.json"), "").unwrap();
    let refused = LakeTable::open_or_create(dir.path(), Table::Joints, TableOptions::default()).await;
    assert!(matches!(refused, Err(OpenError::Log(LogError::Entry(EntryError::Empty { version: 1 })))), "{refused:?}");
}

#[tokio::test]
async fn a_checkpoint_says_what_the_entries_say_and_stands_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "").await;
    for round in 0..5 {
        append_rows(&mut table, "a", round * 4, 4).await;
    }
    let before = TableState::read(table.store().as_ref(), None, Scope::All).await.unwrap();
    assert_eq!(table.checkpoint().await.unwrap(), 5);
    append_rows(&mut table, "a", 20, 4).await;
    for version in 0..=5 {
        table.store().delete(&log::entry_path(version)).await.unwrap();
    }
    let table = open(dir.path(), "").await;
    assert_eq!((table.version(), table.txn("a")), (6, Some(24)));
    assert_eq!(rows_at(&table, None).await, 24);
    let after = TableState::read(table.store().as_ref(), Some(5), Scope::All).await.unwrap();
    assert_eq!(after.checkpoint, Some(5));
    assert_eq!(after.files.keys().collect::<Vec<_>>(), before.files.keys().collect::<Vec<_>>());
    let stats =
        |state: &TableState| state.files.values().map(|add| (add.stats.clone(), add.tags.clone())).collect::<Vec<_>>();
    assert_eq!(stats(&after), stats(&before), "checkpoints keep statistics and digests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_are_written_in_the_background_as_commits_come() {
    let dir = tempfile::tempdir().unwrap();
    let options = TableOptions { checkpoint_every: 4, ..TableOptions::default() };
    let mut table = LakeTable::open_or_create(dir.path(), Table::Joints, options).await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for round in 0.. {
        append_rows(&mut table, "a", round, 1).await;
        let listing = log::list(table.store().as_ref()).await.unwrap();
        if listing.checkpoints.len() >= 2 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "no two checkpoints after {round} commits");
    }
}

#[tokio::test]
async fn a_truncated_checkpoint_is_set_aside_while_its_entries_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "").await;
    append_rows(&mut table, "a", 0, 4).await;
    table.checkpoint().await.unwrap();
    let checkpoint = dir.path().join("joints/_delta_log/00000000000000000001.checkpoint.parquet");
    std::fs::write(&checkpoint, "PAR1").unwrap();
    let table = open(dir.path(), "").await;
    assert_eq!(table.txn("a"), Some(4));
    assert!(!checkpoint.exists() && checkpoint.with_extension("parquet.torn").exists());
    assert!(!checkpoint.with_file_name("_last_checkpoint").exists());
}
