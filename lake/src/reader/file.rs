//! Data files: their bytes and digest, and all of their rows in the table's schema.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, RecordBatchOptions, new_null_array};
use bytes::Bytes;
use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use sha2::{Digest as _, Sha256};
use tacho_schemas::Digest;
use tacho_schemas::table::Table;

use super::object::ObjectFile;
use super::{ReadError, TableReader, damaged, damaged_rows, not_ours};
use crate::table::DAY;

/// A whole data file in memory: what was hashed is what is decoded.
#[derive(Debug, Clone)]
pub struct LoadedFile {
    table: Table,
    path: String,
    bytes: Bytes,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
}

impl LoadedFile {
    /// Length, bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The rows, `batch_rows` at a time, in the table's schema and in the order of the file. Decodes on the
    /// caller's thread.
    ///
    /// # Errors
    /// If the file is damaged or not of this table.
    pub fn batches(
        &self,
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, ReadError>> + use<>, ReadError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(self.bytes.clone()).map_err(damaged(&self.path))?;
        let reader = builder.with_batch_size(batch_rows).build().map_err(damaged(&self.path))?;
        let (table, path) = (self.table, self.path.clone());
        Ok(reader.map(move |batch| in_schema(table, &path, &batch.map_err(damaged_rows(&path))?)))
    }
}

impl TableReader {
    /// Reads a whole file into memory and hashes it; for files of a landing. Compacted ones are better streamed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn load_file(&self, path: &str) -> Result<LoadedFile, ReadError> {
        let bytes = self.store.get(&Self::location(path)?).await?.bytes().await?;
        let (table, path) = (self.table, path.to_owned());
        let hashed = tokio::task::spawn_blocking(move || {
            let sha256 = Digest::of(&bytes);
            LoadedFile { table, path, bytes, sha256 }
        });
        Ok(hashed.await?)
    }

    /// Length and SHA-256 of a file, in constant memory.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn hash_file(&self, path: &str) -> Result<(u64, Digest), ReadError> {
        let mut parts = self.store.get(&Self::location(path)?).await?.into_stream();
        let (mut size, mut hash) = (0, Sha256::new());
        while let Some(part) = parts.try_next().await? {
            size += part.len() as u64;
            hash.update(&part);
        }
        Ok((size, Digest(hash.finalize().into())))
    }

    /// Streams the rows of a file, `batch_rows` at a time, in the table's schema and in the order of the file.
    ///
    /// # Errors
    /// If the file cannot be read or is not of this table.
    pub async fn read_file(
        &self,
        path: &str,
        batch_rows: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch, ReadError>>, ReadError> {
        let builder = self.open_file(path, ArrowReaderOptions::new()).await?;
        let stream = builder.with_batch_size(batch_rows).build().map_err(damaged(path))?;
        let (table, path) = (self.table, path.to_owned());
        Ok(stream.map(move |batch| in_schema(table, &path, &batch.map_err(damaged(&path))?)).boxed())
    }

    /// Opens a file by its footer.
    pub(super) async fn open_file(
        &self,
        path: &str,
        options: ArrowReaderOptions,
    ) -> Result<ParquetRecordBatchStreamBuilder<ObjectFile>, ReadError> {
        let location = Self::location(path)?;
        let size = self.store.head(&location).await?.size;
        let file = ObjectFile { store: Arc::clone(&self.store), location, size };
        ParquetRecordBatchStreamBuilder::new_with_options(file, options).await.map_err(damaged(path))
    }
}

/// The rows of a file in the table's schema: `received_day` from the path, columns of newer releases as nulls.
pub(crate) fn in_schema(table: Table, path: &str, batch: &RecordBatch) -> Result<RecordBatch, ReadError> {
    let schema = table.arrow_schema();
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = match batch.column_by_name(field.name()) {
            _ if field.name() == DAY => Arc::new(Date32Array::from_value(day_of(path)?, rows)) as ArrayRef,
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => {
                let why = format!("column {} is {}, not {}", field.name(), column.data_type(), field.data_type());
                return Err(not_ours(path, &why));
            }
            None if field.is_nullable() => new_null_array(field.data_type(), rows),
            None => {
                return Err(not_ours(path, &format!("column {} is missing", field.name())));
            }
        };
        columns.push(column);
    }
    let unknown = batch.schema().fields().iter().find(|field| schema.field_with_name(field.name()).is_err()).cloned();
    if let Some(unknown) = unknown {
        return Err(not_ours(path, &format!("column {} is unknown to this release", unknown.name())));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(|error| not_ours(path, &error))
}

/// Days since 1970 of the partition that a path lies in.
fn day_of(path: &str) -> Result<i32, ReadError> {
    let day = path.split('/').find_map(|part| part.strip_prefix(DAY)?.strip_prefix('='));
    let day = day.and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    let day = day.ok_or_else(|| not_ours(path, &format!("its path names no {DAY}")))?;
    Ok(day.to_epoch_days())
}
