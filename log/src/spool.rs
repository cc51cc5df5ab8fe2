//! The spool: while Kafka is away, records wait in files beside it, are acknowledged on their fsync, and follow in order.
//!
//! Each partition goes its own way ([`gate`]): to Kafka; or, once its delivery reports stay away, to the backlog that the
//! writer makes durable in an embedded log; and back to Kafka when the drain has caught up. What Kafka was given and has
//! not confirmed is spooled first, so that what is in the spool is, of each robot, without a hole and in order: a crash
//! leaves nothing that is acknowledged behind something that is not. Kafka may get such records twice; the lake knows them
//! by their sequence numbers, and the first of each come in order.

mod appender;
mod backlog;
mod course;
mod depth;
mod drain;
mod gate;
mod lost;
mod noted;
mod open_error;
mod outstanding;
mod refused;
mod settings;
mod steps;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::{self, JoinHandle};
use tracing::{error, info, warn};

use crate::embedded::{EmbeddedLog, OpenReport};
use crate::kafka::{self, KafkaLog, KafkaSettings};
use crate::room::Room;
use crate::{Health, embedded};

pub use appender::Appender;
pub use depth::SpoolDepth;
pub use open_error::OpenError;
pub use settings::SpoolSettings;

use backlog::Backlog;
use drain::Drain;
use gate::Gate;
use lost::Lost;
use noted::Noted;
use writer::Writer;

/// An open spool. Dropping it ends it, without waiting for what is queued.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    log: Arc<EmbeddedLog>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the appenders and the tasks of one spool share.
#[derive(Debug)]
pub(crate) struct Shared {
    settings: SpoolSettings,
    kafka: kafka::Appender,
    /// One a partition, in their order.
    gates: Box<[Gate]>,
    backlog: Backlog,
    /// Bytes that are neither durable nor refused.
    room: Room,
    /// Whether Kafka was seen to be the one that the spool is for.
    is_verified: AtomicBool,
    /// Whether the spool has as many bytes as it may have.
    is_full: AtomicBool,
    /// Whether one of the tasks ended by a panic.
    is_broken: AtomicBool,
    depth: Mutex<SpoolDepth>,
    health: watch::Sender<Health>,
    ending: watch::Sender<bool>,
}

impl Spool {
    /// Opens the spool and the log in Kafka that it is for. With `unseen` Kafka may be away if the spool was opened with
    /// it before: records are spooled until it is seen.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way and what would be right.
    pub async fn open(
        mut kafka: KafkaSettings,
        settings: SpoolSettings,
        create: bool,
        unseen: bool,
    ) -> Result<(KafkaLog, Self), OpenError> {
        let room = Room::new(kafka.queue_bytes);
        settings.widen(&mut kafka);
        let (log, noted) = files(&settings, kafka.partitions).await?;
        let known = noted.as_ref().filter(|_| unseen).map(|noted| noted.log_id);
        let (kafka, is_verified) = match KafkaLog::open(kafka.clone(), create).await {
            Ok(kafka) => (kafka, true),
            Err(error) => match known.filter(|_| error.is_away()) {
                None => return Err(error.into()),
                Some(log_id) => {
                    warn!(%error, "kafka is away: what comes is spooled until it is seen");
                    (KafkaLog::open_unseen(kafka, log_id).await?, false)
                }
            },
        };
        let lost = Lost::at_start(noted.as_ref(), &kafka.identity(), &log);
        let noted = Noted::of(noted, &kafka.identity(), &log, &settings.dir)?;
        let waiting = noted.waiting(&log);
        if waiting > 0 {
            info!(records = waiting, dir = %settings.dir.display(), "the spool is not empty: it is drained before what comes");
        }
        let gates = (0..kafka.identity().partitions).map(|partition| {
            let is_behind = !is_verified || noted.is_behind(partition, &log);
            Gate::new(partition, is_behind)
        });
        let shared = Arc::new(Shared {
            kafka: kafka.appender(),
            gates: gates.collect(),
            backlog: Backlog::default(),
            room,
            is_verified: AtomicBool::new(is_verified),
            is_full: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            depth: Mutex::new(SpoolDepth { records: waiting, bytes_max: settings.bytes_max, ..SpoolDepth::default() }),
            health: watch::Sender::new(Health::Ready),
            ending: watch::Sender::new(false),
            settings,
        });
        let log = Arc::new(log);
        let mut tasks = Vec::new();
        tasks.push(supervised(&shared, "writer", Writer::new(&shared, &log).run()));
        let drain = Drain::new(&shared, &log, kafka.health(), noted, lost).await?;
        tasks.push(supervised(&shared, "drain", drain.run()));
        if !is_verified {
            tasks.push(supervised(&shared, "verifier", verify::run(Arc::clone(&shared), kafka.checker())));
        }
        Ok((kafka, Self { shared, log, tasks }))
    }

    /// A handle that appends.
    pub fn appender(&self) -> Appender {
        Appender { shared: Arc::clone(&self.shared) }
    }

    /// Whether appends are taken, by Kafka or by the spool.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// What waits in the spool.
    pub fn depth(&self) -> SpoolDepth {
        self.shared.depth()
    }

    /// What the start found damaged or torn in the spool's files.
    pub fn report(&self) -> &OpenReport {
        self.log.report()
    }

    /// Whether Kafka was seen since the start.
    pub fn has_seen_kafka(&self) -> bool {
        self.shared.is_verified.load(Ordering::Acquire)
    }

    /// Ends the spool: writes what is queued, notes how far it is drained, closes its files.
    pub async fn close(mut self) {
        self.shared.end();
        for task in std::mem::take(&mut self.tasks) {
            task.await.unwrap_or_default();
        }
        let log = Arc::clone(&self.log);
        drop(self);
        if let Ok(log) = Arc::try_unwrap(log) {
            log.close().await;
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Shared {
    /// The gate of a partition that the log has.
    fn gate(&self, partition: i32) -> Option<&Gate> {
        usize::try_from(partition).ok().and_then(|slot| self.gates.get(slot))
    }

    fn end(&self) {
        self.room.close();
        self.backlog.close();
        self.ending.send_replace(true);
    }
}

/// Runs a task of a spool. Where it ends by a panic, nothing is taken any more, and the health says so.
fn supervised(
    shared: &Arc<Shared>,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if tokio::spawn(work).await.is_err() {
            error!(task = name, "a task of the spool ended by a panic: nothing is taken until a restart");
            shared.is_broken.store(true, Ordering::Release);
            shared.room.close();
            shared.backlog.close();
            shared.health.send_replace(Shared::broken());
        }
    })
}

/// Opens the files of a spool, with what is noted beside them.
async fn files(settings: &SpoolSettings, partitions: i32) -> Result<(EmbeddedLog, Option<Noted>), OpenError> {
    let (dir, of_files) = (settings.dir.clone(), settings.embedded(partitions));
    let opened = task::spawn_blocking(move || EmbeddedLog::open(&dir, of_files)).await;
    let log = opened.map_err(|_ended| OpenError::Ending)?.map_err(|source| OpenError::files(settings, source))?;
    Ok((log, Noted::read(&settings.dir)?))
}

/// Records in the spool of a directory that were acknowledged and are not known to be in Kafka; none if there is no spool.
/// Blocks on the disk.
///
/// # Errors
/// A spool that cannot be read.
pub fn waiting_in(dir: &Path) -> Result<i64, OpenError> {
    let files = |source| OpenError::Files { dir: dir.to_owned(), source };
    if embedded::identity_in(dir).map_err(files)?.is_none() {
        return Ok(0);
    }
    let log = EmbeddedLog::open_read_only(dir).map_err(files)?;
    Ok(match Noted::read(dir)? {
        Some(noted) => noted.waiting(&log),
        None => log.next_offsets().iter().sum::<i64>() - log.first_offsets().iter().sum::<i64>(),
    })
}
