//! A client's PUBLISH and PUBREL: into the log, to the router, or refused.

use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use rumqttd::protocol::v5::V5;
use rumqttd::protocol::{Packet, Protocol, PublishProperties};
use tacho_log::Append;
use tacho_schemas::{RawKind, RobotKey};

use super::Connection;
use super::oversize::Oversize;
use crate::mqtt::bridge::{Marker, Message};
use crate::mqtt::encode;
use crate::mqtt::frame::{Header, Version};
use crate::mqtt::publish::{Head, head};
use crate::mqtt::reason::{End, Reason};
use crate::mqtt::topic;

/// Bytes of all topics that have an alias.
const ALIAS_BYTES_MAX: usize = 8 << 10;

/// A telemetry publish without its payload.
#[derive(Debug)]
pub(crate) struct Telemetry {
    robot: RobotKey,
    topic_id: Option<Arc<str>>,
    head: Head,
}

/// Whose publish it is, after aliases.
enum Target {
    Telemetry(RobotKey, Option<Arc<str>>),
    Ordinary,
}

impl Connection {
    /// Handles a whole PUBLISH; `packet` is all of it.
    pub(super) fn publish(&mut self, h: &Header, mut packet: Bytes) -> Result<(), End> {
        let body = &packet[h.len..];
        let head = head(self.flow.version, h.first, body, h.remaining)?.ok_or(Reason::Malformed)?;
        let topic = self.resolve(&head, body)?;
        let name = topic.as_deref().map_or(&body[head.topic.clone()], str::as_bytes);
        self.check_quota(&head)?;
        match self.target(name)? {
            Target::Ordinary => {
                let name = topic::name(name)?.to_owned();
                self.ordinary(&name, &head, &packet, h.len + head.payload)
            }
            Target::Telemetry(robot, _) if !self.principal.speaks_for(&robot) => {
                self.refuse_publish(&head, Reason::NotAuthorised)
            }
            Target::Telemetry(..) if self.is_repeated(&head) => Ok(()),
            Target::Telemetry(robot, _) if !self.broker.rates.allow(&robot, self.input.heard) => {
                self.refuse_publish(&head, Reason::RateTooHigh)
            }
            Target::Telemetry(robot, topic_id) => {
                if self.broker.filters.any_telemetry() || head.retain {
                    self.copy_for_subscribers(name, &body[head.payload..], &head);
                }
                packet.advance(h.len + head.payload);
                self.append_whole(Telemetry { robot, topic_id, head }, packet);
                Ok(())
            }
        }
    }

    fn append_whole(&mut self, telemetry: Telemetry, payload: Bytes) {
        if payload.len() <= self.broker.settings.max_publish_bytes {
            return self.append(telemetry, RawKind::Telemetry, payload);
        }
        let mut oversize = Oversize::new(telemetry, payload.len());
        oversize.feed(&mut BytesMut::from(&payload[..]));
        let (telemetry, kind, kept) = oversize.finish();
        self.broker.meters.oversize.increment(1);
        self.append(telemetry, kind, kept);
    }

    /// Begins to let a PUBLISH pass whose payload is over the limit; `None`: its head has not come yet, or it is
    /// within the limit.
    pub(super) fn begin_oversize(&mut self, h: &Header) -> Result<Option<Oversize>, End> {
        let body = &self.input.buffer[h.len..];
        let Some(head) = head(self.flow.version, h.first, body, h.remaining)? else {
            return Ok(None);
        };
        let bytes = h.remaining - head.payload;
        if bytes <= self.broker.settings.max_publish_bytes {
            return Ok(None);
        }
        let packet = self.input.buffer.split_to(h.len + head.payload).freeze();
        self.input.took(packet.len());
        drop(self.input.payment(packet.len()));
        let body = &packet[h.len..];
        let topic = self.resolve(&head, body)?;
        let name = topic.as_deref().map_or(&body[head.topic.clone()], str::as_bytes);
        self.check_quota(&head)?;
        match self.target(name)? {
            // Nobody but the log takes so much.
            Target::Ordinary => Err(Reason::PacketTooLarge.into()),
            Target::Telemetry(robot, _) if !self.principal.speaks_for(&robot) => Err(Reason::NotAuthorised.into()),
            Target::Telemetry(robot, topic_id) => Ok(Some(Oversize::new(Telemetry { robot, topic_id, head }, bytes))),
        }
    }

    /// Appends what is left of a publish over the limit.
    pub(super) fn append_oversize(&mut self, oversize: Oversize) {
        let (telemetry, kind, kept) = oversize.finish();
        self.broker.meters.oversize.increment(1);
        if !self.is_repeated(&telemetry.head) {
            self.append(telemetry, kind, kept);
        }
    }

    fn append(&mut self, telemetry: Telemetry, kind: RawKind, payload: Bytes) {
        let Telemetry { robot, topic_id, head } = telemetry;
        let envelope = self.lane.outlet().envelope(robot, topic_id, &self.principal.name, kind);
        self.burst.records.push(Append { envelope, payload });
        self.acknowledge(&head);
    }

    /// Queues the acknowledgement of a publish that will be delivered with this burst.
    fn acknowledge(&mut self, head: &Head) {
        match head.qos {
            0 => return,
            1 => self.burst.qos1 += 1,
            _ => {
                self.qos2.insert(head.pkid, false);
                self.burst.qos2.push(head.pkid);
            }
        }
        encode::publish_ack(&mut self.burst.acks, head.qos, head.pkid);
    }

    /// Whether a QoS 2 publish of this identifier is here already: it gets its PUBREC, and is not appended again.
    fn is_repeated(&mut self, head: &Head) -> bool {
        let repeated = head.qos == 2 && self.qos2.contains_key(&head.pkid);
        if repeated {
            encode::publish_ack(&mut self.burst.acks, head.qos, head.pkid);
        }
        repeated
    }

    /// The client's PUBREL.
    pub(super) fn release(&mut self, pkid: u16) {
        let known = self.qos2.remove(&pkid).is_some();
        encode::pubcomp(&mut self.burst.acks, self.flow.version, pkid, known);
    }

    /// Refuses one publish: by a reason code where there is one for it, else by closing, because an acknowledgement
    /// without a reason would be a promise.
    fn refuse_publish(&mut self, head: &Head, reason: Reason) -> Result<(), End> {
        if self.flow.version == Version::V4 || head.qos == 0 {
            return Err(reason.into());
        }
        self.broker.meters.refused(reason);
        // A PUBACK has no code of its own for the rate.
        let reason = if reason == Reason::RateTooHigh { Reason::QuotaExceeded } else { reason };
        encode::publish_refusal(&mut self.burst.acks, head.qos, head.pkid, reason);
        Ok(())
    }

    /// The receive maximum of CONNACK (MQTT 5, 3.3.4).
    fn check_quota(&self, head: &Head) -> Result<(), Reason> {
        let unacknowledged = self.pipeline.qos1() + self.burst.qos1 + self.qos2.len();
        let full = unacknowledged >= usize::from(self.broker.settings.receive_maximum);
        let repeated = head.qos == 2 && self.qos2.contains_key(&head.pkid);
        if self.flow.version == Version::V5 && head.qos > 0 && full && !repeated {
            return Err(Reason::ReceiveMaximum);
        }
        Ok(())
    }

    /// The topic that an alias stands for; `None` if the packet names its topic itself.
    fn resolve(&mut self, head: &Head, body: &[u8]) -> Result<Option<String>, Reason> {
        let Some(alias) = head.alias else {
            return Ok(None);
        };
        if alias == 0 || alias > self.broker.settings.topic_alias_maximum {
            return Err(Reason::TopicAlias);
        }
        if head.topic.is_empty() {
            return self.aliases.get(&alias).cloned().map(Some).ok_or(Reason::TopicAlias);
        }
        let name = topic::name(&body[head.topic.clone()])?;
        self.aliases.insert(alias, name.to_owned());
        if self.aliases.values().map(String::len).sum::<usize>() > ALIAS_BYTES_MAX {
            return Err(Reason::QuotaExceeded);
        }
        Ok(None)
    }

    fn target(&self, name: &[u8]) -> Result<Target, Reason> {
        if let Some(id) = topic::usual_robot(name) {
            return Ok(Target::Telemetry(RobotKey::Id(id), None));
        }
        Ok(match topic::telemetry_id(topic::name(name)?) {
            Some(id) => {
                let (robot, topic_id) = topic::robot_of(id);
                Target::Telemetry(robot, topic_id)
            }
            None => Target::Ordinary,
        })
    }

    fn copy_for_subscribers(&mut self, name: &[u8], payload: &[u8], head: &Head) {
        if payload.len() > self.broker.settings.max_publish_bytes {
            return;
        }
        if let Ok(topic) = std::str::from_utf8(name) {
            let copy = self.broker.telemetry_copy(topic, payload, self.marker(head));
            self.burst.copies.extend(copy);
        }
    }

    fn marker(&self, head: &Head) -> Marker {
        Marker { qos: head.qos, retain: head.retain, from: self.flow.connection }
    }

    fn ordinary(&mut self, name: &str, head: &Head, packet: &Bytes, payload: usize) -> Result<(), End> {
        if !self.principal.may_publish(name) {
            return self.refuse_publish(head, Reason::NotAuthorised);
        }
        let payload = &packet[payload..];
        if payload.len() > self.broker.settings.max_publish_bytes {
            return Err(Reason::PacketTooLarge.into());
        }
        if self.is_repeated(head) {
            return Ok(());
        }
        self.broker.meters.messages.increment(1);
        let matched = self.broker.filters.matched(name);
        match self.broker.admit(name, payload.len(), head.retain, matched) {
            Err(reason) => return self.refuse_publish(head, reason),
            Ok(false) => {}
            Ok(true) => self.burst.messages.push(Message {
                topic: name.to_owned(),
                payload: Bytes::copy_from_slice(payload),
                marker: self.marker(head),
                properties: properties(head, packet).map_err(End::from)?,
            }),
        }
        self.acknowledge(head);
        Ok(())
    }
}

/// The properties that subscribers are to see, by rumqttd's codec.
fn properties(head: &Head, packet: &[u8]) -> Result<Option<Box<PublishProperties>>, Reason> {
    if !head.more_properties {
        return Ok(None);
    }
    match V5.read_mut(&mut BytesMut::from(packet), packet.len()) {
        Ok(Packet::Publish(_, properties)) => Ok(properties.map(Box::new)),
        _ => Err(Reason::Malformed),
    }
}
