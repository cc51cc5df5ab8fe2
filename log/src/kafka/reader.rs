//! Gives the topic's records in order, from offsets of the caller's choice; a thread of its own takes them from librdkafka.
//!
//! Kafka gives only what all in-sync replicas have. What is missing between two records (offsets that a transaction of
//! another program used, say) comes as lost: it is recorded, never passed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rdkafka::Message as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tacho_schemas::{Envelope, RawRecord};
use tokio::sync::mpsc;
use tracing::debug;

use super::consumer::{self, Consumer, assign};
use super::wire::Envelopes;
use super::{LOOK, Shared};
use crate::{OffsetRange, PartitionBatch, ReadError, ReadItem};

/// Most bytes that are handed over at once, with one record more.
const CHUNK_BYTES: usize = 4 << 20;
/// What a record costs in memory besides its payload, in bytes.
const RECORD_OVERHEAD_BYTES: usize = 200;
/// Longest wait for one more record once there is one.
const GATHER: Duration = Duration::from_millis(2);

/// Longest time that one waits for others, however steadily they come.
const HOLD: Duration = Duration::from_millis(20);

/// Reads some partitions from given offsets on.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    positions: BTreeMap<i32, i64>,
    chunks: mpsc::Receiver<Result<Vec<ReadItem>, ReadError>>,
    stop: Arc<AtomicBool>,
}

impl Reader {
    pub(crate) fn start(shared: &Arc<Shared>, starts: &[(i32, i64)]) -> Result<Self, ReadError> {
        let partitions = shared.identity.partitions;
        if let Some((partition, _)) = starts.iter().find(|(partition, _)| !(0..partitions).contains(partition)) {
            return Err(ReadError::NoSuchPartition { partition: *partition, partitions });
        }
        let (chunk, chunks) = mpsc::channel(2);
        let stop = Arc::new(AtomicBool::new(false));
        let positions: BTreeMap<i32, i64> = starts.iter().copied().collect();
        let fetcher = Fetcher {
            shared: Arc::clone(shared),
            positions: positions.clone(),
            envelopes: BTreeMap::new(),
            gathered: Gathered::default(),
            since: None,
            stop: Arc::clone(&stop),
        };
        let consumer = consumer::open(&shared.settings, "reader")?;
        assign(&consumer, &shared.settings.topic, starts)?;
        let spawned =
            thread::Builder::new().name("kafka-reader".to_owned()).spawn(move || fetcher.run(&consumer, &chunk));
        spawned.map_err(|error| consumer::log_error(&error))?;
        Ok(Self { shared: Arc::clone(shared), positions, chunks, stop })
    }

    /// The next offset of each partition that is read.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        self.positions.iter().map(|(partition, next)| (*partition, *next)).collect()
    }

    /// Durable records that this reader has not given yet, as far as this process knows.
    pub fn lag_records(&self) -> i64 {
        self.positions.iter().map(|(partition, next)| (self.shared.offsets.next_of(*partition) - next).max(0)).sum()
    }

    /// Whether it has given everything that is known to be durable.
    pub fn is_caught_up(&self) -> bool {
        self.lag_records() == 0
    }

    /// Waits for records, and gives some. Nothing is lost if the call is dropped while it waits.
    ///
    /// # Errors
    /// What keeps it from being read: also that Kafka does not hold an offset (any more).
    pub async fn next(&mut self) -> Result<Vec<ReadItem>, ReadError> {
        let items = self.chunks.recv().await.ok_or(ReadError::Closed)??;
        for item in &items {
            let range = item.range();
            self.positions.insert(range.partition, range.end);
        }
        Ok(items)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The thread's side of a reader.
struct Fetcher {
    shared: Arc<Shared>,
    positions: BTreeMap<i32, i64>,
    envelopes: BTreeMap<i32, Envelopes>,
    gathered: Gathered,
    /// When the first of what is gathered came.
    since: Option<Instant>,
    stop: Arc<AtomicBool>,
}

/// Items on their way out. Payloads lie in one piece of memory, so that a record costs no allocation for its own.
#[derive(Default)]
struct Gathered {
    partitions: BTreeMap<i32, Vec<Piece>>,
    payloads: BytesMut,
    bytes: usize,
}

enum Piece {
    Record { offset: i64, envelope: Envelope, payload: std::ops::Range<usize> },
    Lost(OffsetRange),
}

impl Fetcher {
    fn run(mut self, consumer: &Consumer, chunks: &mpsc::Sender<Result<Vec<ReadItem>, ReadError>>) {
        while !self.stop.load(Ordering::Relaxed) && !*self.shared.ending.borrow() {
            let wait = if self.gathered.bytes == 0 { LOOK } else { GATHER };
            let given = match consumer.poll(wait) {
                Some(Ok(message)) => {
                    let since = *self.since.get_or_insert_with(Instant::now);
                    self.take(&message);
                    let is_due = self.gathered.bytes >= CHUNK_BYTES || since.elapsed() >= HOLD;
                    is_due.then(|| Ok(self.gathered.items()))
                }
                Some(Err(error)) => self.weigh(&error).map(Err),
                None => (self.gathered.bytes > 0).then(|| Ok(self.gathered.items())),
            };
            let Some(given) = given else { continue };
            self.since = None;
            let is_end = given.is_err();
            // An error ends the reader; what was gathered before it is read again by the next one.
            if chunks.blocking_send(given).is_err() || is_end {
                return;
            }
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let (partition, offset) = (message.partition(), message.offset());
        let Some(next) = self.positions.get_mut(&partition) else { return };
        if offset < *next {
            return;
        }
        if offset > *next {
            self.gathered.lost(OffsetRange { partition, start: *next, end: offset });
        }
        *next = offset + 1;
        let partitions = self.shared.identity.partitions;
        let envelopes = self.envelopes.entry(partition).or_insert_with(|| Envelopes::new(partitions));
        self.gathered.record(partition, offset, envelopes.read(message), message.payload().unwrap_or_default());
    }

    /// What an error means: `None` for what librdkafka makes good by itself.
    fn weigh(&self, error: &KafkaError) -> Option<ReadError> {
        let code = match error {
            KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code) => *code,
            other => return Some(consumer::log_error(other)),
        };
        match code {
            RDKafkaErrorCode::AutoOffsetReset
            | RDKafkaErrorCode::OffsetOutOfRange
            // It does not say of which partition; whoever goes on asks for the bounds of each.
            | RDKafkaErrorCode::LogTruncation => Some(consumer::log_error(error)),
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::Fatal => Some(consumer::log_error(error)),
            // Brokers that are away, or do not know the topic yet. A topic that stays away ends the log: see the watcher.
            _ => {
                debug!(%error, "reading goes on when kafka does");
                None
            }
        }
    }
}

impl Gathered {
    fn record(&mut self, partition: i32, offset: i64, envelope: Envelope, payload: &[u8]) {
        let start = self.payloads.len();
        self.payloads.extend_from_slice(payload);
        self.bytes += RECORD_OVERHEAD_BYTES + payload.len();
        let piece = Piece::Record { offset, envelope, payload: start..self.payloads.len() };
        self.partitions.entry(partition).or_default().push(piece);
    }

    fn lost(&mut self, range: OffsetRange) {
        self.bytes += RECORD_OVERHEAD_BYTES;
        self.partitions.entry(range.partition).or_default().push(Piece::Lost(range));
    }

    fn items(&mut self) -> Vec<ReadItem> {
        self.bytes = 0;
        let payloads = std::mem::replace(&mut self.payloads, BytesMut::with_capacity(CHUNK_BYTES)).freeze();
        let mut items: Vec<ReadItem> = Vec::new();
        for (partition, pieces) in std::mem::take(&mut self.partitions) {
            for piece in pieces {
                match piece {
                    Piece::Lost(range) => items.push(ReadItem::Lost(range)),
                    Piece::Record { offset, envelope, payload } => {
                        push(&mut items, RawRecord { partition, offset, envelope, payload: slice(&payloads, payload) });
                    }
                }
            }
        }
        items
    }
}

fn slice(payloads: &Bytes, range: std::ops::Range<usize>) -> Bytes {
    if range.is_empty() { Bytes::new() } else { payloads.slice(range) }
}

fn push(items: &mut Vec<ReadItem>, record: RawRecord) {
    match items.last_mut() {
        Some(ReadItem::Records(batch)) if batch.partition == record.partition => batch.records.push(record),
        _ => items.push(ReadItem::Records(PartitionBatch { partition: record.partition, records: vec![record] })),
    }
}
