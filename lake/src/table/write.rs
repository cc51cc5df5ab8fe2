//! Writing rows into data files: sorted within the batch, one file per day of receipt, on disk before any commit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate};
use metrics::histogram;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use parquet::errors::ParquetError;
use tacho_schemas::table::Table;
use tracing::warn;

use super::encode::{Encoded, FileEncoder};
use super::file::DAY;
use super::gather::sorted;
use super::{LakeTable, NewFile, entry};
use crate::fault::InjectedFault;

/// Rows could not be written to files.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The batch has another schema than the table.
    #[error("rows of {table} have another schema than the table")]
    Schema {
        /// Name of the table.
        table: &'static str,
    },
    /// A day of receipt is beyond the calendar.
    #[error("day {0} since 1970 is no date")]
    Day(i32),
    /// Sorting or splitting failed.
    #[error("rows cannot be sorted")]
    Arrow(#[from] ArrowError),
    /// Encoding failed.
    #[error("rows cannot be encoded")]
    Parquet(#[from] ParquetError),
    /// The encoder panicked or the program is ending.
    #[error("the encoder stopped")]
    Stopped(#[from] tokio::task::JoinError),
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
    /// The store does not answer, or refuses.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
}

impl LakeTable {
    /// Writes rows, in the table's schema and in any order, to files that no commit names yet: one per day of
    /// receipt, sorted by the table's sort order. No rows, no files.
    ///
    /// # Errors
    /// See [`WriteError`]; what was written by then is deleted.
    pub async fn write_rows(&self, batches: Vec<RecordBatch>) -> Result<Vec<NewFile>, WriteError> {
        if batches.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(Vec::new());
        }
        if batches.iter().any(|batch| batch.schema().fields() != self.table.arrow_schema().fields()) {
            return Err(WriteError::Schema { table: self.table.name() });
        }
        self.options.faults.reach_table(self.table, "before_file")?;
        let started = Instant::now();
        let (table, row_group_rows) = (self.table, self.options.row_group_rows);
        let encoded = tokio::task::spawn_blocking(move || encode_by_day(table, batches, row_group_rows)).await??;
        let mut files = Vec::with_capacity(encoded.len());
        if let Err(error) = self.put_files(encoded, &mut files).await {
            self.discard(files).await;
            return Err(error);
        }
        histogram!("tacho_lake_write_seconds", "table" => table.name()).record(started.elapsed().as_secs_f64());
        Ok(files)
    }

    async fn put_files(&self, encoded: Vec<(String, Encoded)>, files: &mut Vec<NewFile>) -> Result<(), WriteError> {
        for (day, encoded) in encoded {
            files.push(self.put_file(day, encoded).await?);
        }
        Ok(self.options.faults.reach_table(self.table, "after_file")?)
    }

    /// Deletes files that no commit names and none will name: on a full disk each attempt would leave its own. What
    /// cannot be deleted is left to clean-up.
    pub async fn discard(&self, files: Vec<NewFile>) {
        for file in files {
            self.delete_unnamed(&file.path).await;
        }
    }

    async fn delete_unnamed(&self, path: &str) {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => warn!(table = self.table.name(), path, %error, "an unused file is left to clean-up"),
        }
    }

    /// Puts a complete file under a fresh name.
    pub(crate) async fn put_file(
        &self,
        received_day: String,
        encoded: Encoded,
    ) -> Result<NewFile, object_store::Error> {
        let path = format!("{DAY}={received_day}/{}.parquet", uuid::Uuid::new_v4().simple());
        let _guard = self.options.in_flight.enter(self.table, &path);
        let size = encoded.bytes.len() as u64;
        if let Err(error) = self.store.put(&Path::from(path.as_str()), encoded.bytes.into()).await {
            // It may be there all the same.
            self.delete_unnamed(&path).await;
            return Err(error);
        }
        histogram!("tacho_lake_file_bytes", "table" => self.table.name()).record(size as f64);
        let (sha256, stats, written_ms) = (encoded.sha256, encoded.stats, entry::now_ms());
        Ok(NewFile { path, received_day, size, sha256, stats, written_ms, _guard })
    }
}

fn encode_by_day(
    table: Table,
    batches: Vec<RecordBatch>,
    row_group_rows: usize,
) -> Result<Vec<(String, Encoded)>, WriteError> {
    let mut files = Vec::new();
    for (day, batches) in split_by_day(batches)? {
        let mut encoder = FileEncoder::new(table, row_group_rows)?;
        encoder.write(&sorted(table, &batches)?)?;
        files.push((day_name(day)?, encoder.finish()?));
    }
    Ok(files)
}

/// The rows of each day; mostly that is one.
fn split_by_day(batches: Vec<RecordBatch>) -> Result<BTreeMap<i32, Vec<RecordBatch>>, ArrowError> {
    let mut by_day = BTreeMap::<i32, Vec<RecordBatch>>::new();
    for batch in batches {
        let column = batch.column_by_name(DAY).ok_or_else(|| ArrowError::SchemaError(format!("no column {DAY}")))?;
        let days = column.as_primitive::<Date32Type>().values();
        let distinct: BTreeSet<i32> = days.iter().copied().collect();
        for day in &distinct {
            let rows = match distinct.len() {
                1 => batch.clone(),
                _ => filter_record_batch(&batch, &days.iter().map(|other| Some(other == day)).collect())?,
            };
            by_day.entry(*day).or_default().push(rows);
        }
    }
    Ok(by_day)
}

/// The day as the partition's path has it.
fn day_name(day: i32) -> Result<String, WriteError> {
    let date: Option<NaiveDate> = DateTime::from_timestamp(i64::from(day) * 86_400, 0).map(|time| time.date_naive());
    date.map(|date| date.format("%Y-%m-%d").to_string()).ok_or(WriteError::Day(day))
}
