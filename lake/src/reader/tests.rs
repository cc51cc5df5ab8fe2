//! Reading real tables: rows come back as they were written, and few files are touched to find them.

mod inspect;

use std::sync::Arc;

use arrow::compute::concat_batches;
use futures::TryStreamExt as _;
use tacho_schemas::table::Table;

use super::{RowFilter, TableReader, prune};
use crate::table::{Fence, LakeTable, Txn};
use crate::{TableOptions, sample};

/// A table with files of 40 rows at consecutive offsets, one a commit.
async fn table_of(dir: &std::path::Path, table: Table, files: i64) -> (LakeTable, TableReader) {
    let options = TableOptions { row_group_rows: 16, checkpoint_every: 0, ..TableOptions::default() };
    let mut writer = LakeTable::open_or_create(dir, table, options).await.unwrap();
    for n in 0..files {
        let batch = sample::batch_at(table, n % 2, n * 40, 40, sample::START_US);
        let written = writer.write_rows(vec![batch]).await.unwrap();
        let expected = writer.txn("a");
        let txns = vec![Txn { app_id: "a".to_owned(), version: n }];
        writer.append(written, txns, vec![Fence { app_id: "a".to_owned(), expected }]).await.unwrap();
    }
    let reader = TableReader::new(table, Arc::clone(writer.store()));
    (writer, reader)
}

#[tokio::test]
async fn every_cell_of_every_table_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    for table in Table::ALL {
        let (_writer, reader) = table_of(dir.path(), table, 1).await;
        let live = reader.live_files(None).await.unwrap();
        let path = &live.files[0].path;
        let streamed: Vec<_> = reader.read_file(path, 7).await.unwrap().try_collect().await.unwrap();
        let loaded: Vec<_> = reader.load_file(path).await.unwrap().batches(100).unwrap().map(Result::unwrap).collect();
        let schema = table.arrow_schema();
        let (streamed, loaded) =
            (concat_batches(&schema, &streamed).unwrap(), concat_batches(&schema, &loaded).unwrap());
        assert_eq!(streamed, loaded);
        let by_offset = |batch: &arrow::array::RecordBatch| {
            let order = arrow::compute::sort_to_indices(batch.column_by_name("offset").unwrap(), None, None).unwrap();
            arrow::compute::take_record_batch(batch, &order).unwrap()
        };
        assert_eq!(by_offset(&streamed), sample::batch(table, 40), "{}", table.name());
    }
}

#[tokio::test]
async fn commits_are_listed_with_their_files_and_transactions() {
    let dir = tempfile::tempdir().unwrap();
    let (_writer, reader) = table_of(dir.path(), Table::Joints, 3).await;
    let commits = reader.commits_between(0, 3).await.unwrap();
    assert_eq!(commits.iter().map(|commit| commit.version).collect::<Vec<_>>(), [1, 2, 3]);
    for commit in &commits {
        let [file] = commit.adds.as_slice() else { panic!("one file a commit") };
        assert!(file.data_change && commit.removes.is_empty() && !commit.changes_table);
        assert_eq!(reader.hash_file(&file.path).await.unwrap(), (file.size, file.sha256.unwrap()));
        assert_eq!(commit.txns[0].app_id, "a");
        assert_eq!(commit.operation, "WRITE");
    }
    assert!(reader.commits_between(2, 4).await.is_err(), "a missing commit is no empty one");
    assert_eq!(reader.version().await.unwrap(), 3);
    assert_eq!(reader.version_since(0).await.unwrap(), 3);
    assert_eq!(reader.live_files(Some(1)).await.unwrap().files.len(), 1);
}

#[tokio::test]
async fn one_record_is_found_in_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let (_writer, reader) = table_of(dir.path(), Table::Joints, 6).await;
    let live = reader.live_files(None).await.unwrap();
    let filter = RowFilter::all().robot(&sample::robot(3)).int("seq", 93);
    assert_eq!(prune(&live.files, &filter).count(), 1);
    let rows = reader.rows(&live.files, &filter).await.unwrap();
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    let whole = sample::batch_at(Table::Joints, 0, 80, 40, sample::START_US);
    assert_eq!(rows[0], whole.slice(13, 1));
}

#[tokio::test]
async fn rows_are_found_by_their_place_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (_writer, reader) = table_of(dir.path(), Table::Records, 4).await;
    let live = reader.live_files(None).await.unwrap();
    let filter = RowFilter::all().place(1, 0, 30..90);
    let rows = reader.rows(&live.files, &filter).await.unwrap();
    let offsets: usize = rows.iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(offsets, 10 + 10, "30..40 and 80..90 are of partition 0, 40..80 of partition 1");
    assert!(reader.rows(&live.files, &RowFilter::all().robot("?")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_flipped_byte_changes_the_digest_and_a_cut_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, reader) = table_of(dir.path(), Table::Events, 1).await;
    let file = reader.live_files(None).await.unwrap().files.remove(0);
    let on_disk = dir.path().join(writer.table().name()).join(&file.path);
    let mut bytes = std::fs::read(&on_disk).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&on_disk, &bytes).unwrap();
    assert_ne!(reader.hash_file(&file.path).await.unwrap().1, file.sha256.unwrap());
    std::fs::write(&on_disk, &bytes[..middle]).unwrap();
    let error = reader.load_file(&file.path).await.unwrap().batches(10).err().unwrap();
    assert!(error.to_string().contains(&file.path), "{error}");
}
