//! How far each partition reaches, as far as this process knows: from the last look, and from its own appends.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// First and next offsets per partition; next offsets only rise.
#[derive(Debug)]
pub(crate) struct Offsets {
    first: Vec<AtomicI64>,
    next: Vec<AtomicI64>,
}

impl Offsets {
    pub(crate) fn new(partitions: i32) -> Self {
        let zeros = || (0..partitions).map(|_| AtomicI64::new(0)).collect();
        Self { first: zeros(), next: zeros() }
    }

    pub(crate) fn first(&self) -> Arc<[i64]> {
        self.first.iter().map(|first| first.load(Ordering::Relaxed)).collect()
    }

    pub(crate) fn next(&self) -> Arc<[i64]> {
        self.next.iter().map(|next| next.load(Ordering::Relaxed)).collect()
    }

    /// The next offset of one partition.
    pub(crate) fn next_of(&self, partition: i32) -> i64 {
        slot(&self.next, partition).map_or(0, |next| next.load(Ordering::Relaxed))
    }

    /// The partition begins here now.
    pub(crate) fn begin(&self, partition: i32, first: i64) {
        if let Some(slot) = slot(&self.first, partition) {
            slot.store(first, Ordering::Relaxed);
        }
    }

    /// The partition reaches at least so far.
    pub(crate) fn raise(&self, partition: i32, next: i64) {
        if let Some(slot) = slot(&self.next, partition) {
            slot.fetch_max(next, Ordering::Relaxed);
        }
    }
}

fn slot(all: &[AtomicI64], partition: i32) -> Option<&AtomicI64> {
    usize::try_from(partition).ok().and_then(|slot| all.get(slot))
}
