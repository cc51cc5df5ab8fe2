//! A column: its name with the unit last, its type, and what it holds.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// The type of a column. Delta has no unsigned types, and floats are not stored: a measured value is a
/// decimal whose scale is the resolution that its sensor justifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Int,
    /// True or false.
    Bool,
    /// Microseconds UTC.
    Time,
    /// Days since 1970-01-01; only `received_day`, the partition column.
    Day,
    /// Decimal with a precision of at most 18 digits, `scale` of them behind the point.
    Decimal {
        /// Digits in all: 9 or 18.
        precision: u8,
        /// Digits behind the point: the resolution.
        scale: u8,
    },
    /// A list of such decimals.
    DecimalList {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Bytes.
    Binary,
}

impl Kind {
    /// The Arrow type in files and batches.
    pub fn arrow_type(self) -> DataType {
        let decimal = |precision, scale: u8| DataType::Decimal128(precision, scale.cast_signed());
        match self {
            Self::Text => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Bool => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Day => DataType::Date32,
            Self::Decimal { precision, scale } => decimal(precision, scale),
            Self::DecimalList { precision, scale } => {
                DataType::List(Arc::new(Field::new("element", decimal(precision, scale), true)))
            }
            Self::Binary => DataType::Binary,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Int => f.write_str("int"),
            Self::Bool => f.write_str("bool"),
            Self::Time => f.write_str("time"),
            Self::Day => f.write_str("day"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::DecimalList { precision, scale } => {
                write!(f, "decimal_list({precision},{scale})")
            }
            Self::Binary => f.write_str("binary"),
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name, unit last.
    pub name: &'static str,
    /// Type and resolution.
    pub kind: Kind,
    /// Whether a row may lack it.
    pub nullable: bool,
    /// What it holds.
    pub doc: &'static str,
    /// Generation of the schema that it came with, from 1.
    pub generation: u8,
}

impl Column {
    /// The Arrow field.
    pub fn arrow_field(&self) -> Field {
        Field::new(self.name, self.kind.arrow_type(), self.nullable)
    }

    const fn of(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, nullable: true, doc, generation: 1 }
    }

    /// The same column, mandatory.
    pub(super) const fn required(mut self) -> Self {
        self.nullable = false;
        self
    }
}

/// Columns that came with a later generation of the schema.
pub(super) fn since<const N: usize>(generation: u8, columns: [Column; N]) -> [Column; N] {
    columns.map(|column| Column { generation, ..column })
}

pub(super) const fn text(name: &'static str, doc: &'static str) -> Column {
    Column::of(name, Kind::Text, doc)
}

pub(super) const fn int(name: &'static str, doc: &'static str) -> Column {
    Column::of(name, Kind::Int, doc)
}

pub(super) const fn boolean(name: &'static str, doc: &'static str) -> Column {
    Column::of(name, Kind::Bool, doc)
}

pub(super) const fn time(name: &'static str, doc: &'static str) -> Column {
    Column::of(name, Kind::Time, doc)
}

pub(super) const fn binary(name: &'static str, doc: &'static str) -> Column {
    Column::of(name, Kind::Binary, doc)
}

/// A value of the present: up to 9 digits.
pub(super) const fn value(name: &'static str, scale: u8, doc: &'static str) -> Column {
    Column::of(name, Kind::Decimal { precision: 9, scale }, doc)
}

/// A cumulative counter or a large value: up to 18 digits.
pub(super) const fn total(name: &'static str, scale: u8, doc: &'static str) -> Column {
    Column::of(name, Kind::Decimal { precision: 18, scale }, doc)
}

/// A list of values.
pub(super) const fn list(name: &'static str, scale: u8, doc: &'static str) -> Column {
    Column::of(name, Kind::DecimalList { precision: 18, scale }, doc)
}

/// Whose row it is and where its raw record stands in the log: the first columns of every table.
pub(super) fn place() -> Vec<Column> {
    vec![
        text("robot_id", "robot ID, or ? where the topic names none").required(),
        int("stream_epoch", "counts the restarts of seq"),
        int("seq", "sequence number within the stream epoch"),
        time("received_at", "time of receipt, stamped once by ingest").required(),
        Column::of("received_day", Kind::Day, "UTC day of receipt; the partition column").required(),
        int("log_epoch", "counts the logs of this lake").required(),
        int("partition", "partition of the log").required(),
        int("offset", "offset in the partition").required(),
        int("ordinal", "index of the record within its publish").required(),
    ]
}

/// What a computed row says of itself: the last columns of every table with measured values.
pub(super) fn provenance() -> Vec<Column> {
    vec![
        text("absent", "JSON object: indicator that is null -> reason"),
        text("flags", "JSON array of reason:pointer"),
        text("extra", "JSON object: pointer of an unknown field -> its value as it came"),
        text("formula_version", "set of formulas that computed the indicators").required(),
        text("config_digest", "SHA-256 of the configuration in force").required(),
    ]
}
