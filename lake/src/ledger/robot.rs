//! What the ledger knows of one robot: its counts (G4) and its streams, at most 16.
//!
//! Decides what becomes of a record. Pure: it depends on nothing but the records before, in the order of the log.

use tacho_schemas::processed::{Kept, StreamKey};
use tacho_schemas::reason::RejectReason;

use super::holes::{Hole, HoleKind};
use super::stream::{Change, Content, Stream, Taken};

/// Most streams of a robot; at the bound the one of the lowest epoch is closed.
pub const STREAMS_MAX: usize = 16;
/// Greatest `stream_epoch` and `seq`: 2^53 − 1.
pub const KEY_MAX: i64 = (1 << 53) - 1;

/// Records counted: `received = landed + duplicate + rejected`, by construction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that landed.
    pub landed: u64,
    /// Records that had landed before.
    pub duplicate: u64,
    /// Dead letters.
    pub rejected: u64,
}

impl Counts {
    /// Records received.
    pub fn received(&self) -> u64 {
        self.landed + self.duplicate + self.rejected
    }

    /// Counts one more record.
    pub(super) fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Landed => self.landed += 1,
            Fate::Duplicate => self.duplicate += 1,
            Fate::Rejected | Fate::Refused(_) => self.rejected += 1,
        }
    }

    /// Takes away what was counted before.
    pub(super) fn subtract(&mut self, other: Self) {
        self.landed -= other.landed;
        self.duplicate -= other.duplicate;
        self.rejected -= other.rejected;
    }

    /// Adds those of another.
    pub fn add(&mut self, other: Self) {
        self.landed += other.landed;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It lands: its rows go to the lake.
    Landed,
    /// It has landed before.
    Duplicate,
    /// Processing rejected it.
    Rejected,
    /// A good record that the ledger refuses: a dead letter for this reason.
    Refused(RejectReason),
}

/// A change of a hole, to be told in `gap_events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapChange {
    /// How it changed.
    pub change: Change,
    /// Stream that the hole is in.
    pub stream_epoch: i64,
    /// Lowest sequence number concerned.
    pub first: i64,
    /// Highest sequence number concerned.
    pub last: i64,
    /// Kind of the hole; `None` where a whole stream is written off.
    pub hole: Option<HoleKind>,
}

/// What the ledger knows of a robot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Robot {
    pub(super) counts: Counts,
    pub(super) last_received_us: i64,
    pub(super) epoch_floor: i64,
    /// In rising order of the epochs.
    pub(super) streams: Vec<(i64, Stream)>,
}

impl Robot {
    /// Records counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Time of receipt of the latest record by offset, Unix microseconds UTC.
    pub fn last_received_us(&self) -> i64 {
        self.last_received_us
    }

    /// Streams with their epochs, in rising order.
    pub fn streams(&self) -> &[(i64, Stream)] {
        &self.streams
    }

    /// The stream of an epoch.
    pub fn stream(&self, epoch: i64) -> Option<&Stream> {
        let at = self.streams.binary_search_by_key(&epoch, |(epoch, _)| *epoch).ok()?;
        Some(&self.streams[at].1)
    }

    /// Streams of a lower epoch are closed; 0 if none is.
    pub fn epoch_floor(&self) -> i64 {
        self.epoch_floor
    }

    /// Counts one more record.
    pub(super) fn count(&mut self, fate: Fate, received_at_us: i64) {
        self.counts.count(fate);
        self.last_received_us = received_at_us;
    }

    /// Decides what becomes of a good record, and tells what it did to holes.
    pub(super) fn take(&mut self, kept: &Kept, changes: &mut Vec<GapChange>) -> Fate {
        let StreamKey { epoch, seq } = kept.key;
        let content =
            Content { payload_hash: kept.payload_hash, window_end_us: kept.window_end_us, power_on: kept.power_on };
        if !in_range(kept.key) {
            return Fate::Refused(RejectReason::OutOfRange);
        }
        if epoch < self.epoch_floor {
            return Fate::Refused(RejectReason::BelowFloor);
        }
        match self.streams.binary_search_by_key(&epoch, |(epoch, _)| *epoch) {
            Ok(at) => {
                let mut holes = Vec::new();
                let taken = self.streams[at].1.take(seq, content, &mut holes);
                tell(epoch, &holes, changes);
                match taken {
                    Taken::Now => Fate::Landed,
                    Taken::Before => Fate::Duplicate,
                    Taken::ByAnother => Fate::Refused(RejectReason::SequenceConflict),
                    Taken::BelowFloor => Fate::Refused(RejectReason::BelowFloor),
                }
            }
            Err(at) => {
                self.streams.insert(at, (epoch, Stream::taking_first(seq, content)));
                self.close_oldest(changes);
                Fate::Landed
            }
        }
    }

    /// Notes the hole that a rejected record with a readable key leaves.
    pub(super) fn reject(&mut self, key: StreamKey, changes: &mut Vec<GapChange>) {
        if !in_range(key) || key.epoch < self.epoch_floor {
            return;
        }
        let mut holes = Vec::new();
        let found = self.streams.binary_search_by_key(&key.epoch, |(epoch, _)| *epoch);
        match found {
            Ok(at) => self.streams[at].1.reject(key.seq, &mut holes),
            Err(at) => {
                let stream = Stream::rejecting_first(key.seq, &mut holes);
                self.streams.insert(at, (key.epoch, stream));
            }
        }
        tell(key.epoch, &holes, changes);
        self.close_oldest(changes);
    }

    /// At the bound the stream of the lowest epoch gives way: its holes are written off, then the stream itself.
    fn close_oldest(&mut self, changes: &mut Vec<GapChange>) {
        while self.streams.len() > STREAMS_MAX {
            let (epoch, stream) = self.streams.remove(0);
            let holes = stream.holes().iter().map(|hole| (Change::WrittenOff, *hole));
            tell(epoch, &holes.collect::<Vec<_>>(), changes);
            changes.push(GapChange {
                change: Change::WrittenOff,
                stream_epoch: epoch,
                first: stream.first(),
                last: stream.highest(),
                hole: None,
            });
            self.epoch_floor = epoch + 1;
        }
    }

    /// Adds what another partition knows of the same robot, where a new log has other partitions.
    pub(super) fn absorb(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.last_received_us = self.last_received_us.max(other.last_received_us);
        self.epoch_floor = self.epoch_floor.max(other.epoch_floor);
        for (epoch, stream) in other.streams {
            if let Err(at) = self.streams.binary_search_by_key(&epoch, |(epoch, _)| *epoch) {
                self.streams.insert(at, (epoch, stream));
            }
        }
        self.close_oldest(&mut Vec::new());
    }
}

fn in_range(key: StreamKey) -> bool {
    let range = 0..=KEY_MAX;
    range.contains(&key.epoch) && range.contains(&key.seq)
}

fn tell(stream_epoch: i64, holes: &[(Change, Hole)], changes: &mut Vec<GapChange>) {
    changes.extend(holes.iter().map(|(change, hole)| GapChange {
        change: *change,
        stream_epoch,
        first: hole.first,
        last: hole.last,
        hole: Some(hole.kind),
    }));
}
