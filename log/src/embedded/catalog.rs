//! Which segments the log consists of, how far they are durable, and which of them may go.

use std::collections::VecDeque;
use std::sync::Arc;

use super::index;
use super::positions::Positions;
use super::segment::{IndexEntry, Segment};

/// The durable segments, oldest first.
#[derive(Debug)]
pub(crate) struct Catalog {
    segments: VecDeque<Segment>,
    /// Index of the newest segment while it is being written; the others have theirs in files.
    growing: Option<Vec<IndexEntry>>,
    /// Per partition, the offset below which the lake needs nothing any more.
    released: Vec<i64>,
}

/// Where a search begins.
#[derive(Debug, Clone)]
pub(crate) struct Seek {
    pub(crate) segment: Segment,
    /// The batch to begin at, if the segment's index is not in a file yet.
    pub(crate) start: Option<IndexEntry>,
}

/// When released segments go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) bytes: Option<u64>,
    /// Records received before this time are old, Unix microseconds.
    pub(crate) old_before_us: Option<i64>,
}

impl Catalog {
    pub(crate) fn new(segments: VecDeque<Segment>, partitions: usize) -> Self {
        Self { segments, growing: None, released: vec![0; partitions] }
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Per partition, the first offset that the log holds, or the next one to come.
    pub(crate) fn first_offsets(&self) -> Arc<[i64]> {
        let first = self.segments.front().map(|segment| Arc::clone(&segment.base));
        first.unwrap_or_else(|| vec![0; self.released.len()].into())
    }

    /// Per partition, the offset after the last durable record.
    pub(crate) fn next_offsets(&self) -> Arc<[i64]> {
        let last = self.segments.back().map(|segment| Arc::clone(&segment.end));
        last.unwrap_or_else(|| vec![0; self.released.len()].into())
    }

    /// Number of the next record of the journal.
    pub(crate) fn next_seq(&self) -> u64 {
        self.segments.back().map_or(0, |segment| segment.end_seq)
    }

    /// Adds a segment with its first durable batch.
    pub(crate) fn begin(&mut self, segment: Segment, entry: IndexEntry) {
        self.segments.push_back(segment);
        self.growing = Some(vec![entry]);
    }

    /// The newest segment has another durable batch.
    pub(crate) fn grow(&mut self, grown: &Segment, entry: Option<&IndexEntry>) {
        if let Some(newest) = self.segments.back_mut() {
            newest.clone_from(grown);
        }
        if let Some(entries) = &mut self.growing {
            entries.extend(entry.cloned());
        }
    }

    /// The newest segment's index is in a file now, or will be made by a scan.
    pub(crate) fn seal(&mut self) {
        self.growing = None;
    }

    /// The first segment in which these positions want something.
    pub(crate) fn seek(&self, positions: &Positions) -> Option<Seek> {
        let at = self.segments.partition_point(|segment| positions.are_past(&segment.end));
        let segment = self.segments.get(at)?.clone();
        let newest = at + 1 == self.segments.len();
        let growing = self.growing.as_ref().filter(|_| newest);
        let start = growing.and_then(|entries| index::start(entries, positions)).cloned();
        Some(Seek { segment, start })
    }

    /// A segment as it is now.
    pub(crate) fn segment(&self, base_seq: u64) -> Option<Segment> {
        let at = self.segments.binary_search_by_key(&base_seq, |segment| segment.base_seq).ok()?;
        self.segments.get(at).cloned()
    }

    /// Takes out the oldest segment if it may go: all its records are released, and the log is too large or the
    /// segment too old. The newest stays: it tells where the log stands.
    pub(crate) fn take_expired(&mut self, retention: Retention) -> Option<Segment> {
        let oldest = self.segments.front()?;
        let released = oldest.end.iter().zip(&self.released).all(|(end, released)| end <= released);
        let too_large = retention.bytes.is_some_and(|bytes| self.bytes() > bytes);
        let too_old = retention.old_before_us.is_some_and(|time| oldest.max_received_at_us < time);
        let goes = self.segments.len() > 1 && released && (too_large || too_old);
        goes.then(|| self.segments.pop_front())?
    }

    /// The partition that alone keeps the oldest segments from going, and their bytes; `None` if several do, or none.
    pub(crate) fn kept_by_one(&self) -> Option<(usize, u64)> {
        let (mut keeper, mut bytes) = (None, 0);
        let newest = self.segments.len().saturating_sub(1);
        for segment in self.segments.iter().take(newest) {
            let ends = segment.end.iter().zip(&self.released).enumerate();
            let mut keepers = ends.filter(|(_, (end, released))| end > released).map(|(partition, _)| partition);
            let of_it = [keepers.next(), keepers.next()];
            match (keeper, of_it) {
                (_, [None, _]) => {}
                (None, [one, None]) => keeper = one,
                (Some(before), [Some(one), None]) if before == one => {}
                _ => break,
            }
            bytes += segment.length;
        }
        keeper.map(|keeper| (keeper, bytes))
    }

    /// Takes back a segment that could not be removed.
    pub(crate) fn put_back(&mut self, oldest: Segment) {
        self.segments.push_front(oldest);
    }

    /// Records below these offsets are not needed any more. Never falls.
    pub(crate) fn release(&mut self, positions: &Positions) {
        for (partition, next) in positions.wanted() {
            self.released[partition] = self.released[partition].max(next);
        }
    }
}
