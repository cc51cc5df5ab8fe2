//! What the callers, the writer and the readers of one log share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::batch::Format;
use super::catalog::Catalog;
use super::feed::Feed;
use super::queue::Queue;
use super::settings::EmbeddedSettings;
use super::storage::Storage;
use crate::{Head, Health, LogIdentity};

/// Locks; a panic of another holder does not make the data wrong, because each change is one step.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One open log.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) identity: LogIdentity,
    pub(crate) format: Format,
    pub(crate) settings: EmbeddedSettings,
    pub(crate) storage: Storage,
    pub(crate) queue: Queue,
    pub(crate) catalog: Mutex<Catalog>,
    pub(crate) feed: Mutex<Feed>,
    /// Held while segments are removed.
    pub(crate) removing: Mutex<()>,
    pub(crate) head: watch::Sender<Head>,
    pub(crate) health: watch::Sender<Health>,
    pub(crate) counts: Counts,
    /// Rises with each group that was refused; a lane that began before must not go on.
    pub(crate) failures: AtomicU64,
}

/// What was done since the log was opened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    records: AtomicU64,
    groups: AtomicU64,
    refused: AtomicU64,
    sync_us: AtomicU64,
}

/// What a log holds, and what was done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Bytes of all segments.
    pub bytes: u64,
    /// Number of segments.
    pub segments: usize,
    /// Bytes that wait to be written.
    pub pending_bytes: usize,
    /// Records appended.
    pub records: u64,
    /// Groups written, each with one fsync.
    pub groups: u64,
    /// Records refused, because the storage failed.
    pub refused: u64,
    /// Time that writing and fsync of these groups took.
    pub sync_time: Duration,
}

impl Counts {
    /// A group is durable.
    pub(crate) fn group(&self, records: u32, bytes: u64, took: Duration) {
        let records = u64::from(records);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sync_us.fetch_add(us, Ordering::Relaxed);
        metrics::counter!("tacho_log_appended_records_total").increment(records);
        metrics::counter!("tacho_log_appended_bytes_total").increment(bytes);
        metrics::counter!("tacho_log_groups_total").increment(1);
        metrics::histogram!("tacho_log_sync_seconds").record(took.as_secs_f64());
    }

    /// Records were refused.
    pub(crate) fn refuse(&self, records: u32) {
        self.refused.fetch_add(u64::from(records), Ordering::Relaxed);
        metrics::counter!("tacho_log_refused_records_total").increment(u64::from(records));
    }
}

impl Shared {
    pub(crate) fn stats(&self) -> LogStats {
        let (bytes, segments) = {
            let catalog = locked(&self.catalog);
            (catalog.bytes(), catalog.segments())
        };
        let pending_bytes = self.queue.bytes();
        metrics::gauge!("tacho_log_bytes").set(bytes as f64);
        metrics::gauge!("tacho_log_segments").set(segments as f64);
        metrics::gauge!("tacho_log_pending_bytes").set(pending_bytes as f64);
        LogStats {
            bytes,
            segments,
            pending_bytes,
            records: self.counts.records.load(Ordering::Relaxed),
            groups: self.counts.groups.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
            sync_time: Duration::from_micros(self.counts.sync_us.load(Ordering::Relaxed)),
        }
    }

    /// Per partition, the next durable offset.
    pub(crate) fn next_offsets(&self) -> Arc<[i64]> {
        Arc::clone(&self.head.borrow().next_offsets)
    }
}
