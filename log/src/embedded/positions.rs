//! Where a reader stands: per partition the next offset that it wants, or nothing if it does not want any.

use crate::ReadError;

/// Next wanted offset per partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Positions(Vec<Option<i64>>);

impl Positions {
    /// Positions of a reader that begins here; a partition that is not named is not read.
    ///
    /// # Errors
    /// [`ReadError::NoSuchPartition`].
    pub(crate) fn new(starts: &[(i32, i64)], partitions: i32) -> Result<Self, ReadError> {
        let mut positions = vec![None; usize::try_from(partitions).unwrap_or(0)];
        for (partition, offset) in starts {
            let slot = usize::try_from(*partition).ok().and_then(|at| positions.get_mut(at));
            let no_such = ReadError::NoSuchPartition { partition: *partition, partitions };
            *slot.ok_or(no_such)? = Some(*offset);
        }
        Ok(Self(positions))
    }

    /// Whether nothing below this state of the log is wanted any more.
    pub(crate) fn are_past(&self, state: &[i64]) -> bool {
        self.wanted().all(|(partition, next)| state.get(partition).is_none_or(|offset| *offset <= next))
    }

    /// The wanted partitions and their next offsets.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = (usize, i64)> {
        let numbered = self.0.iter().enumerate();
        numbered.filter_map(|(partition, next)| next.map(|next| (partition, next)))
    }

    /// The next wanted offset of a partition.
    pub(crate) fn get(&self, partition: usize) -> Option<i64> {
        *self.0.get(partition)?
    }

    /// Moves a wanted partition on; another stays unwanted.
    pub(crate) fn advance(&mut self, partition: usize, next: i64) {
        if let Some(Some(slot)) = self.0.get_mut(partition) {
            *slot = next;
        }
    }

    /// Checks that the log holds every position: from `first`, and at most at `next`.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] for the first one that it does not.
    pub(crate) fn check(&self, first: &[i64], next: &[i64]) -> Result<(), ReadError> {
        let outside =
            self.wanted().find(|(partition, offset)| !(first[*partition]..=next[*partition]).contains(offset));
        match outside {
            None => Ok(()),
            Some((slot, offset)) => Err(ReadError::OutOfRange {
                partition: i32::try_from(slot).unwrap_or(i32::MAX),
                offset,
                first: first[slot],
                next: next[slot],
            }),
        }
    }
}
