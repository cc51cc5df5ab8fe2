//! Handing raw records to the log: what is handed over, what comes back, what can go wrong.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tacho_schemas::{Digest, Envelope, RawKind, RecordId, RobotKey};
use tokio::sync::oneshot;

use crate::Verdict;

/// A raw record on its way into the log; its partition follows from its robot key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// What ingest knows.
    pub envelope: Envelope,
    /// The bytes as published.
    pub payload: Bytes,
}

impl Append {
    /// The control record that puts the configuration `digest` in force in one of a log's `partitions`.
    ///
    /// # Errors
    /// If there is no such partition.
    pub(crate) fn control(
        (partition, partitions): (i32, i32),
        id: RecordId,
        received_at_us: i64,
        digest: Digest,
    ) -> Result<Self, AppendError> {
        if !(0..partitions).contains(&partition) {
            return Err(AppendError::NoSuchPartition { partition, partitions });
        }
        let envelope = Envelope {
            id,
            received_at_us,
            robot: RobotKey::Unreadable,
            topic_id: None,
            principal: Arc::from(""),
            kind: RawKind::Config(digest),
        };
        Ok(Self { envelope, payload: Bytes::new() })
    }
}

/// A half-open range of offsets of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OffsetRange {
    /// Partition.
    pub partition: i32,
    /// First offset.
    pub start: i64,
    /// Offset after the last.
    pub end: i64,
}

/// A record's place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
}

/// The delivery report of one batch: all of its records are durable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Where the batch went: the records of a partition in the order of the batch, in one range; in several where
    /// records of others came between them.
    pub ranges: Vec<OffsetRange>,
}

impl Delivered {
    /// Number of records.
    pub fn records(&self) -> i64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// The place of each record, given their partitions in the order of the batch.
    ///
    /// Partitions that the batch does not have are left out.
    pub fn places(&self, partitions: impl IntoIterator<Item = i32>) -> Vec<Place> {
        let mut ranges = self.ranges.clone();
        let place = |partition| {
            let range = ranges.iter_mut().find(|range| range.partition == partition && range.start < range.end)?;
            range.start += 1;
            let offset = range.start - 1;
            Some(Place { partition, offset })
        };
        partitions.into_iter().filter_map(place).collect()
    }
}

/// Resolves when a batch is durable, or will not be. Whoever needs several in order awaits them in that order: after one
/// that was refused, a later one may still be durable.
///
/// Dropping it does not take the batch back.
#[derive(Debug)]
#[must_use = "a batch is durable only when its delivery has resolved"]
pub struct Delivery(pub(crate) oneshot::Receiver<Result<Delivered, AppendError>>);

impl Future for Delivery {
    type Output = Result<Delivered, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(AppendError::Closed)))
    }
}

/// Why a batch was not appended; none of its records was, and none must be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is full; [`Health`](crate::Health) tells when there is space again.
    #[error("the log is full: {reason}")]
    DiskFull {
        /// What was tried on which file, and the error.
        reason: Arc<str>,
    },
    /// The storage has an error; [`Health`](crate::Health) tells when it works again.
    #[error("the log cannot write: {reason}")]
    Storage {
        /// What was tried on which file, and the error.
        reason: Arc<str>,
    },
    /// An earlier batch of the same lane may have been refused: this one would overtake it.
    #[error("an earlier append was refused: re-send from there, on a new lane")]
    Interrupted,
    /// The batch is too large for one group.
    #[error("a batch of {bytes} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Bytes of the batch as written.
        bytes: usize,
        /// Most bytes of a batch.
        limit: usize,
    },
    /// A text of the envelope is too long to be written.
    #[error("{field} has {bytes} bytes, the limit is 65535")]
    FieldTooLong {
        /// Name of the field.
        field: &'static str,
        /// Its bytes.
        bytes: usize,
    },
    /// A control record was handed over like a publish; it has no robot that would choose its partition.
    #[error("a control record needs a partition of its own choice")]
    ControlWithoutPartition,
    /// The log has no such partition.
    #[error("partition {partition} is not one of the log's 0..{partitions}")]
    NoSuchPartition {
        /// The partition that was asked for.
        partition: i32,
        /// Number of partitions.
        partitions: i32,
    },
    /// The log was closed before the batch was written.
    #[error("the log is closed")]
    Closed,
}

impl AppendError {
    /// What to do next.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::DiskFull { .. } | Self::Storage { .. } | Self::Interrupted => Verdict::Retry,
            Self::TooLarge { .. } | Self::FieldTooLong { .. } => Verdict::DeadLetter,
            Self::ControlWithoutPartition | Self::NoSuchPartition { .. } => Verdict::Halt,
            Self::Closed => Verdict::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_up_per_partition_in_the_order_of_the_batch() {
        let range = |partition, start, end| OffsetRange { partition, start, end };
        let delivered = Delivered { ranges: vec![range(3, 10, 12), range(1, 5, 6)] };
        let places: Vec<_> = delivered.places([3, 1, 3]).iter().map(|place| (place.partition, place.offset)).collect();
        assert_eq!(places, [(3, 10), (1, 5), (3, 11)]);
        assert_eq!(delivered.records(), 3);
    }
}
