//! Reads raw records, processes them, and gathers batches for the lander.

use std::collections::BTreeMap;
use std::sync::Arc;

use tacho_log::{OffsetRange, PartitionBatch, ReadItem, Reader};
use tacho_processors::Processor;
use tacho_schemas::processed::Step;
use tacho_schemas::{Digest, RawKind, RawRecord, RecordId};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::processors::{ConfigError, Processors};
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
    processors: Processors,
    in_force: BTreeMap<i32, Option<Digest>>,
    commit: CommitWhen,
    leaves: Leaves,
    batch: Batch,
}

/// A run of records under one configuration, or what stands between two runs.
#[expect(clippy::large_enum_variant, reason = "a handful of pieces lives at a time")]
enum Piece {
    Run { processor: Arc<Processor>, records: PartitionBatch },
    Between(Step),
}

impl Collector {
    pub(super) fn new(
        reader: Reader,
        processors: Processors,
        in_force: BTreeMap<i32, Option<Digest>>,
        commit: CommitWhen,
        leaves: Leaves,
    ) -> Self {
        Self { reader, processors, in_force, commit, leaves, batch: Batch::default() }
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
        let mut pieces = Vec::new();
        for item in items {
            match item {
                ReadItem::Records(records) => self.cut(records, &mut pieces).await?,
                ReadItem::Lost(range) => pieces
                    .push(Piece::Between(Step::Lost { partition: range.partition, offsets: range.start..range.end })),
            }
        }
        let steps = tokio::task::spawn_blocking(move || pieces.into_iter().map(Piece::process).collect::<Vec<_>>());
        let steps = steps.await?;
        if self.batch.due.is_none() && !steps.is_empty() {
            self.batch.due = Some(Instant::now() + self.commit.interval);
        }
        self.batch.steps.extend(steps);
        Ok(())
    }

    /// Cuts the records of a partition at its control records.
    async fn cut(&mut self, batch: PartitionBatch, pieces: &mut Vec<Piece>) -> Result<(), Trouble> {
        let partition = batch.partition;
        let mut run: Vec<RawRecord> = Vec::new();
        for record in batch.records {
            self.batch.bytes += record.payload.len() + 64;
            self.batch.last.insert(partition, record.envelope.id);
            let RawKind::Config(config) = record.envelope.kind else {
                run.push(record);
                continue;
            };
            self.end_run(partition, &mut run, pieces).await?;
            self.in_force.insert(partition, Some(config));
            pieces.push(Piece::Between(Step::Config { partition, offset: record.offset, config }));
        }
        self.end_run(partition, &mut run, pieces).await
    }

    async fn end_run(
        &mut self,
        partition: i32,
        run: &mut Vec<RawRecord>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), Trouble> {
        let Some(first) = run.first() else { return Ok(()) };
        let in_force = self.in_force.get(&partition).copied().flatten();
        let config = in_force.ok_or(ConfigError::None { partition, offset: first.offset })?;
        let processor = self.processors.under(config).await?;
        pieces.push(Piece::Run { processor, records: PartitionBatch { partition, records: std::mem::take(run) } });
        Ok(())
    }
}

impl Piece {
    fn process(self) -> Step {
        match self {
            Self::Between(step) => step,
            Self::Run { processor, records } => {
                let range = match (records.records.first(), records.records.last()) {
                    (Some(first), Some(last)) => first.offset..last.offset + 1,
                    _ => 0..0,
                };
                Step::Rows(processor.process(records.partition, range, &records.records))
            }
        }
    }
}
