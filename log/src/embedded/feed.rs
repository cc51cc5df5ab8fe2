//! The newest durable groups, kept in memory for readers near the head, within a bound of bytes.

use std::collections::VecDeque;

use super::batch::Batch;
use super::positions::Positions;

/// Successive batches that end at the head of the log.
#[derive(Debug)]
pub(crate) struct Feed {
    batches: VecDeque<Batch>,
    bytes: usize,
    bytes_max: usize,
}

impl Feed {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Adds the newest batch, and lets the oldest go to keep the bound.
    pub(crate) fn push(&mut self, batch: Batch) {
        self.bytes += batch.body.len();
        self.batches.push_back(batch);
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.batches.pop_front() else {
                break;
            };
            self.bytes -= oldest.body.len();
        }
    }

    /// The batch that a reader at these positions needs next, if it is here.
    pub(crate) fn find(&self, positions: &Positions) -> Option<Batch> {
        let past = |batch: &Batch| positions.are_past(&batch.header.end);
        let at = self.batches.partition_point(past);
        let batch = self.batches.get(at)?;
        // What adjoins the batch before it is the next one; the oldest must be checked itself.
        (at > 0 || positions.are_past(&batch.header.base)).then(|| batch.clone())
    }
}
