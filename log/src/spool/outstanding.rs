//! What the drain has sent of one partition, and what of it Kafka has confirmed.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::steps::Steps;
use crate::kafka::{InFlight, Refusal};

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
    refusal: Option<Refusal>,
    /// Bytes from the first refused batch on.
    refused_bytes: usize,
    /// How it goes on after a refusal; `None`: with a whole window ahead of the reports.
    steps: Option<Steps>,
}

#[derive(Debug)]
struct Sent {
    in_flight: Arc<InFlight>,
    end: i64,
    bytes: usize,
}

/// What Kafka has refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    /// Whether it was one record alone.
    pub(crate) is_record: bool,
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
            refused_bytes: 0,
            steps: None,
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
    pub(crate) fn look(&mut self, grace: Duration) -> Option<Refused> {
        let before = self.confirmed;
        while let Some(oldest) = self.batches.pop_front_if(|oldest| oldest.in_flight.is_reported()) {
            let Sent { in_flight, end, bytes } = oldest;
            self.bytes -= bytes;
            self.moved = Instant::now();
            if self.refusal.is_none() {
                self.refusal = in_flight.refusal();
            }
            match self.refusal {
                None => self.confirmed = end,
                Some(_) => self.refused_bytes += bytes,
            }
        }
        self.is_stalled = !self.batches.is_empty() && (self.is_stalled || self.moved.elapsed() > grace);
        if !self.batches.is_empty() {
            return None;
        }
        match self.refusal.take() {
            Some(refusal) => Some(self.go_back(refusal)),
            None => {
                self.confirmed = self.sent;
                if self.confirmed > before {
                    self.steps.take_if(|steps| steps.taken(self.confirmed));
                }
                None
            }
        }
    }

    fn go_back(&mut self, refusal: Refusal) -> Refused {
        let is_record = self.sent - self.confirmed == 1;
        let bytes = mem::take(&mut self.refused_bytes);
        self.steps = Some(Steps::after_refusal(bytes, self.sent, is_record));
        self.sent = self.confirmed;
        Refused { refusal, is_record }
    }

    /// Whether more may be sent, within the window or in steps.
    pub(crate) fn is_flowing(&self) -> bool {
        !self.is_stalled && self.refusal.is_none()
    }

    /// Sends the next record alone: Kafka may refuse it.
    pub(crate) fn go_alone(&mut self) {
        self.steps = Some(Steps::alone(self.sent + 1));
    }

    /// Whether it goes on in steps.
    pub(crate) fn is_in_steps(&self) -> bool {
        self.steps.is_some()
    }

    /// Bytes of the step that may be sent now.
    pub(crate) fn step(&self) -> Option<usize> {
        self.steps.as_ref().filter(|_| self.is_empty())?.now()
    }

    /// Whether Kafka refuses the record that comes next.
    pub(crate) fn is_refused(&self) -> bool {
        self.steps.as_ref().is_some_and(|steps| steps.retry_at.is_some())
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

    use super::super::steps::SMALLER;
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
        assert!(partition.look(GRACE).is_none());
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

    fn refuse(batch: &InFlight) {
        batch.failed(0, &KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
    }

    #[test]
    fn after_a_refusal_the_drain_goes_back_once_nothing_is_under_way() {
        let (mut partition, batches) = sent();
        confirm(&batches[0]);
        refuse(&batches[1]);
        batches[1].delivered(0, 4);
        assert!(partition.look(GRACE).is_none(), "another one is under way");
        assert!(!partition.is_flowing());
        confirm(&batches[2]);
        let refused = partition.look(GRACE).unwrap();
        assert!(refused.refusal.is_too_large && !refused.is_record, "it may be one of four");
        assert_eq!((partition.confirmed, partition.sent, partition.is_flowing()), (12, 12, true));
        assert_eq!((partition.step(), partition.is_refused()), (Some(200 / SMALLER), false), "smaller, and at once");
    }

    /// Sends a step, and says what becomes of it.
    fn step(partition: &mut Outstanding, end: i64, bytes: usize, become_of: fn(&InFlight)) -> Option<Refused> {
        let step = InFlight::new(&flow_for_tests(), 1, None, None);
        partition.push(Arc::clone(&step), end, bytes);
        assert_eq!((partition.look(GRACE).is_none(), partition.step()), (true, None), "nothing goes behind a step");
        become_of(&step);
        partition.look(GRACE)
    }

    #[test]
    fn steps_find_the_record_that_is_refused_and_grow_once_it_is_taken() {
        let mut partition = Outstanding::new(10);
        assert!(!step(&mut partition, 20, 1_600, refuse).unwrap().is_record);
        let taken = |step: &InFlight| step.delivered(0, 1);
        assert!(step(&mut partition, 12, 200, taken).is_none());
        assert_eq!((partition.confirmed, partition.step()), (12, Some(200)), "it is still ahead");
        assert!(!step(&mut partition, 14, 200, refuse).unwrap().is_record);
        assert_eq!((partition.step(), partition.is_refused()), (Some(25), false));
        assert!(step(&mut partition, 13, 100, refuse).unwrap().is_record, "this is the one");
        assert!(partition.is_refused() && partition.step().is_none(), "it is sent again after a while");
        assert!(partition.is_flowing() && partition.is_in_steps());
        partition.steps.as_mut().unwrap().retry_at = Some(Instant::now());
        assert_eq!(partition.step(), Some(12));
        assert!(step(&mut partition, 13, 100, taken).is_none());
        assert_eq!((partition.is_refused(), partition.step()), (false, Some(24)), "behind it steps grow");
        let mut end = 13;
        while partition.is_in_steps() {
            end += 1;
            step(&mut partition, end, 100, taken);
        }
        assert_eq!((partition.confirmed, end), (29, 29), "until a step would be larger than a read");
    }

    #[test]
    fn a_record_that_goes_alone_waits_for_those_before_it_and_holds_back_those_behind_it() {
        let (mut partition, batches) = sent();
        partition.go_alone();
        assert!(partition.step().is_none() && partition.is_in_steps(), "others are under way");
        batches.iter().for_each(|batch| confirm(batch));
        partition.look(GRACE);
        assert_eq!((partition.step(), partition.is_in_steps()), (Some(1), true));
        assert!(step(&mut partition, 17, 300_000, |step| step.delivered(0, 1)).is_none());
        assert!(!partition.is_in_steps(), "it was taken");
    }

    #[test]
    fn a_partition_whose_reports_stay_away_is_left_until_all_have_come() {
        let (mut partition, batches) = sent();
        assert!(partition.look(Duration::ZERO).is_none());
        assert!(!partition.is_flowing() && partition.silent() > Duration::ZERO);
        batches[..2].iter().for_each(|batch| confirm(batch));
        partition.look(GRACE);
        assert!(!partition.is_flowing(), "one has not come");
        confirm(&batches[2]);
        partition.look(GRACE);
        assert!(partition.is_flowing() && partition.silent() == Duration::ZERO);
    }
}
