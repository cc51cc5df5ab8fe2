//! Commits to real tables in temporary folders. What the tests share is here.

mod fences;
mod flaky;
mod forms;
mod power_cuts;

use std::path::Path as FsPath;

use object_store::ObjectStoreExt as _;

use super::entry::{self, MetaData};
use super::state::{Scope, TableState};
use super::*;
use crate::reader::TableReader;
use crate::sample;

async fn open(dir: &FsPath, faults: &str) -> LakeTable {
    let options = TableOptions { faults: faults.parse().unwrap(), checkpoint_every: 0, ..TableOptions::default() };
    LakeTable::open_or_create(dir, Table::Joints, options).await.unwrap()
}

fn txn(app_id: &str, version: i64) -> Vec<Txn> {
    vec![Txn { app_id: app_id.to_owned(), version }]
}

fn fence(app_id: &str, expected: Option<i64>) -> Vec<Fence> {
    vec![Fence { app_id: app_id.to_owned(), expected }]
}

async fn append_rows(table: &mut LakeTable, app_id: &str, offset: i64, rows: usize) -> i64 {
    let batch = sample::batch_at(Table::Joints, 0, offset, rows, sample::START_US);
    let files = table.write_rows(vec![batch]).await.unwrap();
    let fences = fence(app_id, table.txn(app_id));
    table.append(files, txn(app_id, offset + i64::try_from(rows).unwrap()), fences).await.unwrap()
}

async fn rows_at(table: &LakeTable, version: Option<i64>) -> u64 {
    let reader = TableReader::new(Table::Joints, Arc::clone(table.store()));
    let live = reader.live_files(version).await.unwrap();
    live.files.iter().map(|file| file.stats.as_ref().unwrap().rows).sum()
}
