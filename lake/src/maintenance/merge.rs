//! Merging sorted files into one, in memory that does not grow with their rows.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, TryStreamExt as _};
use parquet::errors::ParquetError;
use tacho_schemas::table::Table;

use super::SORT;
use super::row_sum::RowSum;
use crate::reader::{ReadError, TableReader};
use crate::table::encode::{Encoded, FileEncoder};

/// Rows that are decoded at once from each input.
const INPUT_ROWS: usize = 1_024;

/// Rows that are merged and encoded at once.
const OUTPUT_ROWS: usize = 8_192;

/// Files were not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// An input cannot be read.
    #[error("input of a merge")]
    Read(#[from] ReadError),
    /// DataFusion refuses.
    #[error("merge of sorted files")]
    DataFusion(#[from] DataFusionError),
    /// Encoding failed.
    #[error("rows cannot be encoded")]
    Parquet(#[from] ParquetError),
    /// The program is ending.
    #[error("the merge stopped")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Merges the files on a thread of its own; gives the new file and the sum over the rows that were read.
pub(super) async fn merge(
    reader: TableReader,
    paths: Vec<String>,
    row_group_rows: usize,
) -> Result<(Encoded, RowSum), MergeError> {
    let runtime = tokio::runtime::Handle::current();
    let work = move || runtime.block_on(merge_here(&reader, &paths, row_group_rows));
    tokio::task::spawn_blocking(work).await?
}

async fn merge_here(
    reader: &TableReader,
    paths: &[String],
    row_group_rows: usize,
) -> Result<(Encoded, RowSum), MergeError> {
    let read = Arc::new(Mutex::new(RowSum::default()));
    let mut inputs = Vec::with_capacity(paths.len());
    for path in paths {
        inputs.push(input(reader, path, Arc::clone(&read)).await?);
    }
    let mut merged = sorted_merge(reader.table(), inputs)?;
    let mut encoder = FileEncoder::new(reader.table(), row_group_rows)?;
    while let Some(batch) = merged.try_next().await? {
        encoder.write(&batch)?;
    }
    let encoded = encoder.finish()?;
    let read = *read.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((encoded, read))
}

/// The rows of one file, which are summed as they pass.
async fn input(
    reader: &TableReader,
    path: &str,
    read: Arc<Mutex<RowSum>>,
) -> Result<SendableRecordBatchStream, MergeError> {
    let rows = reader.read_file(path, INPUT_ROWS).await?.map(move |batch| {
        let batch: RecordBatch = batch.map_err(|error| DataFusionError::External(Box::new(error)))?;
        read.lock().unwrap_or_else(PoisonError::into_inner).add(&batch)?;
        Ok(batch)
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(reader.table().arrow_schema(), rows)))
}

fn sorted_merge(
    table: Table,
    inputs: Vec<SendableRecordBatchStream>,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let schema = table.arrow_schema();
    let key = |name: &&str| {
        let expr: Arc<dyn PhysicalExpr> = Arc::new(Column::new_with_schema(name, &schema)?);
        Ok(PhysicalSortExpr { expr, options: SORT })
    };
    let keys = table.sort_order().iter().map(key).collect::<Result<Vec<_>, DataFusionError>>()?;
    let order =
        LexOrdering::new(keys).ok_or_else(|| DataFusionError::Internal("a table has a sort order".to_owned()))?;
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    StreamingMergeBuilder::new()
        .with_streams(inputs)
        .with_schema(Arc::clone(&schema))
        .with_expressions(&order)
        .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
        .with_batch_size(OUTPUT_ROWS)
        .with_reservation(MemoryConsumer::new("compaction").register(&pool))
        .build()
}

/// The sum over the rows of a file as it lies on disk, and its digest.
pub(super) async fn read_back(reader: &TableReader, path: &str) -> Result<(tacho_schemas::Digest, RowSum), MergeError> {
    let file = reader.load_file(path).await?;
    let summed = tokio::task::spawn_blocking(move || {
        let mut sum = RowSum::default();
        for batch in file.batches(OUTPUT_ROWS)? {
            sum.add(&batch?)?;
        }
        Ok((file.sha256, sum))
    });
    summed.await?
}
