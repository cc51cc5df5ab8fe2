//! Taking raw records out of the log again, per partition in order.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tacho_schemas::{RawRecord, RecordId};

use crate::{OffsetRange, Verdict};

/// Successive records of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionBatch {
    /// Partition.
    pub partition: i32,
    /// Records with rising offsets, without a hole; never empty.
    pub records: Vec<RawRecord>,
}

/// What a reader found next in a partition.
///
/// The items of a partition adjoin: each begins at the offset where the one before ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadItem {
    /// Records.
    Records(PartitionBatch),
    /// Offsets whose records are damaged beyond reading. They were durable once; they must become a recorded gap.
    Lost(OffsetRange),
}

impl ReadItem {
    /// The offsets that the item covers.
    pub fn range(&self) -> OffsetRange {
        match self {
            Self::Lost(range) => *range,
            Self::Records(batch) => OffsetRange {
                partition: batch.partition,
                start: batch.records.first().map_or(0, |record| record.offset),
                end: batch.records.last().map_or(0, |record| record.offset + 1),
            },
        }
    }
}

/// What a log holds just before an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBefore {
    /// Nothing: the log begins there, at 0 or because retention has taken what was before.
    Nothing,
    /// The record with this ID.
    Record(RecordId),
    /// A record that is damaged beyond reading.
    Lost,
}

/// Why nothing can be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The log does not hold this offset (any more, or yet).
    #[error("offset {offset} of partition {partition} is outside of the log, which holds {first}..{next}")]
    OutOfRange {
        /// Partition.
        partition: i32,
        /// The offset that was asked for.
        offset: i64,
        /// First offset that the log holds.
        first: i64,
        /// Offset of the next record to come.
        next: i64,
    },
    /// The log has no such partition.
    #[error("partition {partition} is not one of the log's 0..{partitions}")]
    NoSuchPartition {
        /// The partition that was asked for.
        partition: i32,
        /// Number of partitions.
        partitions: i32,
    },
    /// A file cannot be read.
    #[error("reading {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The log cannot be asked, or does not answer as it should.
    #[error("{reason}")]
    Log {
        /// What was tried, and what came back.
        reason: Arc<str>,
    },
    /// The log was closed, and all that it holds was read.
    #[error("the log is closed")]
    Closed,
}

impl ReadError {
    /// What to do next.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::OutOfRange { .. } | Self::NoSuchPartition { .. } => Verdict::Halt,
            // A file that cannot be read now, for want of descriptors say, may be readable soon.
            Self::Io { .. } | Self::Log { .. } => Verdict::Retry,
            Self::Closed => Verdict::End,
        }
    }
}
