//! What all connections of a front share, and the rules about messages that go to subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tacho_log::Append;
use tacho_schemas::RawKind;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::auth::{Principal, Users};
use super::bridge::{Bridge, Marker, Message};
use super::filters::Filters;
use super::meters::Meters;
use super::outboxes::Outboxes;
use super::rate::Rates;
use super::reason::Reason;
use super::router::Links;
use super::sessions::{Sessions, Stored};
use super::settings::MqttSettings;
use super::topic;
use super::will::Will;
use crate::{BindError, Outlet};

/// Longest topic that goes to the router, which keeps it for ever, in bytes.
const TOPIC_BYTES_MAX: usize = 512;

/// The shared state of a front.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) settings: MqttSettings,
    pub(crate) outlet: Outlet,
    pub(crate) users: Users,
    pub(crate) links: Arc<Links>,
    pub(crate) bridge: Bridge,
    pub(crate) filters: Filters,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) rates: Rates,
    pub(crate) meters: Meters,
    /// Bytes received and not yet in the log, of all connections.
    pub(crate) budget: Arc<Semaphore>,
    /// Bytes that wait for subscribers, of all connections.
    pub(crate) outboxes: Arc<Outboxes>,
    /// Bytes of all wills.
    pub(crate) will_budget: Arc<Semaphore>,
    /// Fires when the front stops.
    pub(crate) stop: CancellationToken,
    numbers: AtomicU64,
}

impl Broker {
    /// Starts the router and the bridge; blocks until they answer.
    ///
    /// # Errors
    /// [`BindError`].
    pub(crate) fn start(settings: MqttSettings, outlet: Outlet) -> Result<Self, BindError> {
        settings.check()?;
        let users = Users::new(&settings)?;
        let links = Links::start(&settings).map_err(|_gone| BindError::Router)?;
        let bridge = Bridge::start(&links, settings.router_bytes).map_err(|_gone| BindError::Router)?;
        Ok(Self {
            outlet,
            users,
            bridge,
            filters: Filters::new(&settings),
            sessions: Sessions::new(settings.max_stored_sessions),
            rates: Rates::new(settings.robot_rate),
            meters: Meters::new(),
            budget: Arc::new(Semaphore::new(settings.total_bytes)),
            outboxes: Outboxes::new(settings.total_bytes),
            will_budget: Arc::new(Semaphore::new(settings.max_will_bytes)),
            stop: CancellationToken::new(),
            numbers: AtomicU64::new(1),
            links,
            settings,
        })
    }

    /// A number for a new connection.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a message has to go to the router: a filter matches it, or it changes what is retained.
    ///
    /// # Errors
    /// [`Reason::QuotaExceeded`] if the router would have to keep too much.
    pub(crate) fn admit(&self, topic: &str, payload_bytes: usize, retain: bool, matched: bool) -> Result<bool, Reason> {
        if !matched && !retain {
            return Ok(false);
        }
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(Reason::QuotaExceeded);
        }
        self.filters.note_topic(topic)?;
        self.filters.note_retained(topic, payload_bytes, retain)?;
        Ok(true)
    }

    /// The copy of a telemetry publish that goes to subscribers after its delivery, if there are any.
    pub(crate) fn telemetry_copy(&self, topic: &str, payload: &[u8], marker: Marker) -> Option<Message> {
        let id = topic::telemetry_id(topic)?;
        let matched = self.filters.any_telemetry() && self.filters.match_telemetry(id);
        match self.admit(topic, payload.len(), marker.retain, matched) {
            Ok(false) => None,
            Ok(true) => Some(Message {
                topic: topic.to_owned(),
                payload: Bytes::copy_from_slice(payload),
                marker,
                properties: None,
            }),
            Err(_quota) => {
                self.meters.undistributed.increment(1);
                None
            }
        }
    }

    /// Gives delivered telemetry to subscribers; what finds no room is counted, not waited for.
    pub(crate) fn distribute(&self, messages: Vec<Message>) {
        let count = messages.len() as u64;
        if count > 0 && !self.bridge.offer(messages) {
            self.meters.undistributed.increment(count);
        }
    }

    /// Forgets a session's filters.
    pub(crate) fn forget<'a>(&self, filters: impl Iterator<Item = &'a str>) {
        filters.for_each(|filter| self.filters.unsubscribe(filter));
    }

    /// Ends a stored session: its filters go, its will is published now.
    pub(crate) async fn end_session(&self, stored: Stored) {
        self.forget(stored.subscriptions.filters());
        if let Some((_, will, principal)) = stored.will {
            self.publish_will(*will, &principal).await;
        }
    }

    /// Publishes a will: into the log if its topic is telemetry, as any message otherwise.
    pub(crate) async fn publish_will(&self, will: Will, principal: &Principal) {
        let marker = Marker { qos: will.qos, retain: will.retain, from: 0 };
        if let Some(id) = topic::telemetry_id(&will.topic) {
            let copy = self.telemetry_copy(&will.topic, &will.payload, marker);
            let (robot, topic_id) = topic::robot_of(id);
            let envelope = self.outlet.envelope(robot, topic_id, &principal.name, RawKind::Telemetry);
            let payload = will.payload.clone();
            let queued = Arc::new(self.outlet.lane()).enqueue(vec![Append { envelope, payload }]).await;
            match async { queued?.await }.await {
                Ok(_delivered) => self.distribute(copy.into_iter().collect()),
                Err(error) => warn!(%robot, %error, "a will on a telemetry topic was not appended"),
            }
            return;
        }
        let matched = self.filters.matched(&will.topic);
        if let Ok(true) = self.admit(&will.topic, will.payload.len(), will.retain, matched) {
            let message = Message { topic: will.topic, payload: will.payload, marker, properties: will.properties };
            if self.bridge.give(vec![message]).await.is_err() {
                warn!("a will was not published: the router has ended");
            }
        }
    }

    /// Ends what has expired, and publishes the wills that are due.
    pub(crate) async fn sweep(&self) {
        let now = Instant::now();
        self.rates.sweep(now);
        for (will, principal) in self.sessions.due_wills(now) {
            self.publish_will(*will, &principal).await;
        }
        for stored in self.sessions.expired(now) {
            self.end_session(stored).await;
        }
    }
}
