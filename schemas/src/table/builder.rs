//! Builds the rows of a table, cell by cell, in schema order.
//!
//! Each cell is appended under its column's name, so that a row reads like its table; that names and
//! order agree is asserted in debug builds. A value that its decimal cannot hold becomes null and is named.
//!
//! Most cells of a robot's rows are null, so a null costs no more than a step of the cursor: a column is filled up with its
//! nulls when the next value comes, or at the end.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder as _, ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, ListBuilder, RecordBatch,
    StringBuilder,
};
use arrow::datatypes::{Date32Type, Decimal128Type, Field, Int64Type, TimestampMicrosecondType};

use super::cells::{Cells, Row};
use super::fixed::Fixed;
use super::{Kind, Table};

/// Microseconds in a day.
const DAY_US: i64 = 86_400_000_000;

/// Builds [`RecordBatch`]es of one table.
#[derive(Debug)]
pub struct TableBuilder {
    table: Table,
    columns: Vec<ColumnBuilder>,
    next: usize,
    rows: usize,
    expected: usize,
    misfits: Vec<&'static str>,
}

#[derive(Debug)]
enum ColumnBuilder {
    Text(StringBuilder),
    Int(Cells<Int64Type>),
    Bool(BooleanBuilder),
    Time(Cells<TimestampMicrosecondType>),
    Day(Cells<Date32Type>),
    Decimal(Cells<Decimal128Type>, Fixed),
    DecimalList(ListBuilder<Decimal128Builder>, Fixed),
    Binary(BinaryBuilder),
}

/// A builder, with the nulls that were passed over up to this row.
macro_rules! filled {
    ($builder:expr, $rows:expr) => {{
        let passed = $rows - $builder.len();
        if passed > 0 {
            $builder.append_nulls(passed);
        }
        $builder
    }};
}

impl ColumnBuilder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::with_capacity(0, 0)),
            Kind::Int => Self::Int(Cells::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Time => Self::Time(Cells::new()),
            Kind::Day => Self::Day(Cells::new()),
            Kind::Decimal { precision, scale } => Self::Decimal(Cells::new(), Fixed::new(precision, scale)),
            Kind::DecimalList { precision, scale } => {
                let fixed = Fixed::new(precision, scale);
                let values = Decimal128Builder::new().with_data_type(fixed.data_type());
                let field = Field::new("element", fixed.data_type(), true);
                Self::DecimalList(ListBuilder::new(values).with_field(field), fixed)
            }
            Kind::Binary => Self::Binary(BinaryBuilder::with_capacity(0, 0)),
        }
    }

    /// The column of `rows` cells; the builder is empty again.
    fn finish(&mut self, rows: usize) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(filled!(builder, rows).finish()),
            Self::Int(cells) => Arc::new(cells.finish(rows)),
            Self::Bool(builder) => Arc::new(filled!(builder, rows).finish()),
            Self::Time(cells) => Arc::new(cells.finish(rows).with_timezone("UTC")),
            Self::Day(cells) => Arc::new(cells.finish(rows)),
            Self::Decimal(cells, fixed) => Arc::new(cells.finish(rows).with_data_type(fixed.data_type())),
            Self::DecimalList(builder, _) => Arc::new(filled!(builder, rows).finish()),
            Self::Binary(builder) => Arc::new(filled!(builder, rows).finish()),
        }
    }
}

impl TableBuilder {
    /// A builder without rows.
    pub fn new(table: Table) -> Self {
        let columns = table.columns().iter().map(|column| ColumnBuilder::new(column.kind)).collect();
        Self { table, columns, next: 0, rows: 0, expected: 0, misfits: Vec::new() }
    }

    /// Says how many rows may come to be: memory for so many is taken at once. Without effect on a column that has values.
    pub fn expect_rows(&mut self, rows: usize) {
        self.expected = rows;
    }

    /// Complete rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Moves the cursor on; the column's name must be the one that the caller means.
    #[inline]
    fn pass(&mut self, name: &'static str) {
        debug_assert_eq!(self.table.columns()[self.next].name, name, "column order of {}", self.table.name());
        self.next += 1;
    }

    /// The column that the cursor passes, and the row that it stands on.
    #[inline]
    fn cell(&mut self, name: &'static str) -> (Row, &mut ColumnBuilder) {
        self.pass(name);
        (Row { number: self.rows, expected: self.expected }, &mut self.columns[self.next - 1])
    }

    /// Appends a text cell.
    #[inline]
    pub fn text(&mut self, name: &'static str, value: Option<&str>) {
        let Some(value) = value else { return self.pass(name) };
        match self.cell(name) {
            (row, ColumnBuilder::Text(builder)) => filled!(builder, row.number).append_value(value),
            (_, other) => mismatch(name, other),
        }
    }

    /// Appends an integer cell.
    #[inline]
    pub fn int(&mut self, name: &'static str, value: Option<i64>) {
        match value {
            Some(value) => self.int_value(name, value),
            None => self.pass(name),
        }
    }

    fn int_value(&mut self, name: &'static str, value: i64) {
        match self.cell(name) {
            (row, ColumnBuilder::Int(cells)) => cells.put(row, value),
            (_, other) => mismatch(name, other),
        }
    }

    /// Appends a Boolean cell.
    #[inline]
    pub fn boolean(&mut self, name: &'static str, value: Option<bool>) {
        let Some(value) = value else { return self.pass(name) };
        match self.cell(name) {
            (row, ColumnBuilder::Bool(builder)) => filled!(builder, row.number).append_value(value),
            (_, other) => mismatch(name, other),
        }
    }

    /// Appends a time cell, in microseconds UTC.
    #[inline]
    pub fn time(&mut self, name: &'static str, value_us: Option<i64>) {
        let Some(value_us) = value_us else { return self.pass(name) };
        match self.cell(name) {
            (row, ColumnBuilder::Time(cells)) => cells.put(row, value_us),
            (_, other) => mismatch(name, other),
        }
    }

    /// Appends the UTC day of a time in microseconds.
    pub fn day_of(&mut self, name: &'static str, time_us: i64) {
        let day = i32::try_from(time_us.div_euclid(DAY_US)).unwrap_or(i32::MAX);
        match self.cell(name) {
            (row, ColumnBuilder::Day(cells)) => cells.put(row, day),
            (_, other) => mismatch(name, other),
        }
    }

    /// Appends a decimal cell, rounded to the column's resolution; what does not fit is null and a misfit.
    #[inline]
    pub fn decimal(&mut self, name: &'static str, value: Option<f64>) {
        match value {
            Some(value) => self.decimal_value(name, value),
            None => self.pass(name),
        }
    }

    /// Apart from the nulls, which most cells are and which are passed over without a call.
    fn decimal_value(&mut self, name: &'static str, value: f64) {
        let fits = match self.cell(name) {
            (row, ColumnBuilder::Decimal(cells, fixed)) => {
                fixed.unscaled(value).map(|unscaled| cells.put(row, unscaled)).is_some()
            }
            (_, other) => mismatch(name, other),
        };
        if !fits {
            self.misfit(name);
        }
    }

    /// Appends a list cell; an element that does not fit is null and makes the column a misfit.
    #[inline]
    pub fn decimals(&mut self, name: &'static str, values: Option<&[f64]>) {
        let Some(values) = values else { return self.pass(name) };
        let fits = match self.cell(name) {
            (row, ColumnBuilder::DecimalList(builder, fixed)) => {
                let builder = filled!(builder, row.number);
                let mut fits = true;
                for value in values {
                    let unscaled = fixed.unscaled(*value);
                    fits &= unscaled.is_some();
                    builder.values().append_option(unscaled);
                }
                builder.append(true);
                fits
            }
            (_, other) => mismatch(name, other),
        };
        if !fits {
            self.misfit(name);
        }
    }

    #[cold]
    fn misfit(&mut self, name: &'static str) {
        self.misfits.push(name);
    }

    /// Appends a cell of bytes.
    #[inline]
    pub fn binary(&mut self, name: &'static str, value: Option<&[u8]>) {
        let Some(value) = value else { return self.pass(name) };
        match self.cell(name) {
            (row, ColumnBuilder::Binary(builder)) => filled!(builder, row.number).append_value(value),
            (_, other) => mismatch(name, other),
        }
    }

    /// Names of the columns of this row whose values did not fit so far.
    pub fn misfits(&self) -> &[&'static str] {
        &self.misfits
    }

    /// Names of the columns of this row whose values did not fit; empties the list.
    pub fn take_misfits(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.misfits)
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        debug_assert_eq!(self.next, self.columns.len(), "a row of {} is complete", self.table.name());
        self.next = 0;
        self.rows += 1;
        self.misfits.clear();
    }

    /// The rows so far, as a batch; the builder is empty again.
    pub fn finish(&mut self) -> RecordBatch {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.columns.iter_mut().map(|column| column.finish(rows)).collect();
        RecordBatch::try_new(self.table.arrow_schema(), columns)
            .expect("builders are made from the schema and mandatory cells are given")
    }
}

fn mismatch<T>(name: &str, builder: &ColumnBuilder) -> T {
    unreachable!("column {name} is built by {builder:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_cells_are_null_before_between_and_behind_values() {
        let mut builder = TableBuilder::new(Table::Maintenance);
        let note = Table::Maintenance.columns().iter().position(|column| column.name == "work_order").unwrap();
        for row in 0..5 {
            for column in Table::Maintenance.columns() {
                match column.kind {
                    Kind::Text if column.name == "work_order" => {
                        builder.text(column.name, (row % 2 == 1).then_some("W"))
                    }
                    Kind::Text => builder.text(column.name, Some("x")),
                    Kind::Int => builder.int(column.name, Some(row)),
                    Kind::Time => builder.time(column.name, Some(row)),
                    Kind::Day => builder.day_of(column.name, row),
                    other => unreachable!("{other}"),
                }
            }
            builder.end_row();
        }
        let batch = builder.finish();
        let valid: Vec<bool> = (0..5).map(|row| batch.column(note).is_valid(row)).collect();
        assert_eq!(valid, [false, true, false, true, false]);
        assert_eq!(builder.finish().num_rows(), 0);
    }

    #[test]
    fn every_table_builds_an_empty_batch_of_its_schema() {
        for table in Table::ALL {
            let batch = TableBuilder::new(table).finish();
            assert_eq!(batch.schema(), table.arrow_schema());
        }
    }
}
