//! Maintenance of real tables in temporary folders. What the tests share is here.

mod cleaning;
mod merging;

use std::path::Path as FsPath;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;

use super::*;
use crate::sample;
use crate::table::{DataFile, Fence, Txn, log};

const OLD: Duration = Duration::ZERO;

fn options() -> MaintenanceOptions {
    MaintenanceOptions { removed_keep: OLD, orphan_keep: OLD, log_keep: OLD, ..MaintenanceOptions::default() }
}

fn writing(faults: &str) -> TableOptions {
    TableOptions { faults: faults.parse().unwrap(), checkpoint_every: 0, ..TableOptions::default() }
}

async fn writer(dir: &FsPath) -> LakeTable {
    LakeTable::open_or_create(dir, Table::Joints, writing("")).await.unwrap()
}

async fn maintainer(dir: &FsPath, faults: &str) -> Maintainer {
    Maintainer::open(dir, Table::Joints, writing(faults), options()).await.unwrap()
}

async fn append(table: &mut LakeTable, rows: usize) {
    let offset = table.txn("a").unwrap_or_default();
    let batch = sample::batch_at(Table::Joints, 0, offset, rows, sample::START_US);
    let files = table.write_rows(vec![batch]).await.unwrap();
    let fences = vec![Fence { app_id: "a".to_owned(), expected: table.txn("a") }];
    let txns = vec![Txn { app_id: "a".to_owned(), version: offset + i64::try_from(rows).unwrap() }];
    table.append(files, txns, fences).await.unwrap();
}

/// All rows in order of their offsets.
async fn rows(dir: &FsPath) -> RecordBatch {
    let reader = TableReader::open(dir, Table::Joints).unwrap();
    let mut batches = Vec::new();
    for file in reader.live_files(None).await.unwrap().files {
        let read: Vec<RecordBatch> = reader.read_file(&file.path, 100).await.unwrap().try_collect().await.unwrap();
        batches.extend(read);
    }
    let all = concat_batches(&Table::Joints.arrow_schema(), &batches).unwrap();
    let order = arrow::compute::sort_to_indices(all.column_by_name("offset").unwrap(), None, None).unwrap();
    arrow::compute::take_record_batch(&all, &order).unwrap()
}

async fn live(dir: &FsPath) -> Vec<DataFile> {
    TableReader::open(dir, Table::Joints).unwrap().live_files(None).await.unwrap().files
}

/// Two hours from now: the day of the sample is past and quiet.
fn later() -> DateTime<Utc> {
    Utc::now() + chrono::TimeDelta::hours(2)
}

fn parquet_files(dir: &FsPath) -> usize {
    let days = std::fs::read_dir(dir.join("joints")).unwrap().map(|day| day.unwrap().path());
    days.filter(|day| day.to_string_lossy().contains("received_day="))
        .map(|day| std::fs::read_dir(day).unwrap().count())
        .sum()
}
