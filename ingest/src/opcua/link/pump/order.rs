//! The order of a subscription's messages: which is the next, which came before, and which cannot be one of it.
//!
//! A server that was started anew, or another client's subscription, may have the same number and begins with messages
//! of its own: what has an old number and did not come before is none of ours, and must not be taken for it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::opcua::journal::after;
use crate::opcua::value::{OVERFLOW, Sample, Value};

/// Messages that are recognised when they come again: far more than are on their way at a time.
const RECENT_MAX: usize = 256;

/// How far a subscription's messages are in the journal.
#[derive(Debug)]
pub(super) struct Order {
    expected: u32,
    /// Samples of the expected message that are in the journal already.
    part: usize,
    /// Numbers and digests of the last messages.
    recent: VecDeque<(u32, u64)>,
}

/// Where a message belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the expected one.
    Next,
    /// Others that lie before it did not come.
    Ahead,
    /// It came before.
    Again,
    /// It is of a subscription that is not ours.
    Alien,
}

impl Order {
    /// Of a subscription that expects a message, of which some samples are in the journal already.
    pub(super) fn expecting(expected: u32, part: usize) -> Self {
        Self { expected, part, recent: VecDeque::new() }
    }

    /// Sequence number of the next message.
    pub(super) fn expected(&self) -> u32 {
        self.expected
    }

    /// Samples of the next message that are in the journal already.
    pub(super) fn part(&self) -> usize {
        self.part
    }

    /// Where a message with data belongs.
    pub(super) fn place(&self, sequence: u32, samples: &[Sample]) -> Place {
        let known = |(number, known): &(u32, u64)| *number == sequence && *known == digest(samples);
        match self.steps_to(sequence) {
            0 => Place::Next,
            1.. => Place::Ahead,
            _ if self.recent.iter().any(known) => Place::Again,
            _ => Place::Alien,
        }
    }

    /// Where a keep-alive belongs. It has the number of the next message; some servers send that of the last, or none.
    pub(super) fn place_of_keep_alive(&self, sequence: u32) -> Place {
        match self.steps_to(sequence) {
            _ if sequence == 0 => Place::Again,
            0 => Place::Next,
            1.. => Place::Ahead,
            -1 => Place::Again,
            _ if self.recent.iter().any(|(number, _)| *number == sequence) => Place::Again,
            _ => Place::Alien,
        }
    }

    /// A message is in the journal.
    pub(super) fn stored(&mut self, sequence: u32, samples: &[Sample]) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((sequence, digest(samples)));
        self.skip_to(after(sequence));
    }

    /// What lies before a message is given up.
    pub(super) fn skip_to(&mut self, sequence: u32) {
        (self.expected, self.part) = (sequence, 0);
    }

    /// How far a number lies ahead, over the turn from the greatest to 1.
    fn steps_to(&self, sequence: u32) -> i32 {
        sequence.wrapping_sub(self.expected).cast_signed()
    }
}

fn digest(samples: &[Sample]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for sample in samples {
        // An overflow is marked here as well.
        let status = sample.status & !OVERFLOW;
        (sample.signal, status, sample.source_us, sample.server_us).hash(&mut hasher);
        match &sample.value {
            Value::Number(number) => number.to_bits().hash(&mut hasher),
            Value::Bool(truth) => truth.hash(&mut hasher),
            Value::Text(text) => text.hash(&mut hasher),
            Value::Null | Value::Unusable => {}
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(value: f64) -> Vec<Sample> {
        vec![Sample { signal: 0, status: 0, value: Value::Number(value), source_us: Some(1), server_us: None }]
    }

    #[test]
    fn a_message_that_came_before_is_known_and_another_of_its_number_is_not() {
        let mut order = Order::expecting(500, 0);
        assert_eq!(order.place(500, &samples(1.0)), Place::Next);
        order.stored(500, &samples(1.0));
        assert_eq!(order.place(500, &samples(1.0)), Place::Again);
        assert_eq!(order.place(500, &samples(2.0)), Place::Alien, "the same number in another life");
        assert_eq!(order.place(1, &samples(1.0)), Place::Alien, "a server that was started anew");
        assert_eq!(order.place(502, &samples(1.0)), Place::Ahead);
    }

    #[test]
    fn a_keep_alive_with_a_number_of_long_ago_is_of_another_subscription() {
        let mut order = Order::expecting(500, 0);
        order.stored(500, &samples(1.0));
        order.stored(501, &samples(2.0));
        let places = [0, 500, 501, 502, 503, 2].map(|sequence| order.place_of_keep_alive(sequence));
        assert_eq!(places, [Place::Again, Place::Again, Place::Again, Place::Next, Place::Ahead, Place::Alien]);
    }

    #[test]
    fn numbers_turn_from_the_greatest_to_1() {
        let mut order = Order::expecting(u32::MAX, 0);
        order.stored(u32::MAX, &samples(1.0));
        assert_eq!((order.expected(), order.place(1, &samples(2.0))), (1, Place::Next));
        assert_eq!(order.place(u32::MAX, &samples(1.0)), Place::Again);
    }
}
