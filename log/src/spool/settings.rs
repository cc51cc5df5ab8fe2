//! What the spool needs to be told, and what follows from it for its files and for librdkafka's queue.

use std::path::PathBuf;
use std::time::Duration;

use crate::kafka::KafkaSettings;
use crate::{EmbeddedSettings, Faults};

const MIB: usize = 1 << 20;
/// Bytes of all partitions that the drain hands to librdkafka ahead of their reports.
const DRAIN_BYTES: usize = 32 * MIB;
/// Bytes of one partition among them.
const WINDOW_BYTES: std::ops::RangeInclusive<usize> = MIB / 4..=4 * MIB;
/// Bytes that the drain reads at once.
pub(crate) const READ_BYTES: usize = MIB;
/// A record with more bytes goes alone, because a topic may refuse it: then nothing is in Kafka before it. It is what
/// librdkafka sends at once.
pub(crate) const ALONE_BYTES: usize = MIB / 4;
/// Readers that go through the files at a time. Each may exceed the windows by what it reads at once.
pub(crate) const COURSES_MAX: usize = 3;

/// Settings of a spool.
#[derive(Debug, Clone)]
pub struct SpoolSettings {
    /// Its directory.
    pub dir: PathBuf,
    /// A partition whose delivery reports stay away for longer is spooled.
    pub grace: Duration,
    /// Most bytes of its files; then publishes wait, and after as long again as the grace they are refused.
    pub bytes_max: u64,
    /// Most bytes that one fsync covers, and so of one appended batch.
    pub group_bytes: usize,
    /// Whether a record that the topic does not take for its size becomes a dead letter; else its partition waits.
    pub dead_letters: bool,
    /// Faults for tests.
    pub faults: Faults,
}

impl SpoolSettings {
    /// Most bytes of a partition that the drain hands to librdkafka ahead of their reports.
    pub(crate) fn window_bytes(partitions: i32) -> usize {
        let partitions = usize::try_from(partitions).unwrap_or(1).max(1);
        (DRAIN_BYTES / partitions).clamp(*WINDOW_BYTES.start(), *WINDOW_BYTES.end())
    }

    /// librdkafka keeps what it was given when a partition turned to the spool, while others go on: twice the queue, and
    /// the drain's windows besides.
    pub(crate) fn widen(&self, kafka: &mut KafkaSettings) {
        let partitions = usize::try_from(kafka.partitions).unwrap_or(1);
        kafka.queue_bytes *= 2;
        kafka.drain_bytes = partitions * Self::window_bytes(kafka.partitions) + COURSES_MAX * READ_BYTES;
    }

    /// The files. What is drained goes at once, a segment at a time.
    pub(crate) fn embedded(&self, partitions: i32) -> EmbeddedSettings {
        EmbeddedSettings {
            partitions,
            segment_bytes: (self.bytes_max / 64).clamp(4 << 20, 64 << 20),
            retention_bytes: Some(0),
            retention_age: None,
            max_group_bytes: self.group_bytes,
            max_pending_bytes: self.group_bytes,
            feed_bytes: self.group_bytes,
            faults: self.faults.clone(),
            ..EmbeddedSettings::default()
        }
    }
}
