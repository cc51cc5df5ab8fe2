//! The publish pump: fetches notification messages, has each in the journal before it is acknowledged, and heals what a
//! lost connection leaves: republish, transfer, the server's history, and where none helps, a gap.
//!
//! It stands on the client library's requests, not on its own subscriptions: these fall silent after a reconnect and
//! never ask for what was lost.

mod history;
mod messages;
mod missed;
mod notification;
mod order;
mod overflow;
mod subscribe;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use opcua::client::services::Publish;
use opcua::client::{Session, UARequest as _};
use opcua::types::{DataValue, Error, PublishResponse, StatusCode, SubscriptionAcknowledgement};
use tacho_config::settings::opcua::ServerSettings;
use tracing::{debug, warn};

pub(super) use history::Source;
use missed::QUESTIONS_MAX;
use notification::Notification;
use order::Order;
use overflow::Spare;

use super::Before;
use super::discovery::{Claims, Discovery};
use super::items::Items;
use super::meters::Meters;
use crate::opcua::journal::{Data, Entry, JournalError, JournalWriter, Subscribed, now_us};
use crate::opcua::value::Sample;

/// Publish requests on their way at a time.
const REQUESTS_MAX: usize = 2;
const REQUEST_TIMEOUT_MIN: Duration = Duration::from_secs(30);

/// Cause of a gap where other robots were found than are subscribed to.
const OTHER_ROBOTS: &str = "the server's robots are others than before";

/// An answer to a publish request, and what it had acknowledged.
type Answer = (Result<PublishResponse, Error>, Vec<SubscriptionAcknowledgement>);

/// What fetches notifications of one server; it outlives sessions.
pub(super) struct Pump {
    publishing: Duration,
    outage: Duration,
    items: Items,
    /// What finds robots by their types, if some are to be found.
    discovery: Option<Discovery>,
    writer: JournalWriter,
    pub(super) meters: Meters,
    subscription: Option<Subscription>,
    order: Order,
    /// When the server was last heard, Unix microseconds UTC.
    heard_us: Option<i64>,
    /// When something came last.
    last: Instant,
    /// The connection was cut because the server was silent, and nothing has come since.
    bounced: bool,
    /// The subscription was transferred, or may be none of this server, and nothing has come of it yet.
    doubtful: bool,
    /// What comes now may have waited on the server.
    backlog: bool,
    /// When the server's queues were last empty, by its own clock.
    caught_up_us: Option<i64>,
    /// Signals of which this session's server keeps no history.
    unkept: BTreeSet<u32>,
    /// Time for questions about what queues lost.
    spare: Spare,
    requests_max: usize,
    acknowledgements: Vec<SubscriptionAcknowledgement>,
    requests: FuturesUnordered<Pin<Box<dyn Future<Output = Answer> + Send>>>,
    /// What a run of before had subscribed, until it is tried.
    resumed: Option<Subscribed>,
    /// When this session's server was started, by its own clock.
    server_start_us: Option<i64>,
    /// The same of the server that was heard last.
    heard_start_us: Option<i64>,
    /// Whether the nodes are those of this session's namespaces.
    resolved: bool,
    /// A session, new or not, with which it could not be gone on yet.
    greeted: Option<bool>,
    /// No subscription is made before this.
    not_before: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Subscription {
    id: u32,
    keep_alive: Duration,
    /// When the server that made it was started, by its own clock.
    server_start_us: Option<i64>,
}

/// Why the pump cannot go on with this session.
#[derive(Debug, thiserror::Error)]
pub(super) enum PumpError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The server refuses a request, or does not answer it.
    #[error("{doing}: {error}")]
    Server {
        /// What was tried.
        doing: &'static str,
        /// What came of it.
        #[source]
        error: Error,
    },
}

fn doing(doing: &'static str) -> impl FnOnce(Error) -> PumpError {
    move |error| PumpError::Server { doing, error }
}

impl Pump {
    pub(super) fn new(server: &ServerSettings, writer: JournalWriter, before: Before, claims: Claims) -> Self {
        let Before { heard, robots } = before;
        let heard_us = heard.as_ref().map(|heard| heard.at_us);
        let resumed = heard.and_then(|heard| heard.resumed());
        let heard_start_us = resumed.as_ref().and_then(|(resumed, _)| resumed.server_start_us);
        Self {
            publishing: server.publishing_interval,
            outage: server.outage,
            items: Items::of(&server.without_profiles()),
            discovery: Discovery::of(server, claims, &robots),
            writer,
            meters: Meters::of(&server.name),
            subscription: None,
            order: resumed.as_ref().map_or(Order::expecting(1, 0), |(was, part)| Order::expecting(was.expected, *part)),
            heard_us: heard_us.filter(|at_us| *at_us > 0),
            last: Instant::now(),
            bounced: false,
            doubtful: false,
            backlog: false,
            caught_up_us: None,
            unkept: BTreeSet::new(),
            spare: Spare::of(QUESTIONS_MAX.min(server.outage / 2)),
            requests_max: REQUESTS_MAX,
            acknowledgements: Vec::new(),
            requests: FuturesUnordered::new(),
            resumed: resumed.map(|(subscribed, _)| subscribed),
            server_start_us: None,
            heard_start_us,
            resolved: false,
            greeted: None,
            not_before: Instant::now(),
        }
    }

    /// The connection is lost.
    pub(super) fn down(&mut self) {
        self.greeted = None;
        self.requests.clear();
        if let Some(discovery) = &mut self.discovery {
            discovery.stops();
        }
    }

    /// The answers to publish requests.
    pub(super) fn answers(&mut self) -> &mut FuturesUnordered<impl Future<Output = Answer> + use<>> {
        &mut self.requests
    }

    /// An answer to a publish request.
    pub(super) async fn answered(&mut self, session: &Arc<Session>, answer: Answer) -> Result<(), PumpError> {
        let (response, acknowledged) = answer;
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                self.acknowledgements.extend(acknowledged);
                return self.refused(session, &error).await;
            }
        };
        (self.last, self.bounced, self.doubtful) = (Instant::now(), false, false);
        let Some(subscription) = self.subscription else { return Ok(()) };
        if response.subscription_id != subscription.id {
            self.delete(session, response.subscription_id).await;
        } else {
            let message = Notification::of(response.notification_message);
            let (has_data, published_us) = (message.has_data, message.published_us);
            self.message(session, subscription.id, message).await?;
            self.backlog &= response.more_notifications || !has_data;
            if !response.more_notifications {
                self.caught_up_us = published_us.or(self.caught_up_us);
            }
        }
        self.ask(session);
        Ok(())
    }

    /// Looks after silence, nodes that were missing, and a journal that was full.
    pub(super) async fn tick(&mut self, session: &Arc<Session>) -> Result<(), PumpError> {
        if let Some(is_new) = self.greeted {
            return self.up(session, is_new).await;
        }
        let Some(subscription) = self.subscription else {
            return self.subscribe(session, "there was no subscription").await;
        };
        if self.requests.is_empty() && self.writer.is_full() {
            // Nothing was asked for, so nothing is late. Where all that was asked is refused, the server is silent all the same.
            self.last = Instant::now();
        }
        let keep_alives = if self.doubtful { 1 } else { 3 };
        if self.last.elapsed() > subscription.keep_alive * keep_alives + Duration::from_secs(1) {
            let silent_s = self.last.elapsed().as_secs();
            if !self.bounced {
                warn!(server = self.meters.server(), silent_s, "is silent: the connection is made anew");
                (self.last, self.bounced) = (Instant::now(), true);
                session.channel().close_channel().await;
                return Ok(());
            }
            warn!(server = self.meters.server(), silent_s, "is still silent: the subscription is made anew");
            self.delete(session, subscription.id).await;
            return self.subscribe(session, "the server was silent").await;
        }
        if let Some(discovery) = &mut self.discovery
            && let Some(server) = discovery.more(session).await
            && self.items.grows(&server)
        {
            self.journal_quietly(&[Entry::Table(self.items.table.clone())]).await?;
        }
        let (lacking, table) = (self.items.missing(), self.items.table.clone());
        let bad = self.items.again(session, subscription.id).await.map_err(doing("subscribing to missing nodes"));
        // Some may be subscribed to though others were refused: their values are read by the units that are known now.
        if self.items.table != table {
            self.journal_quietly(&[Entry::Table(self.items.table.clone())]).await?;
        }
        self.journal_bad(bad?).await?;
        if self.items.missing() != lacking {
            self.journal_quietly(&[Entry::Subscribed(self.subscribed(subscription))]).await?;
        }
        self.ask(session);
        Ok(())
    }

    async fn refused(&mut self, session: &Arc<Session>, error: &Error) -> Result<(), PumpError> {
        match error.status() {
            StatusCode::BadNoSubscription | StatusCode::BadSubscriptionIdInvalid => {
                self.subscribe(session, "the server had forgotten the subscription").await
            }
            StatusCode::BadTooManyPublishRequests => {
                self.requests_max = 1;
                Ok(())
            }
            // Its answer may still come; then its number is missing and asked for again.
            StatusCode::BadTimeout => {
                self.ask(session);
                Ok(())
            }
            // The connection is lost, which the session tells by itself; if not, it is made anew once this has lasted.
            status => {
                debug!(server = self.meters.server(), %status, "a publish request is refused");
                Ok(())
            }
        }
    }

    /// Keeps publish requests on their way, unless the journal is full: then the queues of the server have to hold.
    fn ask(&mut self, session: &Arc<Session>) {
        let Some(subscription) = self.subscription else { return };
        if self.writer.is_full() {
            self.meters.full();
            return;
        }
        while self.requests.len() < self.requests_max {
            let acknowledgements = std::mem::take(&mut self.acknowledgements);
            let timeout = REQUEST_TIMEOUT_MIN.max(subscription.keep_alive * 3 + Duration::from_secs(10));
            let session = Arc::clone(session);
            self.requests.push(Box::pin(async move {
                let request = Publish::new(&session).acks(acknowledgements.clone()).timeout(timeout);
                (request.send(session.channel()).await, acknowledgements)
            }));
        }
    }

    /// The subscription, as a later start needs it.
    fn subscribed(&self, subscription: Subscription) -> Subscribed {
        let keep_alive_ms = u64::try_from(subscription.keep_alive.as_millis()).unwrap_or(0);
        let (items, missing) = (self.items.digest(), self.items.missing());
        let Subscription { id, server_start_us, .. } = subscription;
        let (expected, queues) = (self.order.expected(), self.items.queues());
        Subscribed { subscription: id, keep_alive_ms, items, missing, expected, queues, server_start_us }
    }

    async fn journal_bad(&mut self, bad: Vec<(u32, DataValue)>) -> Result<(), PumpError> {
        if bad.is_empty() {
            return Ok(());
        }
        let samples = bad.into_iter().map(|(signal, value)| Sample::of(signal, value)).collect();
        self.journal_quietly(&[Entry::Data(Data { samples, ..Data::default() })]).await
    }

    /// The server was heard.
    async fn journal(&mut self, entries: &[Entry]) -> Result<(), PumpError> {
        self.journal_quietly(entries).await?;
        self.heard_us = Some(now_us());
        Ok(())
    }

    async fn journal_quietly(&mut self, entries: &[Entry]) -> Result<(), PumpError> {
        self.writer.append(entries).await?;
        Ok(())
    }
}
