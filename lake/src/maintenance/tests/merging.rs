//! Merges move rows and change none, whoever else is at work.

use super::*;

#[tokio::test]
async fn a_merge_keeps_every_row_sorts_them_and_has_statistics() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..5 {
        append(&mut table, 30).await;
    }
    let before = rows(dir.path()).await;
    let mut maintainer = maintainer(dir.path(), "").await;
    let done = maintainer.compact_once(Some(5), later()).await.unwrap().unwrap();
    assert_eq!((done.version, done.inputs, done.rows), (6, 5, 150));
    assert_eq!(rows(dir.path()).await, before);
    let files = live(dir.path()).await;
    let [file] = files.as_slice() else { panic!("one file is left: {files:?}") };
    assert!(!file.data_change && file.sha256.is_some());
    assert!(file.stats.as_ref().unwrap().may_hold_ints("offset", 149, 149));
    assert!(!file.stats.as_ref().unwrap().may_hold_ints("offset", 150, 150));
    let reader = TableReader::open(dir.path(), Table::Joints).unwrap();
    let merged: Vec<RecordBatch> = reader.read_file(&file.path, 1_000).await.unwrap().try_collect().await.unwrap();
    let robots: Vec<&str> = merged[0].column_by_name("robot_id").unwrap().as_string::<i32>().iter().flatten().collect();
    assert!(robots.is_sorted());
    let commit = reader.commits_between(5, 6).await.unwrap().remove(0);
    assert!(commit.operation == "OPTIMIZE" && commit.removes.iter().all(|file| !file.data_change));
    assert!(maintainer.compact_once(Some(6), later()).await.unwrap().is_none());
}

#[tokio::test]
async fn files_of_windows_that_are_not_closed_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..4 {
        append(&mut table, 5).await;
    }
    let mut maintainer = maintainer(dir.path(), "").await;
    assert!(maintainer.compact_once(None, later()).await.unwrap().is_none());
    assert!(maintainer.compact_once(Some(1), later()).await.unwrap().is_none(), "one closed file is no merge");
    assert_eq!(maintainer.compact_once(Some(2), later()).await.unwrap().unwrap().inputs, 2);
    table.checkpoint().await.unwrap();
    assert!(maintainer.compact_once(Some(2), later()).await.unwrap().is_none(), "also after a checkpoint");
    assert_eq!(maintainer.compact_once(Some(5), later()).await.unwrap().unwrap().inputs, 3);
}

#[tokio::test]
async fn of_two_merges_of_the_same_files_one_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..3 {
        append(&mut table, 10).await;
    }
    let before = rows(dir.path()).await;
    let (mut first, mut second) = (maintainer(dir.path(), "").await, maintainer(dir.path(), "").await);
    let inputs = live(dir.path()).await;
    first.newest().await.unwrap();
    second.newest().await.unwrap();
    first.merge_files(&inputs).await.unwrap();
    let error = second.merge_files(&inputs).await.unwrap_err();
    assert!(error.is_race(), "{error:?}");
    assert_eq!(rows(dir.path()).await, before);
    let race = second.merge_files(&inputs).await.unwrap_err();
    assert!(race.is_race(), "stale inputs stay stale: {race:?}");
}

#[tokio::test]
async fn appends_go_on_while_files_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..6 {
        append(&mut table, 10).await;
    }
    let mut maintainer = maintainer(dir.path(), "").await;
    let merging = tokio::spawn(async move {
        for _ in 0..5 {
            let closed = maintainer.reader.version().await.unwrap();
            maintainer.compact_once(Some(closed), later()).await.unwrap();
        }
    });
    for _ in 0..20 {
        append(&mut table, 10).await;
    }
    merging.await.unwrap();
    let all = rows(dir.path()).await;
    let offsets = all.column_by_name("offset").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(offsets, (0..260).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_merge_whose_answer_is_lost_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..3 {
        append(&mut table, 10).await;
    }
    let before = rows(dir.path()).await;
    let mut maintainer = maintainer(dir.path(), "lake.compact.commit_answer=error").await;
    assert_eq!(maintainer.compact_once(Some(3), later()).await.unwrap().unwrap().version, 4);
    assert_eq!(rows(dir.path()).await, before);
}

#[tokio::test]
async fn a_merge_of_a_changed_file_is_not_published_and_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = writer(dir.path()).await;
    for _ in 0..3 {
        append(&mut table, 10).await;
    }
    let path = live(dir.path()).await[0].path.clone();
    let victim = dir.path().join(table.table().name()).join(&path);
    let mut bytes = std::fs::read(&victim).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&victim, bytes).unwrap();
    let mut maintainer = maintainer(dir.path(), "").await;
    let refused = maintainer.compact_once(Some(3), later()).await.unwrap_err();
    assert!(refused.to_string().contains(&path), "{refused}");
    assert_eq!(live(dir.path()).await.len(), 3);
    let others = maintainer.compact_once(Some(3), later()).await.unwrap().unwrap();
    assert_eq!(others.inputs, 2, "the others are merged without it");
    assert!(live(dir.path()).await.iter().any(|file| file.path == path));
}
