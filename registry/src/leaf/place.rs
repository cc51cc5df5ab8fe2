//! Where the rows of a batch stand in the raw log, and whose they are: what orders leaves, and what salts are
//! made from.

use arrow::array::{Array as _, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};

use super::RowError;
use super::row::text_column;
use tacho_schemas::table::Table;

/// What tells the rows of one record in one table apart. Sorts as leaves do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey<'a> {
    /// The record has one row in this table.
    None,
    /// Index of an event or maintenance action.
    Index(i64),
    /// Name of a joint, pack or location.
    Text(&'a str),
}

/// Place of a row in the raw log. Sorts as leaves do within one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'a> {
    /// Counts the logs of the lake.
    pub log_epoch: i64,
    /// Partition.
    pub partition: i64,
    /// Offset of the publish.
    pub offset: i64,
    /// Index of the record within the publish.
    pub ordinal: i64,
    /// Which row of the record.
    pub key: RowKey<'a>,
}

/// A place in the log in words, from log epoch, partition, offset and ordinal.
pub(crate) fn told([log_epoch, partition, offset, ordinal]: [i64; 4]) -> String {
    format!("offset {offset}, ordinal {ordinal}, of partition {partition} in log {log_epoch}")
}

/// The columns of a batch that say whose rows they are and where they stand.
#[derive(Debug, Clone)]
pub struct PlaceColumns {
    robot_id: StringArray,
    stream_epoch: Int64Array,
    seq: Int64Array,
    received_at: TimestampMicrosecondArray,
    place: [Int64Array; 4],
    key: KeyColumn,
}

#[derive(Debug, Clone)]
enum KeyColumn {
    None,
    Index(Int64Array),
    Text(StringArray),
}

impl PlaceColumns {
    /// The columns of a batch of `table`, as written or as read back.
    ///
    /// # Errors
    /// [`RowError`] names a column that is missing, of another type, or null where it must not be.
    pub fn new(table: Table, batch: &RecordBatch) -> Result<Self, RowError> {
        let received_at = column(batch, "received_at")?
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| RowError::column_type(batch, "received_at"))?;
        let key = match table.row_key() {
            None => KeyColumn::None,
            Some(name) => match column(batch, name)?.data_type() {
                DataType::Int64 => KeyColumn::Index(required(int(batch, name)?, name)?),
                _ => KeyColumn::Text(required(text_column(batch, name)?, name)?),
            },
        };
        Ok(Self {
            robot_id: required(text_column(batch, "robot_id")?, "robot_id")?,
            stream_epoch: int(batch, "stream_epoch")?,
            seq: int(batch, "seq")?,
            received_at: required(received_at.clone(), "received_at")?,
            place: [
                required(int(batch, "log_epoch")?, "log_epoch")?,
                required(int(batch, "partition")?, "partition")?,
                required(int(batch, "offset")?, "offset")?,
                required(int(batch, "ordinal")?, "ordinal")?,
            ],
            key,
        })
    }

    /// The robot that a row is counted for: an ID, or `?`.
    pub fn robot_id(&self, row: usize) -> &str {
        self.robot_id.value(row)
    }

    /// Stream epoch of a row, if it could be read.
    pub fn stream_epoch(&self, row: usize) -> Option<i64> {
        self.stream_epoch.is_valid(row).then(|| self.stream_epoch.value(row))
    }

    /// Sequence number of a row, if it could be read.
    pub fn seq(&self, row: usize) -> Option<i64> {
        self.seq.is_valid(row).then(|| self.seq.value(row))
    }

    /// Time of receipt of a row, Unix microseconds UTC.
    pub fn received_at_us(&self, row: usize) -> i64 {
        self.received_at.value(row)
    }

    /// Place of a row.
    pub fn place(&self, row: usize) -> Place<'_> {
        let [log_epoch, partition, offset, ordinal] = self.place.each_ref().map(|column| column.value(row));
        let key = match &self.key {
            KeyColumn::None => RowKey::None,
            KeyColumn::Index(column) => RowKey::Index(column.value(row)),
            KeyColumn::Text(column) => RowKey::Text(column.value(row)),
        };
        Place { log_epoch, partition, offset, ordinal, key }
    }
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b arrow::array::ArrayRef, RowError> {
    batch.column_by_name(name).ok_or_else(|| RowError::MissingColumn(name.to_owned()))
}

fn int(batch: &RecordBatch, name: &str) -> Result<Int64Array, RowError> {
    match column(batch, name)?.as_primitive_opt::<Int64Type>() {
        Some(column) => Ok(column.clone()),
        None => Err(RowError::column_type(batch, name)),
    }
}

fn required<A: arrow::array::Array>(column: A, name: &str) -> Result<A, RowError> {
    if column.null_count() == 0 { Ok(column) } else { Err(RowError::Null(name.to_owned())) }
}
