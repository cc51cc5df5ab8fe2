//! Gives the log's records in order: from memory near the head, from files behind it, and never before the
//! fsync that covers them has returned.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task;
use tracing::error;

use tacho_schemas::RawRecord;

use super::batch::{Batch, BatchHeader};
use super::disk::{self, DiskCursor, Piece};
use super::frame::{Frame, Frames};
use super::positions::Positions;
use super::shared::{Shared, locked};
use crate::{Head, OffsetRange, PartitionBatch, ReadError, ReadItem};

/// What a record costs in memory besides its payload, in bytes; so that tiny records are bounded too.
const RECORD_OVERHEAD_BYTES: usize = 200;

/// Reads some partitions of a log from given offsets on.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
    positions: Positions,
    /// The batch that is being given out.
    current: Option<Open>,
    /// What was read from files and comes after it.
    window: VecDeque<Piece>,
    cursor: Option<DiskCursor>,
}

/// A batch of which some frames were given out.
#[derive(Debug)]
struct Open {
    header: Arc<BatchHeader>,
    frames: Frames,
    /// Per partition, offset of the next frame.
    next: Box<[i64]>,
}

/// Items on their way out, per partition.
#[derive(Debug)]
struct Collected {
    partitions: Vec<Vec<ReadItem>>,
    bytes: usize,
    bytes_max: usize,
    any: bool,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, positions: Positions) -> Self {
        let head = shared.head.subscribe();
        Self { shared, head, positions, current: None, window: VecDeque::new(), cursor: None }
    }

    /// The next offset of each partition that is read.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        let number = |(slot, next)| (i32::try_from(slot).unwrap_or(i32::MAX), next);
        self.positions.wanted().map(number).collect()
    }

    /// Durable records that this reader has not given yet.
    pub fn lag_records(&self) -> i64 {
        let head = self.head.borrow();
        let behind = |(slot, next): (usize, i64)| head.next_offsets[slot] - next;
        self.positions.wanted().map(behind).sum()
    }

    /// Whether it has given everything that is durable.
    pub fn is_caught_up(&self) -> bool {
        self.positions.are_past(&self.head.borrow().next_offsets)
    }

    /// Waits until something durable is there, and gives about `max_bytes` of it, at least one record.
    ///
    /// Items are ordered by partition, within a partition by offset and without a hole: what is damaged comes
    /// as [`ReadItem::Lost`]. Nothing is lost if the call is dropped while it waits. Payloads share the memory of
    /// whole groups, so they should not be kept for long.
    ///
    /// # Errors
    /// [`ReadError::Closed`] after the last record of a closed log; else what keeps it from being read.
    pub async fn next(&mut self, max_bytes: usize) -> Result<Vec<ReadItem>, ReadError> {
        loop {
            // Nothing is awaited once something was collected: dropping the call loses nothing.
            let mut collected = Collected::new(self.shared.format.partitions(), max_bytes);
            self.fill(&mut collected);
            if collected.any {
                return Ok(collected.items());
            }
            let head = self.head.borrow_and_update().clone();
            if !self.positions.are_past(&head.next_offsets) {
                self.read_files(max_bytes).await?;
            } else if head.closed || self.head.changed().await.is_err() {
                return Err(ReadError::Closed);
            }
        }
    }

    /// Collects what is in memory.
    fn fill(&mut self, collected: &mut Collected) {
        while !collected.is_full() {
            if self.current.is_some() {
                self.give(collected);
                continue;
            }
            match self.window.pop_front() {
                Some(Piece::Batch(batch)) => self.open(batch, collected),
                Some(Piece::Until(end)) => self.lose_until(&end, collected),
                None => {
                    let found = locked(&self.shared.feed).find(&self.positions);
                    let Some(batch) = found else { break };
                    count_read("memory", batch.body.len());
                    self.cursor = None;
                    self.open(batch, collected);
                }
            }
        }
    }

    async fn read_files(&mut self, max_bytes: usize) -> Result<(), ReadError> {
        let (shared, cursor, positions) = (Arc::clone(&self.shared), self.cursor.clone(), self.positions.clone());
        let reading = task::spawn_blocking(move || disk::read(&shared, cursor, &positions, max_bytes));
        // The task ends early only with the runtime.
        let read = reading.await.map_err(|_ended| ReadError::Closed)??;
        for piece in &read.pieces {
            if let Piece::Batch(batch) = piece {
                count_read("files", batch.body.len());
            }
        }
        self.cursor = read.cursor;
        self.window.extend(read.pieces);
        Ok(())
    }

    /// Begins a batch; what is missing before it is lost.
    fn open(&mut self, batch: Batch, collected: &mut Collected) {
        self.lose_until(&batch.header.base, collected);
        let next = batch.header.base.clone();
        self.current = Some(Open { header: batch.header, frames: Frames::new(batch.body), next });
    }

    /// Gives frames of the current batch until it ends or there is enough.
    fn give(&mut self, collected: &mut Collected) {
        let Some(open) = &mut self.current else {
            return;
        };
        while !collected.is_full() {
            match open.frames.next() {
                Ok(Some(frame)) => {
                    let slot = usize::from(frame.partition);
                    let Some(next) = open.next.get_mut(slot) else {
                        continue;
                    };
                    let offset = *next;
                    *next += 1;
                    // A frame that the header does not count has an offset that is another record's.
                    let counted = offset < open.header.end[slot];
                    if counted && self.positions.get(slot) == Some(offset) {
                        self.positions.advance(slot, offset + 1);
                        collected.record(slot, offset, frame);
                    }
                }
                ended => {
                    if let Err(error) = ended {
                        error!(seq = open.header.base_seq, %error, "a batch of the log cannot be decoded");
                    }
                    let end = open.header.end.clone();
                    self.current = None;
                    self.lose_until(&end, collected);
                    return;
                }
            }
        }
    }

    /// All that was readable below this state of the log was given: the rest of it is lost.
    fn lose_until(&mut self, state: &[i64], collected: &mut Collected) {
        for (slot, end) in state.iter().enumerate() {
            if let Some(start) = self.positions.get(slot).filter(|start| start < end) {
                self.positions.advance(slot, *end);
                collected.lost(slot, start, *end);
            }
        }
    }
}

impl Collected {
    fn new(partitions: usize, bytes_max: usize) -> Self {
        Self { partitions: vec![Vec::new(); partitions], bytes: 0, bytes_max, any: false }
    }

    fn is_full(&self) -> bool {
        self.any && self.bytes >= self.bytes_max
    }

    fn record(&mut self, slot: usize, offset: i64, frame: Frame) {
        let partition = i32::from(frame.partition);
        self.any = true;
        self.bytes += RECORD_OVERHEAD_BYTES + frame.payload.len();
        let record = RawRecord { partition, offset, envelope: frame.envelope, payload: frame.payload };
        let items = &mut self.partitions[slot];
        match items.last_mut() {
            Some(ReadItem::Records(batch)) => batch.records.push(record),
            _ => items.push(ReadItem::Records(PartitionBatch { partition, records: vec![record] })),
        }
    }

    fn lost(&mut self, slot: usize, start: i64, end: i64) {
        let partition = i32::try_from(slot).unwrap_or(i32::MAX);
        self.any = true;
        self.partitions[slot].push(ReadItem::Lost(OffsetRange { partition, start, end }));
    }

    fn items(self) -> Vec<ReadItem> {
        self.partitions.into_iter().flatten().collect()
    }
}

fn count_read(from: &'static str, bytes: usize) {
    metrics::counter!("tacho_log_read_bytes_total", "from" => from).increment(super::wire::len_u64(bytes));
}
