//! What the drain has sent of one partition, and what of it Kafka has confirmed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::AppendError;
use crate::kafka::InFlight;

/// How far the drain of one partition is.
#[derive(Debug)]
pub(crate) struct Outstanding {
    /// The first offset of the spool that Kafka has not confirmed.
    pub(crate) confirmed: i64,
    /// The next offset to send.
    pub(crate) sent: i64,
    batches: VecDeque<Sent>,
    bytes: usize,
    /// When a report came last, or the first batch was sent after none was out.
    moved: Instant,
    /// Whether reports stay away: nothing more is sent until all have come.
    is_stalled: bool,
    refusal: Option<AppendError>,
}

#[derive(Debug)]
struct Sent {
    in_flight: Arc<InFlight>,
    end: i64,
    bytes: usize,
}

impl Outstanding {
    pub(crate) fn new(confirmed: i64) -> Self {
        Self {
            confirmed,
            sent: confirmed,
            batches: VecDeque::new(),
            bytes: 0,
            moved: Instant::now(),
            is_stalled: false,
            refusal: None,
        }
    }

    /// A batch was sent; the spool goes on at `end`.
    pub(crate) fn push(&mut self, in_flight: Arc<InFlight>, end: i64, bytes: usize) {
        if self.batches.is_empty() {
            self.moved = Instant::now();
        }
        self.batches.push_back(Sent { in_flight, end, bytes });
        self.bytes += bytes;
        self.sent = end;
    }

    /// Nothing can be read up to `end`: what was there is lost.
    pub(crate) fn pass_over(&mut self, end: i64) {
        self.sent = end;
        if self.batches.is_empty() {
            self.confirmed = end;
        }
    }

    /// Goes on behind what Kafka got in another way, if that is what comes next; whether it is.
    pub(crate) fn skip(&mut self, got: &Range<i64>) -> bool {
        let is_next = self.batches.is_empty() && self.confirmed == got.start && self.sent == got.start;
        if is_next {
            (self.confirmed, self.sent) = (got.end, got.end);
        }
        is_next
    }

    /// Takes the reports that have come. After a refusal, which this returns once all reports are there, the drain goes
    /// back to what was refused.
    pub(crate) fn look(&mut self, grace: Duration) -> Option<AppendError> {
        while let Some(oldest) = self.batches.pop_front_if(|oldest| oldest.in_flight.is_reported()) {
            let Sent { in_flight, end, bytes } = oldest;
            self.bytes -= bytes;
            self.moved = Instant::now();
            if self.refusal.is_none() {
                self.refusal = in_flight.refusal();
            }
            if self.refusal.is_none() {
                self.confirmed = end;
            }
        }
        self.is_stalled = !self.batches.is_empty() && (self.is_stalled || self.moved.elapsed() > grace);
        if !self.batches.is_empty() {
            return None;
        }
        match self.refusal.take() {
            Some(refusal) => {
                self.sent = self.confirmed;
                Some(refusal)
            }
            None => {
                self.confirmed = self.sent;
                None
            }
        }
    }

    /// Whether more may be sent, within the window.
    pub(crate) fn is_flowing(&self) -> bool {
        !self.is_stalled && self.refusal.is_none()
    }

    /// Bytes that wait for their reports.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all that was sent is confirmed.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// For how long no report has come; zero if none is waited for.
    pub(crate) fn silent(&self) -> Duration {
        if self.batches.is_empty() { Duration::ZERO } else { self.moved.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::*;
    use crate::kafka::flow_for_tests;

    const GRACE: Duration = Duration::from_secs(60);

    /// One that was sent three batches of two records from offset 10 on.
    fn sent() -> (Outstanding, Vec<Arc<InFlight>>) {
        let (flow, mut partition) = (flow_for_tests(), Outstanding::new(10));
        let batches: Vec<_> = (0..3).map(|_| InFlight::new(&flow, 2, None, None)).collect();
        for (end, batch) in [12, 14, 16].into_iter().zip(&batches) {
            partition.push(Arc::clone(batch), end, 100);
        }
        (partition, batches)
    }

    fn confirm(batch: &InFlight) {
        batch.delivered(0, 1);
        batch.delivered(0, 2);
    }

    #[test]
    fn only_what_is_confirmed_without_a_hole_is_drained() {
        let (mut partition, batches) = sent();
        confirm(&batches[1]);
        assert_eq!(partition.look(GRACE), None);
        assert_eq!((partition.confirmed, partition.sent, partition.bytes()), (10, 16, 300));
        confirm(&batches[0]);
        partition.look(GRACE);
        assert_eq!((partition.confirmed, partition.bytes()), (14, 100));
        partition.pass_over(20);
        confirm(&batches[2]);
        partition.look(GRACE);
        assert_eq!(
            (partition.confirmed, partition.sent, partition.is_empty()),
            (20, 20, true),
            "lost ones are passed over"
        );
    }

    #[test]
    fn what_kafka_got_in_another_way_is_skipped_only_where_it_is_next() {
        let (mut partition, batches) = sent();
        assert!(!partition.skip(&(10..12)), "it is under way");
        batches.iter().for_each(|batch| confirm(batch));
        partition.look(GRACE);
        assert!(!partition.skip(&(17..19)) && partition.skip(&(16..19)));
        assert_eq!((partition.confirmed, partition.sent), (19, 19));
    }

    #[test]
    fn after_a_refusal_the_drain_goes_back_once_nothing_is_under_way() {
        let (mut partition, batches) = sent();
        confirm(&batches[0]);
        batches[1].failed(0, &KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
        batches[1].delivered(0, 4);
        assert_eq!(partition.look(GRACE), None, "another one is under way");
        assert!(!partition.is_flowing());
        confirm(&batches[2]);
        assert!(partition.look(GRACE).is_some());
        assert_eq!((partition.confirmed, partition.sent, partition.is_flowing()), (12, 12, true));
    }

    #[test]
    fn a_partition_whose_reports_stay_away_is_left_until_all_have_come() {
        let (mut partition, batches) = sent();
        assert_eq!(partition.look(Duration::ZERO), None);
        assert!(!partition.is_flowing() && partition.silent() > Duration::ZERO);
        batches[..2].iter().for_each(|batch| confirm(batch));
        partition.look(GRACE);
        assert!(!partition.is_flowing(), "one has not come");
        confirm(&batches[2]);
        partition.look(GRACE);
        assert!(partition.is_flowing() && partition.silent() == Duration::ZERO);
    }
}
