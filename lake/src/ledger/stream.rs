//! One stream of a robot (`robot_id`, `stream_epoch`): exactly which sequence numbers were taken.
//!
//! First, highest and holes say it all; hashes of the 64 highest taken keys tell a repeated record from
//! another one under the same key. Pure: what happens depends on nothing but the records before.

use std::collections::VecDeque;

use super::holes::{Hole, HoleKind, Holes};

/// Most holes of a stream; at the bound the lowest is written off.
pub const HOLES_MAX: usize = 1_024;
/// Of how many of the highest taken keys the payload hash is kept.
pub const RECENT_KEYS: usize = 64;

/// What a stream knows of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Lowest sequence number that arrived.
    pub(super) first: i64,
    /// Highest sequence number that arrived, taken or rejected.
    pub(super) highest: i64,
    /// Below it nothing is known any more: 0, or one above the highest hole that was written off.
    pub(super) floor: i64,
    /// Numbers from `first` (and `floor`) to `highest` that are not taken.
    pub(super) holes: Holes,
    /// Payload hashes of the highest taken keys, in rising order of the keys. The keys follow from the holes.
    pub(super) recent: VecDeque<i64>,
    /// Greatest window end of the taken records, Unix microseconds UTC.
    pub(super) window_end_us: i64,
    /// Greatest power-on time of the taken records, in 0.0001 h.
    pub(super) power_on: i64,
}

/// What is compared of a record that may be a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// First 8 bytes of the payload's SHA-256.
    pub payload_hash: i64,
    /// End of the window, Unix microseconds UTC.
    pub window_end_us: i64,
    /// Power-on time, in 0.0001 h.
    pub power_on: i64,
}

/// What became of a good record in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the first with its key.
    Now,
    /// The same record was taken before.
    Before,
    /// Another record was taken before.
    ByAnother,
    /// The key is below the floor.
    BelowFloor,
}

/// How a hole changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// These numbers became a hole.
    Opened,
    /// These numbers left a hole of which some remains.
    Narrowed,
    /// These numbers left a hole of which nothing remains.
    Closed,
    /// These numbers are given up; a record with one of them is refused from now on.
    WrittenOff,
}

impl Change {
    /// The text in the column `kind` of `gap_events`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Narrowed => "narrowed",
            Self::Closed => "closed",
            Self::WrittenOff => "written_off",
        }
    }
}

/// Where a sequence number falls.
enum Place {
    BelowFloor,
    Taken,
    InHole(HoleKind),
    BelowFirst,
    AboveHighest,
}

impl Stream {
    /// The stream whose first record is a good one; nothing can contradict it.
    pub(super) fn taking_first(seq: i64, content: Content) -> Self {
        let mut stream = Self::reaching(seq);
        stream.remember(seq, content);
        stream
    }

    /// The stream whose first record is a rejected one.
    pub(super) fn rejecting_first(seq: i64, changes: &mut Vec<(Change, Hole)>) -> Self {
        let mut stream = Self::reaching(seq);
        stream.open(Hole { first: seq, last: seq, kind: HoleKind::Rejected }, changes);
        stream
    }

    fn reaching(seq: i64) -> Self {
        Self {
            first: seq,
            highest: seq,
            floor: 0,
            holes: Holes::default(),
            recent: VecDeque::new(),
            window_end_us: i64::MIN,
            power_on: i64::MIN,
        }
    }

    /// Takes a good record, unless its key is taken or below the floor.
    pub(super) fn take(&mut self, seq: i64, content: Content, changes: &mut Vec<(Change, Hole)>) -> Taken {
        match self.place(seq) {
            Place::BelowFloor => return Taken::BelowFloor,
            Place::Taken if self.repeats(seq, content) => return Taken::Before,
            Place::Taken => return Taken::ByAnother,
            Place::InHole(kind) => self.leave_hole(seq, kind, changes),
            Place::BelowFirst | Place::AboveHighest => self.reach(seq, changes),
        }
        self.remember(seq, content);
        self.write_off(changes);
        Taken::Now
    }

    /// Notes a rejected record: its number becomes a hole of kind `rejected`, unless it is taken or below the floor.
    pub(super) fn reject(&mut self, seq: i64, changes: &mut Vec<(Change, Hole)>) {
        match self.place(seq) {
            Place::BelowFloor | Place::Taken | Place::InHole(HoleKind::Rejected) => return,
            Place::InHole(HoleKind::Missing) => self.leave_hole(seq, HoleKind::Missing, changes),
            Place::BelowFirst | Place::AboveHighest => self.reach(seq, changes),
        }
        self.open(Hole { first: seq, last: seq, kind: HoleKind::Rejected }, changes);
        self.write_off(changes);
    }

    /// Lowest sequence number that arrived.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// Highest sequence number that arrived, taken or rejected.
    pub fn highest(&self) -> i64 {
        self.highest
    }

    /// Records below this sequence number are refused; 0 if nothing was written off.
    pub fn floor(&self) -> i64 {
        self.floor
    }

    /// Holes, in rising order.
    pub fn holes(&self) -> &[Hole] {
        self.holes.as_slice()
    }

    /// Sequence numbers in holes of a kind.
    pub fn hole_width(&self, kind: HoleKind) -> i64 {
        self.holes().iter().filter(|hole| hole.kind == kind).map(Hole::width).sum()
    }

    /// Whether this is `before` with nothing but the next numbers taken, one after the other.
    pub(super) fn grew_from(&self, before: &Self) -> bool {
        let same = (self.first, self.floor) == (before.first, before.floor) && self.holes == before.holes;
        same && self.highest > before.highest
    }

    fn place(&self, seq: i64) -> Place {
        if seq < self.floor {
            Place::BelowFloor
        } else if seq < self.first {
            Place::BelowFirst
        } else if seq > self.highest {
            Place::AboveHighest
        } else {
            self.holes.at(seq).map_or(Place::Taken, |hole| Place::InHole(hole.kind))
        }
    }

    /// Whether a record under a taken key is the one that took it, as far as can be told.
    fn repeats(&self, seq: i64, content: Content) -> bool {
        match self.recent_index(seq) {
            Some(index) => self.recent[index] == content.payload_hash,
            None => content.window_end_us <= self.window_end_us && content.power_on <= self.power_on,
        }
    }

    /// Where the hash of a taken key stands in `recent`.
    fn recent_index(&self, seq: i64) -> Option<usize> {
        let above = usize::try_from(self.taken_above(seq)).unwrap_or(usize::MAX);
        self.recent.len().checked_sub(above)?.checked_sub(1)
    }

    fn taken_above(&self, seq: i64) -> i64 {
        self.highest - seq - self.holes.width_above(seq)
    }

    /// Lowers `first` or raises `highest` to a number outside of both; what lies between becomes a hole.
    fn reach(&mut self, seq: i64, changes: &mut Vec<(Change, Hole)>) {
        let between = if seq < self.first { (seq + 1, self.first - 1) } else { (self.highest + 1, seq - 1) };
        self.first = self.first.min(seq);
        self.highest = self.highest.max(seq);
        if between.0 <= between.1 {
            self.open(Hole { first: between.0, last: between.1, kind: HoleKind::Missing }, changes);
        }
    }

    fn open(&mut self, hole: Hole, changes: &mut Vec<(Change, Hole)>) {
        self.holes.insert(hole);
        changes.push((Change::Opened, hole));
    }

    fn leave_hole(&mut self, seq: i64, kind: HoleKind, changes: &mut Vec<(Change, Hole)>) {
        let change = match self.holes.remove(seq) {
            Some(true) => Change::Narrowed,
            Some(false) | None => Change::Closed,
        };
        changes.push((change, Hole { first: seq, last: seq, kind }));
    }

    /// Keeps what tells this record, just taken, from another one under its key.
    fn remember(&mut self, seq: i64, content: Content) {
        self.window_end_us = self.window_end_us.max(content.window_end_us);
        self.power_on = self.power_on.max(content.power_on);
        let above = usize::try_from(self.taken_above(seq)).unwrap_or(usize::MAX);
        if let Some(index) = self.recent.len().checked_sub(above) {
            self.recent.insert(index, content.payload_hash);
            if self.recent.len() > RECENT_KEYS {
                self.recent.pop_front();
            }
        }
    }

    /// At the bound the lowest holes give way, and with them all that is below.
    fn write_off(&mut self, changes: &mut Vec<(Change, Hole)>) {
        while self.holes.len() > HOLES_MAX
            && let Some(hole) = self.holes.pop_lowest()
        {
            self.floor = hole.last + 1;
            changes.push((Change::WrittenOff, hole));
        }
    }
}
