//! `prove`: a proof file for one row of the lake, made from the rows as they lie there now, the robot's segment and
//! the log's tiles. That it holds is checked before it is given.

mod error;
mod row;
mod segment;
#[cfg(test)]
mod tests;

use std::path::Path;

use tacho_lake::Lake;
use tacho_schemas::RobotId;
use tacho_schemas::table::Table;

pub use error::ProveError;

use crate::leaf::{LeafEncoder, RowEncoder, SchemaText};
use crate::merkle::{inclusion, leaf_hash};
use crate::proof::{self, Bundle, ProofFile, Step};
use crate::published::Published;
use crate::salts::{Month, SaltStore};
use crate::statement::WindowStatement;
use crate::statement::log_entry::LogEntry;
use crate::tiles::{TILE_WIDTH, TileKind, TilePath, tile_width};
use row::Found;
use segment::Segment;

/// Which row is to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProveRequest {
    /// The robot.
    pub robot: RobotId,
    /// Sequence number of its record.
    pub seq: i64,
    /// Stream epoch; without it the highest that holds the sequence number.
    pub epoch: Option<i64>,
    /// Table of the row.
    pub table: Table,
    /// Which of the record's rows: joint, pack, location or index; of several dead letters their place
    /// (partition/offset/ordinal).
    pub component: Option<String>,
}

/// Makes a proof file (`c2sp.org/tlog-proof@v1`) for one row, with nothing but reading.
///
/// # Errors
/// See [`ProveError`]: no such row, or not yet anchored, or not what was anchored.
pub async fn prove(data_dir: &Path, lake_dir: &Path, request: &ProveRequest) -> Result<Vec<u8>, ProveError> {
    if !Table::ANCHORED.contains(&request.table) {
        return Err(ProveError::NoLeaves(request.table.name()));
    }
    let published = Published::read(data_dir)?.ok_or(ProveError::NothingAnchored)?;
    let lake = Lake::read_only(lake_dir)?;
    let found = row::find(&lake, request).await?;
    let entry = window_of(&published, &found)?.ok_or_else(|| ProveError::NotAnchored(found.to_string()))?;
    let mut salts = SaltStore::read_only(data_dir.join("keys").join("salts"));
    let segment = segment::rebuild(&lake, &mut salts, &published, &entry.window, &found).await?;
    let row = row_step(&mut salts, &segment, &found)?;
    assemble(&published, entry, segment, row, &found)
}

/// A window's entry of the log.
#[derive(Debug)]
struct Entry {
    index: u64,
    bytes: Vec<u8>,
    window: WindowStatement,
}

/// The window that holds a place of the log, looked for from the newest.
fn window_of(published: &Published, found: &Found) -> Result<Option<Entry>, ProveError> {
    let size = published.head.size;
    for bundle in (0..size.div_ceil(TILE_WIDTH)).rev() {
        let width = tile_width(0, bundle, size);
        let entries = published.tiles.bundle(&TilePath::new(TileKind::Entries, bundle, width))?;
        for (index, bytes) in (bundle * TILE_WIDTH..).zip(entries).collect::<Vec<_>>().into_iter().rev() {
            if let LogEntry::Window(window) = LogEntry::decode(&bytes)?
                && window.ranges.iter().any(|range| found.is_in(range))
            {
                return Ok(Some(Entry { index, bytes, window: *window }));
            }
        }
    }
    Ok(None)
}

/// The row as a leaf of its segment.
fn row_step(salts: &mut SaltStore, segment: &Segment, found: &Found) -> Result<Step, ProveError> {
    let schema = SchemaText::of(found.table);
    let rows = RowEncoder::new(&found.batch, &schema)?;
    let mut encoder = LeafEncoder::new(&schema);
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
    entry: Entry,
    segment: Segment,
    row: Step,
    found: &Found,
) -> Result<Vec<u8>, ProveError> {
    let bundle = Bundle {
        schema: SchemaText::of(found.table).text().to_owned(),
        row,
        segment: segment.step,
        window: entry.bytes,
    };
    let checkpoint = published.note.clone().ok_or(ProveError::NothingAnchored)?;
    let path = published.tiles.inclusion(entry.index, &published.head)?;
    let file = ProofFile { extra: bundle.encode(), index: entry.index, path, checkpoint };
    let bytes = file.to_string().into_bytes();
    proof::verify(&bytes, &published.key)?;
    Ok(bytes)
}
