//! What the log in Kafka needs to be told, and the client configurations that follow from it.
//!
//! Properties that carry the guarantees are ours and cannot be set; all others of librdkafka can.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

/// Properties that keep the promises; nobody else sets them.
const OURS: [&str; 23] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "check.crcs",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "isolation.level",
    "message.max.bytes",
    // Of which `retries` is another name: what is given up is overtaken.
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "request.required.acks",
    "retries",
    "transactional.id",
];

/// Bytes of a batch besides its records, and of a record's framing: what the topic must take above a record.
pub(crate) const BATCH_SLACK_BYTES: usize = 64 << 10;
/// Bytes of a message that the client takes, whatever a publish may have now: a spool may hold what was acknowledged when
/// it might have more. The topic decides.
const MESSAGE_BYTES_MAX: usize = 2 << 20;
/// Bytes at which a batch is sent.
const BATCH_BYTES: usize = 256 << 10;

/// Settings of a log in Kafka.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// Addresses to begin with, `host:port`.
    pub brokers: Vec<String>,
    /// The topic of raw records.
    pub topic: String,
    /// The topic of copies of dead letters; `None`: no copies.
    pub rejected_topic: Option<String>,
    /// Name of this program's consumer groups.
    pub group: String,
    /// Partitions of the topic: those that it is made with, and that it must have.
    pub partitions: i32,
    /// Copies of each partition where the topic is made.
    pub replication: i32,
    /// Raised by the operator when the topic was made anew.
    pub generation: u32,
    /// Retention of a topic that is made; `None`: for ever.
    pub retention: Option<Duration>,
    /// A topic that keeps records for less is refused.
    pub retention_min: Duration,
    /// Most bytes that wait for their delivery reports.
    pub queue_bytes: usize,
    /// Bytes besides them that a spool may hand over while it is drained; 0 without one.
    pub drain_bytes: usize,
    /// Most bytes of one record with its headers.
    pub record_bytes_max: usize,
    /// Longest wait for brokers at the start.
    pub connect_timeout: Duration,
    /// So long without a delivery report or an answer, and the log is not ready.
    pub grace: Duration,
    /// Further properties of librdkafka, by their names there.
    pub properties: BTreeMap<String, String>,
    /// Properties whose values are in files.
    pub secret_files: BTreeMap<String, PathBuf>,
}

/// A setting that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The property carries a guarantee.
    #[error("log.kafka.librdkafka.\"{key}\" cannot be set: tacho's guarantees depend on it")]
    Ours {
        /// Name of the property.
        key: String,
    },
    /// librdkafka does not take it.
    #[error("log.kafka.librdkafka: {why}")]
    Property {
        /// What librdkafka says.
        why: String,
    },
    /// The file of a secret cannot be read.
    #[error("log.kafka.secret_files.\"{key}\": {}", path.display())]
    Secret {
        /// Name of the property.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl KafkaSettings {
    /// Whether librdkafka takes these settings; asks no broker.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn check(&self) -> Result<(), SettingsError> {
        for client in [self.producer()?, self.reader()?, self.member()?] {
            client.create_native_config().map_err(|error| SettingsError::Property { why: property_error(&error) })?;
        }
        Ok(())
    }

    /// The brokers as one text.
    pub(crate) fn brokers(&self) -> String {
        self.brokers.join(",")
    }

    /// A client that appends.
    pub(crate) fn producer(&self) -> Result<ClientConfig, SettingsError> {
        let mut client = ClientConfig::new();
        for (key, value) in [("linger.ms", "5"), ("batch.num.messages", "10000"), ("socket.nagle.disable", "true")] {
            client.set(key, value);
        }
        // What a topic takes that takes the largest publish.
        client.set("batch.size", BATCH_BYTES.min(self.record_bytes_max + BATCH_SLACK_BYTES).to_string());
        self.common(&mut client)?;
        let kbytes = (self.queue_bytes + self.drain_bytes).div_ceil(1024) + 1;
        client.set("acks", "all");
        client.set("enable.idempotence", "true");
        client.set("message.timeout.ms", "0");
        client.set("queue.buffering.max.messages", "0");
        client.set("queue.buffering.max.kbytes", kbytes.to_string());
        client.set("message.max.bytes", MESSAGE_BYTES_MAX.max(self.record_bytes_max + BATCH_SLACK_BYTES).to_string());
        Ok(client)
    }

    /// A client that reads where it is told to.
    pub(crate) fn reader(&self) -> Result<ClientConfig, SettingsError> {
        let mut client = ClientConfig::new();
        for (key, value) in [
            ("queued.max.messages.kbytes", "32768"),
            ("queued.min.messages", "100000"),
            ("fetch.max.bytes", "16777216"),
            ("fetch.wait.max.ms", "100"),
            ("fetch.error.backoff.ms", "100"),
            ("socket.nagle.disable", "true"),
        ] {
            client.set(key, value);
        }
        self.consumer(&mut client)?;
        Ok(client)
    }

    /// A client that only takes part in the group, to learn its share.
    pub(crate) fn member(&self) -> Result<ClientConfig, SettingsError> {
        let mut client = ClientConfig::new();
        client.set("session.timeout.ms", "10000").set("heartbeat.interval.ms", "1000");
        self.consumer(&mut client)?;
        client.set("partition.assignment.strategy", "cooperative-sticky");
        Ok(client)
    }

    fn consumer(&self, client: &mut ClientConfig) -> Result<(), SettingsError> {
        self.common(client)?;
        client.set("group.id", &self.group);
        client.set("enable.auto.commit", "false");
        client.set("enable.auto.offset.store", "false");
        client.set("auto.offset.reset", "error");
        client.set("check.crcs", "true");
        client.set("enable.partition.eof", "false");
        client.set("isolation.level", "read_uncommitted");
        Ok(())
    }

    fn common(&self, client: &mut ClientConfig) -> Result<(), SettingsError> {
        client.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        client.set("client.id", "tacho");
        for (key, value) in &self.properties {
            not_ours(key)?;
            client.set(key, value);
        }
        for (key, path) in &self.secret_files {
            not_ours(key)?;
            let secret = fs::read_to_string(path);
            let secret =
                secret.map_err(|source| SettingsError::Secret { key: key.clone(), path: path.clone(), source })?;
            client.set(key, secret.trim_end_matches(['\n', '\r']));
        }
        client.set("bootstrap.servers", self.brokers());
        // Else a producer that asks for a topic makes it, as the broker's defaults have it.
        client.set("allow.auto.create.topics", "false");
        Ok(())
    }
}

fn not_ours(key: &str) -> Result<(), SettingsError> {
    if OURS.contains(&key) { Err(SettingsError::Ours { key: key.to_owned() }) } else { Ok(()) }
}

/// What librdkafka says of a property, without the value, which may be a secret.
fn property_error(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, why, key, _value) => format!("\"{key}\": {why}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings() -> KafkaSettings {
        KafkaSettings {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            topic: "robot.telemetry".to_owned(),
            rejected_topic: None,
            group: "tacho".to_owned(),
            partitions: 8,
            replication: 1,
            generation: 1,
            retention: None,
            retention_min: Duration::from_secs(3 * 86_400),
            queue_bytes: 64 << 20,
            drain_bytes: 0,
            record_bytes_max: (1 << 20) + (64 << 10),
            connect_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            properties: BTreeMap::new(),
            secret_files: BTreeMap::new(),
        }
    }

    #[test]
    fn properties_of_librdkafka_pass_and_others_are_named() {
        let mut good = settings();
        let properties = [("security.protocol", "sasl_ssl"), ("sasl.mechanism", "SCRAM-SHA-512"), ("linger.ms", "20")];
        good.properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        good.properties.insert("sasl.username".to_owned(), "tacho".to_owned());
        good.check().unwrap();
        let mut unknown = settings();
        unknown.properties.insert("linger.mss".to_owned(), "5".to_owned());
        let why = unknown.check().unwrap_err().to_string();
        assert!(why.contains("linger.mss"), "{why}");
        let mut ours = settings();
        ours.properties.insert("acks".to_owned(), "1".to_owned());
        assert!(matches!(ours.check(), Err(SettingsError::Ours { .. })));
    }

    #[test]
    fn a_lowered_limit_of_publishes_refuses_nothing_that_was_acknowledged_before() {
        let lowered = KafkaSettings { record_bytes_max: 100 << 10, ..settings() }.producer().unwrap();
        let bytes = |key| lowered.get(key).unwrap().parse::<usize>().unwrap();
        assert!(bytes("message.max.bytes") > settings().record_bytes_max + BATCH_SLACK_BYTES);
        assert_eq!(bytes("batch.size"), 164 << 10, "a topic that takes the largest publish takes a batch");
    }

    #[test]
    fn secrets_come_from_files_and_are_in_no_message() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        fs::write(&file, "hunter2\n").unwrap();
        let mut settings = settings();
        settings.secret_files.insert("sasl.password".to_owned(), file.clone());
        assert_eq!(settings.producer().unwrap().get("sasl.password"), Some("hunter2"));
        assert!(!format!("{settings:?}").contains("hunter2"));
        settings.secret_files.insert("ssl.key.pemm".to_owned(), file);
        let why = settings.check().unwrap_err().to_string();
        assert!(why.contains("ssl.key.pemm") && !why.contains("hunter2"), "{why}");
        settings.secret_files.insert("sasl.password".to_owned(), dir.path().join("absent"));
        assert!(settings.check().unwrap_err().to_string().contains("absent"));
    }
}
