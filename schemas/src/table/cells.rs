//! A column of fixed width under construction: values, and nulls that are passed over and filled in later.

use arrow::array::{ArrowPrimitiveType, NullBufferBuilder, PrimitiveArray};
use arrow::buffer::ScalarBuffer;

use super::nulls::nulls;

/// The row that a cell is put into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Its number in the batch, from 0.
    pub(super) number: usize,
    /// How many rows there may come to be: memory for so many is taken at once.
    pub(super) expected: usize,
}

/// The cells of one column so far. Memory is taken with the first value: most columns of a batch never get one.
pub(super) struct Cells<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> std::fmt::Debug for Cells<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cells", self.values.len())
    }
}

impl<T: ArrowPrimitiveType> Cells<T> {
    /// No cells.
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Puts the value of a row; the rows that were passed are null.
    #[inline]
    pub(super) fn put(&mut self, row: Row, value: T::Native) {
        if self.values.len() < row.number || self.values.capacity() == 0 {
            self.fill(row);
        }
        self.values.push(value);
        self.nulls.append_non_null();
    }

    /// Fills in the rows that were passed.
    fn fill(&mut self, row: Row) {
        if self.values.capacity() == 0 {
            self.values.reserve(row.expected.max(row.number));
        }
        let passed = row.number - self.values.len();
        if passed > 0 {
            self.values.resize(row.number, T::Native::default());
            self.nulls.append_n_nulls(passed);
        }
    }

    /// The column of `rows` cells; no cells are left.
    pub(super) fn finish(&mut self, rows: usize) -> PrimitiveArray<T> {
        if self.values.is_empty() {
            return nulls(rows);
        }
        self.fill(Row { number: rows, expected: rows });
        let values = ScalarBuffer::from(std::mem::take(&mut self.values));
        PrimitiveArray::new(values, self.nulls.finish())
    }
}
