//! Rows on their way to a table: which of a step's rows land, and which of them a table does not have yet.

use std::ops::Range;

use arrow::array::{AsArray as _, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use tacho_schemas::processed::Kept;
use tacho_schemas::table::Table;

/// Rows of one table from one step, in the order of the log.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) partition: i32,
    pub(super) offsets: Range<i64>,
    pub(super) rows: RecordBatch,
}

impl Piece {
    pub(super) fn new(partition: i32, offsets: Range<i64>, rows: RecordBatch) -> Self {
        Self { partition, offsets, rows }
    }

    /// The rows at and above an offset: those below are in the table already.
    fn rows_from(&self, next_offset: i64) -> RecordBatch {
        if next_offset <= self.offsets.start {
            return self.rows.clone();
        }
        let offsets = self.rows.column_by_name("offset").expect("every table has the column offset");
        let offsets = offsets.as_primitive::<Int64Type>().values();
        let skipped = offsets.partition_point(|offset| *offset < next_offset);
        self.rows.slice(skipped, self.rows.num_rows() - skipped)
    }
}

/// All rows of a table that it does not have yet; `next_offset` is what the table has come to.
pub(super) fn missing_rows(pieces: &[Piece], next_offset: impl Fn(i32) -> i64) -> Vec<RecordBatch> {
    let missing = pieces.iter().map(|piece| piece.rows_from(next_offset(piece.partition)));
    missing.filter(|rows| rows.num_rows() > 0).collect()
}

/// Which kept records of a step land. Component rows follow from it.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// For each kept record whether it lands, and its rows in each component table.
    records: Vec<(bool, [u32; 5])>,
    dropped: usize,
}

impl Selection {
    /// Adds the next kept record.
    pub(super) fn add(&mut self, lands: bool, kept: &Kept) {
        self.records.push((lands, kept.component_rows));
        self.dropped += usize::from(!lands);
    }

    /// Rows of all kept records in a table.
    pub(super) fn rows(&self, table: Table) -> usize {
        self.records.iter().map(|(_, rows)| width(table, rows)).sum()
    }

    /// The rows of the records that land; nothing is copied if all do.
    pub(super) fn filter(&self, table: Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.dropped == 0 || rows.num_rows() == 0 {
            return Ok(rows.clone());
        }
        if self.dropped == self.records.len() {
            return Ok(rows.slice(0, 0));
        }
        let mut mask = BooleanBufferBuilder::new(rows.num_rows());
        for (lands, component_rows) in &self.records {
            mask.append_n(width(table, component_rows), *lands);
        }
        filter_record_batch(rows, &BooleanArray::new(mask.finish(), None))
    }
}

/// Rows of one record in a table.
fn width(table: Table, component_rows: &[u32; 5]) -> usize {
    let component = Table::COMPONENTS.into_iter().position(|component| component == table);
    let rows = component.map_or(1, |index| component_rows[index]);
    usize::try_from(rows).unwrap_or(usize::MAX)
}
