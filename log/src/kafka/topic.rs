//! The topic: made as the guarantees need it, or held against them.
//!
//! What is certain to lose acknowledged records is refused; what only may is told.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use tokio::task;
use tracing::{info, warn};

use super::consumer::Consumer;
use super::context::Context;
use super::settings::BATCH_SLACK_BYTES;
use super::{KafkaSettings, OpenError};

/// Between two looks whether a new topic has its leaders.
const LOOK: Duration = Duration::from_millis(100);

/// Events of a client that has asked one thing, at most.
const EVENTS_MAX: usize = 100;

/// What a topic is, as far as the guarantees depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    partitions: usize,
    /// Fewest copies of a partition.
    replication: usize,
    configs: HashMap<String, String>,
}

type Admin = AdminClient<Context>;

/// Makes the topic if it is missing and `create`; checks it in any case.
pub(super) async fn make_or_check(settings: &KafkaSettings, create: bool) -> Result<(), OpenError> {
    let admin = settings.producer()?.create_with_context(Context::new("admin"));
    let admin: Admin = admin.map_err(|source| OpenError::client(settings, source))?;
    let topic = || settings.topic.clone();
    let (partitions, replication) = found_or_made(&admin, settings, &settings.topic, create).await?;
    if let Some(rejected) = &settings.rejected_topic {
        found_or_made(&admin, settings, rejected, create).await?;
    }
    if i32::try_from(partitions) != Ok(settings.partitions) {
        return Err(OpenError::Partitions { topic: topic(), found: partitions, expected: settings.partitions });
    }
    let Some(configs) = configs(&admin, settings).await? else { return Ok(()) };
    let found = Found { partitions, replication, configs };
    let why = found.objections(settings);
    if !why.is_empty() {
        return Err(OpenError::Unsafe { topic: topic(), why });
    }
    for warning in found.warnings() {
        warn!(topic = settings.topic, warning, "topic");
    }
    Ok(())
}

/// Partitions and fewest copies of a topic, which is made if it is missing and `create`.
async fn found_or_made(
    admin: &Admin,
    settings: &KafkaSettings,
    topic: &str,
    create: bool,
) -> Result<(usize, usize), OpenError> {
    let mut found = look(settings, topic).await?;
    if found.is_none() && create {
        make(admin, settings, topic).await?;
        let deadline = tokio::time::Instant::now() + settings.connect_timeout;
        while found.is_none() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
            found = look(settings, topic).await?;
        }
    }
    found.ok_or_else(|| OpenError::NoTopic { topic: topic.to_owned() })
}

/// Partitions and fewest copies of a topic; `None` if it is not there, or not ready.
async fn look(settings: &KafkaSettings, topic: &str) -> Result<Option<(usize, usize)>, OpenError> {
    let (name, timeout) = (topic.to_owned(), settings.connect_timeout);
    // A consumer, because an admin client never gives what it is told of brokers: a wrong password, say.
    let consumer = settings.reader()?.create_with_context(Context::new("checker"));
    let consumer: Consumer = consumer.map_err(|source| OpenError::client(settings, source))?;
    let asked = task::spawn_blocking(move || {
        let metadata = consumer.fetch_metadata(Some(&name), timeout).map_err(|_error| {
            for _ in 0..EVENTS_MAX {
                consumer.poll(Duration::ZERO);
            }
            consumer.context().told()
        })?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none());
        let ready = topic.filter(|topic| !topic.partitions().is_empty());
        Ok(ready.map(|topic| {
            let copies = topic.partitions().iter().map(|partition| partition.replicas().len()).min();
            (topic.partitions().len(), copies.unwrap_or(0))
        }))
    });
    let unreachable = |why| OpenError::Unreachable { brokers: settings.brokers(), why };
    asked.await.map_err(|_ended| OpenError::Ending)?.map_err(unreachable)
}

async fn make(admin: &Admin, settings: &KafkaSettings, name: &str) -> Result<(), OpenError> {
    let retention = settings.retention.map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(-1)).to_string();
    let bytes_max = message_bytes(settings).to_string();
    let in_sync = if settings.replication >= 2 { "2" } else { "1" };
    let topic = NewTopic::new(name, settings.partitions, TopicReplication::Fixed(settings.replication))
        .set("cleanup.policy", "delete")
        .set("retention.ms", &retention)
        .set("retention.bytes", "-1")
        .set("min.insync.replicas", in_sync)
        .set("unclean.leader.election.enable", "false")
        .set("max.message.bytes", &bytes_max);
    let options = AdminOptions::new().operation_timeout(Some(settings.connect_timeout));
    let made = admin.create_topics([&topic], &options).await;
    let made = made.map_err(|source| OpenError::kafka(settings, "making the topic", source))?;
    match made.into_iter().next() {
        Some(Ok(_)) => info!(topic = name, partitions = settings.partitions, "topic made"),
        // Another process was first.
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {}
        Some(Err((_, code))) => {
            return Err(OpenError::Create { topic: name.to_owned(), why: code.to_string() });
        }
        None => return Err(OpenError::Create { topic: name.to_owned(), why: "no answer".to_owned() }),
    }
    Ok(())
}

/// The topic's settings; `None` if this user may not see them.
async fn configs(admin: &Admin, settings: &KafkaSettings) -> Result<Option<HashMap<String, String>>, OpenError> {
    let options = AdminOptions::new().request_timeout(Some(settings.connect_timeout));
    let described = admin.describe_configs([&ResourceSpecifier::Topic(&settings.topic)], &options).await;
    let described =
        described.map_err(|source| OpenError::kafka(settings, "asking for the topic's settings", source))?;
    match described.into_iter().next() {
        Some(Ok(resource)) => {
            let entries = resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
            Ok(Some(entries.collect()))
        }
        refused => {
            warn!(topic = settings.topic, ?refused, "whether the topic keeps what is promised cannot be seen");
            Ok(None)
        }
    }
}

/// Bytes that a message may have in a topic that is made.
fn message_bytes(settings: &KafkaSettings) -> usize {
    (settings.record_bytes_max + 2 * BATCH_SLACK_BYTES).max(2 << 20)
}

impl Found {
    fn number(&self, key: &str) -> Option<i64> {
        self.configs.get(key)?.parse().ok()
    }

    fn says(&self, key: &str) -> &str {
        self.configs.get(key).map_or("", String::as_str)
    }

    /// What is certain to break a guarantee.
    fn objections(&self, settings: &KafkaSettings) -> Vec<String> {
        let mut why = Vec::new();
        let in_sync = self.number("min.insync.replicas").unwrap_or(1);
        if self.replication > 1 && in_sync < 2 {
            why.push(format!(
                "min.insync.replicas is {in_sync} of {} copies: a record would be acknowledged while one broker alone has \
                 it (set 2)",
                self.replication
            ));
        }
        if self.says("unclean.leader.election.enable") == "true" {
            why.push(
                "unclean.leader.election.enable is true: a broker that lacks records could lead (set false)".to_owned(),
            );
        }
        if !self.configs.is_empty() && self.says("cleanup.policy") != "delete" {
            why.push(format!(
                "cleanup.policy is {}: records would be dropped by key (set delete)",
                self.says("cleanup.policy")
            ));
        }
        let least_ms = i64::try_from(settings.retention_min.as_millis()).unwrap_or(i64::MAX);
        if let Some(retention) = self.number("retention.ms").filter(|ms| (0..least_ms).contains(ms)) {
            why.push(format!(
                "retention.ms is {retention}: what has not landed for so long would be deleted (set {least_ms} or more, or \
                 lower log.kafka.retention_min)"
            ));
        }
        let least_bytes = i64::try_from(settings.record_bytes_max + BATCH_SLACK_BYTES).unwrap_or(i64::MAX);
        if let Some(bytes) = self.number("max.message.bytes").filter(|bytes| *bytes < least_bytes) {
            why.push(format!("max.message.bytes is {bytes}: the largest publish needs {least_bytes}"));
        }
        why
    }

    /// What may.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.replication == 1 {
            warnings.push(
                "one copy: acks=all is the page cache of one broker, and its disk or a power cut can lose what was \
                 acknowledged"
                    .to_owned(),
            );
        }
        if let Some(bytes) = self.number("retention.bytes").filter(|bytes| *bytes >= 0) {
            warnings.push(format!("retention.bytes is {bytes}: what has not landed goes when there is more"));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;

    fn found(replication: usize, configs: &[(&str, &str)]) -> Found {
        let good = [("min.insync.replicas", "2"), ("cleanup.policy", "delete"), ("retention.ms", "604800000")];
        let configs = good.iter().chain(configs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Found { partitions: 8, replication, configs: configs.collect() }
    }

    #[test]
    fn each_way_to_lose_acknowledged_records_is_refused_with_what_would_be_right() {
        let settings = settings();
        assert_eq!(found(3, &[]).objections(&settings), [""; 0]);
        assert_eq!(found(1, &[("min.insync.replicas", "1")]).objections(&settings), [""; 0]);
        for (wrong, named) in [
            (("min.insync.replicas", "1"), "set 2"),
            (("unclean.leader.election.enable", "true"), "set false"),
            (("cleanup.policy", "compact,delete"), "set delete"),
            (("retention.ms", "3600000"), "log.kafka.retention_min"),
            (("max.message.bytes", "1048588"), "largest publish"),
        ] {
            let why = found(3, &[wrong]).objections(&settings);
            assert!(why.len() == 1 && why[0].contains(wrong.0) && why[0].contains(named), "{why:?}");
        }
        assert_eq!(found(3, &[("retention.ms", "-1")]).objections(&settings), [""; 0], "for ever");
    }

    #[test]
    fn what_may_lose_records_is_told() {
        assert_eq!(found(3, &[]).warnings().len(), 0);
        assert!(found(1, &[]).warnings()[0].contains("one copy"));
        assert!(found(3, &[("retention.bytes", "1000")]).warnings()[0].contains("retention.bytes"));
    }
}
