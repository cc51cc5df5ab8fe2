//! Encodes the rows of a batch as CBOR arrays: every column of the schema in its order; decimals as their unscaled
//! integer, times as integer microseconds UTC, lists as arrays.
//!
//! Columns are resolved once per batch. Whether a text came as `Utf8`, as a view or as a dictionary is no property
//! of the row.

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryArray, BooleanArray, Decimal128Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use tacho_schemas::table::Kind;

use super::SchemaText;
use crate::cbor;

/// Why rows cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The batch lacks a column of the schema.
    #[error("the batch has no column {0}")]
    MissingColumn(String),
    /// A column has a type that its kind is not stored as.
    #[error("column {column} is {found}")]
    ColumnType {
        /// Name of the column.
        column: String,
        /// Its Arrow type.
        found: DataType,
    },
    /// A column that must have a value in each row has not.
    #[error("column {0} has nulls")]
    Null(String),
    /// A column could not be brought into its plain form.
    #[error("column {column}")]
    Cast {
        /// Name of the column.
        column: String,
        /// What Arrow says.
        source: ArrowError,
    },
    /// A column that the row's schema does not name has a value: it would be no part of the row's leaf.
    #[error(
        "column {column} of row {row} has a value, and the schema that the row was anchored under has no such column"
    )]
    Beside {
        /// Name of the column.
        column: String,
        /// Number of the row in its batch.
        row: usize,
    },
    /// A decimal that 64 bits do not hold.
    #[error("a decimal in row {row} has more than 18 digits")]
    Decimal {
        /// Number of the row in its batch.
        row: usize,
    },
}

impl RowError {
    pub(super) fn column_type(batch: &RecordBatch, name: &str) -> Self {
        match batch.column_by_name(name) {
            Some(column) => Self::ColumnType { column: name.to_owned(), found: column.data_type().clone() },
            None => Self::MissingColumn(name.to_owned()),
        }
    }
}

/// Encodes the rows of one batch.
#[derive(Debug, Clone)]
pub struct RowEncoder {
    columns: Vec<ColumnEncoder>,
    rows: usize,
}

#[derive(Debug, Clone)]
enum ColumnEncoder {
    Text(StringArray),
    Int(Int64Array),
    Bool(BooleanArray),
    Time(TimestampMicrosecondArray),
    Decimal(Decimal128Array),
    DecimalList(ListArray, Decimal128Array),
    Binary(BinaryArray),
}

impl RowEncoder {
    /// Resolves the columns of `schema` in a batch; other columns of the batch are not looked at.
    ///
    /// # Errors
    /// [`RowError`] names a column that is missing or of another type.
    pub fn new(batch: &RecordBatch, schema: &SchemaText) -> Result<Self, RowError> {
        let columns = schema
            .columns()
            .iter()
            .map(|(name, kind)| ColumnEncoder::new(batch, name, *kind))
            .collect::<Result<_, _>>()?;
        Ok(Self { columns, rows: batch.num_rows() })
    }

    /// Rows of the batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends the array of a row's cells.
    ///
    /// # Errors
    /// [`RowError::Decimal`].
    ///
    /// # Panics
    /// If the batch has no such row.
    pub fn encode_into(&self, row: usize, out: &mut Vec<u8>) -> Result<(), RowError> {
        cbor::put_array(out, self.columns.len());
        self.columns.iter().try_for_each(|column| column.put(row, out))
    }
}

/// Checks that rows hold nothing in columns that their schema does not name, as those of later releases.
///
/// # Errors
/// [`RowError::Beside`] names the first value that is no part of a leaf.
pub(crate) fn nothing_beside(
    batch: &RecordBatch,
    schema: &SchemaText,
    rows: impl Iterator<Item = usize> + Clone,
) -> Result<(), RowError> {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let named = || schema.columns().iter().any(|(name, _)| name == field.name());
        // The day follows from `received_at`.
        if column.null_count() == column.len() || *field.data_type() == DataType::Date32 || named() {
            continue;
        }
        if let Some(row) = rows.clone().find(|row| column.is_valid(*row)) {
            return Err(RowError::Beside { column: field.name().clone(), row });
        }
    }
    Ok(())
}

impl ColumnEncoder {
    fn new(batch: &RecordBatch, name: &str, kind: Kind) -> Result<Self, RowError> {
        let wrong_type = || RowError::column_type(batch, name);
        let column = batch.column_by_name(name).ok_or_else(wrong_type)?;
        match kind {
            Kind::Text => text_column(batch, name).map(Self::Text),
            Kind::Int => {
                let plain = plain(column, name, &DataType::Int64, |found| *found == DataType::Int32)?;
                plain.as_primitive_opt::<Int64Type>().cloned().map(Self::Int).ok_or_else(wrong_type)
            }
            Kind::Bool => column.as_boolean_opt().cloned().map(Self::Bool).ok_or_else(wrong_type),
            Kind::Time => {
                column.as_primitive_opt::<TimestampMicrosecondType>().cloned().map(Self::Time).ok_or_else(wrong_type)
            }
            Kind::Day => Err(wrong_type()),
            Kind::Decimal { precision, scale } => {
                decimals(column, precision, scale).map(Self::Decimal).ok_or_else(wrong_type)
            }
            Kind::DecimalList { precision, scale } => {
                let list = column.as_list_opt::<i32>().ok_or_else(wrong_type)?;
                let values = decimals(list.values(), precision, scale).ok_or_else(wrong_type)?;
                Ok(Self::DecimalList(list.clone(), values))
            }
            Kind::Binary => {
                let other = |found: &DataType| matches!(found, DataType::LargeBinary | DataType::BinaryView);
                let plain = plain(column, name, &DataType::Binary, other)?;
                plain.as_binary_opt::<i32>().cloned().map(Self::Binary).ok_or_else(wrong_type)
            }
        }
    }

    fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), RowError> {
        match self {
            Self::Text(column) if column.is_valid(row) => cbor::put_text(out, column.value(row)),
            Self::Int(column) if column.is_valid(row) => cbor::put_i64(out, column.value(row)),
            Self::Bool(column) if column.is_valid(row) => cbor::put_bool(out, column.value(row)),
            Self::Time(column) if column.is_valid(row) => cbor::put_i64(out, column.value(row)),
            Self::Decimal(column) if column.is_valid(row) => put_decimal(column, row, row, out)?,
            Self::DecimalList(lists, values) if lists.is_valid(row) => {
                let offsets = lists.value_offsets();
                let (start, end) = (to_index(offsets[row]), to_index(offsets[row + 1]));
                cbor::put_array(out, end - start);
                for index in start..end {
                    if values.is_valid(index) {
                        put_decimal(values, index, row, out)?;
                    } else {
                        cbor::put_null(out);
                    }
                }
            }
            Self::Binary(column) if column.is_valid(row) => cbor::put_bytes(out, column.value(row)),
            _ => cbor::put_null(out),
        }
        Ok(())
    }
}

fn put_decimal(column: &Decimal128Array, index: usize, row: usize, out: &mut Vec<u8>) -> Result<(), RowError> {
    match i64::try_from(column.value(index)) {
        Ok(unscaled) => cbor::put_i64(out, unscaled),
        Err(_) => return Err(RowError::Decimal { row }),
    }
    Ok(())
}

fn to_index(offset: i32) -> usize {
    usize::try_from(offset).expect("offsets of an Arrow list are not negative")
}

fn decimals(column: &ArrayRef, precision: u8, scale: u8) -> Option<Decimal128Array> {
    let column = column.as_primitive_opt::<Decimal128Type>()?;
    let same = column.precision() == precision && column.scale() == scale.cast_signed();
    same.then(|| column.clone())
}

/// A text column as plain `Utf8`, whatever it was read as.
pub(super) fn text_column(batch: &RecordBatch, name: &str) -> Result<StringArray, RowError> {
    let wrong_type = || RowError::column_type(batch, name);
    let column = batch.column_by_name(name).ok_or_else(wrong_type)?;
    let other = |found: &DataType| match found {
        DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => {
            matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    };
    let plain = plain(column, name, &DataType::Utf8, other)?;
    plain.as_string_opt::<i32>().cloned().ok_or_else(wrong_type)
}

/// The column cast to `to` if it is one of the `other` types that hold the same, else as it is.
fn plain(
    column: &ArrayRef,
    name: &str,
    to: &DataType,
    other: impl Fn(&DataType) -> bool,
) -> Result<ArrayRef, RowError> {
    if other(column.data_type()) {
        cast(column, to).map_err(|source| RowError::Cast { column: name.to_owned(), source })
    } else {
        Ok(column.clone())
    }
}
