//! Reads raw records, has them processed, and gathers batches for the lander.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_log::{OffsetRange, ReadItem, Reader};
use tacho_schemas::RecordId;
use tacho_schemas::processed::Step;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cutter::{Cutter, RECORD_BYTES};
use super::{CommitWhen, Leaves, Trouble};

/// Bytes that are read in one go, and that are worth processing: a batch costs the ends of some hundred columns, whatever
/// it holds.
const READ_BYTES: usize = 4 << 20;
/// Fewer bytes wait for more for so long.
const GATHER: Duration = Duration::from_millis(100);

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
    gathered: Gathered,
    batch: Batch,
}

/// What was read and is not processed yet.
#[derive(Debug, Default)]
struct Gathered {
    /// By partition, in the order of the log.
    items: BTreeMap<i32, Vec<ReadItem>>,
    bytes: usize,
    since: Option<Instant>,
}

impl Collector {
    pub(super) fn new(reader: Reader, cutter: Cutter, commit: CommitWhen, leaves: Leaves) -> Self {
        Self { reader, cutter, commit, leaves, gathered: Gathered::default(), batch: Batch::default() }
    }

    /// Hands out batches until `drain`, and then what the log still holds, if nothing is to be left in it; first what
    /// the log had and is `missing` now.
    pub(super) async fn run(
        mut self,
        missing: Vec<OffsetRange>,
        batches: mpsc::Sender<Batch>,
        drain: CancellationToken,
    ) -> Result<(), Trouble> {
        self.gathered.add(missing.into_iter().map(ReadItem::Lost).collect());
        loop {
            let draining = drain.is_cancelled();
            let done = draining && (self.leaves == Leaves::TheRest || self.reader.is_caught_up());
            let full = self.batch.bytes + self.gathered.bytes >= self.commit.bytes;
            if self.gathered.is_due(done || full) {
                self.process().await?;
                continue;
            }
            let empty = self.batch.steps.is_empty();
            if done && empty {
                return Ok(());
            }
            let due = self.batch.due.unwrap_or_else(Instant::now);
            let ready = !empty && (full || due <= Instant::now() || done);
            tokio::select! {
                biased;
                permit = batches.reserve(), if ready => {
                    let Ok(permit) = permit else { return Ok(()) };
                    permit.send(std::mem::take(&mut self.batch));
                }
                items = self.reader.next(READ_BYTES), if !full && !done => self.gathered.add(items?),
                () = tokio::time::sleep_until(self.gathered.due()), if !self.gathered.items.is_empty() => {}
                () = tokio::time::sleep_until(due), if !empty && !ready => {}
                () = drain.cancelled(), if !draining => {}
            }
        }
    }

    /// Processes what is gathered.
    async fn process(&mut self) -> Result<(), Trouble> {
        let Gathered { items, since, .. } = std::mem::take(&mut self.gathered);
        let cut = self.cutter.process(items.into_values().flatten().collect()).await?;
        if self.batch.due.is_none() && !cut.steps.is_empty() {
            self.batch.due = since.map(|since| since + self.commit.interval);
        }
        self.batch.bytes += cut.bytes;
        self.batch.last.extend(cut.last);
        self.batch.steps.extend(cut.steps);
        Ok(())
    }
}

impl Gathered {
    fn add(&mut self, items: Vec<ReadItem>) {
        if !items.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        for item in items {
            self.bytes += bytes_of(&item);
            let before = self.items.entry(item.range().partition).or_default();
            match (before.last_mut(), item) {
                (Some(ReadItem::Records(before)), ReadItem::Records(more)) => before.records.extend(more.records),
                (_, item) => before.push(item),
            }
        }
    }

    /// When it is to be processed, though more may come.
    fn due(&self) -> Instant {
        self.since.unwrap_or_else(Instant::now) + GATHER
    }

    /// Whether it is to be processed now; `at_once` if nothing more is waited for.
    fn is_due(&self, at_once: bool) -> bool {
        !self.items.is_empty() && (at_once || self.bytes >= READ_BYTES || self.due() <= Instant::now())
    }
}

fn bytes_of(item: &ReadItem) -> usize {
    match item {
        ReadItem::Records(batch) => batch.records.iter().map(|record| record.payload.len() + RECORD_BYTES).sum(),
        ReadItem::Lost(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tacho_log::PartitionBatch;
    use tacho_schemas::{Envelope, RawKind, RawRecord, RobotKey};
    use uuid::Uuid;

    use super::*;

    fn records(partition: i32, offsets: std::ops::Range<i64>) -> ReadItem {
        let record = |offset: i64| {
            let id = RecordId { session: Uuid::nil(), counter: offset.unsigned_abs() };
            let (robot, principal, kind) = (RobotKey::Unreadable, "".into(), RawKind::Telemetry);
            let envelope = Envelope { id, received_at_us: 0, robot, topic_id: None, principal, kind };
            RawRecord { partition, offset, envelope, payload: Bytes::from_static(b"0123456789") }
        };
        ReadItem::Records(PartitionBatch { partition, records: offsets.map(record).collect() })
    }

    #[test]
    fn what_comes_in_small_pieces_is_one_batch_a_partition_in_the_order_of_the_log() {
        let mut gathered = Gathered::default();
        assert!(!gathered.is_due(true), "nothing is there");
        gathered.add(vec![records(0, 0..2), records(1, 5..6)]);
        gathered.add(vec![records(0, 2..3)]);
        let lost = OffsetRange { partition: 0, start: 3, end: 7 };
        gathered.add(vec![ReadItem::Lost(lost), records(0, 7..9), records(1, 6..8)]);
        assert_eq!(gathered.bytes, 8 * (10 + RECORD_BYTES));
        assert!(!gathered.is_due(false) && gathered.is_due(true));
        let ranges: Vec<OffsetRange> = gathered.items.into_values().flatten().map(|item| item.range()).collect();
        let range = |partition, start, end| OffsetRange { partition, start, end };
        assert_eq!(ranges, [range(0, 0, 3), lost, range(0, 7, 9), range(1, 5, 8)]);
    }
}
