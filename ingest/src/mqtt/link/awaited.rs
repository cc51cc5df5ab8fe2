//! What the router waits for, in its order: it drops a link that acknowledges out of order, so early answers are
//! held back until those before them have come.

use std::collections::VecDeque;

use rumqttd::protocol::{Packet, PubAck, PubAckReason, PubComp, PubCompReason, PubRec, PubRecReason};

use crate::mqtt::router::{RouterGone, RouterLink};

/// An answer to the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// PUBACK.
    Acknowledged,
    /// PUBREC.
    Received,
    /// PUBCOMP.
    Completed,
}

/// Identifiers that the router waits for, oldest first, with the answers that have come.
#[derive(Debug, Default)]
pub(super) struct Awaited(VecDeque<(u16, Option<Step>)>);

impl Awaited {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// One more, perhaps answered already.
    pub(super) fn expect(&mut self, pkid: u16, answer: Option<Step>) {
        self.0.push_back((pkid, answer));
    }

    /// Whether this one has no answer yet.
    pub(super) fn is_waiting(&self, pkid: u16) -> bool {
        self.0.contains(&(pkid, None))
    }

    /// Notes an answer; `false` if nobody waits for it.
    pub(super) fn answer(&mut self, pkid: u16, step: Step) -> bool {
        let waiting = self.0.iter_mut().find(|awaited| **awaited == (pkid, None));
        waiting.map(|awaited| awaited.1 = Some(step)).is_some()
    }

    /// Gives the answers whose turn it is.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(super) fn settle(&mut self, link: &mut RouterLink) -> Result<(), RouterGone> {
        while let Some((pkid, step)) = self.turn() {
            link.give(packet(pkid, step))?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Option<(u16, Step)> {
        let (pkid, step) = *self.0.front()?;
        let step = step?;
        self.0.pop_front();
        Some((pkid, step))
    }
}

fn packet(pkid: u16, step: Step) -> Packet {
    match step {
        Step::Acknowledged => {
            let reason = PubAckReason::Success;
            Packet::PubAck(PubAck { pkid, reason }, None)
        }
        Step::Received => {
            let reason = PubRecReason::Success;
            Packet::PubRec(PubRec { pkid, reason }, None)
        }
        Step::Completed => {
            let reason = PubCompReason::Success;
            Packet::PubComp(PubComp { pkid, reason }, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_out_in_the_order_of_the_questions() {
        let mut awaited = Awaited::default();
        awaited.expect(1, None);
        awaited.expect(2, None);
        assert!(awaited.answer(2, Step::Received));
        assert!(!awaited.answer(2, Step::Received) && !awaited.answer(3, Step::Acknowledged));
        assert_eq!(awaited.turn(), None);
        assert!(awaited.is_waiting(1) && awaited.answer(1, Step::Acknowledged));
        assert_eq!(awaited.turn(), Some((1, Step::Acknowledged)));
        assert_eq!(awaited.turn(), Some((2, Step::Received)));
        assert_eq!((awaited.turn(), awaited.len()), (None, 0));
    }
}
