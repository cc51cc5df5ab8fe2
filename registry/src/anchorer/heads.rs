//! The chain of each robot: how far it has come, and the segments that extend it.
//!
//! Heads are kept in memory, and written whole with each window; a start reads those of the last window.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tacho_schemas::Digest;

use super::error::io_at;
use super::leaves::{Leaf, Stream};
use super::{AnchorError, framed, root_and_number};
use crate::merkle::root;
use crate::statement::{HeadStatement, SegmentStatement, SeqRange, Statement as _};
use tacho_schemas::table::Table;

/// Generations of heads on disk: the last, and the one before, until the last is sure.
pub(crate) const KEPT: u64 = 2;

/// The heads of all robots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heads(BTreeMap<Box<str>, (HeadStatement, Digest)>);

impl Heads {
    /// The heads after `windows` windows.
    pub(crate) fn load(dir: &Path, windows: u64) -> Result<Self, AnchorError> {
        match windows.checked_sub(1) {
            None => Ok(Self::default()),
            Some(last) => {
                let mut heads = Self::default();
                framed::read(&snapshot_path(dir, last))?.into_iter().for_each(|head| heads.put(head));
                Ok(heads)
            }
        }
    }

    /// Writes the heads as they are after a window; those of the window before stay until that one is sure.
    pub(super) fn snapshot(&self, dir: &Path, win_no: u64) -> Result<(), AnchorError> {
        framed::write(&snapshot_path(dir, win_no), self.0.values().map(|(head, _)| head))
    }

    /// Removes the heads before those of the window before.
    pub(super) fn forget_before(dir: &Path, win_no: u64) -> Result<(), AnchorError> {
        let Some(old) = win_no.checked_sub(KEPT) else { return Ok(()) };
        let path = snapshot_path(dir, old);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_at(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Extends the chains by the segments of a window, from rows sorted by robot and epoch.
    pub(crate) fn extend(&mut self, streams: &[Stream]) -> Vec<SegmentStatement> {
        let mut segments = Vec::with_capacity(streams.len());
        for stream in streams {
            let before = self.0.get(&stream.robot).map(|(head, _)| head);
            let segment = segment(stream, before);
            self.follow(&segment, HeadStatement::salt_of(&stream.key, &stream.robot, segment.seg_no));
            segments.push(segment);
        }
        segments
    }

    /// The root over the heads, and how many there are.
    pub(crate) fn root(&self) -> (Digest, u64) {
        let leaves: Vec<Digest> = self.0.values().map(|(_, hash)| *hash).collect();
        root_and_number(&leaves)
    }

    /// The same root, computed from the heads themselves and not from the hashes that are kept.
    pub(super) fn recomputed_root(&self) -> Digest {
        let leaves: Vec<Digest> = self.0.values().map(|(head, _)| head.leaf_hash()).collect();
        root(&leaves)
    }

    fn put(&mut self, head: HeadStatement) {
        let hash = head.leaf_hash();
        self.0.insert(head.robot_id.as_str().into(), (head, hash));
    }

    fn follow(&mut self, segment: &SegmentStatement, salt: crate::statement::Salt) {
        let before = self.0.get(segment.robot_id.as_str()).map(|(head, _)| head);
        let highest =
            segment.present.last().into_iter().chain(segment.rejected.last()).map(|range| range.end - 1).max();
        let known = before.map(|head| (head.last_epoch, head.last_seq)).unwrap_or_default();
        let (last_epoch, last_seq) = known.max((segment.stream_epoch, segment.stream_epoch.and(highest)));
        self.put(HeadStatement {
            robot_id: segment.robot_id.clone(),
            last_epoch,
            last_seq,
            last_seg_no: segment.seg_no,
            last_seg_hash: segment.leaf_hash(),
            status: 0,
            salt,
        });
    }
}

pub(crate) fn snapshot_path(dir: &Path, win_no: u64) -> PathBuf {
    dir.join("heads").join(format!("{win_no:010}"))
}

/// The next segment of a robot's chain.
fn segment(stream: &Stream, before: Option<&HeadStatement>) -> SegmentStatement {
    let seg_no = before.map_or(0, |head| head.last_seg_no + 1);
    let hashes: Vec<Digest> = stream.leaves.iter().map(|leaf| leaf.hash).collect();
    let times = || stream.leaves.iter().filter_map(|leaf| leaf.time_us);
    SegmentStatement {
        robot_id: stream.robot.as_ref().to_owned(),
        seg_no,
        stream_epoch: stream.epoch,
        present: sequences(&stream.leaves, Table::Records),
        rejected: if stream.epoch.is_some() { sequences(&stream.leaves, Table::Rejected) } else { Vec::new() },
        count: hashes.len() as u64,
        t_min_us: times().min().unwrap_or_default(),
        t_max_us: times().max().unwrap_or_default(),
        rows_root: root(&hashes),
        prev_seg_hash: before.map(|head| head.last_seg_hash),
        flags: 0,
        device_sig: None,
        salt: SegmentStatement::salt_of(&stream.key, &stream.robot, seg_no),
    }
}

/// The sequence numbers of a table's rows, as ranges that are apart.
fn sequences(leaves: &[Leaf], table: Table) -> Vec<SeqRange> {
    let mut seqs: Vec<i64> =
        leaves.iter().filter(|leaf| leaf.order.table == table).filter_map(|leaf| leaf.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    let mut ranges: Vec<SeqRange> = Vec::new();
    for seq in seqs {
        match ranges.last_mut() {
            Some(last) if last.end == seq => last.end += 1,
            _ => ranges.push(SeqRange { start: seq, end: seq + 1 }),
        }
    }
    ranges
}
