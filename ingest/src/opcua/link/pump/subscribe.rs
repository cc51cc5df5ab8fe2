//! Making a subscription, and going on with one of before once a session is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opcua::client::services::{CreateSubscription, DeleteSubscriptions, TransferSubscriptions};
use opcua::client::{Session, UARequest as _};
use opcua::types::{NodeId, ReadValueId, StatusCode, TimestampsToReturn, VariableId, Variant};
use tracing::{info, warn};

use super::{OTHER_ROBOTS, Order, Pump, PumpError, Subscription, doing};
use crate::opcua::journal::Entry;
use crate::opcua::link::items::Items;
use crate::opcua::value::unix_us;

/// Some servers compute when they were started, from how long they have been running.
pub(super) const START_JITTER_US: u64 = 2_000_000;
/// The server is to send a sign of life at least this often.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// The server keeps a subscription that nobody asks for at least this long.
const LIFETIME_MIN: Duration = Duration::from_secs(600);
const NOTIFICATIONS_MAX: u32 = 1_000;
/// Pause before a subscription is tried again that could not be made.
const AGAIN: Duration = Duration::from_secs(5);

impl Pump {
    /// A session is there, a new one or the one of before.
    pub(in crate::opcua::link) async fn up(&mut self, session: &Arc<Session>, is_new: bool) -> Result<(), PumpError> {
        self.greeted = Some(is_new);
        self.requests.clear();
        self.unkept.clear();
        self.last = Instant::now();
        self.resolved &= !is_new;
        // Also of a session of before: a server that was started anew may take its token, and knows nothing else.
        self.server_start_us = server_start_us(session).await;
        let others = !self.resolved && self.look(session).await?;
        self.resolve(session).await?;
        if let Some(resumed) = self.resumed.take().filter(|resumed| resumed.items == self.items.digest()) {
            let (id, keep_alive) = (resumed.subscription, Duration::from_millis(resumed.keep_alive_ms));
            self.subscription = Some(Subscription { id, keep_alive, server_start_us: resumed.server_start_us });
            self.items.goes_on(&resumed);
        }
        let cause = if others { OTHER_ROBOTS } else { "the bridge was away" };
        let Some(subscription) = self.subscription else { return self.subscribe(session, cause).await };
        if subscription
            .server_start_us
            .zip(self.server_start_us)
            .is_some_and(|(then, now)| then.abs_diff(now) > START_JITTER_US)
        {
            // What has its number now is none of ours.
            return self.subscribe(session, "the server was started anew").await;
        }
        if is_new && !self.transferred(session, subscription.id).await {
            return self.subscribe(session, "the server had forgotten the subscription").await;
        }
        // It is not to be transferred twice.
        self.greeted = Some(false);
        // A server that was started anew may take a session of before, and never send anything.
        (self.doubtful, self.backlog) = (is_new || self.server_start_us.is_none(), true);
        self.catches_up(session).await;
        self.republish(session, subscription.id, None).await?;
        info!(server = self.meters.server(), subscription = subscription.id, "goes on with its subscription");
        self.greeted = None;
        self.last = Instant::now();
        self.ask(session);
        Ok(())
    }

    /// Looks for robots by their types; gives whether those that this run knew before are others now. Then nothing is
    /// subscribed to: the numbers of signals are others too.
    pub(super) async fn look(&mut self, session: &Arc<Session>) -> Result<bool, PumpError> {
        let Some(discovery) = &mut self.discovery else { return Ok(false) };
        let knew = discovery.knows();
        let looked = discovery.renewed(session).await.map_err(doing("looking for robots"))?;
        // Nothing was fetched meanwhile.
        self.last = Instant::now();
        let Some(server) = looked else { return Ok(false) };
        if knew && self.items.grows(&server) {
            return Ok(false);
        }
        self.requests.clear();
        (self.items, self.resolved) = (Items::of(&server), false);
        if let Some(subscription) = self.subscription.take() {
            self.delete(session, subscription.id).await;
        }
        Ok(knew)
    }

    pub(super) async fn resolve(&mut self, session: &Session) -> Result<(), PumpError> {
        if !self.resolved {
            self.items.resolve(session).await.map_err(doing("asking for namespaces and units"))?;
            self.journal_quietly(&[Entry::Table(self.items.table.clone())]).await?;
            self.resolved = true;
        }
        Ok(())
    }

    /// Makes a subscription; what lies between it and the last message is a gap.
    pub(super) async fn subscribe(&mut self, session: &Arc<Session>, cause: &str) -> Result<(), PumpError> {
        self.requests.clear();
        self.acknowledgements.clear();
        self.items.forget();
        (self.subscription, self.greeted) = (None, None);
        if Instant::now() < self.not_before {
            return Ok(());
        }
        self.not_before = Instant::now() + AGAIN;
        self.resolve(session).await?;
        let (id, keep_alive) = self.create(session).await?;
        let bad = match self.items.create(session, id).await {
            Ok(bad) => bad,
            Err(error) => {
                self.delete(session, id).await;
                return Err(PumpError::Server { doing: "making monitored items", error });
            }
        };
        let subscription = Subscription { id, keep_alive, server_start_us: self.server_start_us };
        self.order = Order::expecting(1, 0);
        let mut entries = match self.heard_us {
            Some(from_us) => self.missed(session, from_us, cause).await,
            None => Vec::new(),
        };
        // Whatever is cut off before this is asked for again by the next start.
        entries.push(Entry::Subscribed(self.subscribed(subscription)));
        self.journal(&entries).await?;
        self.heard_start_us = self.server_start_us;
        self.journal_bad(bad).await?;
        self.subscription = Some(subscription);
        self.last = Instant::now();
        self.not_before = self.last;
        info!(server = self.meters.server(), subscription = id, keep_alive_s = keep_alive.as_secs_f64(), "subscribed");
        self.ask(session);
        Ok(())
    }

    /// Makes a subscription without items; gives its number and how long it may be silent.
    pub(super) async fn create(&mut self, session: &Session) -> Result<(u32, Duration), PumpError> {
        let count = |duration: Duration| {
            let count = duration.as_millis().div_ceil(self.publishing.as_millis().max(1));
            u32::try_from(count).unwrap_or(u32::MAX).max(1)
        };
        let keep_alives = count(KEEP_ALIVE);
        let created = CreateSubscription::new(session)
            .publishing_interval(self.publishing)
            .max_keep_alive_count(keep_alives)
            .max_lifetime_count(count(LIFETIME_MIN.max(self.outage * 2)).max(keep_alives.saturating_mul(3)))
            .max_notifications_per_publish(NOTIFICATIONS_MAX)
            .publishing_enabled(true)
            .send(session.channel())
            .await
            .map_err(doing("making a subscription"))?;
        let keep_alive = created.revised_publishing_interval * f64::from(created.revised_max_keep_alive_count) / 1000.0;
        let keep_alive = Duration::try_from_secs_f64(keep_alive).unwrap_or(KEEP_ALIVE).min(LIFETIME_MIN);
        Ok((created.subscription_id, keep_alive))
    }

    pub(super) async fn transferred(&mut self, session: &Session, id: u32) -> bool {
        let transfer = TransferSubscriptions::new(session).subscription_ids(vec![id]).send(session.channel()).await;
        let result = transfer.ok().and_then(|answer| answer.results?.into_iter().next());
        let status = result.map_or(StatusCode::BadNotSupported, |result| result.status_code);
        info!(server = self.meters.server(), subscription = id, %status, "asked for its subscription of before");
        status.is_good()
    }

    pub(super) async fn delete(&mut self, session: &Session, id: u32) {
        let deleted = DeleteSubscriptions::new(session).subscription_ids(vec![id]).send(session.channel()).await;
        if let Err(error) = deleted {
            warn!(server = self.meters.server(), subscription = id, %error, "a subscription is left to its lifetime");
        }
    }
}

/// When the server was started, by its own clock, Unix microseconds UTC; `None` if it does not say.
pub(super) async fn server_start_us(session: &Session) -> Option<i64> {
    server_time_us(session, VariableId::Server_ServerStatus_StartTime).await
}

/// A time that the server tells of itself, Unix microseconds UTC; `None` if it does not.
pub(super) async fn server_time_us(session: &Session, variable: VariableId) -> Option<i64> {
    let read = ReadValueId::from(NodeId::from(variable));
    let values = session.read(&[read], TimestampsToReturn::Neither, 0.0).await.ok()?;
    match values.into_iter().next()?.value? {
        Variant::DateTime(time) => unix_us(*time),
        _ => None,
    }
}
