//! How rows are written: a table for people, CSV, JSON lines or Parquet for programs.

use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches_with_schema;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

/// A format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A drawn table.
    #[default]
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Json,
    /// A Parquet file.
    Parquet,
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format: table, csv, json or parquet")]
pub struct UnknownFormat(String);

/// Rows cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Arrow cannot write them, or the output is closed.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Parquet cannot hold them.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// The output takes nothing.
    #[error(transparent)]
    Output(#[from] std::io::Error),
    /// Whoever read the output went away.
    #[error("the output is closed")]
    Closed,
}

impl FormatError {
    /// Whether whoever reads the output went away, which is no fault.
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// An output that remembers whether its reader went away: the writers of the formats do not always tell.
struct Watched<'a, W> {
    out: W,
    closed: &'a AtomicBool,
}

impl<W> Watched<'_, W> {
    fn note<T>(&self, result: std::io::Result<T>) -> std::io::Result<T> {
        result.inspect_err(|error| {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                self.closed.store(true, Ordering::Relaxed);
            }
        })
    }
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.out.flush();
        self.note(flushed)
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "table" => Ok(Self::Table),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "parquet" => Ok(Self::Parquet),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

impl Format {
    /// Writes rows to `out`.
    ///
    /// # Errors
    /// If the output takes nothing, or the format has no place for a type.
    pub fn write(self, schema: SchemaRef, rows: &[RecordBatch], out: impl Write + Send) -> Result<(), FormatError> {
        let closed = AtomicBool::new(false);
        let written = self.write_to(schema, rows, Watched { out, closed: &closed });
        match written {
            Err(_) if closed.load(Ordering::Relaxed) => Err(FormatError::Closed),
            written => written,
        }
    }

    fn write_to(self, schema: SchemaRef, rows: &[RecordBatch], out: impl Write + Send) -> Result<(), FormatError> {
        match self {
            Self::Table => write_table(schema, rows, out),
            Self::Csv => write_csv(&schema, rows, out),
            Self::Json => {
                let mut writer = arrow::json::writer::WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .build::<_, arrow::json::writer::LineDelimited>(out);
                rows.iter().try_for_each(|batch| writer.write(batch))?;
                Ok(writer.finish()?)
            }
            Self::Parquet => {
                let mut writer = ArrowWriter::try_new(out, schema, None)?;
                rows.iter().try_for_each(|batch| writer.write(batch))?;
                writer.close()?;
                Ok(())
            }
        }
    }
}

fn write_table(schema: SchemaRef, rows: &[RecordBatch], mut out: impl Write) -> Result<(), FormatError> {
    let table = pretty_format_batches_with_schema(schema, rows)?;
    let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
    writeln!(out, "{table}\n{count} {}", if count == 1 { "row" } else { "rows" })?;
    Ok(out.flush()?)
}

/// CSV has a header also without rows, and text in the place of what it has no form for: lists and bytes.
fn write_csv(schema: &SchemaRef, rows: &[RecordBatch], out: impl Write) -> Result<(), FormatError> {
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
    if rows.is_empty() {
        writer.write(&flat(&RecordBatch::new_empty(SchemaRef::clone(schema)))?)?;
    }
    rows.iter().try_for_each(|batch| writer.write(&flat(batch)?))?;
    Ok(())
}

/// The batch with lists, bytes and other nested values as text: bytes in hexadecimal.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if column.data_type().is_nested() || column.data_type().is_binary() {
            let options = FormatOptions::new().with_null("");
            let formatter = ArrayFormatter::try_new(column, &options)?;
            let texts = (0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string()));
            columns.push(Arc::new(texts.collect::<StringArray>()) as ArrayRef);
            fields.push(Field::new(field.name(), DataType::Utf8, true));
        } else {
            columns.push(Arc::clone(column));
            fields.push(field.as_ref().clone());
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryArray, Int64Array};

    fn written(format: &str, rows: &[i64]) -> String {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let batches: Vec<RecordBatch> = rows
            .iter()
            .map(|n| RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(vec![*n]))]).unwrap())
            .collect();
        let mut out = Vec::new();
        format.parse::<Format>().unwrap().write(schema, &batches, &mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn csv_has_its_header_with_and_without_rows() {
        assert_eq!(written("csv", &[]), "n\n");
        assert_eq!(written("csv", &[1, 2]), "n\n1\n2\n");
    }

    #[test]
    fn csv_has_bytes_in_hexadecimal() {
        let schema = Arc::new(Schema::new(vec![Field::new("payload", DataType::Binary, true)]));
        let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0xff, 0x0a]), None]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![bytes]).unwrap();
        let mut out = Vec::new();
        Format::Csv.write(schema, &[batch], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "payload\nff0a\n\"\"\n");
    }

    /// An output whose reader goes away after some bytes.
    struct Leaving(usize);

    impl Write for Leaving {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_told_from_an_output_that_fails_in_every_format() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5_000));
        let rows = [RecordBatch::try_new(Arc::clone(&schema), vec![numbers]).unwrap()];
        for format in ["table", "csv", "json", "parquet"] {
            let format = format.parse::<Format>().unwrap();
            let error = format.write(Arc::clone(&schema), &rows, Leaving(100)).unwrap_err();
            assert!(error.is_closed_output(), "{format:?}: {error}");
        }
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = Format::Csv.write(schema, &rows, full).unwrap_err();
        assert!(!error.is_closed_output(), "{error}");
    }

    #[test]
    fn json_is_one_object_a_line() {
        assert_eq!(written("json", &[1, 2]), "{\"n\":1}\n{\"n\":2}\n");
    }

    #[test]
    fn an_unknown_format_names_the_known_ones() {
        assert!("xml".parse::<Format>().unwrap_err().to_string().contains("parquet"));
    }
}
