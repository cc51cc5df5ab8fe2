//! Whoever waits for what becomes of a batch, or of its part for one partition: told once, by whichever place makes it
//! durable first.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{AppendError, Delivered, Delivery};

/// What becomes of a batch.
pub(crate) type Outcome = Result<Delivered, AppendError>;

/// Who is told.
#[derive(Debug)]
pub(crate) struct Asker {
    told: Told,
    /// Whether a batch of the same lane was refused: none after it may go on.
    lane_refused: Arc<AtomicBool>,
    /// Goes back once the asker is told.
    room: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Told {
    Caller(oneshot::Sender<Outcome>),
    Part(Arc<Whole>),
}

/// A batch whose parts go different ways; the caller is told when the last one is decided.
#[derive(Debug)]
struct Whole {
    undecided: AtomicUsize,
    sum: Mutex<Sum>,
}

#[derive(Debug)]
struct Sum {
    outcome: Outcome,
    caller: Option<oneshot::Sender<Outcome>>,
}

impl Asker {
    /// Whoever appends a batch.
    pub(crate) fn caller(lane_refused: Arc<AtomicBool>) -> (Self, Delivery) {
        let (done, delivery) = oneshot::channel();
        (Self { told: Told::Caller(done), lane_refused, room: None }, Delivery(delivery))
    }

    /// One asker for each of so many parts of a batch.
    pub(crate) fn parts(parts: usize, lane_refused: &Arc<AtomicBool>) -> (Vec<Self>, Delivery) {
        if parts == 1 {
            let (asker, delivery) = Self::caller(Arc::clone(lane_refused));
            return (vec![asker], delivery);
        }
        let (done, delivery) = oneshot::channel();
        let sum = Mutex::new(Sum { outcome: Ok(Delivered::default()), caller: Some(done) });
        let whole = Arc::new(Whole { undecided: AtomicUsize::new(parts), sum });
        let asker = |_| {
            let told = Told::Part(Arc::clone(&whole));
            Self { told, lane_refused: Arc::clone(lane_refused), room: None }
        };
        ((0..parts).map(asker).collect(), Delivery(delivery))
    }

    /// The same, with bytes that it keeps until it is told.
    pub(crate) fn with_room(mut self, room: Option<OwnedSemaphorePermit>) -> Self {
        self.room = room;
        self
    }

    /// Marks the lane as one that must not go on; whether it was one that might until now.
    pub(crate) fn refuse_lane(&self) -> bool {
        !self.lane_refused.swap(true, Ordering::AcqRel)
    }

    /// Whether a batch of the same lane was refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.lane_refused.load(Ordering::Acquire)
    }

    /// Tells what became of it. A refusal holds for its lane before anyone hears of it.
    pub(crate) fn tell(self, outcome: Outcome) {
        if outcome.is_err() {
            self.refuse_lane();
        }
        // Whoever asked may have gone. They know before the bytes go to whoever waits for them.
        match self.told {
            Told::Caller(caller) => caller.send(outcome).unwrap_or_default(),
            Told::Part(whole) => whole.add(outcome),
        }
        drop(self.room);
    }
}

impl Whole {
    fn add(&self, part: Outcome) {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut sum.outcome, part) {
            (Ok(whole), Ok(part)) => whole.ranges.extend(part.ranges),
            (Ok(_), Err(error)) => sum.outcome = Err(error),
            (Err(_), _) => {}
        }
        if self.undecided.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let outcome = std::mem::replace(&mut sum.outcome, Err(AppendError::Closed));
        if let Some(caller) = sum.caller.take() {
            caller.send(outcome).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OffsetRange;

    #[tokio::test]
    async fn a_batch_is_durable_when_all_of_its_parts_are() {
        let lane = Arc::default();
        let (mut parts, mut delivery) = Asker::parts(2, &lane);
        let ranges = vec![OffsetRange { partition: 3, start: 7, end: 9 }];
        parts.pop().unwrap().tell(Ok(Delivered { ranges: ranges.clone() }));
        assert!(delivery.0.try_recv().is_err(), "the other part is undecided");
        parts.pop().unwrap().tell(Ok(Delivered::default()));
        assert_eq!(delivery.await, Ok(Delivered { ranges }));
        assert!(!lane.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn one_refused_part_refuses_the_batch_and_its_lane() {
        let lane = Arc::default();
        let (mut parts, delivery) = Asker::parts(2, &lane);
        parts.pop().unwrap().tell(Err(AppendError::Interrupted));
        assert!(parts[0].is_refused(), "before anyone hears of it");
        parts.pop().unwrap().tell(Ok(Delivered::default()));
        assert_eq!(delivery.await, Err(AppendError::Interrupted));
    }
}
