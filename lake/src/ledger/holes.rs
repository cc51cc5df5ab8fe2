//! The holes of a stream: ranges of sequence numbers that were not taken, each missing or rejected.
//!
//! Ranges, so that a jump from 1 to 10^12 is one hole. Neighbours of one kind are one hole. The bound, and
//! what gives way at it, is the stream's business.

/// Why a sequence number is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoleKind {
    /// No record with it has arrived.
    Missing,
    /// A record with it arrived and was rejected; a good one may still fill the hole.
    Rejected,
}

impl HoleKind {
    /// The text in the column `hole` of `gap_events`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Rejected => "rejected",
        }
    }
}

/// A range of sequence numbers that are not taken, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// Lowest sequence number.
    pub first: i64,
    /// Highest sequence number.
    pub last: i64,
    /// Why.
    pub kind: HoleKind,
}

impl Hole {
    /// Sequence numbers in it.
    pub fn width(&self) -> i64 {
        self.last - self.first + 1
    }
}

/// Holes in rising order, disjoint; neighbours that touch are of different kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holes(Vec<Hole>);

impl Holes {
    /// From holes as a snapshot has them; `None` if they are not as described.
    pub(super) fn checked(holes: Vec<Hole>) -> Option<Self> {
        let each = holes.iter().all(|hole| hole.first <= hole.last);
        let pairs = holes.windows(2).all(|pair| {
            let (low, high) = (pair[0], pair[1]);
            low.last < high.first && (low.last + 1 < high.first || low.kind != high.kind)
        });
        (each && pairs).then_some(Self(holes))
    }

    pub(super) fn as_slice(&self) -> &[Hole] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The hole that a sequence number is in.
    pub(super) fn at(&self, seq: i64) -> Option<Hole> {
        let hole = self.0.get(self.reaching(seq))?;
        (hole.first <= seq).then_some(*hole)
    }

    /// Sequence numbers in holes above `seq`. Cheap near the top, where it is asked for.
    pub(super) fn width_above(&self, seq: i64) -> i64 {
        let above = self.0.iter().rev().take_while(|hole| hole.last > seq);
        above.map(|hole| hole.last - hole.first.max(seq + 1) + 1).sum()
    }

    /// Takes a sequence number out of its hole; whether some of the hole remains, `None` if there is no such hole.
    pub(super) fn remove(&mut self, seq: i64) -> Option<bool> {
        let index = self.reaching(seq);
        let hole = *self.0.get(index).filter(|hole| hole.first <= seq)?;
        let below = Hole { last: seq - 1, ..hole };
        let above = Hole { first: seq + 1, ..hole };
        let rest = [below, above].into_iter().filter(|hole| hole.first <= hole.last);
        self.0.splice(index..=index, rest);
        Some(hole.first < hole.last)
    }

    /// Adds a hole among numbers that are in none, and joins it with neighbours of its kind.
    pub(super) fn insert(&mut self, hole: Hole) {
        let index = self.reaching(hole.first);
        let mut joined = hole;
        let mut replaced = index..index;
        if let Some(low) = index.checked_sub(1).and_then(|below| self.0.get(below))
            && low.kind == hole.kind
            && low.last + 1 == hole.first
        {
            joined.first = low.first;
            replaced.start -= 1;
        }
        if let Some(high) = self.0.get(index)
            && high.kind == hole.kind
            && hole.last + 1 == high.first
        {
            joined.last = high.last;
            replaced.end += 1;
        }
        self.0.splice(replaced, [joined]);
    }

    /// Takes the lowest hole away.
    pub(super) fn pop_lowest(&mut self) -> Option<Hole> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Index of the first hole whose end is at or above `seq`.
    fn reaching(&self, seq: i64) -> usize {
        self.0.partition_point(|hole| hole.last < seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(first: i64, last: i64) -> Hole {
        Hole { first, last, kind: HoleKind::Missing }
    }

    fn rejected(first: i64, last: i64) -> Hole {
        Hole { first, last, kind: HoleKind::Rejected }
    }

    #[test]
    fn a_number_taken_from_the_middle_leaves_two_holes() {
        let mut holes = Holes(vec![missing(2, 1_000_000_000_000)]);
        assert_eq!(holes.remove(7), Some(true));
        assert_eq!(holes.as_slice(), [missing(2, 6), missing(8, 1_000_000_000_000)]);
        assert_eq!(holes.remove(7), None);
        assert_eq!(holes.width_above(5), 1 + 1_000_000_000_000 - 7);
    }

    #[test]
    fn the_last_number_of_a_hole_closes_it() {
        let mut holes = Holes(vec![missing(2, 3)]);
        assert_eq!(holes.remove(2), Some(true));
        assert_eq!(holes.remove(3), Some(false));
        assert_eq!(holes.len(), 0);
    }

    #[test]
    fn neighbours_of_one_kind_are_one_hole_and_of_two_kinds_are_two() {
        let mut holes = Holes(vec![rejected(2, 2), rejected(4, 4)]);
        holes.insert(rejected(3, 3));
        assert_eq!(holes.as_slice(), [rejected(2, 4)]);
        holes.insert(missing(5, 9));
        assert_eq!(holes.as_slice(), [rejected(2, 4), missing(5, 9)]);
        assert_eq!(holes.at(5), Some(missing(5, 9)));
        assert_eq!(holes.at(10), None);
    }

    #[test]
    fn holes_out_of_order_or_not_joined_are_no_holes() {
        assert!(Holes::checked(vec![missing(5, 6), missing(1, 2)]).is_none());
        assert!(Holes::checked(vec![missing(1, 2), missing(3, 4)]).is_none());
        assert!(Holes::checked(vec![missing(1, 2), rejected(3, 4)]).is_some());
    }
}
