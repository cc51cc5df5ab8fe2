//! The form of our Parquet files: encodings per column, row groups, statistics, and the digest of the bytes.
//!
//! Measured values are decimals on INT32/INT64 with DELTA_BINARY_PACKED, a dictionary is kept for text only; with
//! zstd-1 that is a quarter of the bytes of doubles, and scans faster. Rows must come in the table's sort order.

use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tacho_schemas::Digest;
use tacho_schemas::table::{Column, Kind, Table};

use super::file::DAY;
use super::stats::{self, FileStats};

/// Columns with statistics per page, so that the rows of one robot or one record are found within a row group.
const PAGED: [&str; 5] = ["robot_id", "partition", "offset", "seq", "window_end"];

/// A file that is complete, in memory.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) sha256: Digest,
    pub(crate) stats: FileStats,
}

/// Encodes the rows of one file.
pub(crate) struct FileEncoder {
    writer: ArrowWriter<Vec<u8>>,
    stats: FileStats,
}

impl std::fmt::Debug for FileEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileEncoder").field("rows", &self.stats.rows).finish_non_exhaustive()
    }
}

impl FileEncoder {
    pub(crate) fn new(table: Table, row_group_rows: usize) -> Result<Self, ParquetError> {
        let options =
            ArrowWriterOptions::new().with_properties(properties(table, row_group_rows)).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), file_schema(table), options)?;
        Ok(Self { writer, stats: FileStats::default() })
    }

    /// Takes rows in the table's schema; `received_day` is left out.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let batch = without_day(batch)?;
        self.stats.observe(&batch);
        self.writer.write(&batch)
    }

    pub(crate) fn finish(self) -> Result<Encoded, ParquetError> {
        let bytes = Bytes::from(self.writer.into_inner()?);
        let sha256 = Digest::of(&bytes);
        Ok(Encoded { bytes, sha256, stats: self.stats })
    }
}

/// The schema of a table's files: all columns but the partition column, whose value is in the path.
pub(crate) fn file_schema(table: Table) -> SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; 8]> = LazyLock::new(|| {
        Table::ALL.map(|table| {
            let schema = table.arrow_schema();
            let fields = schema.fields().iter().filter(|field| field.name() != DAY).map(Arc::clone);
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        })
    });
    Arc::clone(&SCHEMAS[table.index()])
}

fn without_day(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let kept: Vec<usize> =
        (0..batch.num_columns()).filter(|index| batch.schema().field(*index).name() != DAY).collect();
    batch.project(&kept)
}

fn properties(table: Table, row_group_rows: usize) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("tachograph ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None);
    for column in table.columns().iter().filter(|column| column.name != DAY) {
        let path = leaf(column);
        let statistics = statistics(table, column.name);
        builder = builder.set_column_statistics_enabled(path.clone(), statistics);
        builder = match column.kind {
            Kind::Text => builder.set_column_dictionary_enabled(path, column.name != "payload_sha256"),
            Kind::Int | Kind::Time | Kind::Day | Kind::Decimal { .. } | Kind::DecimalList { .. } => {
                builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            Kind::Bool | Kind::Binary => builder,
        };
    }
    builder.build()
}

fn statistics(table: Table, name: &str) -> EnabledStatistics {
    if PAGED.contains(&name) {
        EnabledStatistics::Page
    } else if stats::COLUMNS.contains(&name) || table.row_key() == Some(name) {
        EnabledStatistics::Chunk
    } else {
        EnabledStatistics::None
    }
}

/// Path of a column's values in the Parquet schema.
fn leaf(column: &Column) -> ColumnPath {
    match column.kind {
        Kind::DecimalList { .. } => ColumnPath::new([column.name, "list", "element"].map(str::to_owned).to_vec()),
        _ => ColumnPath::from(column.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::metadata::ParquetMetaData;

    fn metadata(table: Table) -> (ParquetMetaData, SchemaRef) {
        let mut encoder = FileEncoder::new(table, 100).unwrap();
        encoder.write(&crate::sample::batch(table, 250)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(encoder.finish().unwrap().bytes).unwrap();
        (reader.metadata().as_ref().clone(), Arc::clone(reader.schema()))
    }

    #[test]
    fn files_read_back_in_the_schema_that_was_written() {
        for table in Table::ALL {
            let (metadata, schema) = metadata(table);
            assert_eq!(schema, file_schema(table), "{}", table.name());
            assert_eq!(metadata.num_row_groups(), 3);
        }
    }

    #[test]
    fn numbers_are_delta_packed_and_only_text_has_dictionaries() {
        for table in Table::ALL {
            for column in metadata(table).0.row_group(0).columns() {
                let name = column.column_path().string();
                let encodings: Vec<Encoding> = column.encodings().collect();
                let numeric = matches!(column.column_type(), parquet::basic::Type::INT32 | parquet::basic::Type::INT64);
                assert_eq!(encodings.contains(&Encoding::DELTA_BINARY_PACKED), numeric, "{name}: {encodings:?}");
                if column.dictionary_page_offset().is_some() {
                    assert_eq!(column.column_type(), parquet::basic::Type::BYTE_ARRAY, "{name}");
                }
            }
        }
    }
}
