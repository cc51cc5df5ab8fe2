//! The log as its users see it: kept in files or in Kafka, chosen once, at the start.
//!
//! An enum and no trait object: a call per batch chooses, and the embedded path pays nothing else.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tacho_schemas::partition::partition_of;
use tacho_schemas::{Digest, RecordId, RobotKey};
use tokio::sync::watch;

use crate::{
    Append, AppendError, Delivered, Delivery, EmbeddedLog, Health, HeldBefore, KafkaLog, LetterCopy, LogIdentity,
    OpenReport, ReadError, ReadItem, ReleaseError, Released, Share, Spool, embedded, kafka, spool,
};

/// An open log.
#[derive(Debug)]
pub enum Log {
    /// Kept in the files of one directory.
    Embedded(EmbeddedLog),
    /// Kept in a topic of Apache Kafka; perhaps with a spool for when that is away.
    Kafka(KafkaLog, Option<Spool>),
}

/// Appends to a log; clones append to the same one.
#[derive(Debug, Clone)]
pub enum Appender {
    /// To files.
    Embedded(embedded::Appender),
    /// To Kafka.
    Kafka(kafka::Appender),
    /// To Kafka, or to the spool while that is away.
    Spooled(spool::Appender),
}

/// Appends of one sender that must not overtake each other, though some may be refused.
///
/// After one of its batches was refused, all later ones are refused with [`AppendError::Interrupted`]: whoever
/// pipelines batches must re-send from the refused one on, and does so on a new lane.
#[derive(Debug)]
pub enum Lane {
    /// To files.
    Embedded(embedded::Lane),
    /// To Kafka; whether a batch was refused.
    Kafka(kafka::Appender, Arc<AtomicBool>),
    /// To Kafka, or to the spool while that is away; whether a batch was refused.
    Spooled(spool::Appender, Arc<AtomicBool>),
}

/// Reads some partitions of a log from given offsets on.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are one or two of them in a process")]
pub enum Reader {
    /// From files.
    Embedded(embedded::Reader),
    /// From Kafka.
    Kafka(kafka::Reader),
}

impl Log {
    /// Which log it is.
    pub fn identity(&self) -> LogIdentity {
        match self {
            Self::Embedded(log) => log.identity(),
            Self::Kafka(log, _) => log.identity(),
        }
    }

    /// What the start found damaged or torn, where the log is kept in files.
    pub fn report(&self) -> Option<&OpenReport> {
        match self {
            Self::Embedded(log) => Some(log.report()),
            Self::Kafka(..) => None,
        }
    }

    /// What waits because Kafka is away; `None` where there is no spool.
    pub fn spool(&self) -> Option<&Spool> {
        match self {
            Self::Kafka(_, spool) => spool.as_ref(),
            Self::Embedded(_) => None,
        }
    }

    /// A handle that appends.
    pub fn appender(&self) -> Appender {
        match self {
            Self::Embedded(log) => Appender::Embedded(log.appender()),
            Self::Kafka(log, None) => Appender::Kafka(log.appender()),
            Self::Kafka(_, Some(spool)) => Appender::Spooled(spool.appender()),
        }
    }

    /// A reader of these partitions, each from an offset on; the others are not read.
    ///
    /// # Errors
    /// [`ReadError::NoSuchPartition`], or what keeps the log from being read. That it does not hold an offset (any
    /// more) is told here or by the reader.
    pub fn reader(&self, starts: &[(i32, i64)]) -> Result<Reader, ReadError> {
        match self {
            Self::Embedded(log) => log.reader(starts).map(Reader::Embedded),
            Self::Kafka(log, _) => log.reader(starts).map(Reader::Kafka),
        }
    }

    /// Joins those who share the partitions of this log; a log in files is not shared.
    ///
    /// # Errors
    /// [`ReadError::Log`] if that cannot be asked for.
    pub fn join(&self) -> Result<Share, ReadError> {
        match self {
            Self::Embedded(log) => Ok(Share::whole(log.identity().partitions)),
            Self::Kafka(log, _) => log.join(),
        }
    }

    /// Per partition, the first offset that the log holds, as far as is known here.
    pub fn first_offsets(&self) -> Arc<[i64]> {
        match self {
            Self::Embedded(log) => log.first_offsets(),
            Self::Kafka(log, _) => log.first_offsets(),
        }
    }

    /// Per partition, the offset of the next durable record, as far as is known here; all of our own are.
    pub fn next_offsets(&self) -> Arc<[i64]> {
        match self {
            Self::Embedded(log) => log.next_offsets(),
            Self::Kafka(log, _) => log.next_offsets(),
        }
    }

    /// What the log holds just before each of these places (partition, offset), in their order.
    ///
    /// The lake compares it with what it noted, so that it never goes on in another log.
    ///
    /// # Errors
    /// What keeps the log from being asked at all; per place, [`ReadError::OutOfRange`] if the log ends below it.
    pub async fn held_before(&self, places: &[(i32, i64)]) -> Result<Vec<Result<HeldBefore, ReadError>>, ReadError> {
        match self {
            Self::Embedded(log) => {
                let mut held = Vec::with_capacity(places.len());
                for (partition, offset) in places {
                    held.push(log.held_before(*partition, *offset).await);
                }
                Ok(held)
            }
            Self::Kafka(log, _) => log.held_before(places).await,
        }
    }

    /// Whether appends are taken.
    pub fn health(&self) -> watch::Receiver<Health> {
        match self {
            Self::Embedded(log) => log.health(),
            Self::Kafka(log, None) => log.health(),
            Self::Kafka(_, Some(spool)) => spool.health(),
        }
    }

    /// Tells that records below these next offsets are not needed any more. Kafka has a retention of its own.
    ///
    /// # Errors
    /// [`ReleaseError`]; what was removed before stays removed.
    pub async fn release(&self, progress: &[(i32, i64)]) -> Result<Released, ReleaseError> {
        match self {
            Self::Embedded(log) => log.release(progress).await,
            Self::Kafka(..) => Ok(Released::default()),
        }
    }

    /// Whether dead letters are copied for other programs; those of a log in files are only in the lake.
    pub fn copies_letters(&self) -> bool {
        matches!(self, Self::Kafka(log, _) if log.copies_letters())
    }

    /// Copies dead letters for other programs, and waits until the copies are durable.
    ///
    /// # Errors
    /// [`AppendError`]: some copies may have been made.
    pub async fn copy_letters(&self, letters: &[LetterCopy]) -> Result<(), AppendError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Kafka(log, _) => log.copy_letters(letters).await,
        }
    }

    /// Ends the log: refuses new appends and finishes what is queued.
    pub async fn close(self) {
        match self {
            Self::Embedded(log) => log.close().await,
            Self::Kafka(log, spool) => {
                if let Some(spool) = spool {
                    spool.close().await;
                }
                log.close().await;
            }
        }
    }
}

impl Appender {
    /// Number of partitions.
    pub fn partitions(&self) -> i32 {
        match self {
            Self::Embedded(appender) => appender.partitions(),
            Self::Kafka(appender) => appender.partitions(),
            Self::Spooled(appender) => appender.partitions(),
        }
    }

    /// The partition of a robot's records.
    pub fn partition_of(&self, robot: &RobotKey) -> i32 {
        partition_of(robot.as_str().as_bytes(), self.partitions())
    }

    /// Begins a lane.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Embedded(appender) => Lane::Embedded(appender.lane()),
            Self::Kafka(appender) => Lane::Kafka(appender.clone(), Arc::default()),
            Self::Spooled(appender) => Lane::Spooled(appender.clone(), Arc::default()),
        }
    }

    /// Waits until there is room, and queues a batch; it is durable when the delivery resolves.
    ///
    /// One caller's batches are written in the order of its calls. A call that is dropped while it waits has
    /// queued nothing.
    ///
    /// # Errors
    /// What is wrong with the batch itself, or [`AppendError::Closed`]; trouble with the storage comes with the delivery.
    pub async fn enqueue(&self, batch: Vec<Append>) -> Result<Delivery, AppendError> {
        match self {
            Self::Embedded(appender) => appender.enqueue(batch).await,
            Self::Kafka(appender) => appender.enqueue(batch, &Arc::default()).await,
            Self::Spooled(appender) => appender.enqueue(batch, &Arc::default()).await,
        }
    }

    /// Appends a batch and waits until it is durable.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, batch: Vec<Append>) -> Result<Delivered, AppendError> {
        self.enqueue(batch).await?.await
    }

    /// Appends a control record to one partition: after its offset the configuration `digest` is in force there.
    ///
    /// # Errors
    /// It was not appended; see [`AppendError`].
    pub async fn append_control(
        &self,
        partition: i32,
        id: RecordId,
        received_at_us: i64,
        digest: Digest,
    ) -> Result<Delivered, AppendError> {
        match self {
            Self::Embedded(appender) => appender.append_control(partition, id, received_at_us, digest).await,
            Self::Kafka(appender) => appender.append_control(partition, id, received_at_us, digest).await,
            Self::Spooled(appender) => appender.append_control(partition, id, received_at_us, digest).await,
        }
    }
}

impl From<embedded::Appender> for Appender {
    fn from(appender: embedded::Appender) -> Self {
        Self::Embedded(appender)
    }
}

impl From<kafka::Appender> for Appender {
    fn from(appender: kafka::Appender) -> Self {
        Self::Kafka(appender)
    }
}

impl From<spool::Appender> for Appender {
    fn from(appender: spool::Appender) -> Self {
        Self::Spooled(appender)
    }
}

impl Lane {
    /// As [`Appender::enqueue`], without overtaking what was refused.
    ///
    /// # Errors
    /// As [`Appender::enqueue`], and [`AppendError::Interrupted`].
    pub async fn enqueue(&self, batch: Vec<Append>) -> Result<Delivery, AppendError> {
        match self {
            Self::Embedded(lane) => lane.enqueue(batch).await,
            Self::Kafka(appender, refused) => appender.enqueue(batch, refused).await,
            Self::Spooled(appender, refused) => appender.enqueue(batch, refused).await,
        }
    }
}

impl Reader {
    /// The next offset of each partition that is read.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        match self {
            Self::Embedded(reader) => reader.positions(),
            Self::Kafka(reader) => reader.positions(),
        }
    }

    /// Durable records that this reader has not given yet, as far as is known here.
    pub fn lag_records(&self) -> i64 {
        match self {
            Self::Embedded(reader) => reader.lag_records(),
            Self::Kafka(reader) => reader.lag_records(),
        }
    }

    /// Whether it has given everything that is known to be durable.
    pub fn is_caught_up(&self) -> bool {
        match self {
            Self::Embedded(reader) => reader.is_caught_up(),
            Self::Kafka(reader) => reader.is_caught_up(),
        }
    }

    /// Waits until something durable is there, and gives about `max_bytes` of it, at least one record. Kafka gives up
    /// to 4 MiB at a time.
    ///
    /// The items of a partition adjoin: what is damaged or missing comes as [`ReadItem::Lost`]. Nothing is lost if the
    /// call is dropped while it waits.
    ///
    /// # Errors
    /// [`ReadError::Closed`] after the last record of a closed log; else what keeps it from being read.
    pub async fn next(&mut self, max_bytes: usize) -> Result<Vec<ReadItem>, ReadError> {
        match self {
            Self::Embedded(reader) => reader.next(max_bytes).await,
            Self::Kafka(reader) => reader.next().await,
        }
    }
}
