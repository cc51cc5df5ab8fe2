//! Reading a few rows of many: files, row groups and pages that cannot hold them are skipped.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use futures::{StreamExt as _, TryStreamExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{self, ArrowPredicate, ArrowPredicateFn, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use super::{ReadError, TableReader, damaged, file::in_schema};
use crate::table::DataFile;

/// Files that are read at the same time.
const FILES: usize = 4;

/// Which rows are asked for; all conditions hold together. Without any, all rows are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    texts: Vec<(&'static str, String)>,
    /// First and last value, inclusive.
    ints: Vec<(&'static str, i64, i64)>,
}

impl RowFilter {
    /// All rows.
    pub fn all() -> Self {
        Self::default()
    }

    /// Rows of this robot.
    #[must_use]
    pub fn robot(self, robot_id: &str) -> Self {
        self.text("robot_id", robot_id)
    }

    /// Rows with this text in a column.
    #[must_use]
    pub fn text(mut self, column: &'static str, text: &str) -> Self {
        self.texts.push((column, text.to_owned()));
        self
    }

    /// Rows with this integer in a column, for instance `seq` or `stream_epoch`.
    #[must_use]
    pub fn int(mut self, column: &'static str, value: i64) -> Self {
        self.ints.push((column, value, value));
        self
    }

    /// Rows from a range of offsets of a partition of a log.
    #[must_use]
    pub fn place(mut self, log_epoch: i64, partition: i64, offsets: Range<i64>) -> Self {
        self.ints.push(("log_epoch", log_epoch, log_epoch));
        self.ints.push(("partition", partition, partition));
        self.ints.push(("offset", offsets.start, offsets.end.saturating_sub(1)));
        self
    }

    /// Whether the file's statistics allow such a row.
    pub fn may_be_in(&self, file: &DataFile) -> bool {
        let Some(stats) = &file.stats else {
            return true;
        };
        self.texts.iter().all(|(column, text)| stats.may_hold_text(column, text))
            && self.ints.iter().all(|(column, first, last)| stats.may_hold_ints(column, *first, *last))
    }

    fn may_be_in_group(&self, group: &RowGroupMetaData) -> bool {
        let statistics = |name: &str| {
            let column = group.columns().iter().find(|column| column.column_path().string() == name);
            column.and_then(|column| column.statistics())
        };
        let text = |(name, text): &(&str, String)| match statistics(name) {
            Some(Statistics::ByteArray(range)) => match (range.min_opt(), range.max_opt()) {
                (Some(min), Some(max)) => min.data() <= text.as_bytes() && text.as_bytes() <= max.data(),
                _ => true,
            },
            _ => true,
        };
        let int = |(name, first, last): &(&str, i64, i64)| match statistics(name) {
            Some(Statistics::Int64(range)) => match (range.min_opt(), range.max_opt()) {
                (Some(min), Some(max)) => min <= last && first <= max,
                _ => true,
            },
            _ => true,
        };
        self.texts.iter().all(text) && self.ints.iter().all(int)
    }

    fn predicates(&self, schema: &SchemaDescriptor) -> Vec<Box<dyn ArrowPredicate>> {
        let texts = self.texts.iter().cloned().map(|(name, text)| {
            let test = move |batch: RecordBatch| {
                let column = column(&batch, &DataType::Utf8)?.as_string::<i32>();
                Ok(column.iter().map(|cell| cell.map(|cell| cell == text)).collect::<BooleanArray>())
            };
            Box::new(ArrowPredicateFn::new(ProjectionMask::columns(schema, [name]), test)) as Box<dyn ArrowPredicate>
        });
        let ints = self.ints.iter().copied().map(|(name, first, last)| {
            let test = move |batch: RecordBatch| {
                let column = column(&batch, &DataType::Int64)?.as_primitive::<Int64Type>();
                Ok(column.iter().map(|cell| cell.map(|cell| first <= cell && cell <= last)).collect::<BooleanArray>())
            };
            Box::new(ArrowPredicateFn::new(ProjectionMask::columns(schema, [name]), test)) as Box<dyn ArrowPredicate>
        });
        texts.chain(ints).collect()
    }
}

/// The only column of a batch, if it has the type.
fn column<'a>(batch: &'a RecordBatch, data_type: &DataType) -> Result<&'a dyn arrow::array::Array, ArrowError> {
    match batch.columns() {
        [column] if column.data_type() == data_type => Ok(column.as_ref()),
        _ => Err(ArrowError::SchemaError(format!("a condition needs one column of type {data_type}"))),
    }
}

impl TableReader {
    /// The rows of the filter in these files, in the order of the files, in the table's schema. The caller sees
    /// to it that they are few.
    ///
    /// # Errors
    /// If a file cannot be read or is not of this table.
    pub async fn rows(&self, files: &[DataFile], filter: &RowFilter) -> Result<Vec<RecordBatch>, ReadError> {
        let paths: Vec<String> = super::prune(files, filter).map(|file| file.path.clone()).collect();
        let filter = Arc::new(filter.clone());
        let reads = paths.into_iter().map(|path| self.clone().rows_of_file(path, Arc::clone(&filter)));
        let batches: Vec<Vec<RecordBatch>> = futures::stream::iter(reads).buffered(FILES).try_collect().await?;
        Ok(batches.into_iter().flatten().filter(|batch| batch.num_rows() > 0).collect())
    }

    async fn rows_of_file(self, path: String, filter: Arc<RowFilter>) -> Result<Vec<RecordBatch>, ReadError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let builder = self.open_file(&path, options).await?;
        let groups = builder.metadata().row_groups().iter().enumerate();
        let groups: Vec<usize> =
            groups.filter(|(_, group)| filter.may_be_in_group(group)).map(|(index, _)| index).collect();
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let predicates = filter.predicates(builder.parquet_schema());
        let stream = builder
            .with_row_groups(groups)
            .with_row_filter(arrow_reader::RowFilter::new(predicates))
            .build()
            .map_err(damaged(&path))?;
        let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(damaged(&path))?;
        batches.iter().map(|batch| in_schema(self.table, &path, batch)).collect()
    }
}
