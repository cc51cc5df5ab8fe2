//! Reads rows and hashes them into leaves, by robot and stream epoch: those of a window's files, or those of offsets.

use std::cell::Cell;
use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use tacho_lake::Lake;
use tacho_lake::ledger::Logs;
use tacho_lake::reader::RowFilter;
use tacho_lake::table::DataFile;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::leaves::{Collector, Stream};
use super::{AnchorError, LogRange};
use crate::leaf::row::nothing_beside;
use crate::leaf::{LeafEncoder, Place, PlaceColumns, RowEncoder, RowError, SchemaText, Schemas};
use crate::salts::SaltStore;
use crate::statement::{FileStatement, OffsetRange};

/// Rows that are decoded at a time.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// What the files of a window hold.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Sorted by robot and stream epoch.
    pub(crate) streams: Vec<Stream>,
    /// The files, with the digests of their bytes as they were read.
    pub(crate) files: Vec<FileStatement>,
    /// Rows by table.
    pub(crate) rows: Tables<u64>,
    /// Configurations of the rows.
    pub(crate) configs: BTreeSet<Digest>,
}

/// Reads and hashes the files; each must have the bytes that its commit names.
pub(crate) async fn gather(
    lake: &Lake,
    salts: &mut SaltStore,
    files: &[(Table, DataFile)],
    (ranges, schemas): (&[LogRange], &Schemas),
) -> Result<Gathered, AnchorError> {
    let mut gathered = Gathered::default();
    let mut collector = Collector::default();
    let last = Cell::new(0);
    for (table, file) in files {
        let path = format!("{}/{}", table.name(), file.path);
        let loaded = lake.reader(*table)?.load_file(&file.path).await?;
        if let Some(expected) = file.sha256.filter(|expected| *expected != loaded.sha256) {
            return Err(AnchorError::FileChanged { path, expected, found: loaded.sha256 });
        }
        for batch in loaded.batches(BATCH_ROWS)? {
            let batch = batch?;
            *gathered.rows.get_mut(*table) += batch.num_rows() as u64;
            let row = |source| AnchorError::Row { path: path.clone(), source };
            note_configs(&batch, &mut gathered.configs).map_err(row)?;
            // Gap events follow from the other tables; their file is stated, their rows are no leaves.
            if *table != Table::GapEvents {
                let window = |places: &PlaceColumns, row| holds(ranges, &last, &places.place(row)).then_some(0);
                let hashed = hash_rows((*table, schemas.of(*table)), &batch, salts, &mut collector, window, row)?;
                if hashed < batch.num_rows() {
                    return Err(AnchorError::OutsideWindow { path });
                }
            }
        }
        gathered.files.push(FileStatement { path, size: loaded.size(), sha256: loaded.sha256 });
    }
    gathered.streams = collector.finish();
    gathered.streams.iter().try_for_each(Stream::check_records)?;
    Ok(gathered)
}

/// Whether one of the ranges holds a place; `last` is the one that held the place before.
fn holds(ranges: &[LogRange], last: &Cell<usize>, place: &Place<'_>) -> bool {
    let holds = |range: &LogRange| {
        range.log_epoch == place.log_epoch
            && i64::from(range.partition) == place.partition
            && (range.from..range.to).contains(&place.offset)
    };
    if ranges.get(last.get()).is_some_and(holds) {
        return true;
    }
    let found = ranges.iter().position(holds);
    last.set(found.unwrap_or(0));
    found.is_some()
}

/// Hashes the rows of a batch for which `window` gives a window, as leaves of a schema; gives how many.
pub(crate) fn hash_rows(
    (table, schema): (Table, &SchemaText),
    batch: &RecordBatch,
    salts: &mut SaltStore,
    collector: &mut Collector,
    window: impl Fn(&PlaceColumns, usize) -> Option<u64>,
    row_error: impl Fn(RowError) -> AnchorError,
) -> Result<usize, AnchorError> {
    let places = PlaceColumns::new(table, batch).map_err(&row_error)?;
    let rows = RowEncoder::new(batch, schema).map_err(&row_error)?;
    let mut encoder = LeafEncoder::new(schema);
    let chosen: Vec<(usize, u64)> =
        (0..batch.num_rows()).filter_map(|row| Some((row, window(&places, row)?))).collect();
    nothing_beside(batch, schema, chosen.iter().map(|(row, _)| *row)).map_err(&row_error)?;
    collector.ready_keys(&places, chosen.iter().map(|(row, _)| *row), salts)?;
    let times = Times::of(table, batch);
    let count = chosen.len();
    for (row, window) in chosen {
        let place = places.place(row);
        let key = collector.key(&places, row);
        let hash = encoder.hash(key, &place, &rows, row).map_err(&row_error)?;
        collector.add(window, table, (&places, row), times.at(row), hash);
    }
    Ok(count)
}

/// The times that a segment's `t_min` and `t_max` are taken from.
enum Times<'a> {
    /// Of records and dead letters: end of the window, or receipt.
    Rows(&'a arrow::array::TimestampMicrosecondArray),
    /// Other tables belong to a record that has one.
    None,
}

impl<'a> Times<'a> {
    fn of(table: Table, batch: &'a RecordBatch) -> Self {
        let column = match table {
            Table::Records => "window_end",
            Table::Rejected => "received_at",
            _ => return Self::None,
        };
        let times = batch.column_by_name(column).and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
        times.map_or(Self::None, Self::Rows)
    }

    fn at(&self, row: usize) -> Option<i64> {
        match self {
            Self::Rows(times) => times.is_valid(row).then(|| times.value(row)),
            Self::None => None,
        }
    }
}

/// The rows of some ranges of offsets, of one robot or of all, as they lie in the live files now, hashed as leaves of their
/// window's schemas.
pub(crate) async fn rows_in(
    lake: &Lake,
    salts: &mut SaltStore,
    (ranges, schemas): (&[&OffsetRange], &Schemas),
    robot: Option<&str>,
) -> Result<Vec<Stream>, AnchorError> {
    let logs = Logs::load(&lake.object_store()).await?;
    let mut collector = Collector::default();
    for table in Table::ANCHORED {
        let reader = lake.reader(table)?;
        let files = reader.live_files(None).await?.files;
        for range in ranges {
            let Some(log) = logs.iter().find(|log| log.log_id.to_string() == range.log_id) else { continue };
            let filter = robot.map_or_else(RowFilter::all, |robot| RowFilter::all().robot(robot));
            let filter = filter.place(log.log_epoch, i64::from(range.partition), range.from..range.to);
            for batch in reader.rows(&files, &filter).await? {
                let row = |source| AnchorError::Row { path: table.name().to_owned(), source };
                hash_rows((table, schemas.of(table)), &batch, salts, &mut collector, |_, _| Some(0), row)?;
            }
        }
    }
    Ok(collector.finish())
}

/// Notes the configurations of a batch; they hardly ever change within one.
pub(crate) fn note_configs(batch: &RecordBatch, configs: &mut BTreeSet<Digest>) -> Result<(), RowError> {
    let missing = || RowError::MissingColumn("config_digest".to_owned());
    let column = batch.column_by_name("config_digest").ok_or_else(missing)?;
    let texts: &StringArray = column.as_string_opt().ok_or_else(missing)?;
    let mut last = "";
    for text in texts.iter().flatten() {
        // Offsets that were lost before the first configuration have none.
        if text != last && !text.is_empty() {
            configs.insert(text.parse().map_err(|_malformed| RowError::Null("config_digest".to_owned()))?);
            last = text;
        }
    }
    Ok(())
}
