//! Reads raw records, has them processed, and gathers batches for the lander.

use std::collections::BTreeMap;

use tacho_log::{OffsetRange, ReadItem, Reader};
use tacho_schemas::RecordId;
use tacho_schemas::processed::Step;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cutter::Cutter;
use super::{CommitWhen, Leaves, Trouble};

/// Bytes that are read and processed in one go.
const READ_BYTES: usize = 4 << 20;

/// What the lander takes in one commit.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) steps: Vec<Step>,
    /// Per partition, the raw record at the last offset.
    pub(super) last: BTreeMap<i32, RecordId>,
    bytes: usize,
    due: Option<Instant>,
}

/// The collector, at its place in the log.
#[derive(Debug)]
pub(super) struct Collector {
    reader: Reader,
    cutter: Cutter,
    commit: CommitWhen,
    leaves: Leaves,
    batch: Batch,
}

impl Collector {
    pub(super) fn new(reader: Reader, cutter: Cutter, commit: CommitWhen, leaves: Leaves) -> Self {
        Self { reader, cutter, commit, leaves, batch: Batch::default() }
    }

    /// Hands out batches until `drain`, and then what the log still holds, if nothing is to be left in it; first what
    /// the log had and is `missing` now.
    pub(super) async fn run(
        mut self,
        missing: Vec<OffsetRange>,
        batches: mpsc::Sender<Batch>,
        drain: CancellationToken,
    ) -> Result<(), Trouble> {
        self.take(missing.into_iter().map(ReadItem::Lost).collect()).await?;
        loop {
            let draining = drain.is_cancelled();
            let empty = self.batch.steps.is_empty();
            let done = draining && (self.leaves == Leaves::TheRest || self.reader.is_caught_up());
            if done && empty {
                return Ok(());
            }
            let full = self.batch.bytes >= self.commit.bytes;
            let due = self.batch.due.unwrap_or_else(Instant::now);
            let ready = !empty && (full || due <= Instant::now() || done);
            tokio::select! {
                biased;
                permit = batches.reserve(), if ready => {
                    let Ok(permit) = permit else { return Ok(()) };
                    permit.send(std::mem::take(&mut self.batch));
                }
                items = self.reader.next(READ_BYTES), if !full && !done => self.take(items?).await?,
                () = tokio::time::sleep_until(due), if !empty && !ready => {}
                () = drain.cancelled(), if !draining => {}
            }
        }
    }

    async fn take(&mut self, items: Vec<ReadItem>) -> Result<(), Trouble> {
        let cut = self.cutter.process(items).await?;
        if self.batch.due.is_none() && !cut.steps.is_empty() {
            self.batch.due = Some(Instant::now() + self.commit.interval);
        }
        self.batch.bytes += cut.bytes;
        self.batch.last.extend(cut.last);
        self.batch.steps.extend(cut.steps);
        Ok(())
    }
}
