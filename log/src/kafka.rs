//! The log in Apache Kafka: one topic, idempotent appends that all in-sync replicas confirm, readers at offsets of the
//! caller's choice.
//!
//! rdkafka's types stay in here. What progress is, is the lake's business: no offset is read back from Kafka. The
//! topic is made if it is missing, else it must be one that keeps what is promised.

mod appender;
mod consumer;
mod context;
mod held;
mod in_flight;
mod letters;
mod member;
mod offsets;
mod open_error;
mod reader;
mod settings;
mod topic;
mod watcher;
mod wire;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer as _};
use tokio::sync::watch;
use tokio::task;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{Health, HeldBefore, LogIdentity, ReadError, Share};
use tacho_schemas::Digest;

pub use appender::Appender;
#[cfg(test)]
pub(crate) use in_flight::tests::flow as flow_for_tests;
pub(crate) use in_flight::{InFlight, Refusal};
pub(crate) use member::Member;
pub use open_error::OpenError;
pub use reader::Reader;
#[cfg(test)]
pub(crate) use settings::tests::settings as settings_for_tests;
pub use settings::{KafkaSettings, SettingsError};

use context::Context;
use in_flight::Flow;
use offsets::Offsets;
use watcher::Watcher;

/// Longest time that a clean end waits for delivery reports.
const FLUSH: Duration = Duration::from_secs(1);
/// Between two looks of the threads whether they are to end.
const LOOK: Duration = Duration::from_millis(100);

/// An open log.
#[derive(Debug)]
pub struct KafkaLog {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What appenders, readers and threads of one log share.
pub(crate) struct Shared {
    pub(crate) identity: LogIdentity,
    pub(crate) settings: KafkaSettings,
    pub(crate) producer: BaseProducer<Context>,
    pub(crate) flow: Arc<Flow>,
    pub(crate) offsets: Arc<Offsets>,
    pub(crate) health: watch::Sender<Health>,
    pub(crate) ending: watch::Sender<bool>,
}

/// Checks a log that was opened unseen.
#[derive(Debug)]
pub(crate) struct Checker {
    shared: Arc<Shared>,
}

impl KafkaLog {
    /// Connects, and makes or checks the topic. Blocks elsewhere.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way and what would be right.
    pub async fn open(settings: KafkaSettings, create: bool) -> Result<Self, OpenError> {
        settings.check()?;
        topic::make_or_check(&settings, create).await?;
        task::spawn_blocking(move || Self::connect(settings)).await.map_err(|_ended| OpenError::Ending)?
    }

    fn connect(settings: KafkaSettings) -> Result<Self, OpenError> {
        let producer = producer(&settings)?;
        let log_id = asked_log_id(&producer, &settings)?;
        Self::start(settings, producer, log_id, true)
    }

    /// Opens a log that was opened before, though Kafka may be away: nothing is asked of it.
    pub(crate) async fn open_unseen(settings: KafkaSettings, log_id: Uuid) -> Result<Self, OpenError> {
        let open = move || {
            let producer = producer(&settings)?;
            Self::start(settings, producer, log_id, false)
        };
        task::spawn_blocking(open).await.map_err(|_ended| OpenError::Ending)?
    }

    fn start(
        settings: KafkaSettings,
        producer: BaseProducer<Context>,
        log_id: Uuid,
        look_first: bool,
    ) -> Result<Self, OpenError> {
        let partitions = settings.partitions;
        let offsets = Arc::new(Offsets::new(partitions));
        let flow = Arc::new(Flow::new(settings.queue_bytes, Arc::clone(&offsets)));
        let identity = LogIdentity { log_id, partitions };
        let shared = Arc::new(Shared {
            identity,
            settings,
            producer,
            flow,
            offsets,
            health: watch::Sender::new(Health::Ready),
            ending: watch::Sender::new(false),
        });
        let mut watcher = Watcher::new(Arc::clone(&shared))?;
        if look_first {
            watcher.look_first()?;
        }
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|source| OpenError::Thread { source })
        };
        let polling = Arc::clone(&shared);
        let threads = vec![
            spawn("kafka-reports", Box::new(move || polling.poll()))?,
            spawn("kafka-watch", Box::new(move || watcher.run()))?,
        ];
        info!(%log_id, topic = shared.settings.topic, partitions, next_offsets = ?shared.offsets.next(), "the log is open");
        Ok(Self { shared, threads })
    }

    /// What makes sure later that this is the log that it was opened as.
    pub(crate) fn checker(&self) -> Checker {
        Checker { shared: Arc::clone(&self.shared) }
    }

    /// Which log it is: of the cluster, the topic and its generation.
    pub fn identity(&self) -> LogIdentity {
        self.shared.identity
    }

    /// A handle that appends.
    pub fn appender(&self) -> Appender {
        Appender { shared: Arc::clone(&self.shared) }
    }

    /// A reader of these partitions, each from an offset on; what Kafka does not hold is told by the reader.
    ///
    /// # Errors
    /// [`ReadError::NoSuchPartition`], or [`ReadError::Log`] if there can be no client.
    pub fn reader(&self, starts: &[(i32, i64)]) -> Result<Reader, ReadError> {
        Reader::start(&self.shared, starts)
    }

    /// Joins the group that shares the partitions.
    ///
    /// # Errors
    /// [`ReadError::Log`] if there can be no client.
    pub fn join(&self) -> Result<Share, ReadError> {
        let (member, held) = Member::join(&self.shared)?;
        Ok(Share::of_group(held, member))
    }

    /// Per partition, the first offset that the log holds, as of the last look.
    pub fn first_offsets(&self) -> Arc<[i64]> {
        self.shared.offsets.first()
    }

    /// Per partition, the offset after the newest record, as of the last look or of our own appends.
    pub fn next_offsets(&self) -> Arc<[i64]> {
        self.shared.offsets.next()
    }

    /// What the log holds just before each of these offsets, with its first offset there; asked of Kafka now.
    ///
    /// # Errors
    /// [`ReadError::Log`] if Kafka does not answer.
    pub async fn held_before(&self, places: &[(i32, i64)]) -> Result<Vec<Result<HeldBefore, ReadError>>, ReadError> {
        let (shared, places) = (Arc::clone(&self.shared), places.to_vec());
        let asked = task::spawn_blocking(move || held::before(&shared, &places)).await;
        asked.map_err(|_ended| ReadError::Closed)?
    }

    /// Whether Kafka takes appends.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// Ends the log: waits shortly for delivery reports, and stops.
    pub async fn close(mut self) {
        let threads = std::mem::take(&mut self.threads);
        let shared = Arc::clone(&self.shared);
        let flushed = task::spawn_blocking(move || {
            let flushed = shared.producer.flush(FLUSH);
            shared.end();
            for thread in threads {
                if thread.join().is_err() {
                    warn!("a thread of the log ended by a panic");
                }
            }
            flushed
        });
        if !matches!(flushed.await, Ok(Ok(()))) {
            warn!("some appends have no delivery report; nobody was told that they are durable");
        }
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Shared {
    /// Hands out delivery reports until the log ends.
    fn poll(&self) {
        while !*self.ending.borrow() {
            self.producer.poll(LOOK);
        }
        self.producer.poll(Duration::ZERO);
        self.flow.room.close();
    }

    fn end(&self) {
        self.flow.room.close();
        self.health.send_replace(Health::Closed);
        self.ending.send_replace(true);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("identity", &self.identity)
            .field("topic", &self.settings.topic)
            .finish_non_exhaustive()
    }
}

impl Checker {
    /// Whether Kafka is there, and the topic is the log that was opened, as it must be.
    pub(crate) async fn check(&self) -> Result<(), OpenError> {
        let shared = Arc::clone(&self.shared);
        topic::make_or_check(&shared.settings, false).await?;
        let asked = task::spawn_blocking(move || asked_log_id(&shared.producer, &shared.settings)).await;
        let (found, expected) = (asked.map_err(|_ended| OpenError::Ending)??, self.shared.identity.log_id);
        let topic = || self.shared.settings.topic.clone();
        if found == expected { Ok(()) } else { Err(OpenError::OtherLog { topic: topic(), found, expected }) }
    }

    /// Ends the log: it can take nothing any more.
    pub(crate) fn end(&self, error: &OpenError) {
        self.shared.flow.room.close();
        self.shared.health.send_replace(Health::Ended { reason: error.to_string().into() });
    }
}

/// A client that appends; asks no broker.
fn producer(settings: &KafkaSettings) -> Result<BaseProducer<Context>, OpenError> {
    let client = settings.producer()?;
    client.create_with_context(Context::new("producer")).map_err(|source| OpenError::client(settings, source))
}

/// The identity that follows from the cluster that answers.
fn asked_log_id(producer: &BaseProducer<Context>, settings: &KafkaSettings) -> Result<Uuid, OpenError> {
    let cluster = producer.client().fetch_cluster_id(settings.connect_timeout);
    let cluster = cluster.ok_or_else(|| OpenError::Unreachable { brokers: settings.brokers(), why: None })?;
    Ok(log_id(&cluster, &settings.topic, settings.generation))
}

/// The identity of a topic: the operator raises the generation when the topic was made anew.
fn log_id(cluster: &str, topic: &str, generation: u32) -> Uuid {
    let name = format!("tacho-kafka-log/1\n{cluster}\n{topic}\n{generation}\n");
    let Digest(bytes) = Digest::of(name.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&bytes[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_of_cluster_topic_and_generation() {
        let id = log_id("MkU3OEVBNTcwNTJENDM2Qk", "robot.telemetry", 1);
        assert_eq!(id, log_id("MkU3OEVBNTcwNTJENDM2Qk", "robot.telemetry", 1));
        assert_eq!(id.get_version_num(), 8);
        for other in [("other", "robot.telemetry", 1), ("MkU3OEVBNTcwNTJENDM2Qk", "robot", 1)] {
            assert_ne!(id, log_id(other.0, other.1, other.2));
        }
        assert_ne!(id, log_id("MkU3OEVBNTcwNTJENDM2Qk", "robot.telemetry", 2));
    }
}
