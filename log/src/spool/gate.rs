//! The way of one partition's new records: to Kafka, or to the spool behind what waits there.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::Shared;
use super::backlog::{AskedBy, Waiting};
use crate::asker::Asker;
use crate::kafka::InFlight;
use crate::{Append, AppendError};

/// Records of one partition, and who is told what becomes of them.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) records: Vec<Append>,
    /// Bytes that they take on their way to Kafka.
    pub(crate) bytes: usize,
    pub(crate) asker: Asker,
}

/// One partition.
#[derive(Debug)]
pub(crate) struct Gate {
    partition: i32,
    state: Mutex<State>,
}

/// Where new records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To Kafka.
    Kafka,
    /// To the spool.
    Spool,
    /// Nowhere, for a moment: the drain has caught up, and what it sent last is about to be confirmed.
    Handover {
        /// When it began.
        since: Instant,
    },
}

#[derive(Debug)]
struct State {
    way: Way,
    /// What Kafka was given and has not confirmed, oldest first; the records only until they are spooled as well.
    in_doubt: VecDeque<Sent>,
    /// When a report came last.
    moved: Instant,
    /// Copies of it that are on their way to the disk.
    copying: usize,
    /// Offsets of the spool at which copies of it stand, since the partition turned.
    copies: Option<Range<i64>>,
    /// Whether Kafka has refused any of it since then.
    is_refused: bool,
    /// Parts on their way to the disk.
    to_disk: usize,
    held: VecDeque<Part>,
}

#[derive(Debug)]
struct Sent {
    in_flight: Arc<InFlight>,
    records: Vec<Append>,
    since: Instant,
}

impl Gate {
    pub(crate) fn new(partition: i32, is_behind: bool) -> Self {
        let way = if is_behind { Way::Spool } else { Way::Kafka };
        let state = State {
            way,
            in_doubt: VecDeque::new(),
            moved: Instant::now(),
            copying: 0,
            copies: None,
            is_refused: false,
            to_disk: 0,
            held: VecDeque::new(),
        };
        Self { partition, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.forget_confirmed();
        state
    }

    /// Takes new records; whoever calls first is first.
    pub(crate) fn take(&self, part: Part, shared: &Shared) {
        self.pass(&mut self.state(), part, shared);
    }

    /// Where new records go.
    pub(crate) fn way(&self) -> Way {
        self.state().way
    }

    /// Whether Kafka has confirmed, or refused, all that it was given before the partition turned to the spool, and where
    /// copies of what it confirmed stand has been taken: the drain sends none of it again.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.state();
        state.has_answers() && (state.copies.is_none() || state.is_refused)
    }

    /// Whether nothing is on its way to the disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.state().to_disk == 0
    }

    /// Records in doubt stand in the spool at these offsets, too.
    pub(crate) fn copied(&self, at: Range<i64>) {
        let mut state = self.state();
        match &mut state.copies {
            None => state.copies = Some(at),
            Some(copies) if copies.end == at.start => copies.end = at.end,
            Some(_) => {}
        }
    }

    /// Where in the spool stands what Kafka has confirmed after all; once.
    pub(crate) fn take_confirmed_copies(&self) -> Option<Range<i64>> {
        let mut state = self.state();
        if state.has_answers() && !state.is_refused { state.copies.take() } else { None }
    }

    /// A part is on the disk, or will not be; if it is a copy, and stands there, [`Gate::copied`] was told before.
    pub(crate) fn written(&self, is_copy: bool) {
        let mut state = self.state();
        state.to_disk -= 1;
        state.copying -= usize::from(is_copy);
    }

    /// Turns to the spool if Kafka's reports stay away for longer than `grace`.
    pub(crate) fn turn_if_stalled(&self, grace: Duration, shared: &Shared) {
        let mut state = self.state();
        let waits = state.in_doubt.front().map(|oldest| oldest.since.max(state.moved).elapsed());
        if state.way == Way::Kafka && waits.is_some_and(|waits| waits > grace) {
            warn!(
                partition = self.partition,
                in_doubt = state.in_doubt.len(),
                "no delivery report: records are spooled"
            );
            self.turn(&mut state, shared);
        }
    }

    /// Holds new records back until [`Gate::go_direct`], so that the drain can come to its end.
    pub(crate) fn hand_over(&self) {
        let mut state = self.state();
        if state.way == Way::Spool {
            state.way = Way::Handover { since: Instant::now() };
        }
    }

    /// Sends what was held, and from now on all that comes, to Kafka: it has all that was spooled.
    pub(crate) fn go_direct(&self, shared: &Shared) {
        let mut state = self.state();
        state.way = Way::Kafka;
        state.moved = Instant::now();
        debug!(partition = self.partition, held = state.held.len(), "the spool is drained");
        for part in mem::take(&mut state.held) {
            self.pass(&mut state, part, shared);
        }
    }

    /// Spools what was held: Kafka does not confirm what the drain sent last.
    pub(crate) fn go_back(&self, shared: &Shared) {
        let mut state = self.state();
        state.way = Way::Spool;
        for part in mem::take(&mut state.held) {
            self.pass(&mut state, part, shared);
        }
    }

    fn pass(&self, state: &mut State, part: Part, shared: &Shared) {
        // What was held may be behind what was refused meanwhile.
        if part.asker.is_refused() {
            return part.asker.tell(Err(AppendError::Interrupted));
        }
        match state.way {
            Way::Handover { .. } => state.held.push_back(part),
            Way::Spool => self.spool(state, part.records, AskedBy::Asker(part.asker), shared),
            Way::Kafka => match shared.kafka.try_permit(part.bytes) {
                Some(permit) => {
                    let Part { records, asker, .. } = part;
                    let in_flight = shared.kafka.send_part(self.partition, &records, Some(permit), Some(asker));
                    state.in_doubt.push_back(Sent { in_flight, records, since: Instant::now() });
                }
                // librdkafka is full of what partitions that are spooled left there.
                None => {
                    info!(partition = self.partition, "librdkafka's queue is full: records are spooled");
                    self.turn(state, shared);
                    self.spool(state, part.records, AskedBy::Asker(part.asker), shared);
                }
            },
        }
    }

    fn turn(&self, state: &mut State, shared: &Shared) {
        state.way = Way::Spool;
        (state.copies, state.is_refused) = (None, false);
        let in_doubt: Vec<_> = state
            .in_doubt
            .iter_mut()
            .map(|sent| (mem::take(&mut sent.records), AskedBy::InDoubt(Arc::clone(&sent.in_flight))))
            .collect();
        state.copying += in_doubt.len();
        for (records, asked_by) in in_doubt {
            self.spool(state, records, asked_by, shared);
        }
    }

    fn spool(&self, state: &mut State, records: Vec<Append>, asked_by: AskedBy, shared: &Shared) {
        state.to_disk += 1;
        shared.backlog.push(Waiting::new(self.partition, records, asked_by));
    }
}

impl State {
    /// Whether nothing is in doubt, and no copy of what was is on its way to the disk.
    fn has_answers(&self) -> bool {
        self.in_doubt.is_empty() && self.copying == 0
    }

    fn forget_confirmed(&mut self) {
        let mut any = false;
        while let Some(oldest) = self.in_doubt.pop_front_if(|sent| sent.in_flight.is_reported()) {
            self.is_refused |= oldest.in_flight.refusal().is_some();
            any = true;
        }
        if any {
            self.moved = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use tacho_schemas::{Envelope, RawKind, RecordId, RobotKey};
    use uuid::Uuid;

    use super::super::tests::{closed, opened, settings};
    use super::*;
    use crate::kafka::flow_for_tests;

    /// Not one of the spool's, so that its writer tells this gate nothing.
    const PARTITION: i32 = 99;

    fn record() -> Append {
        let envelope = Envelope {
            id: RecordId { session: Uuid::from_u128(5), counter: 1 },
            received_at_us: 1_700_000_000_000_000,
            robot: RobotKey::Id("CNAB12HX000100000000000000001".parse().unwrap()),
            topic_id: None,
            principal: Arc::from("gateway"),
            kind: RawKind::Telemetry,
        };
        Append { envelope, payload: "{}".into() }
    }

    #[tokio::test]
    async fn what_kafka_confirms_while_its_copy_is_written_is_skipped_before_anything_is_drained() {
        let dir = tempfile::tempdir().unwrap();
        let open = opened(settings(&dir)).await;
        let gate = Gate::new(PARTITION, false);
        let in_flight = InFlight::new(&flow_for_tests(), 1, None, None);
        let sent = Sent { in_flight: Arc::clone(&in_flight), records: vec![record()], since: Instant::now() };
        gate.state().in_doubt.push_back(sent);
        gate.turn_if_stalled(Duration::ZERO, &open.1.shared);
        assert!(gate.way() == Way::Spool && !gate.is_settled(), "it is in doubt");
        in_flight.delivered(PARTITION, 1);
        assert!(!gate.is_settled() && gate.take_confirmed_copies().is_none(), "its copy is on its way to the disk");
        gate.copied(5..6);
        gate.written(true);
        assert!(!gate.is_settled(), "the drain would send the copy");
        assert_eq!(gate.take_confirmed_copies(), Some(5..6));
        assert!(gate.is_settled());
        closed(open).await;
    }
}
