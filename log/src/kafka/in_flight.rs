//! Batches between `send` and their delivery reports: counted in bytes, resolved when the last report has come.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::OwnedSemaphorePermit;
use tracing::error;

use super::offsets::Offsets;
use crate::asker::{Asker, Outcome};
use crate::room::Room;
use crate::{AppendError, Delivered, OffsetRange};

/// The bytes of all batches that wait for their reports, and whether reports come.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) room: Room,
    offsets: Arc<Offsets>,
    /// Records without a report.
    records: AtomicI64,
    began: Instant,
    /// When the last report came, or the first record after none was waiting: milliseconds after `began`.
    moved_ms: AtomicU64,
}

/// One batch on its way.
#[derive(Debug)]
pub(crate) struct InFlight {
    flow: Arc<Flow>,
    /// Whether it goes to the log, and not to a topic beside it.
    is_of_log: bool,
    remaining: AtomicUsize,
    answer: Mutex<Answer>,
}

/// Why Kafka has refused a record.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: AppendError,
    /// The topic takes none of this size.
    pub(crate) is_too_large: bool,
}

#[derive(Debug)]
struct Answer {
    ranges: Vec<OffsetRange>,
    refusal: Option<Refusal>,
    /// Nobody, if what became of the batch is told already or asked of the batch itself.
    asker: Option<Asker>,
    /// Goes back with the last report.
    permit: Option<OwnedSemaphorePermit>,
}

impl Flow {
    pub(crate) fn new(bytes_max: usize, offsets: Arc<Offsets>) -> Self {
        Self {
            room: Room::new(bytes_max),
            offsets,
            records: AtomicI64::new(0),
            began: Instant::now(),
            moved_ms: AtomicU64::new(0),
        }
    }

    /// For how long records have been waiting while no report came; zero if none waits.
    pub(crate) fn stalled(&self) -> Duration {
        if self.records.load(Ordering::Relaxed) <= 0 {
            return Duration::ZERO;
        }
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved_ms.load(Ordering::Relaxed)))
    }

    fn moved(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(ms, Ordering::Relaxed);
    }
}

impl InFlight {
    /// A batch of so many records for the log.
    pub(crate) fn new(
        flow: &Arc<Flow>,
        records: usize,
        permit: Option<OwnedSemaphorePermit>,
        asker: Option<Asker>,
    ) -> Arc<Self> {
        Self::to(true, flow, records, permit, asker)
    }

    /// A batch for a topic beside the log.
    pub(crate) fn elsewhere(flow: &Arc<Flow>, records: usize, permit: OwnedSemaphorePermit, asker: Asker) -> Arc<Self> {
        Self::to(false, flow, records, Some(permit), Some(asker))
    }

    fn to(
        is_of_log: bool,
        flow: &Arc<Flow>,
        records: usize,
        permit: Option<OwnedSemaphorePermit>,
        asker: Option<Asker>,
    ) -> Arc<Self> {
        let answer = Answer { ranges: Vec::new(), refusal: None, asker, permit };
        if flow.records.fetch_add(i64::try_from(records).unwrap_or(0), Ordering::Relaxed) <= 0 {
            flow.moved();
        }
        Arc::new(Self {
            flow: Arc::clone(flow),
            is_of_log,
            remaining: AtomicUsize::new(records),
            answer: Mutex::new(answer),
        })
    }

    /// A record is durable.
    pub(crate) fn delivered(&self, partition: i32, offset: i64) {
        if self.is_of_log {
            self.flow.offsets.raise(partition, offset + 1);
        }
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.ranges.last_mut() {
            Some(range) if range.partition == partition && range.end == offset => range.end += 1,
            _ => answer.ranges.push(OffsetRange { partition, start: offset, end: offset + 1 }),
        }
        drop(answer);
        self.reported(1);
    }

    /// A record will not be durable.
    pub(crate) fn failed(&self, partition: i32, error: &KafkaError) {
        let is_too_large = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
        let error = AppendError::Storage { reason: Arc::from(format!("partition {partition}: {error}")) };
        self.refuse(Refusal { error, is_too_large });
        self.reported(1);
    }

    /// The last `records` of the batch were not sent.
    pub(crate) fn unsent(&self, records: usize, error: AppendError) {
        self.refuse(Refusal { error, is_too_large: false });
        self.reported(records);
    }

    /// Tells whoever asked, before the reports do: the batch is durable elsewhere, or refused.
    pub(crate) fn tell(&self, outcome: Outcome) {
        let asker = self.answer.lock().unwrap_or_else(PoisonError::into_inner).asker.take();
        if let Some(asker) = asker {
            asker.tell(outcome);
        }
    }

    /// Whether all reports have come.
    pub(crate) fn is_reported(&self) -> bool {
        self.remaining.load(Ordering::Acquire) == 0
    }

    /// Whether a batch of the same lane was refused, and nobody was told of this one yet.
    pub(crate) fn is_lane_refused(&self) -> bool {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.asker.as_ref().is_some_and(Asker::is_refused)
    }

    /// Why Kafka has refused a record of it, if it has.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).refusal.clone()
    }

    fn refuse(&self, refusal: Refusal) {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        // What is in the spool is acknowledged, and the spool tells what it is refused.
        if let Some(asker) = &answer.asker {
            metrics::counter!("tacho_log_refused_records_total").increment(1);
            if asker.refuse_lane() {
                error!(error = %refusal.error, "kafka has refused an append");
            }
        }
        answer.refusal.get_or_insert(refusal);
    }

    fn reported(&self, records: usize) {
        self.flow.records.fetch_sub(i64::try_from(records).unwrap_or(0), Ordering::Relaxed);
        if self.remaining.fetch_sub(records, Ordering::AcqRel) != records {
            return;
        }
        self.flow.moved();
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ranges = std::mem::take(&mut answer.ranges);
        let outcome = match answer.refusal.clone() {
            Some(refusal) => Err(refusal.error),
            None => {
                ranges.sort_unstable_by_key(|range| (range.partition, range.start));
                let delivered = Delivered { ranges };
                let count = u64::try_from(delivered.records()).unwrap_or(0);
                if self.is_of_log {
                    metrics::counter!("tacho_log_appended_records_total").increment(count);
                }
                Ok(delivered)
            }
        };
        let (asker, permit) = (answer.asker.take(), answer.permit.take());
        drop(answer);
        if let Some(asker) = asker {
            asker.tell(outcome);
        }
        drop(permit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::Delivery;

    pub(crate) fn flow() -> Arc<Flow> {
        Arc::new(Flow::new(100, Arc::new(Offsets::new(4))))
    }

    async fn batch(
        flow: &Arc<Flow>,
        records: usize,
        bytes: usize,
        lane: &Arc<AtomicBool>,
    ) -> (Arc<InFlight>, Delivery) {
        let (asker, delivery) = Asker::caller(Arc::clone(lane));
        (InFlight::new(flow, records, Some(flow.room.permit(bytes).await.unwrap()), Some(asker)), delivery)
    }

    #[tokio::test]
    async fn a_batch_resolves_with_its_last_report_and_gives_its_bytes_back() {
        let flow = flow();
        let (batch, mut delivery) = batch(&flow, 3, 60, &Arc::default()).await;
        batch.delivered(1, 10);
        batch.delivered(3, 7);
        assert!(delivery.0.try_recv().is_err() && flow.room.used() == 60 && !batch.is_reported());
        batch.delivered(1, 11);
        let delivered = delivery.await.unwrap();
        let range = |partition, start, end| OffsetRange { partition, start, end };
        assert_eq!(delivered.ranges, [range(1, 10, 11), range(1, 11, 12), range(3, 7, 8)]);
        assert_eq!(delivered.places([1, 3, 1]).iter().map(|place| place.offset).collect::<Vec<_>>(), [10, 7, 11]);
        assert_eq!((flow.room.used(), flow.stalled()), (0, Duration::ZERO));
        assert_eq!(flow.offsets.next()[..], [0, 12, 0, 8]);
    }

    #[tokio::test]
    async fn one_refused_record_refuses_its_batch_and_interrupts_its_lane() {
        let flow = flow();
        let lane = Arc::default();
        let (batch, delivery) = batch(&flow, 2, 10, &lane).await;
        batch.failed(1, &KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
        batch.delivered(1, 4);
        assert!(matches!(delivery.await, Err(AppendError::Storage { .. })));
        assert!(lane.load(Ordering::Relaxed) && batch.refusal().is_some());
    }

    #[tokio::test]
    async fn what_is_durable_elsewhere_is_told_before_the_reports_and_keeps_its_bytes_until_they_come() {
        let flow = flow();
        let lane = Arc::default();
        let (batch, delivery) = batch(&flow, 1, 60, &lane).await;
        batch.tell(Ok(Delivered::default()));
        assert_eq!(delivery.await, Ok(Delivered::default()));
        assert!(!batch.is_reported() && flow.room.used() == 60);
        batch.failed(1, &KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
        assert!(batch.is_reported() && flow.room.used() == 0);
        assert!(!lane.load(Ordering::Relaxed), "nobody was refused anything");
    }
}
