//! Settings of the log: where it is kept; of the embedded one, segments, group commit, retention.

mod kafka;
pub(super) mod spool;

use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use crate::section::Section;
use crate::units::{format_bytes, format_duration};

pub use kafka::KafkaSettings;
pub use spool::{SpoolMode, SpoolSettings, TooLarge};

const DAY: Duration = Duration::from_secs(86_400);

/// Where the log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// In files of the data directory.
    Embedded,
    /// In a topic of Apache Kafka.
    Kafka,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Where it is kept.
    pub kind: LogKind,
    /// The log in Kafka, if it is kept there.
    pub kafka: KafkaSettings,
    /// Partitions of the embedded log, fixed for its life.
    pub partitions: i32,
    /// Size at which a segment file is closed, in bytes.
    pub segment_bytes: u64,
    /// Most bytes that one fsync covers. How many records, and how long it waits for company, is not set: a commit
    /// takes what waits when the one before it returns.
    pub commit_bytes: usize,
    /// Bytes that may wait for their fsync, or for Kafka's delivery reports; when they do, appending waits.
    pub queue_bytes: usize,
    /// Age at which segments that have landed may go; `None`: never by age.
    pub retention_age: Option<Duration>,
    /// Bytes of all partitions above which segments that have landed may go; `None`: never by size.
    pub retention_bytes: Option<u64>,
}

impl LogSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let kind = s.choice("kind", &[("embedded", LogKind::Embedded), ("kafka", LogKind::Kafka)]);
        Self {
            kind: kind.unwrap_or(LogKind::Embedded),
            kafka: super::section(s, "kafka", |s| KafkaSettings::read(s, base_dir)),
            partitions: s.integer("partitions", 1..=256),
            segment_bytes: s.bytes("segment_size", 16 << 20..=1 << 30),
            commit_bytes: s.memory("commit_bytes", 64 << 10..=64 << 20),
            queue_bytes: s.memory("queue_bytes", 4 << 20..=1 << 30),
            retention_age: s.duration_or_none("retention_age", Duration::from_secs(60)..=36_500 * DAY),
            retention_bytes: s.bytes_or_none("retention_bytes", 64 << 20..=1 << 50),
        }
    }

    pub(super) fn written(&self) -> Table {
        let age = self.retention_age.map_or("none".to_owned(), format_duration);
        let bytes = self.retention_bytes.map_or("none".to_owned(), format_bytes);
        let kind = match self.kind {
            LogKind::Embedded => "embedded",
            LogKind::Kafka => "kafka",
        };
        Table::from_iter([
            ("kind".to_owned(), Value::from(kind)),
            ("kafka".to_owned(), Value::Table(self.kafka.written())),
            ("partitions".to_owned(), Value::from(self.partitions)),
            ("segment_size".to_owned(), Value::from(format_bytes(self.segment_bytes))),
            ("commit_bytes".to_owned(), Value::from(format_bytes(self.commit_bytes as u64))),
            ("queue_bytes".to_owned(), Value::from(format_bytes(self.queue_bytes as u64))),
            ("retention_age".to_owned(), Value::from(age)),
            ("retention_bytes".to_owned(), Value::from(bytes)),
        ])
    }
}
