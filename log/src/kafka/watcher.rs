//! Looks at the topic from time to time: where it begins and ends, whether it is still the one that was opened, and
//! whether Kafka answers at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::Offset;
use tracing::{error, info, warn};

use super::consumer::{Consumer, bounds};
use super::{LOOK, OpenError, Shared};
use crate::Health;

/// Between two looks at the ends of the partitions.
const EVERY: Duration = Duration::from_millis(500);
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Looks at the ends between two looks at the topic as a whole.
const TOPIC_EVERY: u32 = 10;
/// Looks in a row at which the topic is not there, until it is believed: a broker that starts does not know it yet.
const GONE_LOOKS: u32 = 5;

/// The watcher of one log.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    consumer: Consumer,
    answered: Instant,
    looks: u32,
    gone: u32,
}

impl Watcher {
    pub(crate) fn new(shared: Arc<Shared>) -> Result<Self, OpenError> {
        let settings = &shared.settings;
        let consumer = settings.reader()?.create_with_context(super::context::Context::new("watcher"));
        let consumer: Consumer = consumer.map_err(|source| OpenError::client(settings, source))?;
        Ok(Self { shared, consumer, answered: Instant::now(), looks: 0, gone: 0 })
    }

    /// The first look: without it nothing is known of the topic.
    pub(crate) fn look_first(&mut self) -> Result<(), OpenError> {
        let settings = &self.shared.settings;
        self.ends(settings.connect_timeout)
            .map_err(|source| OpenError::kafka(settings, "asking where the partitions end", source))
    }

    /// Looks until the log ends.
    pub(crate) fn run(mut self) {
        let mut next = Instant::now() + EVERY;
        while !*self.shared.ending.borrow() {
            // Errors of the client are handed out by polling; it is assigned nothing.
            drop(self.consumer.poll(LOOK));
            if Instant::now() < next {
                continue;
            }
            if let Some(reason) = self.ended() {
                error!(reason, "the log can take nothing any more");
                self.shared.flow.room.close();
                self.shared.health.send_replace(Health::Ended { reason: reason.into() });
                return;
            }
            self.look();
            next = Instant::now() + EVERY;
        }
    }

    fn ends(&self, timeout: Duration) -> Result<(), KafkaError> {
        let (shared, partitions) = (&self.shared, 0..self.shared.settings.partitions);
        let topic = &shared.settings.topic;
        for (partition, first) in bounds(&self.consumer, topic, partitions.clone(), Offset::Beginning, timeout)? {
            shared.offsets.begin(partition, first);
        }
        for (partition, next) in bounds(&self.consumer, topic, partitions, Offset::End, timeout)? {
            shared.offsets.raise(partition, next);
        }
        Ok(())
    }

    fn look(&mut self) {
        let grace = self.shared.settings.grace;
        let failed = self.ends(TIMEOUT).err();
        let now = Instant::now();
        if failed.is_none() {
            self.answered = now;
        }
        let stalled = self.shared.flow.stalled();
        #[expect(clippy::cast_precision_loss, reason = "a gauge for people")]
        metrics::gauge!("tacho_log_pending_bytes").set(self.shared.flow.room.used() as f64);
        let brokers = self.shared.settings.brokers();
        let reason = match failed {
            Some(error) if now - self.answered > grace => Some(format!("kafka at {brokers} does not answer: {error}")),
            _ if stalled > grace => {
                Some(format!("kafka at {brokers} has confirmed no append for {} s", stalled.as_secs()))
            }
            _ => None,
        };
        self.tell(reason);
    }

    fn tell(&self, reason: Option<String>) {
        self.shared.health.send_if_modified(|health| match (&health, reason) {
            (Health::Ready, Some(reason)) => {
                warn!(reason, "kafka takes nothing for now; publishes wait, or are spooled");
                *health = Health::Failing { reason: reason.into(), disk_full: false };
                true
            }
            (Health::Failing { .. }, None) => {
                info!("kafka takes appends again");
                *health = Health::Ready;
                true
            }
            // What has ended stays so.
            _ => false,
        });
    }

    /// Why nothing can ever be appended again, if that is so.
    fn ended(&mut self) -> Option<String> {
        if let Some((code, reason)) = self.shared.producer.client().fatal_error() {
            return Some(format!("the producer has met a fatal error, {code}: {reason}"));
        }
        self.looks += 1;
        if !self.looks.is_multiple_of(TOPIC_EVERY) {
            return None;
        }
        let (topic, expected) = (&self.shared.settings.topic, self.shared.settings.partitions);
        let metadata = self.consumer.client().fetch_metadata(Some(topic), TIMEOUT).ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        let partitions = found.map_or(0, |found| found.partitions().len());
        if partitions == 0 {
            self.gone += 1;
            return (self.gone >= GONE_LOOKS).then(|| format!("topic {topic} is gone"));
        }
        self.gone = 0;
        (i32::try_from(partitions) != Ok(expected)).then(|| {
            format!(
                "topic {topic} has {partitions} partitions now, and had {expected}: robots would change their partition"
            )
        })
    }
}
