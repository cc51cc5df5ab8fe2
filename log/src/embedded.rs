//! The embedded log: one journal for all partitions in the files of one directory.
//!
//! A group commit makes one batch of everything that waits and makes it durable with one fsync. The journal is
//! cut into segments, each named by the number of its first record, each with an index once it is complete.
//! Replication and sharing between processes are Kafka's business.

mod appender;
mod batch;
mod catalog;
mod chunk;
mod disk;
pub mod faults;
mod feed;
mod frame;
pub mod fuzzing;
mod identity_file;
mod index;
mod lock;
mod open_error;
mod open_segment;
mod positions;
mod queue;
mod reader;
mod recover;
mod retention;
mod scan;
mod segment;
pub mod settings;
mod shared;
mod storage;
#[cfg(test)]
mod tests;
mod wire;
mod writer;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tokio::sync::watch;
use tokio::task;
use tracing::{error, info};

use crate::{Head, Health, HeldBefore, LogIdentity, ReadError, ReadItem};

pub use appender::{Appender, Lane};
pub use faults::{Fault, Faults, Operation};
pub use open_error::OpenError;
pub use reader::Reader;
pub use recover::{Damage, OpenReport, TornTail};
pub use retention::{ReleaseError, Released};
pub use settings::{EmbeddedSettings, SettingsError};
pub use shared::LogStats;

pub(crate) use chunk::chunk_bytes_max;

use batch::Format;
use catalog::Catalog;
use feed::Feed;
use lock::{Lock, LockError};
use positions::Positions;
use queue::Queue;
use recover::Recovery;
use shared::{Counts, Shared, locked};
use storage::Storage;
use writer::Writer;

/// The file that says which log it is.
const IDENTITY: &str = "identity";

/// An open log. Dropping it ends it like [`EmbeddedLog::close`], but does not wait for that.
#[derive(Debug)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    report: OpenReport,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedLog {
    /// Opens the log in a directory, or creates it. Blocks on the disk.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way and what to do.
    pub fn open(dir: impl AsRef<Path>, settings: EmbeddedSettings) -> Result<Self, OpenError> {
        settings.check()?;
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(OpenError::io("creating", dir))?;
        let lock = Lock::take(dir).map_err(OpenError::lock(dir))?;
        let storage = Storage::new(dir.to_owned(), settings.faults.clone());
        let identity = identity(&storage, settings.partitions)?;
        let (shared, report) = recovered(storage, identity, settings)?;
        let writer = Writer::new(Arc::clone(&shared), lock);
        let spawned = thread::Builder::new().name("log-writer".into()).spawn(|| writer.run());
        let writer = Some(spawned.map_err(OpenError::io("starting the writer of", dir))?);
        Ok(Self { shared, report, writer })
    }

    /// Opens the log in a directory as it stands now, for reading only, also beside the process that writes it: nothing is
    /// made, mended or locked, and what comes after is not seen. Blocks on the disk.
    ///
    /// # Errors
    /// As [`EmbeddedLog::open`], and if there is no log.
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self, OpenError> {
        let dir = dir.as_ref();
        let missing = || OpenError::NoIdentity { path: dir.join(IDENTITY) };
        let identity = identity_in(dir)?.ok_or_else(missing)?;
        let settings = EmbeddedSettings { partitions: identity.partitions, ..EmbeddedSettings::default() };
        let (shared, report) = recovered(Storage::read_only(dir.to_owned()), identity, settings)?;
        shared.queue.close();
        shared.health.send_replace(Health::Closed);
        shared.head.send_modify(|head| head.closed = true);
        Ok(Self { shared, report, writer: None })
    }

    /// Which log it is.
    pub fn identity(&self) -> LogIdentity {
        self.shared.identity
    }

    /// What the start found damaged or torn.
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// A handle that appends.
    pub fn appender(&self) -> Appender {
        Appender { shared: Arc::clone(&self.shared) }
    }

    /// A reader of these partitions, each from an offset on; the others are not read.
    ///
    /// # Errors
    /// [`ReadError::NoSuchPartition`], or [`ReadError::OutOfRange`] if the log does not hold an offset (any more).
    pub fn reader(&self, starts: &[(i32, i64)]) -> Result<Reader, ReadError> {
        let positions = Positions::new(starts, self.shared.identity.partitions)?;
        let (first, next) = {
            let catalog = locked(&self.shared.catalog);
            (catalog.first_offsets(), catalog.next_offsets())
        };
        positions.check(&first, &next)?;
        Ok(Reader::new(Arc::clone(&self.shared), positions))
    }

    /// Per partition, the first offset that the log holds, or the next one to come.
    pub fn first_offsets(&self) -> Arc<[i64]> {
        locked(&self.shared.catalog).first_offsets()
    }

    /// Per partition, the offset of the next durable record.
    pub fn next_offsets(&self) -> Arc<[i64]> {
        self.shared.next_offsets()
    }

    /// How far the log is durable, as it moves.
    pub fn head(&self) -> watch::Receiver<Head> {
        self.shared.head.subscribe()
    }

    /// What the log holds just before an offset.
    ///
    /// The lake compares it with what it noted, so that it never goes on in another log.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if the log ends below the offset; else what keeps it from being read.
    pub async fn held_before(&self, partition: i32, offset: i64) -> Result<HeldBefore, ReadError> {
        let starts = [(partition, offset)];
        Positions::new(&starts, self.shared.identity.partitions)?;
        let slot = usize::try_from(partition).unwrap_or(0);
        let (first, next) = (self.first_offsets()[slot], self.next_offsets()[slot]);
        if offset <= first && offset <= next && offset >= 0 {
            return Ok(HeldBefore::Nothing);
        }
        if offset > next || offset < 0 {
            return Err(ReadError::OutOfRange { partition, offset, first, next });
        }
        let mut reader = self.reader(&[(partition, offset - 1)])?;
        let first = reader.next(1).await?.into_iter().next();
        Ok(match first {
            Some(ReadItem::Records(batch)) => {
                batch.records.first().map_or(HeldBefore::Nothing, |record| HeldBefore::Record(record.envelope.id))
            }
            Some(ReadItem::Lost(_)) => HeldBefore::Lost,
            None => HeldBefore::Nothing,
        })
    }

    /// Whether appends are taken.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// What it holds and did; also sets the gauges.
    pub fn stats(&self) -> LogStats {
        self.shared.stats()
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        locked(&self.shared.catalog).bytes()
    }

    /// The partition that alone keeps the oldest segments from being released, and their bytes.
    pub(crate) fn kept_by_one(&self) -> Option<(usize, u64)> {
        locked(&self.shared.catalog).kept_by_one()
    }

    /// Puts a small file beside the segments, durably and as a whole. Blocks on the disk.
    pub(crate) fn note(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let storage = &self.shared.storage;
        storage.replace(&storage.dir().join(name), bytes)
    }

    /// Ends the log: refuses new appends, writes what is queued, completes the segment, releases the lock.
    pub async fn close(mut self) {
        self.shared.queue.close();
        let Some(writer) = self.writer.take() else {
            return;
        };
        let joined = task::spawn_blocking(move || writer.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            error!("the log's writer ended by a panic");
        }
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// Which log lies in a directory, open or not; `None` if there is none.
///
/// # Errors
/// An identity that cannot be read, or is of a later release.
pub fn identity_in(dir: &Path) -> Result<Option<LogIdentity>, OpenError> {
    let path = dir.join(IDENTITY);
    identity_file::read(&path).map_err(OpenError::identity(&path))
}

/// Keeps others from opening a log for writing, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    _lock: Lock,
}

/// Holds the log in a directory; `None` if a process has it.
///
/// # Errors
/// A directory that cannot be opened or locked.
pub fn hold(dir: &Path) -> Result<Option<Hold>, OpenError> {
    match Lock::take(dir) {
        Ok(lock) => Ok(Some(Hold { _lock: lock })),
        Err(LockError::Held(_)) => Ok(None),
        Err(error) => Err(OpenError::lock(dir)(error)),
    }
}

/// Reads what a directory holds, for whoever is to write or read it.
fn recovered(
    storage: Storage,
    identity: LogIdentity,
    settings: EmbeddedSettings,
) -> Result<(Arc<Shared>, OpenReport), OpenError> {
    let partitions = usize::try_from(identity.partitions).unwrap_or(0);
    let format = Format::new(identity.log_id, partitions);
    let mut recovery =
        Recovery { storage: &storage, identity, format, segments: VecDeque::new(), report: OpenReport::default() };
    recovery.run()?;
    let Recovery { segments, report, .. } = recovery;

    let catalog = Catalog::new(segments, partitions);
    let head = Head { next_offsets: catalog.next_offsets(), closed: false };
    let (bytes, segments) = (catalog.bytes(), catalog.segments());
    info!(log_id = %identity.log_id, segments, bytes, next_offsets = ?head.next_offsets, "the log is open");
    let shared = Shared {
        identity,
        format,
        storage,
        queue: Queue::new(settings.max_pending_bytes),
        catalog: Mutex::new(catalog),
        feed: Mutex::new(Feed::new(settings.feed_bytes)),
        removing: Mutex::new(()),
        head: watch::Sender::new(head),
        health: watch::Sender::new(Health::Ready),
        counts: Counts::default(),
        failures: AtomicU64::new(0),
        settings,
    };
    Ok((Arc::new(shared), report))
}

/// Reads the log's identity, or draws one if there is no log yet.
fn identity(storage: &Storage, partitions: i32) -> Result<LogIdentity, OpenError> {
    let path = storage.dir().join(IDENTITY);
    let identity = match identity_in(storage.dir())? {
        Some(identity) => identity,
        None if recover::segment_files(storage.dir())?.is_empty() => {
            identity_file::create(&path, storage, partitions).map_err(OpenError::identity(&path))?
        }
        None => return Err(OpenError::NoIdentity { path }),
    };
    match identity.partitions == partitions {
        true => Ok(identity),
        false => Err(OpenError::Partitions { has: identity.partitions, asked: partitions }),
    }
}
