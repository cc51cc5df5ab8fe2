//! Tables that are not in the lake's folders of Parquet: the ledger's counts, and what was anchored.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::error::DataFusionError;
use tacho_lake::Lake;
use tacho_lake::ledger::view::{LedgerRow, LedgerView, ViewError};
use tacho_lake::table::Txn;

/// One anchored window, as the view `anchors` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorRow {
    /// Number of the window, from 0.
    pub window: i64,
    /// Index of its statement in the transparency log.
    pub log_index: i64,
    /// Records received in the window.
    pub received: i64,
    /// Records landed in the window.
    pub landed: i64,
    /// Duplicates in the window.
    pub duplicate: i64,
    /// Dead letters in the window.
    pub rejected: i64,
    /// Rows of all anchored tables.
    pub rows: i64,
    /// Robots that have a segment in it.
    pub segments: i64,
    /// Data files that it names.
    pub files: i64,
    /// SHA-256 of the statement as a log entry (RFC 6962 leaf hash), hexadecimal.
    pub leaf_hash: String,
    /// Size of the tree that a registry has accepted with this statement in it; null if none has yet.
    pub anchored_tree_size: Option<i64>,
}

fn int(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Int64, nullable)
}

/// Columns of `ledger`.
pub(crate) fn ledger_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("robot_id", DataType::Utf8, false),
        int("partition", false),
        int("received", false),
        int("landed", false),
        int("duplicate", false),
        int("rejected", false),
        int("streams", false),
        int("stream_epoch", true),
        int("first_seq", true),
        int("last_seq", true),
        int("missing", false),
        int("rejected_open", false),
        Field::new("last_received_at", time, false),
    ]))
}

/// Rows of `ledger`: one per robot; `stream_epoch`, `first_seq` and `last_seq` are those of its newest stream.
///
/// Of the session's moment, as its tables are; of the present if that moment is so long ago that clean-up has taken its
/// snapshots away.
pub(crate) async fn ledger_rows(lake: &Lake, txns: &[Txn]) -> Result<RecordBatch, DataFusionError> {
    let view = match LedgerView::of(lake.object_store(), txns).await {
        Err(ViewError::Ledger(error)) if error.is_not_found() => LedgerView::load(lake).await,
        view => view,
    };
    let view = view.map_err(|error| DataFusionError::External(Box::new(error)))?;
    let rows: Vec<LedgerRow> = view.rows().collect();
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let ints =
        |of: &dyn Fn(&LedgerRow) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int64Array>()) };
    let times: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.last_received_us)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.robot.as_str())).collect::<StringArray>()),
        ints(&|row| Some(i64::from(row.partition))),
        ints(&|row| Some(count(row.counts.received()))),
        ints(&|row| Some(count(row.counts.landed))),
        ints(&|row| Some(count(row.counts.duplicate))),
        ints(&|row| Some(count(row.counts.rejected))),
        ints(&|row| i64::try_from(row.streams.len()).ok()),
        ints(&|row| row.streams.last().map(|stream| stream.stream_epoch)),
        ints(&|row| row.streams.last().map(|stream| stream.first_seq)),
        ints(&|row| row.streams.last().map(|stream| stream.last_seq)),
        ints(&|row| Some(row.streams.iter().map(|stream| stream.missing).sum())),
        ints(&|row| Some(row.streams.iter().map(|stream| stream.rejected).sum())),
        Arc::new(times.with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(ledger_schema(), columns)?)
}

/// Columns of `anchors`.
pub(crate) fn anchors_schema() -> SchemaRef {
    let mut fields: Vec<Field> =
        ["window", "log_index", "received", "landed", "duplicate", "rejected", "rows", "segments", "files"]
            .into_iter()
            .map(|name| int(name, false))
            .collect();
    fields.push(Field::new("leaf_hash", DataType::Utf8, false));
    fields.push(int("anchored_tree_size", true));
    Arc::new(Schema::new(fields))
}

/// Rows of `anchors`.
pub(crate) fn anchor_rows(rows: &[AnchorRow]) -> Result<RecordBatch, DataFusionError> {
    let ints =
        |of: fn(&AnchorRow) -> i64| -> ArrayRef { Arc::new(rows.iter().map(of).map(Some).collect::<Int64Array>()) };
    let columns: Vec<ArrayRef> = vec![
        ints(|row| row.window),
        ints(|row| row.log_index),
        ints(|row| row.received),
        ints(|row| row.landed),
        ints(|row| row.duplicate),
        ints(|row| row.rejected),
        ints(|row| row.rows),
        ints(|row| row.segments),
        ints(|row| row.files),
        Arc::new(rows.iter().map(|row| Some(row.leaf_hash.as_str())).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.anchored_tree_size).collect::<Int64Array>()),
    ];
    Ok(RecordBatch::try_new(anchors_schema(), columns)?)
}
