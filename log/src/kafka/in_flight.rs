//! Batches between `send` and their delivery reports: counted in bytes, resolved when the last report has come.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::error;

use super::offsets::Offsets;
use crate::{AppendError, Delivered, OffsetRange};

/// The bytes of all batches that wait for their reports, and whether reports come.
#[derive(Debug)]
pub(crate) struct Flow {
    permits: Arc<Semaphore>,
    bytes_max: usize,
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
    /// Whether a batch of the same lane was refused: none after it may go on.
    lane_refused: Arc<AtomicBool>,
    answer: Mutex<Answer>,
}

#[derive(Debug)]
struct Answer {
    ranges: Vec<OffsetRange>,
    error: Option<AppendError>,
    done: Option<oneshot::Sender<Result<Delivered, AppendError>>>,
    /// Goes back with the last report.
    permit: Option<OwnedSemaphorePermit>,
}

impl Flow {
    pub(crate) fn new(bytes_max: usize, offsets: Arc<Offsets>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
            offsets,
            records: AtomicI64::new(0),
            began: Instant::now(),
            moved_ms: AtomicU64::new(0),
        }
    }

    /// Waits, in the order of the calls, until this many bytes may be sent.
    pub(crate) async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AppendError> {
        let limit = self.bytes_max;
        let too_large = AppendError::TooLarge { bytes, limit };
        if bytes > limit {
            return Err(too_large);
        }
        let wanted = u32::try_from(bytes).map_err(|_too_many| too_large)?;
        Arc::clone(&self.permits).acquire_many_owned(wanted).await.map_err(|_closed| AppendError::Closed)
    }

    /// Bytes that wait for their reports.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.bytes_max.saturating_sub(self.permits.available_permits())
    }

    /// For how long records have been waiting while no report came; zero if none waits.
    pub(crate) fn stalled(&self) -> Duration {
        if self.records.load(Ordering::Relaxed) <= 0 {
            return Duration::ZERO;
        }
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved_ms.load(Ordering::Relaxed)))
    }

    /// Refuses all appends from now on.
    pub(crate) fn close(&self) {
        self.permits.close();
    }

    fn moved(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(ms, Ordering::Relaxed);
    }
}

impl InFlight {
    /// A batch of so many records, and its answer.
    pub(crate) fn new(
        flow: &Arc<Flow>,
        records: usize,
        permit: OwnedSemaphorePermit,
        lane_refused: Arc<AtomicBool>,
    ) -> (Arc<Self>, oneshot::Receiver<Result<Delivered, AppendError>>) {
        Self::to(true, flow, records, permit, lane_refused)
    }

    /// A batch for a topic beside the log.
    pub(crate) fn elsewhere(
        flow: &Arc<Flow>,
        records: usize,
        permit: OwnedSemaphorePermit,
    ) -> (Arc<Self>, oneshot::Receiver<Result<Delivered, AppendError>>) {
        Self::to(false, flow, records, permit, Arc::default())
    }

    fn to(
        is_of_log: bool,
        flow: &Arc<Flow>,
        records: usize,
        permit: OwnedSemaphorePermit,
        lane_refused: Arc<AtomicBool>,
    ) -> (Arc<Self>, oneshot::Receiver<Result<Delivered, AppendError>>) {
        let (done, delivery) = oneshot::channel();
        let answer = Answer { ranges: Vec::new(), error: None, done: Some(done), permit: Some(permit) };
        if flow.records.fetch_add(i64::try_from(records).unwrap_or(0), Ordering::Relaxed) <= 0 {
            flow.moved();
        }
        let batch = Self {
            flow: Arc::clone(flow),
            is_of_log,
            remaining: AtomicUsize::new(records),
            lane_refused,
            answer: Mutex::new(answer),
        };
        (Arc::new(batch), delivery)
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
        self.refuse(AppendError::Storage { reason: Arc::from(format!("partition {partition}: {error}")) });
        self.reported(1);
    }

    /// The last `records` of the batch were not sent.
    pub(crate) fn unsent(&self, records: usize, error: AppendError) {
        self.refuse(error);
        self.reported(records);
    }

    fn refuse(&self, refusal: AppendError) {
        if !self.lane_refused.swap(true, Ordering::AcqRel) {
            error!(error = %refusal, "kafka has refused an append");
        }
        metrics::counter!("tacho_log_refused_records_total").increment(1);
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.error.get_or_insert(refusal);
    }

    fn reported(&self, records: usize) {
        self.flow.records.fetch_sub(i64::try_from(records).unwrap_or(0), Ordering::Relaxed);
        if self.remaining.fetch_sub(records, Ordering::AcqRel) != records {
            return;
        }
        self.flow.moved();
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ranges = std::mem::take(&mut answer.ranges);
        let result = match answer.error.take() {
            Some(error) => Err(error),
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
        let (done, permit) = (answer.done.take(), answer.permit.take());
        drop(answer);
        // Whoever asked may have gone. They know before the bytes go to whoever waits for them.
        if let Some(done) = done {
            done.send(result).unwrap_or_default();
        }
        drop(permit);
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    fn flow() -> Arc<Flow> {
        Arc::new(Flow::new(100, Arc::new(Offsets::new(4))))
    }

    fn lane() -> Arc<AtomicBool> {
        Arc::new(AtomicBool::new(false))
    }

    #[tokio::test]
    async fn a_batch_resolves_with_its_last_report_and_gives_its_bytes_back() {
        let flow = flow();
        let (batch, mut delivery) = InFlight::new(&flow, 3, flow.permit(60).await.unwrap(), lane());
        batch.delivered(1, 10);
        batch.delivered(3, 7);
        assert!(delivery.try_recv().is_err() && flow.pending_bytes() == 60);
        batch.delivered(1, 11);
        let delivered = delivery.await.unwrap().unwrap();
        let range = |partition, start, end| OffsetRange { partition, start, end };
        assert_eq!(delivered.ranges, [range(1, 10, 11), range(1, 11, 12), range(3, 7, 8)]);
        assert_eq!(delivered.places([1, 3, 1]).iter().map(|place| place.offset).collect::<Vec<_>>(), [10, 7, 11]);
        assert_eq!((flow.pending_bytes(), flow.stalled()), (0, Duration::ZERO));
        assert_eq!(flow.offsets.next()[..], [0, 12, 0, 8]);
    }

    #[tokio::test]
    async fn one_refused_record_refuses_its_batch_and_interrupts_its_lane() {
        let flow = flow();
        let lane = lane();
        let (batch, delivery) = InFlight::new(&flow, 2, flow.permit(10).await.unwrap(), Arc::clone(&lane));
        batch.failed(1, &KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
        batch.delivered(1, 4);
        assert!(matches!(delivery.await.unwrap(), Err(AppendError::Storage { .. })));
        assert!(lane.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_a_closed_log_takes_nothing() {
        let flow = flow();
        assert_eq!(flow.permit(101).await.unwrap_err(), AppendError::TooLarge { bytes: 101, limit: 100 });
        let held = flow.permit(80).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), flow.permit(30)).await.is_err());
        drop(held);
        flow.close();
        assert_eq!(flow.permit(1).await.unwrap_err(), AppendError::Closed);
    }
}
