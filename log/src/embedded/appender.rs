//! The callers' side: encode, wait for room, queue, and hand back a delivery to wait for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tacho_schemas::partition::partition_of;
use tacho_schemas::{Digest, RecordId, RobotKey};
use tokio::sync::oneshot;

use super::chunk::{Chunk, chunk_bytes_max};
use super::queue::Pending;
use super::shared::Shared;
use crate::{Append, AppendError, Delivered, Delivery};

/// Appends to a log; clones append to the same one.
#[derive(Debug, Clone)]
pub struct Appender {
    pub(crate) shared: Arc<Shared>,
}

/// Appends of one sender that must not overtake each other, though some may be refused.
///
/// After one of its batches was refused, all later ones are refused with [`AppendError::Interrupted`]: whoever
/// pipelines batches must re-send from the refused one on, and does so on a new lane.
#[derive(Debug)]
pub struct Lane {
    appender: Appender,
    failures_seen: u64,
}

impl Appender {
    /// Number of partitions.
    pub fn partitions(&self) -> i32 {
        self.shared.identity.partitions
    }

    /// The partition of a robot's records.
    pub fn partition_of(&self, robot: &RobotKey) -> i32 {
        partition_of(robot.as_str().as_bytes(), self.partitions())
    }

    /// Begins a lane.
    pub fn lane(&self) -> Lane {
        let failures_seen = self.shared.failures.load(Ordering::Acquire);
        Lane { appender: self.clone(), failures_seen }
    }

    /// Waits until there is room, and queues a batch; it is durable when the delivery resolves.
    ///
    /// One caller's batches are written in the order of its calls. A call that is dropped while it waits has
    /// queued nothing.
    ///
    /// # Errors
    /// What is wrong with the batch itself, or [`AppendError::Closed`]; trouble with the storage comes with the delivery.
    pub async fn enqueue(&self, batch: Vec<Append>) -> Result<Delivery, AppendError> {
        self.enqueue_publishes(batch, None).await
    }

    /// Appends a batch and waits until it is durable.
    ///
    /// # Errors
    /// None of the batch was appended; see [`AppendError`].
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
        let record = [Append::control((partition, self.partitions()), id, received_at_us, digest)?];
        let encode = |bytes_max| Chunk::of_one(&record[0], partition, bytes_max);
        self.queue_chunk(chunk_bytes_max(&record), None, encode).await?.await
    }

    async fn enqueue_publishes(&self, batch: Vec<Append>, failures_seen: Option<u64>) -> Result<Delivery, AppendError> {
        let partitions = self.partitions();
        let encode = |bytes_max| Chunk::of_publishes(&batch, partitions, bytes_max);
        self.queue_chunk(chunk_bytes_max(&batch), failures_seen, encode).await
    }

    async fn queue_chunk(
        &self,
        bytes_max: usize,
        failures_seen: Option<u64>,
        encode: impl FnOnce(usize) -> Result<Chunk, AppendError>,
    ) -> Result<Delivery, AppendError> {
        let limit = self.shared.settings.max_group_bytes;
        if bytes_max > limit {
            return Err(AppendError::TooLarge { bytes: bytes_max, limit });
        }
        let permit = self.shared.queue.permit(bytes_max).await?;
        let chunk = encode(bytes_max)?;
        let (done, delivery) = oneshot::channel();
        if chunk.records == 0 {
            // Nothing to make durable; the receiver is right here.
            done.send(Ok(Delivered::default())).unwrap_or_default();
        } else {
            self.shared.queue.push(Pending { chunk, failures_seen, done, permit })?;
        }
        Ok(Delivery(delivery))
    }
}

impl Lane {
    /// As [`Appender::enqueue`], without overtaking what was refused.
    ///
    /// # Errors
    /// As [`Appender::enqueue`].
    pub async fn enqueue(&self, batch: Vec<Append>) -> Result<Delivery, AppendError> {
        self.appender.enqueue_publishes(batch, Some(self.failures_seen)).await
    }

    /// As [`Appender::append`], without overtaking what was refused.
    ///
    /// # Errors
    /// As [`Appender::append`], and [`AppendError::Interrupted`].
    pub async fn append(&self, batch: Vec<Append>) -> Result<Delivered, AppendError> {
        self.enqueue(batch).await?.await
    }
}
