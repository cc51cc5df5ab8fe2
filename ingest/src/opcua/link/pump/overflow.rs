//! What the queue of a node lost because it was full: read from the server's history, and journaled before the message that
//! follows it. Of what cannot be read, the mark of the overflow stays, which makes a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use opcua::client::Session;
use opcua::types::VariableId;
use tokio::time::sleep;
use tracing::info;

use super::Pump;
use super::history::{History, kept, read};
use super::missed::{CLOCKS_US, MARGIN_US, SPAN_MAX_US, WRITTEN};
use super::notification::{Notification, in_entries};
use super::subscribe::server_time_us;
use crate::opcua::journal::{Data, Entry, now_us};
use crate::opcua::value::{OVERFLOW, Sample};

/// A fifth of all time may go into these questions: what overflows all the time must not hold up the other nodes.
const SHARE: u32 = 5;

/// Time that is left for questions; it grows while other things are done.
#[derive(Debug)]
pub(super) struct Spare {
    left: Duration,
    most: Duration,
    at: Instant,
}

impl Spare {
    pub(super) fn of(most: Duration) -> Self {
        Self { left: most, most, at: Instant::now() }
    }

    /// How much there is now.
    fn left(&mut self, now: Instant) -> Duration {
        let grown = now.saturating_duration_since(self.at) / SHARE;
        (self.left, self.at) = ((self.left + grown).min(self.most), now);
        self.left
    }

    fn spent(&mut self, took: Duration) {
        (self.left, self.at) = (self.left.saturating_sub(took), Instant::now());
    }
}

impl Pump {
    /// Reads what queues lost before values of a message, and takes the mark of the overflow from these. Gives what is to be
    /// journaled before the message.
    pub(super) async fn refilled(&mut self, session: &Session, message: &mut Notification) -> Vec<Entry> {
        let fresh = message.samples.get_mut(self.order.part()..).unwrap_or_default();
        let lost = first_kept(fresh);
        let (Some(published_us), false) = (message.published_us, lost.is_empty()) else { return Vec::new() };
        let begun = Instant::now();
        let within = self.spare.left(begun);
        if within.is_zero() {
            return Vec::new();
        }
        let history = self.history_of(session, &lost, published_us, within).await.unwrap_or_default();
        self.spare.spent(begun.elapsed());
        // Nothing was fetched meanwhile.
        self.last = Instant::now();
        let samples = before_what_was_kept(history, &lost);
        if samples.is_empty() {
            return Vec::new();
        }
        let filled: BTreeSet<_> = samples.iter().map(|sample| sample.signal).collect();
        for sample in fresh.iter_mut().filter(|sample| filled.contains(&sample.signal)) {
            sample.status &= !OVERFLOW;
        }
        let (signals, values) = (filled.len(), samples.len());
        info!(server = self.meters.server(), signals, values, "what queues lost is read from its history");
        self.meters.history(values);
        in_entries(&Data { of_history: true, published_us: Some(published_us), ..Data::default() }, &samples)
    }

    async fn history_of(
        &mut self,
        session: &Session,
        lost: &BTreeMap<u32, i64>,
        published_us: i64,
        within: Duration,
    ) -> Option<History> {
        let from_us = self.caught_up_us?.saturating_sub(MARGIN_US);
        let (first_us, until_us) = (*lost.values().min()?, *lost.values().max()?);
        let is_far = published_us.saturating_sub(now_us()).saturating_abs() > CLOCKS_US;
        if is_far || until_us.saturating_sub(from_us) > SPAN_MAX_US || until_us < from_us {
            return None;
        }
        let asked = |signal: u32| lost.contains_key(&signal) && !self.unkept.contains(&signal);
        let sources: Vec<_> = self.items.sources().filter(|source| asked(source.signal)).collect();
        let signals: Vec<_> = sources.iter().map(|source| source.signal).collect();
        let kept = kept(session, sources).await.ok()?;
        let lacking = signals.into_iter().filter(|signal| kept.iter().all(|source| source.signal != *signal));
        self.unkept.extend(lacking);
        if kept.is_empty() {
            return None;
        }
        // The server may not have written it yet.
        let age_us = published_us.saturating_sub(first_us);
        sleep(WRITTEN.saturating_sub(Duration::from_micros(u64::try_from(age_us).unwrap_or(0)))).await;
        Some(read(session, &kept, (from_us, until_us), within).await)
    }

    /// When the queues were empty, for a run that goes on with a subscription of before: when the server was last heard.
    pub(super) async fn catches_up(&mut self, session: &Session) {
        if self.caught_up_us.is_none() {
            let theirs_us = server_time_us(session, VariableId::Server_ServerStatus_CurrentTime).await;
            let ahead_us = theirs_us.map(|theirs_us| theirs_us.saturating_sub(now_us()));
            self.caught_up_us =
                self.heard_us.zip(ahead_us).map(|(heard_us, ahead_us)| heard_us.saturating_add(ahead_us));
        }
    }
}

/// The signals whose queues overflowed, with the time of the last value before which something was lost.
fn first_kept(samples: &[Sample]) -> BTreeMap<u32, i64> {
    let overflowed = samples.iter().filter(|sample| sample.overflowed());
    overflowed.filter_map(|sample| Some((sample.signal, sample.source_us?))).collect()
}

/// What a history has of signals up to the value that the queue had kept. One that has not this value either is not
/// written as far, or has not every value.
fn before_what_was_kept(history: History, lost: &BTreeMap<u32, i64>) -> Vec<Sample> {
    let History { whole, mut samples } = history;
    let kept = |sample: &Sample| sample.source_us.zip(lost.get(&sample.signal).copied());
    let reached = samples.iter().filter(|sample| kept(sample).is_some_and(|(at_us, kept_us)| at_us == kept_us));
    let reached: BTreeSet<_> = reached.map(|sample| sample.signal).filter(|signal| whole.contains(signal)).collect();
    samples.retain(|sample| {
        reached.contains(&sample.signal) && kept(sample).is_some_and(|(at_us, kept_us)| at_us <= kept_us)
    });
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opcua::value::Value;

    fn sample(signal: u32, at_us: i64, status: u32) -> Sample {
        Sample { signal, status, value: Value::Null, source_us: Some(at_us), server_us: None }
    }

    #[test]
    fn only_a_history_that_has_what_the_queue_kept_fills_what_it_lost() {
        let lost = first_kept(&[sample(0, 50, OVERFLOW), sample(0, 60, 0), sample(1, 50, OVERFLOW), sample(2, 50, 0)]);
        assert_eq!(lost, BTreeMap::from([(0, 50), (1, 50)]));
        let samples = [30, 40, 50, 60].map(|at_us| sample(0, at_us, 0)).into_iter();
        let samples = samples.chain([30, 40].map(|at_us| sample(1, at_us, 0))).collect();
        let filled = before_what_was_kept(History { whole: vec![0, 1], samples }, &lost);
        let filled: Vec<_> = filled.iter().map(|sample| (sample.signal, sample.source_us.unwrap())).collect();
        assert_eq!(filled, [(0, 30), (0, 40), (0, 50)]);
    }

    #[test]
    fn questions_take_a_share_of_the_time_that_passes() {
        let mut spare = Spare::of(Duration::from_secs(10));
        spare.spent(Duration::from_secs(12));
        let begun = spare.at;
        assert_eq!(spare.left(begun), Duration::ZERO);
        assert_eq!(spare.left(begun + Duration::from_secs(20)), Duration::from_secs(4));
        assert_eq!(spare.left(begun + Duration::from_secs(600)), Duration::from_secs(10));
    }
}
