//! Settings of a log in Apache Kafka: where it is, which topic, and what librdkafka is told besides.
//!
//! Whether librdkafka knows a property is for `tacho-log` to say; `tacho check` asks it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::spool::{PARTITIONS_MAX, SpoolMode, SpoolSettings};
use crate::section::Section;
use crate::settings::{section, written_path};
use crate::units::format_duration;

const DAY: Duration = Duration::from_secs(86_400);
/// Longest name of a topic.
const NAME_BYTES_MAX: usize = 249;

/// A log in Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Addresses to begin with, `host:port`.
    pub brokers: Vec<String>,
    /// Topic of raw records.
    pub topic: String,
    /// Topic of copies of dead letters; `None`: no copies.
    pub rejected_topic: Option<String>,
    /// Group in which processors share partitions.
    pub group: String,
    /// Partitions of the topic.
    pub partitions: i32,
    /// Copies of each partition where the topic is made.
    pub replication: i32,
    /// Raised when the topic was made anew.
    pub generation: u32,
    /// Retention of a topic that is made; `None`: for ever.
    pub retention: Option<Duration>,
    /// A topic that keeps records for less is refused.
    pub retention_min: Duration,
    /// Longest wait for brokers at a start.
    pub connect_timeout: Duration,
    /// So long without an answer, and the log is not ready.
    pub grace: Duration,
    /// Where records wait while Kafka is away.
    pub spool: SpoolSettings,
    /// Properties of librdkafka, by their names there.
    pub librdkafka: BTreeMap<String, String>,
    /// Properties of librdkafka whose values are in files.
    pub secret_files: BTreeMap<String, PathBuf>,
}

impl KafkaSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let seconds = Duration::from_secs;
        let brokers = s.texts("brokers");
        if brokers.iter().any(|broker| !is_address(broker)) {
            let shown = format!("{brokers:?}");
            s.problem("brokers", &shown, "a list of host:port, such as [\"kafka-1:9092\", \"kafka-2:9092\"]");
        }
        let topic = s.text("topic", NAME_BYTES_MAX);
        if !topic.is_empty() && !is_topic(&topic) {
            s.problem("topic", &topic, "a name of letters, digits, `.`, `_` and `-`");
        }
        let rejected_topic = s.text("rejected_topic", NAME_BYTES_MAX);
        if !rejected_topic.is_empty() && (!is_topic(&rejected_topic) || rejected_topic == topic) {
            s.problem("rejected_topic", &rejected_topic, "\"none\", or the name of another topic than log.kafka.topic");
        }
        let librdkafka = s.properties("librdkafka", "a property of librdkafka: a text, a number, true or false");
        for key in librdkafka.keys().filter(|key| is_secret(key)) {
            let expected = format!("no secret here: the path of a file under log.kafka.secret_files.\"{key}\"");
            s.problem(&format!("librdkafka.\"{key}\""), "***", expected);
        }
        let secret_files = s.properties("secret_files", "the path of a file");
        Self {
            brokers,
            topic,
            rejected_topic: Some(rejected_topic).filter(|name| name != "none"),
            group: s.text("group", NAME_BYTES_MAX),
            partitions: s.integer("partitions", 1..=10_000),
            replication: s.integer("replication", 1..=32),
            generation: s.integer("generation", 1..=1_000_000),
            retention: s.duration_or_none("retention", seconds(60)..=36_500 * DAY),
            retention_min: s.duration("retention_min", seconds(0)..=3_650 * DAY),
            connect_timeout: s.duration("connect_timeout", seconds(1)..=seconds(600)),
            grace: s.duration("grace", Duration::from_millis(100)..=seconds(600)),
            spool: section(s, "spool", SpoolSettings::read),
            librdkafka,
            secret_files: secret_files.into_iter().map(|(key, path)| (key, base_dir.join(path))).collect(),
        }
    }

    /// Whether records are spooled by a process that ingests alone, or beside others.
    pub fn spools(&self, alone: bool) -> bool {
        match self.spool.mode {
            SpoolMode::Spool => true,
            SpoolMode::Hold => false,
            SpoolMode::Auto => alone && self.partitions <= PARTITIONS_MAX,
        }
    }

    pub(super) fn written(&self) -> Table {
        let text = |text: &str| Value::from(text);
        let brokers: Vec<Value> = self.brokers.iter().map(|broker| text(broker)).collect();
        let librdkafka: Table = self.librdkafka.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        let secrets: Table = self.secret_files.iter().map(|(key, path)| (key.clone(), written_path(path))).collect();
        Table::from_iter([
            ("brokers".to_owned(), Value::Array(brokers)),
            ("topic".to_owned(), text(&self.topic)),
            ("rejected_topic".to_owned(), text(self.rejected_topic.as_deref().unwrap_or("none"))),
            ("group".to_owned(), text(&self.group)),
            ("partitions".to_owned(), Value::from(self.partitions)),
            ("replication".to_owned(), Value::from(self.replication)),
            ("generation".to_owned(), Value::from(self.generation)),
            ("retention".to_owned(), Value::from(self.retention.map_or("none".to_owned(), format_duration))),
            ("retention_min".to_owned(), Value::from(format_duration(self.retention_min))),
            ("connect_timeout".to_owned(), Value::from(format_duration(self.connect_timeout))),
            ("grace".to_owned(), Value::from(format_duration(self.grace))),
            ("spool".to_owned(), Value::Table(self.spool.written())),
            ("librdkafka".to_owned(), Value::Table(librdkafka)),
            ("secret_files".to_owned(), Value::Table(secrets)),
        ])
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let host_sound = !host.is_empty() && !host.contains([',', ' ', '/']);
        host_sound && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn is_topic(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(sound)
}

/// Properties whose values nobody should read in a configuration.
fn is_secret(key: &str) -> bool {
    ["password", "secret", "key.pem", "jaas"].iter().any(|part| key.contains(part))
}
