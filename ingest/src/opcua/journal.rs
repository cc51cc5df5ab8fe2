//! The bridge's journal: everything that servers delivered is durable here before it is acknowledged to them.
//!
//! It is a log of the embedded kind with one partition, in a folder of its own. Nobody but the bridge reads it, and what
//! records were made of may go when these are in the log.

mod data;
mod entry;
mod heard;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tacho_log::embedded::{Appender, Reader};
use tacho_log::{Append, AppendError, EmbeddedLog, EmbeddedSettings, OpenError, ReadError, ReadItem, Verdict};
use tacho_schemas::{Envelope, RawKind, RecordId, RobotKey};
use tracing::{error, warn};
use uuid::Uuid;

pub use data::Data;
pub use entry::{Cut, Delivered, Entry, EntryError, Gap, Renewed, Still};
pub use heard::{Heard, Message, Subscribed};

pub(super) use crate::outlet::now_us;
pub(super) use heard::after;

/// The one partition.
const PARTITION: i32 = 0;
const SEGMENT_BYTES: u64 = 16 << 20;
const GROUP_BYTES_MAX: usize = 16 << 20;
/// More than the envelope of an entry takes.
const ENVELOPE_BYTES: usize = 1024;
const PENDING_BYTES_MAX: usize = 64 << 20;
const FEED_BYTES: usize = 8 << 20;
/// Bytes that one read takes at a time.
const READ_BYTES: usize = 1 << 20;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    log: Arc<EmbeddedLog>,
    session: Uuid,
    counter: Arc<AtomicU64>,
    bytes_max: u64,
}

/// Appends what is about one server, in order.
#[derive(Debug, Clone)]
pub struct JournalWriter {
    log: Arc<EmbeddedLog>,
    appender: Appender,
    session: Uuid,
    counter: Arc<AtomicU64>,
    server: Arc<str>,
    bytes_max: u64,
}

/// Gives its entries in order.
#[derive(Debug)]
pub struct JournalReader(Reader);

/// An entry at its place, or a place that is damaged.
#[derive(Debug)]
pub struct Placed {
    /// Its offset.
    pub offset: i64,
    /// The server that it is about; empty if all.
    pub server: Arc<str>,
    /// When it was received, Unix microseconds UTC.
    pub received_us: i64,
    /// The entry; none if the place is damaged beyond reading.
    pub entry: Option<Entry>,
}

/// Why nothing more is appended.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It was closed.
    #[error("the journal is closed")]
    Closed,
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Read(#[from] ReadError),
    /// It refuses an entry for good.
    #[error("the journal refuses an entry")]
    Refused(#[source] AppendError),
    /// An entry cannot be written.
    #[error("an entry cannot be written")]
    Entry(#[from] EntryError),
}

impl Journal {
    /// Opens the journal in a folder, or makes one. Blocks on the disk.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way.
    pub fn open(dir: &Path, bytes_max: u64) -> Result<Self, OpenError> {
        Self::open_cut(dir, bytes_max, SEGMENT_BYTES)
    }

    /// The same with segments of another length: the older ones go as a whole.
    pub(super) fn open_cut(dir: &Path, bytes_max: u64, segment_bytes: u64) -> Result<Self, OpenError> {
        let settings = EmbeddedSettings {
            partitions: 1,
            segment_bytes,
            // What is released goes at once.
            retention_bytes: Some(0),
            max_group_bytes: GROUP_BYTES_MAX,
            max_pending_bytes: PENDING_BYTES_MAX,
            feed_bytes: FEED_BYTES,
            ..EmbeddedSettings::default()
        };
        let log = Arc::new(EmbeddedLog::open(dir, settings)?);
        Ok(Self { log, session: Uuid::new_v4(), counter: Arc::default(), bytes_max })
    }

    /// A writer of what is about one server.
    pub fn writer(&self, server: &str) -> JournalWriter {
        JournalWriter {
            log: Arc::clone(&self.log),
            appender: self.log.appender(),
            session: self.session,
            counter: Arc::clone(&self.counter),
            server: server.into(),
            bytes_max: self.bytes_max,
        }
    }

    /// Offset of its first entry and of the next one to come.
    pub fn range(&self) -> (i64, i64) {
        let of = |offsets: Arc<[i64]>| offsets.first().copied().unwrap_or(0);
        (of(self.log.first_offsets()), of(self.log.next_offsets()))
    }

    /// A reader from an offset on.
    ///
    /// # Errors
    /// [`ReadError`] if it does not hold the offset.
    pub fn reader(&self, offset: i64) -> Result<JournalReader, ReadError> {
        self.log.reader(&[(PARTITION, offset)]).map(JournalReader)
    }

    /// Tells that what is below an offset is not needed any more.
    pub async fn release(&self, below: i64) {
        if let Err(error) = self.log.release(&[(PARTITION, below)]).await {
            warn!(%error, below, "old parts of the OPC UA journal stay");
        }
    }

    /// Writes what is queued, and ends it.
    pub async fn close(self) {
        if let Ok(log) = Arc::try_unwrap(self.log) {
            log.close().await;
        }
    }
}

impl JournalWriter {
    /// Appends entries received now, in their order, and waits until they are durable; while the disk refuses them, it
    /// waits too. Those of more bytes than one append takes are not all durable at once.
    ///
    /// Gives the offset after them.
    ///
    /// # Errors
    /// [`JournalError`]: none of them will be.
    pub async fn append(&self, entries: &[Entry]) -> Result<i64, JournalError> {
        let received_at_us = now_us();
        let encode = |entry: &Entry| {
            let id = RecordId { session: self.session, counter: self.counter.fetch_add(1, Ordering::Relaxed) };
            let (robot, principal) = (RobotKey::Unreadable, Arc::clone(&self.server));
            let kind = RawKind::Telemetry;
            let envelope = Envelope { id, received_at_us, robot, topic_id: None, principal, kind };
            entry.encode().map(|payload| Append { envelope, payload })
        };
        let batch: Vec<_> = entries.iter().map(encode).collect::<Result<_, _>>()?;
        let (mut rest, mut next) = (batch.as_slice(), 0);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            next = self.append_group(now).await?;
            rest = later;
        }
        Ok(next)
    }

    async fn append_group(&self, group: &[Append]) -> Result<i64, JournalError> {
        let mut pause = PAUSE_MIN;
        loop {
            let error = match self.appender.append(group.to_vec()).await {
                Ok(delivered) => return Ok(delivered.ranges.last().map_or(0, |range| range.end)),
                Err(error) => error,
            };
            match error.verdict() {
                Verdict::Retry => {
                    error!(%error, server = &*self.server, "the OPC UA journal takes nothing; the server keeps what is not acknowledged");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Verdict::End => return Err(JournalError::Closed),
                Verdict::DeadLetter | Verdict::Halt => return Err(JournalError::Refused(error)),
            }
        }
    }

    /// Whether it holds so much that nothing more should be fetched from servers.
    pub fn is_full(&self) -> bool {
        self.log.stats().bytes > self.bytes_max
    }
}

impl JournalReader {
    /// Waits for entries, and gives some of them.
    ///
    /// # Errors
    /// [`ReadError::Closed`] after the last of a closed journal; else what keeps it from being read.
    pub async fn next(&mut self) -> Result<Vec<Placed>, ReadError> {
        let mut all = Vec::new();
        for item in self.0.next(READ_BYTES).await? {
            match item {
                ReadItem::Records(batch) => all.extend(batch.records.into_iter().map(|record| {
                    let entry = Entry::decode(&record.payload);
                    if let Err(error) = &entry {
                        error!(%error, offset = record.offset, "an entry of the OPC UA journal is lost");
                    }
                    let (server, received_us) = (record.envelope.principal, record.envelope.received_at_us);
                    Placed { offset: record.offset, server, received_us, entry: entry.ok() }
                })),
                ReadItem::Lost(range) => {
                    error!(from = range.start, to = range.end, "entries of the OPC UA journal are damaged");
                    all.push(Placed { offset: range.start, server: "".into(), received_us: 0, entry: None });
                }
            }
        }
        Ok(all)
    }

    /// Whether it has given all that is durable.
    pub fn is_caught_up(&self) -> bool {
        self.0.is_caught_up()
    }
}

/// How many of a batch fit into one append: at least one.
fn fitting(batch: &[Append]) -> usize {
    let mut bytes = 0;
    let fits = |append: &&Append| {
        bytes += append.payload.len() + ENVELOPE_BYTES;
        bytes <= GROUP_BYTES_MAX
    };
    batch.iter().take_while(fits).count().max(1)
}
