//! Rebuilds the segment of a row from the lake as it is now, and checks it against the one that was stated.

use tacho_lake::Lake;
use tacho_schemas::Digest;

use super::ProveError;
use super::row::Found;
use crate::anchorer::gather::rows_in;
use crate::anchorer::window::{are_of, read_segments, segments_path};
use crate::leaf::Schemas;
use crate::merkle::{inclusion, root};
use crate::proof::Step;
use crate::published::Published;
use crate::salts::SaltStore;
use crate::statement::{OffsetRange, SegmentStatement, Statement as _, WindowStatement};

/// A segment with its leaves, and its place in the window.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) leaves: Vec<Digest>,
    pub(super) step: Step,
    win_no: u64,
}

impl Segment {
    /// The error of a row that is not a leaf of the segment.
    pub(super) fn changed(&self, found: &Found) -> ProveError {
        ProveError::Changed(format!("{found} is not a row of window {}", self.win_no))
    }
}

/// Rebuilds the segment of a row.
pub(super) async fn rebuild(
    lake: &Lake,
    salts: &mut SaltStore,
    published: &Published,
    (window, schemas): (&WindowStatement, &Schemas),
    found: &Found,
) -> Result<Segment, ProveError> {
    let (step, stated) = stated(published, window, found)?;
    // A robot is in one partition of a log: others are looked into only if that is not the whole of it.
    let near: Vec<&OffsetRange> = window.ranges.iter().filter(|range| found.is_in(range)).collect();
    let mut leaves = hashes(lake, salts, (&near, schemas), found).await?;
    if leaves.len() as u64 != stated.count {
        let all: Vec<&OffsetRange> = window.ranges.iter().collect();
        leaves = hashes(lake, salts, (&all, schemas), found).await?;
    }
    if leaves.len() as u64 == stated.count && root(&leaves) == stated.rows_root {
        return Ok(Segment { leaves, step, win_no: window.win_no });
    }
    Err(ProveError::Changed(format!(
        "the {} rows of robot {} in window {} are not the {} that were anchored",
        leaves.len(),
        found.robot(),
        window.win_no,
        stated.count
    )))
}

/// The segment as the window states it.
fn stated(
    published: &Published,
    window: &WindowStatement,
    found: &Found,
) -> Result<(Step, SegmentStatement), ProveError> {
    let mut segments = read_segments(&published.dir, window.win_no)?;
    if !are_of(window, &segments) {
        let path = segments_path(&published.dir, window.win_no);
        return Err(ProveError::Changed(format!("{} is not what window {} states", path.display(), window.win_no)));
    }
    let ours = |segment: &SegmentStatement| segment.robot_id == found.robot() && segment.stream_epoch == found.epoch();
    let leaves: Vec<Digest> = segments.iter().map(|segment| segment.leaf_hash()).collect();
    let Some(at) = segments.iter().position(ours) else {
        let why = format!("window {} states no segment of robot {} and its stream epoch", window.win_no, found.robot());
        return Err(ProveError::Changed(why));
    };
    let segment = segments.swap_remove(at);
    let path = inclusion::prove(&leaves, at as u64).map_err(ProveError::Tree)?;
    Ok((Step { data: segment.encode(), index: at as u64, path }, segment))
}

/// The leaf hashes of the robot's rows of one stream epoch in some ranges of offsets, in order.
async fn hashes(
    lake: &Lake,
    salts: &mut SaltStore,
    rows: (&[&OffsetRange], &Schemas),
    found: &Found,
) -> Result<Vec<Digest>, ProveError> {
    let streams = rows_in(lake, salts, rows, Some(found.robot())).await?;
    let ours = streams.iter().filter(|stream| stream.epoch == found.epoch());
    Ok(ours.flat_map(|stream| &stream.leaves).map(|leaf| leaf.hash).collect())
}
