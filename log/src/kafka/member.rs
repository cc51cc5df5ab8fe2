//! A member of the group: Kafka gives each a share of the partitions, and takes it away when the member is gone.
//!
//! It reads no record: readers begin at the lake's progress. The offsets that it publishes are for tools that show lag;
//! nobody here reads them back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::consumer::log_error;
use super::{LOOK, Shared};
use crate::ReadError;

/// Between two publications of offsets.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Numbers of partitions, rising.
type Partitions = Arc<[i32]>;

/// What a member and its thread share.
#[derive(Debug)]
pub(crate) struct Member {
    shared: Arc<Shared>,
    progress: Arc<Mutex<BTreeMap<i32, i64>>>,
    trouble: Arc<Mutex<Option<Arc<str>>>>,
    stop: Arc<watch::Sender<bool>>,
}

/// Follows what the group gives and takes.
#[derive(Debug)]
struct Following {
    held: watch::Sender<Partitions>,
    /// Why there is no share, if Kafka has said so since the last one.
    trouble: Arc<Mutex<Option<Arc<str>>>>,
}

impl Member {
    /// Joins the group; the share is empty until Kafka has given one.
    pub(crate) fn join(shared: &Arc<Shared>) -> Result<(Self, watch::Receiver<Partitions>), ReadError> {
        let held: watch::Sender<Partitions> = watch::Sender::new(Arc::from([]));
        let share = held.subscribe();
        let trouble = Arc::default();
        let client = shared.settings.member().map_err(|error| log_error(&error))?;
        let consumer: BaseConsumer<Following> = client
            .create_with_context(Following { held, trouble: Arc::clone(&trouble) })
            .map_err(|error| log_error(&error))?;
        consumer.subscribe(&[&shared.settings.topic]).map_err(|error| log_error(&error))?;
        let stop = Arc::new(watch::Sender::new(false));
        let member = Self { shared: Arc::clone(shared), progress: Arc::default(), trouble, stop };
        let (shared, progress, stop) = (Arc::clone(shared), Arc::clone(&member.progress), Arc::clone(&member.stop));
        let spawned = thread::Builder::new().name("kafka-member".to_owned()).spawn(move || {
            let mut published = Instant::now();
            while !*stop.borrow() && !*shared.ending.borrow() {
                if let Some(Err(error)) = consumer.poll(LOOK) {
                    consumer.context().complains(&shared.settings.group, &error);
                }
                if published.elapsed() >= PUBLISH_EVERY {
                    publish(&consumer, &shared.settings.topic, &progress);
                    published = Instant::now();
                }
            }
            publish(&consumer, &shared.settings.topic, &progress);
            // The others need not wait for the session to time out.
            consumer.unsubscribe();
        });
        spawned.map_err(|error| log_error(&error))?;
        Ok((member, share))
    }

    /// Why there is no share, if Kafka has said so since the last one.
    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells how far partitions have landed.
    pub(crate) fn tell(&self, progress: &[(i32, i64)]) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).extend(progress.iter().copied());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        debug!(group = self.shared.settings.group, "left");
    }
}

/// Publishes what has landed since the last time, of the partitions that are held.
fn publish(consumer: &BaseConsumer<Following>, topic: &str, progress: &Mutex<BTreeMap<i32, i64>>) {
    let progress = std::mem::take(&mut *progress.lock().unwrap_or_else(PoisonError::into_inner));
    let held = Arc::clone(&consumer.context().held.borrow());
    let mut list = TopicPartitionList::new();
    for (partition, next) in progress.into_iter().filter(|(partition, _)| held.contains(partition)) {
        if let Err(error) = list.add_partition_offset(topic, partition, Offset::Offset(next)) {
            debug!(%error, partition, "offset");
        }
    }
    if list.count() > 0
        && let Err(error) = consumer.commit(&list, CommitMode::Async)
    {
        debug!(%error, "offsets of the group are not published");
    }
}

impl Following {
    /// Kafka does not let us take part, for now or for good.
    fn complains(&self, group: &str, error: &KafkaError) {
        let text: Arc<str> = format!("group {group}: {error}").into();
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_ref() != Some(&text) {
            warn!(group, %error, "the group");
        }
        *trouble = Some(text);
    }
}

impl ClientContext for Following {
    fn log(&self, _level: RDKafkaLogLevel, fac: &str, message: &str) {
        debug!(role = "member", fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(role = "member", %error, reason, "kafka client");
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ConsumerContext for Following {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: BTreeSet<i32> = list.elements().iter().map(|element| element.partition()).collect();
        let given = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = if given { hold(consumer, list) } else { consumer.incremental_unassign(list) };
        if let Err(error) = done {
            warn!(%error, ?partitions, given, "the group's change is not taken");
        }
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // A round in which nothing changes for us is none.
        self.held.send_if_modified(|held| {
            let kept = held.iter().copied().filter(|partition| !partitions.contains(partition));
            let all: BTreeSet<i32> = if given { kept.chain(partitions.clone()).collect() } else { kept.collect() };
            *held = all.into_iter().collect();
            !partitions.is_empty()
        });
        info!(given, ?partitions, held = self.held.borrow().len(), "the group has changed");
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            debug!(%error, "offsets of the group are not published");
        }
    }
}

/// Holds partitions without reading them.
fn hold(consumer: &BaseConsumer<Following>, list: &mut TopicPartitionList) -> KafkaResult<()> {
    list.set_all_offsets(Offset::End)?;
    consumer.incremental_assign(list)?;
    consumer.pause(list)
}
