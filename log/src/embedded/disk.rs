//! Reading batches back from segment files, from the batch where a reader stands, stepping over damage.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use super::batch::{Batch, Found};
use super::index::{self, Index};
use super::positions::Positions;
use super::segment::{Segment, SegmentHeader, index_path, log_path};
use super::shared::{Shared, locked};
use super::wire::{in_memory, len_u64};
use crate::ReadError;

const WINDOW_BYTES_MIN: usize = 64 * 1024;
const WINDOW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a reader gets next from files.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A batch, perhaps partly before the reader's positions.
    Batch(Batch),
    /// Everything up to here was given; what is wanted and was not, is lost.
    Until(Arc<[i64]>),
}

/// A place in a segment file.
#[derive(Debug, Clone)]
pub(crate) struct DiskCursor {
    segment_seq: u64,
    file: Arc<File>,
    /// Position of the next batch, in bytes.
    position: u64,
    /// Number of the next record in the journal, or below it.
    next_seq: u64,
}

/// Result of one read.
#[derive(Debug, Default)]
pub(crate) struct DiskRead {
    pub(crate) pieces: Vec<Piece>,
    /// Where to go on; none at the end of a segment.
    pub(crate) cursor: Option<DiskCursor>,
}

/// Reads about `bytes` bytes from the cursor on, or from where the positions are. Blocks on the disk.
///
/// Gives no pieces only if nothing durable is wanted.
pub(crate) fn read(
    shared: &Shared,
    mut cursor: Option<DiskCursor>,
    positions: &Positions,
    bytes: usize,
) -> Result<DiskRead, ReadError> {
    let bytes = bytes.clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX);
    loop {
        let at = match cursor.take() {
            Some(at) => at,
            None => match seek(shared, positions)? {
                Some(at) => at,
                None => return Ok(DiskRead::default()),
            },
        };
        let Some(segment) = locked(&shared.catalog).segment(at.segment_seq) else {
            continue; // Retention has taken it: the search tells whether that matters.
        };
        let (pieces, at) = window(shared, at, &segment, positions, bytes)?;
        if at.position >= segment.length {
            let mut pieces = pieces;
            pieces.push(Piece::Until(segment.end));
            return Ok(DiskRead { pieces, cursor: None });
        }
        if !pieces.is_empty() {
            return Ok(DiskRead { pieces, cursor: Some(at) });
        }
        cursor = Some(at);
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> ReadError {
    let path = path.to_owned();
    move |source| ReadError::Io { path, source: Arc::new(source) }
}

/// Finds the first batch that the positions want something of, or one before it.
fn seek(shared: &Shared, positions: &Positions) -> Result<Option<DiskCursor>, ReadError> {
    let (found, first, next) = {
        let catalog = locked(&shared.catalog);
        (catalog.seek(positions), catalog.first_offsets(), catalog.next_offsets())
    };
    positions.check(&first, &next)?;
    let Some(found) = found else { return Ok(None) };
    let segment_seq = found.segment.base_seq;
    let dir = shared.storage.dir();
    let start = found.start.or_else(|| {
        let bytes = fs::read(index_path(dir, segment_seq)).ok()?;
        let partitions = shared.format.partitions();
        let index = Index::parse(&bytes, shared.identity.log_id, segment_seq, partitions)?;
        index::start(&index.entries, positions).cloned()
    });
    let (position, next_seq) = match start {
        Some(entry) => (entry.position, entry.base_seq),
        None => (len_u64(SegmentHeader::len(shared.format.partitions())), segment_seq),
    };
    let path = log_path(dir, segment_seq);
    let file = match File::open(&path) {
        // Retention was quicker than the open: the next search tells whether that matters.
        Err(_) if locked(&shared.catalog).segment(segment_seq).is_none() => {
            return seek(shared, positions);
        }
        opened => Arc::new(opened.map_err(io_error(&path))?),
    };
    Ok(Some(DiskCursor { segment_seq, file, position, next_seq }))
}

/// Reads the batches of the next stretch of a segment, at least one if there is a good one.
fn window(
    shared: &Shared,
    mut at: DiskCursor,
    segment: &Segment,
    positions: &Positions,
    bytes: usize,
) -> Result<(Vec<Piece>, DiskCursor), ReadError> {
    let path = log_path(shared.storage.dir(), segment.base_seq);
    let left = in_memory(segment.length.saturating_sub(at.position));
    let mut wanted = bytes.min(left);
    let mut stretch = read_at_most(&at.file, at.position, wanted).map_err(io_error(&path))?;
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < stretch.len() {
        let more = stretch.len() == wanted && wanted < left;
        match shared.format.look(&stretch, done, at.next_seq) {
            Found::Batch(header, body_at, end) => {
                at.next_seq = header.end_seq();
                if !positions.are_past(&header.end) {
                    let body = stretch.slice(body_at..end);
                    pieces.push(Piece::Batch(Batch { header: Arc::new(header), body }));
                }
                done = end;
            }
            Found::Short(_) if more && done > 0 => break,
            Found::Short(needed) if more => {
                wanted = needed.max(wanted + 1).min(left);
                stretch = read_at_most(&at.file, at.position, wanted).map_err(io_error(&path))?;
            }
            Found::Short(_) | Found::Bad => {
                // What follows a bad batch can be anywhere: look at all that is left of the segment.
                wanted = left;
                stretch = read_at_most(&at.file, at.position, wanted).map_err(io_error(&path))?;
                let good = shared.format.search(&stretch, done + 1, at.next_seq).unwrap_or(left);
                report(&path, at.position + len_u64(done), good - done);
                done = good;
            }
        }
    }
    if stretch.len() < wanted && done == stretch.len() {
        report(&path, at.position + len_u64(done), left - done);
        done = left;
    }
    at.position += len_u64(done);
    Ok((pieces, at))
}

fn report(path: &Path, position: u64, bytes: usize) {
    // What is lost with it is told by whoever knows whether it was still needed.
    warn!(file = %path.display(), position, bytes, "a damaged stretch of the log is stepped over");
    metrics::counter!("tacho_log_damaged_bytes_total").increment(len_u64(bytes));
}

/// Up to `len` bytes from a position; fewer only at the end of the file.
fn read_at_most(file: &File, position: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], position + len_u64(filled)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(Bytes::from(bytes))
}
