//! What was missed and is not to be had by the subscription: the server's history of it, and a gap of what it has none of.

use std::sync::Arc;
use std::time::Duration;

use opcua::client::Session;
use opcua::types::VariableId;
use tokio::time::sleep;
use tracing::info;

use super::Pump;
use super::history::{History, kept, read};
use super::notification::in_entries;
use super::subscribe::{START_JITTER_US, server_time_us};
use crate::opcua::journal::{Data, Entry, Gap, now_us};

/// Longest time that is read from a history.
pub(super) const SPAN_MAX_US: i64 = 24 * 3_600_000_000;
/// A server whose clock is further than this from ours is not asked: its times would not be believed.
pub(super) const CLOCKS_US: i64 = 3_600_000_000;
/// So much more is read at both ends: some servers set their clock's variable once a second. What is known already, and
/// what the subscription tells as well, is left out later.
pub(super) const MARGIN_US: i64 = 5_000_000;
/// A server writes its history a little later than it sends.
pub(super) const WRITTEN: Duration = Duration::from_millis(500);
/// Longest time for all questions: meanwhile the queues of the server have to hold, and an end has to wait.
pub(super) const QUESTIONS_MAX: Duration = Duration::from_secs(10);

impl Pump {
    /// What the journal is to hold of the time since the server was heard last: values of its history, where it has one
    /// and has been running all the time; a gap of the signals without. To be asked once the subscription stands that
    /// goes on from now.
    pub(super) async fn missed(&mut self, session: &Arc<Session>, from_us: i64, cause: &str) -> Vec<Entry> {
        let healed = self.healed(session, from_us).await;
        let gap = |signals| Entry::Gap(Gap { from_us, to_us: now_us(), cause: cause.to_owned(), signals });
        let Some((history, published_us)) = healed.filter(|(history, _)| !history.whole.is_empty()) else {
            self.meters.gap();
            return vec![gap(None)];
        };
        let sources = self.items.sources();
        let lacking = sources.map(|source| source.signal).filter(|signal| !history.whole.contains(signal));
        let lacking: Vec<u32> = lacking.collect();
        let (signals, values) = (history.whole.len(), history.samples.len());
        info!(server = self.meters.server(), signals, values, lacking = lacking.len(), cause, "read from its history");
        self.meters.history(values);
        // What the others held is over before values of now meet it.
        let mut entries = Vec::new();
        if !lacking.is_empty() {
            self.meters.gap();
            entries.push(gap(Some(lacking)));
        }
        let data = Data { of_history: true, published_us: Some(published_us), ..Data::default() };
        entries.extend(in_entries(&data, &history.samples));
        entries
    }

    /// The history, and until when by the server's clock.
    async fn healed(&mut self, session: &Arc<Session>, from_us: i64) -> Option<(History, i64)> {
        // Of the time when it was not running, no server has a history; where it does not say, that is not known.
        let (then, now) = self.heard_start_us.zip(self.server_start_us)?;
        let sources: Vec<_> = self.items.sources().collect();
        if then.abs_diff(now) > START_JITTER_US || now_us().saturating_sub(from_us) > SPAN_MAX_US {
            return None;
        }
        let kept = kept(session, sources).await.ok().filter(|kept| !kept.is_empty())?;
        let until_us = server_time_us(session, VariableId::Server_ServerStatus_CurrentTime).await?;
        let ahead_us = until_us.saturating_sub(now_us());
        if ahead_us.saturating_abs() > CLOCKS_US {
            return None;
        }
        sleep(WRITTEN).await;
        let from_us = from_us.saturating_add(ahead_us).saturating_sub(MARGIN_US);
        let theirs_us = (from_us, until_us.saturating_add(MARGIN_US));
        Some((read(session, &kept, theirs_us, QUESTIONS_MAX.min(self.outage / 2)).await, until_us))
    }
}
