//! What tables and files look like, and which are refused.

use super::*;

#[tokio::test]
async fn what_was_appended_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "").await;
    assert_eq!((table.version(), table.txn("a")), (0, None));
    assert_eq!(append_rows(&mut table, "a", 0, 20).await, 1);
    assert_eq!(table.append(Vec::new(), txn("a", 25), fence("a", Some(20))).await.unwrap(), 2);
    drop(table);
    let table = open(dir.path(), "").await;
    assert_eq!((table.version(), table.txn("a")), (2, Some(25)));
    assert_eq!(rows_at(&table, None).await, 20);
}

#[tokio::test]
async fn rows_of_two_days_go_to_two_files_each_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let table = open(dir.path(), "").await;
    let batch = sample::batch_at(Table::Joints, 0, 0, 60, sample::START_US - 30_000_000);
    let files = table.write_rows(vec![batch]).await.unwrap();
    let days: Vec<&str> = files.iter().map(|file| file.received_day.as_str()).collect();
    assert_eq!(days, ["2026-02-28", "2026-03-01"]);
    let reader = TableReader::new(Table::Joints, Arc::clone(table.store()));
    for file in files {
        let loaded = reader.load_file(&file.path).await.unwrap();
        assert_eq!((loaded.size(), loaded.sha256, file.rows()), (file.size, file.sha256, 30));
        assert_eq!(reader.hash_file(&file.path).await.unwrap(), (file.size, file.sha256));
        let batch = loaded.batches(1_000).unwrap().next().unwrap().unwrap();
        let robots = batch.column_by_name("robot_id").unwrap();
        let sorted = arrow::compute::sort(robots, None).unwrap();
        assert_eq!(robots.as_ref(), sorted.as_ref());
    }
}

#[tokio::test]
async fn a_column_of_a_newer_release_is_added_and_older_files_read_as_null() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = open(dir.path(), "").await;
    append_rows(&mut table, "a", 0, 4).await;
    let mut older: MetaData = table.head.meta.clone();
    let mut schema: serde_json::Value = serde_json::from_str(&older.schema_string).unwrap();
    schema["fields"].as_array_mut().unwrap().retain(|field| field["name"] != "torque_rms_nm");
    older.schema_string = schema.to_string();
    let actions = [entry::commit_info("TEST", &[], 0), older.into()];
    log::put(table.store().as_ref(), 2, entry::encode(&actions)).await.unwrap();
    let reload = table.append(Vec::new(), txn("a", 9), fence("a", Some(4))).await;
    assert!(matches!(reload, Err(CommitError::Reload { version: 2 })), "{reload:?}");
    let mut table = open(dir.path(), "").await;
    assert_eq!((table.version(), table.txn("a")), (3, Some(4)));
    assert_eq!(schema::compare(Table::Joints, &table.head.protocol, &table.head.meta), schema::Comparison::Same);
    append_rows(&mut table, "a", 4, 4).await;
}

#[tokio::test]
async fn a_table_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), "").await);
    std::fs::rename(dir.path().join("joints"), dir.path().join("records")).unwrap();
    let refused = LakeTable::open_or_create(dir.path(), Table::Records, TableOptions::default()).await;
    assert!(matches!(refused, Err(OpenError::NotOurs { table: "records", .. })), "{refused:?}");
}

#[tokio::test]
async fn a_table_of_a_later_protocol_is_refused() {
    for (reader, writer) in [(2, 2), (1, 4)] {
        let dir = tempfile::tempdir().unwrap();
        let table = open(dir.path(), "").await;
        let protocol = entry::Protocol { min_reader_version: reader, min_writer_version: writer };
        let actions = [entry::commit_info("TEST", &[], 0), protocol.into()];
        log::put(table.store().as_ref(), table.version() + 1, entry::encode(&actions)).await.unwrap();
        drop(table);
        let refused = LakeTable::open_or_create(dir.path(), Table::Joints, TableOptions::default()).await.unwrap_err();
        assert!(refused.to_string().contains(&format!("reader {reader}, writer {writer}")), "{refused}");
    }
}

#[tokio::test]
async fn a_batch_of_another_table_is_refused_and_an_empty_one_makes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let table = open(dir.path(), "").await;
    assert!(table.write_rows(vec![sample::batch(Table::Joints, 0)]).await.unwrap().is_empty());
    let refused = table.write_rows(vec![sample::batch(Table::Batteries, 1)]).await;
    assert!(matches!(refused, Err(WriteError::Schema { table: "joints" })));
}
