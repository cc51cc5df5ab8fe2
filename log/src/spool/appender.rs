//! The callers' side: wait for room, cut a batch into partitions, and give each to its gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tacho_schemas::partition::partition_of;
use tacho_schemas::{Digest, RecordId};

use super::Shared;
use super::gate::Part;
use crate::asker::Asker;
use crate::embedded::chunk_bytes_max;
use crate::{Append, AppendError, Delivered, Delivery};

/// Appends to a log; clones append to the same one. The delivery of what was spooled names no places.
#[derive(Debug, Clone)]
pub struct Appender {
    pub(crate) shared: Arc<Shared>,
}

impl Appender {
    /// Number of partitions.
    pub fn partitions(&self) -> i32 {
        self.shared.kafka.partitions()
    }

    /// Waits until there is room, and hands a batch over; it is durable, in Kafka or in the spool, when the delivery
    /// resolves.
    ///
    /// A call that is dropped while it waits has handed over nothing.
    /// `refused` is of its lane: whether a batch before it was refused, which this one must not overtake.
    ///
    /// # Errors
    /// What is wrong with the batch itself, [`AppendError::Closed`] or [`AppendError::Interrupted`]; trouble of the spool comes with the delivery.
    pub(crate) async fn enqueue(&self, batch: Vec<Append>, refused: &Arc<AtomicBool>) -> Result<Delivery, AppendError> {
        let shared = &*self.shared;
        let bytes = shared.kafka.measured(&batch)?;
        let (written, limit) = (chunk_bytes_max(&batch), shared.settings.group_bytes);
        if written > limit {
            return Err(AppendError::TooLarge { bytes: written, limit });
        }
        let mut room = shared.room.permit(bytes).await?;
        // Not before: while this one waited for room, one before it may have been refused.
        if refused.load(Ordering::Acquire) {
            return Err(AppendError::Interrupted);
        }
        let parts = by_partition(batch, self.partitions());
        if parts.is_empty() {
            let (asker, delivery) = Asker::caller(Arc::clone(refused));
            asker.tell(Ok(Delivered::default()));
            return Ok(delivery);
        }
        let (askers, delivery) = Asker::parts(parts.len(), refused);
        for ((partition, records), asker) in parts.into_iter().zip(askers) {
            let bytes = shared.kafka.measured(&records)?;
            let asker = asker.with_room(room.split(bytes));
            match shared.gate(partition) {
                Some(gate) => gate.take(Part { records, bytes, asker }, shared),
                None => asker.tell(Err(AppendError::NoSuchPartition { partition, partitions: self.partitions() })),
            }
        }
        Ok(delivery)
    }

    /// Appends a control record to one partition, to Kafka whatever waits in the spool: after its offset the
    /// configuration `digest` is in force there.
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
        self.shared.kafka.append_control(partition, id, received_at_us, digest).await
    }
}

/// The records of each partition, in the order of the batch.
fn by_partition(batch: Vec<Append>, partitions: i32) -> Vec<(i32, Vec<Append>)> {
    let mut parts: Vec<(i32, Vec<Append>)> = Vec::new();
    for append in batch {
        let partition = partition_of(append.envelope.robot.as_str().as_bytes(), partitions);
        match parts.iter_mut().find(|(of, _)| *of == partition) {
            Some((_, records)) => records.push(append),
            None => parts.push((partition, vec![append])),
        }
    }
    parts
}
