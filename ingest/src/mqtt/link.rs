//! A session's link to the router: its subscriptions, what is forwarded to it, and what it acknowledged.
//!
//! The router knows neither an MQTT 5 client's flow control nor its subscription options, sends at the QoS of the
//! subscription alone, and drops a link that acknowledges out of order: all that is put right here.

mod awaited;
mod outgoing;

use std::collections::{HashMap, VecDeque};

use bytes::BytesMut;
use rumqttd::protocol::{Filter, Packet, Publish, RetainForwardRule, Subscribe, SubscribeProperties, Unsubscribe};
use rumqttd::{Forward, Notification};
use tokio::sync::OwnedSemaphorePermit;

use self::awaited::{Awaited, Step};
use super::bridge::take_marker;
use super::encode;
use super::frame::Version;
use super::outboxes::Outbox;
use super::reason::Reason;
use super::router::{Memory, RouterGone, RouterLink, Slot, inner_topic};
use super::topic::matches;

/// What a client asked of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) qos: u8,
    /// MQTT 5 No Local.
    pub(crate) no_local: bool,
    /// MQTT 5 Retain As Published.
    pub(crate) keep_retain: bool,
    /// MQTT 5 Retain Handling 2.
    pub(crate) no_retained: bool,
}

/// What of a session outlives its connection.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    slot: Slot,
    wishes: HashMap<Box<str>, Wish>,
}

/// Limits of the connection that a link writes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    pub(crate) version: Version,
    /// Number of the connection, for No Local.
    pub(crate) connection: u64,
    /// The client's receive maximum.
    pub(crate) in_flight_max: usize,
    /// The client's maximum packet size, in bytes.
    pub(crate) packet_bytes_max: usize,
}

/// An open link and the session's state around it.
#[derive(Debug)]
pub(crate) struct SessionLink {
    /// Before the slot, so that the link is closed when its name is free again.
    link: RouterLink,
    subscriptions: Subscriptions,
    waiting: VecDeque<Forward>,
    waiting_bytes: usize,
    /// Its share of what may wait for all subscribers.
    outbox: Outbox,
    /// QoS 1 and 2 messages that the client has not acknowledged (PUBACK, PUBREC).
    sent: Awaited,
    /// PUBRELs that it has not answered.
    released: Awaited,
    /// SUBACKs that wait until the router has all their filters: a publish may overtake a SUBSCRIBE on the way there.
    subacks: VecDeque<SubAck>,
}

/// A SUBACK on its way.
#[derive(Debug)]
struct SubAck {
    pkid: u16,
    answers: Vec<Result<u8, Reason>>,
    /// Filters that the router has not confirmed.
    missing: usize,
}

impl Subscriptions {
    /// Those of a new session.
    pub(crate) fn new(slot: Slot) -> Self {
        Self { slot, wishes: HashMap::new() }
    }

    /// The filters.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &str> {
        self.wishes.keys().map(|filter| &**filter)
    }

    /// Opens the link.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn open(
        self,
        memory: Memory,
        place: OwnedSemaphorePermit,
        outbox: Outbox,
    ) -> Result<SessionLink, RouterGone> {
        Ok(SessionLink {
            link: self.slot.open(memory, place).await?,
            subscriptions: self,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            outbox,
            sent: Awaited::default(),
            released: Awaited::default(),
            subacks: VecDeque::new(),
        })
    }
}

impl SessionLink {
    /// Closes the link; the subscriptions remain.
    pub(crate) async fn close(self) -> Subscriptions {
        let Self { link, subscriptions, .. } = self;
        link.close().await;
        subscriptions
    }

    /// Number of subscriptions.
    pub(crate) fn subscribed(&self) -> usize {
        self.subscriptions.wishes.len()
    }

    /// Whether the session has this filter.
    pub(crate) fn has(&self, filter: &str) -> bool {
        self.subscriptions.wishes.contains_key(filter)
    }

    /// Bytes that wait for the client, without those that are about to be written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Says what waits for the client, `written` bytes of it as packets, to the bound of all subscribers.
    pub(crate) fn account(&mut self, written: usize) {
        self.outbox.hold(self.waiting_bytes + written);
    }

    /// Whether all subscribers together had too much, and this one most of it.
    pub(crate) fn is_evicted(&self) -> bool {
        self.outbox.is_evicted()
    }

    /// Subscribes to a valid filter, or changes the subscription.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn subscribe(&mut self, filter: &Filter, id: Option<usize>) -> Result<(), RouterGone> {
        let wish = Wish {
            qos: filter.qos as u8,
            no_local: filter.nolocal,
            keep_retain: filter.preserve_retain,
            no_retained: filter.retain_forward_rule == RetainForwardRule::Never,
        };
        let before = self.subscriptions.wishes.insert(filter.path.as_str().into(), wish);
        if before.is_some_and(|before| before.qos != wish.qos) {
            // The router leaves an existing subscription as it is.
            self.unsubscribe_in_router(&filter.path)?;
        }
        let inner = Filter { path: inner_topic(&filter.path), ..filter.clone() };
        let subscribe = Subscribe { pkid: 1, filters: vec![inner] };
        let properties = id.map(|id| SubscribeProperties { id: Some(id), user_properties: Vec::new() });
        self.link.give(Packet::Subscribe(subscribe, properties))
    }

    /// Answers a SUBSCRIBE whose accepted filters were all given to [`SessionLink::subscribe`] just now.
    pub(crate) fn answer(&mut self, pkid: u16, answers: Vec<Result<u8, Reason>>, out: &mut BytesMut, flow: Flow) {
        let missing = answers.iter().filter(|answer| answer.is_ok()).count();
        self.subacks.push_back(SubAck { pkid, answers, missing });
        self.settle_subacks(out, flow);
    }

    /// SUBACKs that wait.
    pub(crate) fn unanswered(&self) -> usize {
        self.subacks.len()
    }

    fn settle_subacks(&mut self, out: &mut BytesMut, flow: Flow) {
        while let Some(SubAck { pkid, answers, .. }) = self.subacks.pop_front_if(|front| front.missing == 0) {
            encode::suback(out, flow.version, pkid, &answers);
        }
    }

    /// Ends a subscription; `false` if there was none.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn unsubscribe(&mut self, filter: &str) -> Result<bool, RouterGone> {
        let existed = self.subscriptions.wishes.remove(filter).is_some();
        if existed {
            self.unsubscribe_in_router(filter)?;
        }
        Ok(existed)
    }

    fn unsubscribe_in_router(&mut self, filter: &str) -> Result<(), RouterGone> {
        let unsubscribe = Unsubscribe { pkid: 1, filters: vec![inner_topic(filter)] };
        self.link.give(Packet::Unsubscribe(unsubscribe, None))
    }

    /// The next word of the router; may be dropped while it waits.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn next(&mut self) -> Result<Option<Notification>, RouterGone> {
        self.link.next().await
    }

    /// Takes in a word of the router; PUBRELs go to `out` at once.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn take(&mut self, word: Notification, flow: Flow, out: &mut BytesMut) -> Result<(), RouterGone> {
        match word {
            Notification::Forward(forward) => {
                self.waiting_bytes += forward.publish.topic.len() + forward.publish.payload.len();
                self.waiting.push_back(forward);
                self.account(out.len());
            }
            Notification::Unschedule => self.link.wake().await?,
            Notification::Disconnect(..) => return Err(RouterGone),
            ack @ Notification::DeviceAck(_) => match Option::<Packet>::from(ack) {
                Some(Packet::PubRel(pubrel, _)) => {
                    encode::pubrel(out, flow.version, pubrel.pkid, true);
                    self.released.expect(pubrel.pkid, None);
                }
                Some(Packet::SubAck(..)) => {
                    if let Some(oldest) = self.subacks.iter_mut().find(|suback| suback.missing > 0) {
                        oldest.missing -= 1;
                    }
                    self.settle_subacks(out, flow);
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    /// Moves messages to `out` while it is shorter than `out_bytes_max` and the client's receive maximum allows.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn fill(&mut self, out: &mut BytesMut, out_bytes_max: usize, flow: Flow) -> Result<(), RouterGone> {
        while out.len() < out_bytes_max && self.sent.len() < flow.in_flight_max {
            let Some(forward) = self.waiting.pop_front() else {
                break;
            };
            self.waiting_bytes -= forward.publish.topic.len() + forward.publish.payload.len();
            self.send(forward, out, flow)?;
        }
        Ok(())
    }

    fn send(&mut self, forward: Forward, out: &mut BytesMut, flow: Flow) -> Result<(), RouterGone> {
        let Forward { mut publish, mut properties, .. } = forward;
        let marker = take_marker(&mut properties);
        publish.topic = publish.topic.slice(1..);
        let retained = publish.retain;
        let (wanted, keep_retain) = self.wanted(&publish, marker.map_or(0, |m| m.from), flow.connection);
        publish.retain = retained || (keep_retain && marker.is_some_and(|m| m.retain));
        let start = out.len();
        let Some((qos, pkid)) = outgoing::write(publish, properties, out, flow.version) else {
            return Ok(());
        };
        let effective = qos.min(marker.map_or(qos, |m| m.qos));
        if !wanted || out.len() - start > flow.packet_bytes_max {
            out.truncate(start);
        } else if effective < qos {
            outgoing::lower_qos(out, start, effective);
        }
        if qos > 0 {
            let unsent = effective == 0 || out.len() == start;
            self.sent.expect(pkid, unsent.then_some(Step::Acknowledged));
            self.sent.settle(&mut self.link)?;
        }
        Ok(())
    }

    /// Whether any subscription that matches wants the message, and whether one wants its retain flag kept.
    fn wanted(&self, publish: &Publish, from: u64, me: u64) -> (bool, bool) {
        let wishes = &self.subscriptions.wishes;
        let plain = |w: &Wish| !w.no_local && !w.keep_retain && !w.no_retained;
        if wishes.values().all(plain) {
            return (true, false);
        }
        let topic = std::str::from_utf8(&publish.topic).unwrap_or_default();
        let mut matching = wishes.iter().filter(|(filter, _)| matches(topic, filter)).map(|(_, wish)| wish).peekable();
        if matching.peek().is_none() {
            return (true, false);
        }
        let wants = |w: &Wish| !(w.no_local && from == me || w.no_retained && publish.retain);
        matching.fold((false, false), |(any, keep), wish| (any || wants(wish), keep || wish.keep_retain))
    }

    /// The client's PUBACK (`received` = false) or PUBREC; `false` if it acknowledges nothing.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn acknowledge(&mut self, pkid: u16, received: bool) -> Result<bool, RouterGone> {
        let step = if received { Step::Received } else { Step::Acknowledged };
        let known = self.sent.answer(pkid, step);
        self.sent.settle(&mut self.link)?;
        Ok(known)
    }

    /// Whether a PUBREL for this identifier was sent and not answered.
    pub(crate) fn is_released(&self, pkid: u16) -> bool {
        self.released.is_waiting(pkid)
    }

    /// The client's PUBCOMP.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn complete(&mut self, pkid: u16) -> Result<(), RouterGone> {
        self.released.answer(pkid, Step::Completed);
        self.released.settle(&mut self.link)
    }
}
