//! The raw record: a payload as a device sent it, and the envelope that ingest put around it.
//!
//! How an envelope is written is the log's business (`tacho-log`): frames in the embedded log, CloudEvents
//! headers in Kafka.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::{Digest, RobotId};

/// Identifies a raw record for ever (CloudEvents `id`): the ingest session that stamped it, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordId {
    /// Random, drawn once by each start of an ingest.
    pub session: Uuid,
    /// Rises by one with each record of the session.
    pub counter: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.session, self.counter)
    }
}

/// The robot that a raw record is counted for and keyed by: the ID of its MQTT topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RobotKey {
    /// The topic names no well-formed ID: counted as robot `?`. Sorts first, as `?` would not: see [`RobotKey::as_str`].
    Unreadable,
    /// A well-formed ID.
    Id(RobotId),
}

impl RobotKey {
    /// The text that the lake's `robot_id` and the log's key hold.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_str(),
            Self::Unreadable => "?",
        }
    }
}

impl fmt::Display for RobotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a raw record is, as far as can be told without decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawKind {
    /// A publish on a telemetry topic, untouched.
    Telemetry,
    /// A publish over the size limit: the payload holds its first 64 KiB.
    Oversize {
        /// Length of the whole payload, in bytes.
        bytes: u64,
        /// Digest of the whole payload.
        sha256: Digest,
    },
    /// The bytes of a dead letter, appended anew under a record ID of their own; processed like [`RawKind::Telemetry`].
    Retry {
        /// The raw record that carried them first; `None` if the log did not hold it any more.
        of: Option<RecordId>,
    },
    /// A control record: from the next offset on, this configuration is in force. Not counted as received.
    Config(Digest),
}

/// What ingest knows of a publish besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Identity of the raw record.
    pub id: RecordId,
    /// Time of receipt, Unix microseconds UTC, stamped once.
    pub received_at_us: i64,
    /// The robot of the topic.
    pub robot: RobotKey,
    /// The topic's ID segment verbatim, where [`RobotKey::Unreadable`] stands for it.
    pub topic_id: Option<Arc<str>>,
    /// The authenticated sender; empty if anonymous.
    pub principal: Arc<str>,
    /// What it is.
    pub kind: RawKind,
}

/// A raw record at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Partition of the log.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// What ingest knows.
    pub envelope: Envelope,
    /// The bytes as published.
    pub payload: Bytes,
}
