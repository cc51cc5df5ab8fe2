//! What processing makes of raw records, and landing takes: rows by table, and a verdict for each record.
//!
//! Processors are pure and know no history, so the last word (landed, duplicate, conflict) is not here: the
//! lake's sequence ledger has it, and drops the rows of records that do not land.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;

use crate::dead_letter::DeadLetter;
use crate::table::Table;
use crate::{Digest, RobotKey};

/// The rows and verdicts of a contiguous range of one partition, computed under one configuration.
#[derive(Debug, Clone)]
pub struct Processed {
    /// Partition of the log.
    pub partition: i32,
    /// Offsets that were processed, half-open; control records are among them.
    pub offsets: Range<i64>,
    /// Digest of the configuration that was in force.
    pub config: Digest,
    /// One entry per record, in order of (offset, ordinal).
    pub entries: Vec<Entry>,
    /// Rows of the kept records: `records` and the component tables, in the order of `entries`.
    pub rows: Rows,
}

/// One step of a landing, in the order of the log.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly every step is `Rows`; a box for each would only cost")]
pub enum Step {
    /// Records that were processed.
    Rows(Processed),
    /// A control record: from the next offset on, this configuration is in force in the partition.
    Config {
        /// Partition of the log.
        partition: i32,
        /// Offset of the control record.
        offset: i64,
        /// Digest of the configuration.
        config: Digest,
    },
    /// Offsets that the log lost to damage: recorded as a gap, never skipped silently.
    Lost {
        /// Partition of the log.
        partition: i32,
        /// Offsets that cannot be read.
        offsets: Range<i64>,
    },
}

/// Rows by table; `rejected` and `gap_events` are made by the lake and are always empty here.
pub type Rows = Tables<RecordBatch>;

/// One `T` per table of the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables<T>(pub [T; 8]);

impl<T> Tables<T> {
    /// Makes one for each table.
    pub fn from_fn(mut make: impl FnMut(Table) -> T) -> Self {
        Self(Table::ALL.map(&mut make))
    }

    /// The one of a table.
    pub fn get(&self, table: Table) -> &T {
        &self.0[table.index()]
    }

    /// The one of a table.
    pub fn get_mut(&mut self, table: Table) -> &mut T {
        &mut self.0[table.index()]
    }

    /// All, with their tables.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &T)> {
        Table::ALL.into_iter().zip(&self.0)
    }
}

/// One record of a publish, with its verdict.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Offset of the publish.
    pub offset: i64,
    /// Index of the record within the publish.
    pub ordinal: i64,
    /// The robot that it is counted for: the one of the topic.
    pub robot: RobotKey,
    /// Time of receipt, Unix microseconds UTC.
    pub received_at_us: i64,
    /// The topic's ID verbatim, where it is malformed.
    pub topic_id: Option<Arc<str>>,
    /// Authenticated sender.
    pub principal: Arc<str>,
    /// What processing found.
    pub verdict: Verdict,
}

/// Identifies a record within its robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// Counts the restarts of `seq`.
    pub epoch: i64,
    /// Sequence number.
    pub seq: i64,
}

/// What processing found of one record.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// A good record; whether it lands is the ledger's decision.
    Kept(Kept),
    /// A dead letter. The key is there if it could be read: the ledger notes a hole of its own kind.
    Rejected {
        /// Stream epoch and sequence number, if readable and the robot is the topic's.
        key: Option<StreamKey>,
        /// What is kept of it.
        letter: Box<DeadLetter>,
    },
}

/// What the ledger must know of a good record.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Stream epoch and sequence number.
    pub key: StreamKey,
    /// First 8 bytes of the payload's SHA-256.
    pub payload_hash: i64,
    /// End of the window, Unix microseconds UTC.
    pub window_end_us: i64,
    /// The counter `power_on_h`, in units of 0.0001 h, as the lake stores it.
    pub power_on: i64,
    /// Rows of this record in each component table, in the order of [`Table::COMPONENTS`].
    pub component_rows: [u32; 5],
    /// Gaps that the sender declares.
    pub declared_gaps: Vec<DeclaredGap>,
    /// The bytes of the record as published, for the dead letter should the ledger refuse it.
    pub payload: Bytes,
}

/// A gap in time that a sender knows of (record section `gaps`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredGap {
    /// Start, Unix microseconds UTC.
    pub from_us: i64,
    /// End, Unix microseconds UTC.
    pub to_us: i64,
    /// Cause.
    pub cause: Box<str>,
    /// What it concerns.
    pub pointer: Option<Box<str>>,
}
