//! The callers' side: wait for room, then send a whole batch in one go, so that nothing of it overtakes or is left over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::BaseRecord;
use tacho_schemas::partition::partition_of;
use tacho_schemas::{Digest, RawKind, RecordId};
use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use super::in_flight::InFlight;
use super::wire;
use crate::asker::Asker;
use crate::{Append, AppendError, Delivered, Delivery};

/// Pause after a full queue of librdkafka. It is a bound in bytes like ours, so this is rare.
const FULL_PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// Appends to a log; clones append to the same one.
#[derive(Debug, Clone)]
pub struct Appender {
    pub(crate) shared: Arc<Shared>,
}

impl Appender {
    /// Number of partitions.
    pub fn partitions(&self) -> i32 {
        self.shared.identity.partitions
    }

    /// Waits until there is room, and sends a batch; it is durable when the delivery resolves.
    ///
    /// A call that is dropped while it waits has sent nothing.
    /// `refused` is of its lane: whether a batch before it was refused, which this one must not overtake.
    ///
    /// # Errors
    /// What is wrong with the batch itself, [`AppendError::Closed`] or [`AppendError::Interrupted`]; trouble of Kafka comes with the delivery.
    pub(crate) async fn enqueue(&self, batch: Vec<Append>, refused: &Arc<AtomicBool>) -> Result<Delivery, AppendError> {
        let permit = self.shared.flow.room.permit(self.measured(&batch)?).await?;
        // Not before: while this one waited for room, one before it may have been refused.
        if refused.load(Ordering::Acquire) {
            return Err(AppendError::Interrupted);
        }
        let (asker, delivery) = Asker::caller(Arc::clone(refused));
        if batch.is_empty() {
            asker.tell(Ok(Delivered::default()));
            return Ok(delivery);
        }
        let in_flight = InFlight::new(&self.shared.flow, batch.len(), Some(permit), Some(asker));
        let partitions = self.partitions();
        self.send_all(&batch, &in_flight, |append| partition_of(append.envelope.robot.as_str().as_bytes(), partitions));
        Ok(delivery)
    }

    /// Room for so many bytes, if it is there now.
    pub(crate) fn try_permit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.shared.flow.room.try_permit(bytes)
    }

    /// Sends records of one partition; what became of them is asked of the answer.
    pub(crate) fn send_part(
        &self,
        partition: i32,
        records: &[Append],
        permit: Option<OwnedSemaphorePermit>,
        asker: Option<Asker>,
    ) -> Arc<InFlight> {
        let in_flight = InFlight::new(&self.shared.flow, records.len(), permit, asker);
        self.send_all(records, &in_flight, |_| partition);
        in_flight
    }

    fn send_all(&self, records: &[Append], in_flight: &Arc<InFlight>, partition: impl Fn(&Append) -> i32) {
        for (index, append) in records.iter().enumerate() {
            if let Err(error) = self.send(append, partition(append), in_flight) {
                in_flight.unsent(records.len() - index, error);
                break;
            }
        }
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
        let record = Append::control((partition, self.partitions()), id, received_at_us, digest)?;
        let permit = self.shared.flow.room.permit(self.bytes_of(&record)?).await?;
        let (asker, delivery) = Asker::caller(Arc::default());
        self.send_part(partition, &[record], Some(permit), Some(asker));
        delivery.await
    }

    /// Bytes that a batch of publishes takes on its way.
    ///
    /// # Errors
    /// What is wrong with the batch.
    pub(crate) fn measured(&self, batch: &[Append]) -> Result<usize, AppendError> {
        let mut bytes = 0;
        for append in batch {
            if matches!(append.envelope.kind, RawKind::Config(_)) {
                return Err(AppendError::ControlWithoutPartition);
            }
            bytes += self.bytes_of(append)?;
        }
        Ok(bytes)
    }

    /// Bytes that a record takes on its way.
    fn bytes_of(&self, append: &Append) -> Result<usize, AppendError> {
        let bytes = append.payload.len() + wire::overhead_bytes(&append.envelope);
        let limit = self.shared.settings.record_bytes_max;
        if bytes > limit { Err(AppendError::TooLarge { bytes, limit }) } else { Ok(bytes) }
    }

    fn send(&self, append: &Append, partition: i32, in_flight: &Arc<InFlight>) -> Result<(), AppendError> {
        let envelope = &append.envelope;
        let is_control = matches!(envelope.kind, RawKind::Config(_));
        let mut record: BaseRecord<'_, str, [u8], Arc<InFlight>> =
            BaseRecord::with_opaque_to(&self.shared.settings.topic, Arc::clone(in_flight))
                .partition(partition)
                .timestamp(envelope.received_at_us / 1_000)
                .headers(wire::headers(envelope));
        if !is_control {
            record = record.key(envelope.robot.as_str()).payload(&append.payload);
        }
        loop {
            let Err((error, unsent)) = self.shared.producer.send(record) else { return Ok(()) };
            match error {
                // The same record again, before anything else of its lane: nothing is reordered.
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                    std::thread::sleep(FULL_PAUSE);
                    record = unsent;
                }
                other => return Err(AppendError::Storage { reason: Arc::from(other.to_string()) }),
            }
        }
    }
}
