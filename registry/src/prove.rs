//! `prove`: a proof file for one row of the lake, made from the rows as they lie there now, the robot's segment and
//! the log's tiles. That it holds is checked before it is given.

mod error;
mod row;
mod segment;
#[cfg(test)]
mod tests;

use std::path::Path;

use tacho_lake::{Lake, LakePlace};
use tacho_schemas::RobotId;
use tacho_schemas::table::Table;

pub use error::ProveError;

use crate::anchorer::AnchorError;
use crate::leaf::{LeafEncoder, RowEncoder, SchemaText, Schemas};
use crate::merkle::{inclusion, leaf_hash};
use crate::proof::{self, Bundle, ProofFile, Step};
use crate::published::{self, Published};
use crate::salts::{Month, SaltStore};
use crate::statement::{Statement as _, WindowStatement};
use row::Found;
use segment::Segment;

/// Which row is to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProveRequest {
    /// Its record.
    pub record: RecordName,
    /// Table of the row.
    pub table: Table,
    /// Which of the record's rows: joint, pack, location or index; of several dead letters their place
    /// (partition/offset/ordinal).
    pub component: Option<String>,
}

/// What tells a record from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordName {
    /// Its key.
    Key {
        /// The robot.
        robot: RobotId,
        /// Sequence number.
        seq: i64,
        /// Stream epoch; without it the highest that holds the sequence number.
        epoch: Option<i64>,
    },
    /// Its place in the raw log, as each of its rows says it: what was rejected may have no other name.
    Place {
        /// Counts the logs of the lake; without it the last that holds the place.
        log_epoch: Option<i64>,
        /// Partition.
        partition: i64,
        /// Offset of the publish.
        offset: i64,
        /// Index within the publish.
        ordinal: i64,
    },
}

/// Makes a proof file (`c2sp.org/tlog-proof@v1`) for one row, with nothing but reading.
///
/// # Errors
/// See [`ProveError`]: no such row, or not yet anchored, or not what was anchored.
pub async fn prove(data_dir: &Path, lake: impl Into<LakePlace>, request: &ProveRequest) -> Result<Vec<u8>, ProveError> {
    if !Table::ANCHORED.contains(&request.table) {
        return Err(ProveError::NoLeaves(request.table.name()));
    }
    let published = Published::read(data_dir)?.ok_or(ProveError::NothingAnchored)?;
    let lake = Lake::read_only(lake)?;
    let found = row::find(&lake, request).await?;
    let entry = window_of(&published, &found)?.ok_or_else(|| ProveError::NotAnchored(found.to_string()))?;
    let mut salts = SaltStore::read_only(data_dir.join("keys").join("salts"), published.lock.salts.clone());
    let window = &entry.1;
    let schemas = Schemas::named(&window.schema_ids).ok_or(AnchorError::UnknownSchema { win_no: window.win_no })?;
    let segment = segment::rebuild(&lake, &mut salts, &published, (window, &schemas), &found).await?;
    let schema = schemas.of(found.table);
    let row = row_step(&mut salts, &segment, &found, schema)?;
    assemble(&published, entry, segment, row, schema)
}

/// A window and its index in the log.
type Entry = (u64, Box<WindowStatement>);

/// The window that holds a place of the log, looked for from the newest.
fn window_of(published: &Published, found: &Found) -> Result<Option<Entry>, ProveError> {
    let mut windows = published::windows(&published.tiles, published.head.size).rev();
    let holds = |window: &WindowStatement| window.ranges.iter().any(|range| found.is_in(range));
    Ok(windows.find(|window| window.as_ref().map_or(true, |(_, window)| holds(window))).transpose()?)
}

/// The row as a leaf of its segment.
fn row_step(salts: &mut SaltStore, segment: &Segment, found: &Found, schema: &SchemaText) -> Result<Step, ProveError> {
    let rows = RowEncoder::new(&found.batch, schema)?;
    let mut encoder = LeafEncoder::new(schema);
    let month = Month::of_us(found.places.received_at_us(found.row));
    let keys = salts.keys_for(&[(found.places.robot_id(found.row), month)])?;
    let salt = encoder.salt(&keys[0], &found.places.place(found.row));
    let data = encoder.data(&salt, &rows, found.row)?.to_vec();
    let hash = leaf_hash(&data);
    let at = segment.leaves.iter().position(|leaf| *leaf == hash);
    let index = at.ok_or_else(|| segment.changed(found))? as u64;
    let path = inclusion::prove(&segment.leaves, index).map_err(ProveError::Tree)?;
    Ok(Step { data, index, path })
}

fn assemble(
    published: &Published,
    (index, window): Entry,
    segment: Segment,
    row: Step,
    schema: &SchemaText,
) -> Result<Vec<u8>, ProveError> {
    let bundle = Bundle { schema: schema.text().to_owned(), row, segment: segment.step, window: window.encode() };
    let checkpoint = published.note.clone().ok_or(ProveError::NothingAnchored)?;
    let path = published.tiles.inclusion(index, &published.head)?;
    let file = ProofFile { extra: bundle.encode(), index, path, checkpoint };
    let bytes = file.to_string().into_bytes();
    proof::verify(&bytes, &published.key)?;
    Ok(bytes)
}
