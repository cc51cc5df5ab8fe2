//! Builds the rows of a table, cell by cell, in schema order.
//!
//! Each cell is appended under its column's name, so that a row reads like its table; that names and
//! order agree is asserted in debug builds. A value that its decimal cannot hold becomes null and is named.

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, ListBuilder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

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
    misfits: Vec<&'static str>,
}

#[derive(Debug)]
enum ColumnBuilder {
    Text(StringBuilder),
    Int(Int64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Day(Date32Builder),
    Decimal(Decimal128Builder, Fixed),
    DecimalList(ListBuilder<Decimal128Builder>, Fixed),
    Binary(BinaryBuilder),
}

/// How a float becomes a fixed-point number.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    factor: f64,
    bound: f64,
}

impl Fixed {
    fn new(precision: u8, scale: u8) -> Self {
        Self { factor: 10_f64.powi(i32::from(scale)), bound: 10_f64.powi(i32::from(precision)) }
    }

    /// The unscaled value, rounded half away from zero: IEEE multiplication and rounding, the same everywhere.
    #[expect(clippy::cast_possible_truncation, reason = "the bound is at most 10^18, which i64 holds")]
    fn unscaled(self, value: f64) -> Option<i128> {
        let scaled = (value * self.factor).round();
        (scaled.abs() < self.bound).then_some(i128::from(scaled as i64))
    }
}

impl ColumnBuilder {
    fn new(kind: Kind) -> Self {
        let decimals = |precision, scale: u8| {
            Decimal128Builder::new().with_data_type(DataType::Decimal128(precision, scale.cast_signed()))
        };
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Day => Self::Day(Date32Builder::new()),
            Kind::Decimal { precision, scale } => {
                Self::Decimal(decimals(precision, scale), Fixed::new(precision, scale))
            }
            Kind::DecimalList { precision, scale } => {
                let values = decimals(precision, scale);
                let field = Field::new("element", DataType::Decimal128(precision, scale.cast_signed()), true);
                Self::DecimalList(ListBuilder::new(values).with_field(field), Fixed::new(precision, scale))
            }
            Kind::Binary => Self::Binary(BinaryBuilder::new()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Day(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, _) => Arc::new(builder.finish()),
            Self::DecimalList(builder, _) => Arc::new(builder.finish()),
            Self::Binary(builder) => Arc::new(builder.finish()),
        }
    }
}

impl TableBuilder {
    /// A builder without rows.
    pub fn new(table: Table) -> Self {
        let columns = table.columns().iter().map(|column| ColumnBuilder::new(column.kind)).collect();
        Self { table, columns, next: 0, rows: 0, misfits: Vec::new() }
    }

    /// Complete rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column under the cursor; its name must be the one that the caller means.
    fn cell(&mut self, name: &'static str) -> &mut ColumnBuilder {
        debug_assert_eq!(self.table.columns()[self.next].name, name, "column order of {}", self.table.name());
        let cell = &mut self.columns[self.next];
        self.next += 1;
        cell
    }

    /// Appends a text cell.
    pub fn text(&mut self, name: &'static str, value: Option<&str>) {
        match self.cell(name) {
            ColumnBuilder::Text(builder) => builder.append_option(value),
            other => mismatch(name, other),
        }
    }

    /// Appends an integer cell.
    pub fn int(&mut self, name: &'static str, value: Option<i64>) {
        match self.cell(name) {
            ColumnBuilder::Int(builder) => builder.append_option(value),
            other => mismatch(name, other),
        }
    }

    /// Appends a Boolean cell.
    pub fn boolean(&mut self, name: &'static str, value: Option<bool>) {
        match self.cell(name) {
            ColumnBuilder::Bool(builder) => builder.append_option(value),
            other => mismatch(name, other),
        }
    }

    /// Appends a time cell, in microseconds UTC.
    pub fn time(&mut self, name: &'static str, value_us: Option<i64>) {
        match self.cell(name) {
            ColumnBuilder::Time(builder) => builder.append_option(value_us),
            other => mismatch(name, other),
        }
    }

    /// Appends the UTC day of a time in microseconds.
    pub fn day_of(&mut self, name: &'static str, time_us: i64) {
        let day = i32::try_from(time_us.div_euclid(DAY_US)).unwrap_or(i32::MAX);
        match self.cell(name) {
            ColumnBuilder::Day(builder) => builder.append_value(day),
            other => mismatch(name, other),
        }
    }

    /// Appends a decimal cell, rounded to the column's resolution; what does not fit is null and a misfit.
    pub fn decimal(&mut self, name: &'static str, value: Option<f64>) {
        let misfit = match self.cell(name) {
            ColumnBuilder::Decimal(builder, fixed) => {
                let unscaled = value.and_then(|value| fixed.unscaled(value));
                builder.append_option(unscaled);
                value.is_some() && unscaled.is_none()
            }
            other => mismatch(name, other),
        };
        if misfit {
            self.misfits.push(name);
        }
    }

    /// Appends a list cell; an element that does not fit is null and makes the column a misfit.
    pub fn decimals(&mut self, name: &'static str, values: Option<&[f64]>) {
        let misfit = match self.cell(name) {
            ColumnBuilder::DecimalList(builder, fixed) => {
                let mut misfit = false;
                for value in values.unwrap_or_default() {
                    let unscaled = fixed.unscaled(*value);
                    misfit |= unscaled.is_none();
                    builder.values().append_option(unscaled);
                }
                builder.append(values.is_some());
                misfit
            }
            other => mismatch(name, other),
        };
        if misfit {
            self.misfits.push(name);
        }
    }

    /// Appends a cell of bytes.
    pub fn binary(&mut self, name: &'static str, value: Option<&[u8]>) {
        match self.cell(name) {
            ColumnBuilder::Binary(builder) => builder.append_option(value),
            other => mismatch(name, other),
        }
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
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        self.rows = 0;
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
    fn a_value_is_rounded_to_the_resolution_and_one_too_large_is_refused() {
        let fixed = Fixed::new(9, 2);
        assert_eq!(fixed.unscaled(27.875), Some(2788));
        assert_eq!(fixed.unscaled(-0.005), Some(-1));
        assert_eq!(fixed.unscaled(9_999_999.99), Some(999_999_999));
        assert_eq!(fixed.unscaled(10_000_000.0), None);
        assert_eq!(fixed.unscaled(f64::NAN), None);
    }

    #[test]
    fn every_table_builds_an_empty_batch_of_its_schema() {
        for table in Table::ALL {
            let batch = TableBuilder::new(table).finish();
            assert_eq!(batch.schema(), table.arrow_schema());
        }
    }
}
