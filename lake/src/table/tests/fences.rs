//! Who may commit: one of many, once, also when the answer is lost.

use super::*;

#[tokio::test]
async fn of_two_writers_of_one_application_the_second_is_fenced() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (open(dir.path(), "").await, open(dir.path(), "").await);
    append_rows(&mut first, "a", 0, 5).await;
    let lost = second.append(Vec::new(), txn("a", 9), fence("a", None)).await;
    assert!(matches!(lost, Err(CommitError::Fenced { theirs: 5, by_version: 1, .. })), "{lost:?}");
    second.refresh().await.unwrap();
    assert_eq!(second.txn("a"), Some(5));
    let stale = second.append(Vec::new(), txn("a", 9), fence("a", None)).await;
    assert!(matches!(stale, Err(CommitError::Stale { expected: None, found: Some(5), .. })), "{stale:?}");
    second.append(Vec::new(), txn("a", 9), fence("a", Some(5))).await.unwrap();
}

#[tokio::test]
async fn a_fence_without_a_transaction_holds_too() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (open(dir.path(), "").await, open(dir.path(), "").await);
    append_rows(&mut first, "a", 0, 5).await;
    let lost = second.append(Vec::new(), txn("b", 1), fence("a", None)).await;
    assert!(matches!(lost, Err(CommitError::Fenced { .. })), "{lost:?}");
}

#[tokio::test]
async fn a_transaction_without_a_fence_is_nobodys_and_only_rises() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (open(dir.path(), "").await, open(dir.path(), "").await);
    first.append(Vec::new(), txn("mark", 7), Vec::new()).await.unwrap();
    second.append(Vec::new(), txn("mark", 5), Vec::new()).await.unwrap();
    assert_eq!(second.txn("mark"), Some(7));
    second.append(Vec::new(), txn("mark", 8), Vec::new()).await.unwrap();
    assert_eq!(open(dir.path(), "").await.txn("mark"), Some(8));
}

#[tokio::test]
async fn commits_of_others_are_stepped_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut tables = Vec::new();
    for _ in 0..4 {
        tables.push(open(dir.path(), "").await);
    }
    let writers = tables.into_iter().enumerate().map(|(n, mut table)| {
        tokio::spawn(async move {
            for round in 0..10 {
                append_rows(&mut table, &format!("app {n}"), round * 3, 3).await;
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    let table = open(dir.path(), "").await;
    assert_eq!(table.version(), 40);
    assert!((0..4).all(|n| table.txn(&format!("app {n}")) == Some(30)));
    assert_eq!(rows_at(&table, None).await, 120);
}

#[tokio::test]
async fn eight_racers_for_one_application_have_one_winner_a_round() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5_i64 {
        let mut racers = Vec::new();
        for _ in 0..8 {
            racers.push(open(dir.path(), "").await);
        }
        let races = racers.into_iter().map(|mut table| {
            tokio::spawn(async move {
                let expected = table.txn("a");
                table.append(Vec::new(), txn("a", round + 1), fence("a", expected)).await.is_ok()
            })
        });
        let won = futures::future::join_all(races).await.into_iter().filter(|won| *won.as_ref().unwrap()).count();
        assert_eq!(won, 1);
    }
    assert_eq!(open(dir.path(), "").await.version(), 5);
}

#[tokio::test]
async fn a_lost_answer_is_found_out_and_the_commit_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "lake.joints.commit_answer=error").await;
    assert_eq!(append_rows(&mut table, "a", 0, 7).await, 1);
    assert_eq!(table.version(), 1);
    assert_eq!(rows_at(&table, None).await, 7);
    assert_eq!(append_rows(&mut table, "a", 7, 7).await, 2);
}

#[tokio::test]
async fn an_injected_fault_before_the_commit_leaves_the_table_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "lake.joints.before_commit=error").await;
    let files = table.write_rows(vec![sample::batch(Table::Joints, 3)]).await.unwrap();
    let failed = table.append(files.clone(), txn("a", 3), fence("a", None)).await;
    assert!(matches!(failed, Err(CommitError::Fault(_))));
    assert_eq!(rows_at(&table, None).await, 0);
    assert!(table.options.in_flight.contains(Table::Joints, &files[0].path));
    table.append(files, txn("a", 3), fence("a", None)).await.unwrap();
    assert_eq!(rows_at(&table, None).await, 3);
}

#[tokio::test]
async fn a_committer_that_clean_up_has_passed_must_refresh_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut idle, mut busy) = (open(dir.path(), "").await, open(dir.path(), "").await);
    append_rows(&mut idle, "a", 0, 2).await;
    for round in 0..4 {
        append_rows(&mut busy, "b", round, 1).await;
    }
    busy.checkpoint().await.unwrap();
    for version in 0..=4 {
        busy.store().delete(&log::entry_path(version)).await.unwrap();
    }
    let passed = idle.append(Vec::new(), txn("a", 9), fence("a", Some(2))).await;
    assert!(matches!(passed, Err(CommitError::Reload { version: 2 })), "{passed:?}");
    idle.refresh().await.unwrap();
    assert_eq!((idle.version(), idle.txn("a"), idle.txn("b")), (5, Some(2), Some(4)));
    assert_eq!(idle.append(Vec::new(), txn("a", 9), fence("a", Some(2))).await.unwrap(), 6);
}
