//! A client's SUBSCRIBE and UNSUBSCRIBE, and its acknowledgements of what was forwarded to it.

use bytes::{Bytes, BytesMut};
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::v5::V5;
use rumqttd::protocol::{Filter, Packet, Protocol};

use super::Connection;
use crate::mqtt::encode;
use crate::mqtt::frame::Version;
use crate::mqtt::reason::{End, Reason};
use crate::mqtt::router::RouterGone;
use crate::mqtt::topic;

impl From<RouterGone> for End {
    fn from(_: RouterGone) -> Self {
        Self::Close(Reason::RouterGone)
    }
}

impl Connection {
    /// Handles a whole SUBSCRIBE; the link is open.
    pub(super) fn subscribe(&mut self, packet: &Bytes) -> Result<(), End> {
        let Packet::Subscribe(subscribe, properties) = self.decode(packet)? else {
            return Err(Reason::Malformed.into());
        };
        let id = properties.and_then(|p| p.id);
        if subscribe.pkid == 0 || id == Some(0) {
            return Err(Reason::ProtocolError.into());
        }
        let mut answers = Vec::with_capacity(subscribe.filters.len());
        for filter in &subscribe.filters {
            let answer = self.subscribe_to(filter, id)?;
            if let Err(reason) = answer {
                self.broker.meters.refused(reason);
            }
            answers.push(answer);
        }
        match &mut self.link {
            Some(link) => link.answer(subscribe.pkid, answers, &mut self.out, self.flow),
            None => encode::suback(&mut self.out, self.flow.version, subscribe.pkid, &answers),
        }
        Ok(())
    }

    fn subscribe_to(&mut self, filter: &Filter, id: Option<usize>) -> Result<Result<u8, Reason>, End> {
        let Some(link) = &mut self.link else {
            return Ok(Err(Reason::QuotaExceeded));
        };
        if let Err(reason) = topic::filter(&filter.path) {
            return Ok(Err(reason));
        }
        if !link.has(&filter.path) {
            let full = link.subscribed() >= self.broker.settings.max_session_filters;
            if full || self.broker.filters.subscribe(&filter.path).is_err() {
                return Ok(Err(Reason::QuotaExceeded));
            }
        }
        link.subscribe(filter, id)?;
        Ok(Ok(filter.qos as u8))
    }

    /// Handles a whole UNSUBSCRIBE.
    pub(super) fn unsubscribe(&mut self, packet: &Bytes) -> Result<(), End> {
        let Packet::Unsubscribe(unsubscribe, _) = self.decode(packet)? else {
            return Err(Reason::Malformed.into());
        };
        if unsubscribe.pkid == 0 || unsubscribe.filters.is_empty() {
            return Err(Reason::ProtocolError.into());
        }
        let mut existed = Vec::with_capacity(unsubscribe.filters.len());
        for filter in &unsubscribe.filters {
            let had = match &mut self.link {
                Some(link) => link.unsubscribe(filter)?,
                None => false,
            };
            if had {
                self.broker.filters.unsubscribe(filter);
            }
            existed.push(had);
        }
        encode::unsuback(&mut self.out, self.flow.version, unsubscribe.pkid, &existed);
        Ok(())
    }

    /// The client's PUBACK.
    pub(super) fn acknowledged(&mut self, pkid: u16) -> Result<(), End> {
        if let Some(link) = &mut self.link {
            link.acknowledge(pkid, false)?;
        }
        Ok(())
    }

    /// The client's PUBREC with its reason code.
    pub(super) fn received(&mut self, pkid: u16, code: u8) -> Result<(), End> {
        let Some(link) = &mut self.link else {
            encode::pubrel(&mut self.out, self.flow.version, pkid, false);
            return Ok(());
        };
        // A refusal ends the exchange as a PUBACK does.
        if !link.acknowledge(pkid, code < 0x80)? && code < 0x80 {
            let known = link.is_released(pkid);
            encode::pubrel(&mut self.out, self.flow.version, pkid, known);
        }
        Ok(())
    }

    /// The client's PUBCOMP.
    pub(super) fn completed(&mut self, pkid: u16) -> Result<(), End> {
        if let Some(link) = &mut self.link {
            link.complete(pkid)?;
        }
        Ok(())
    }

    /// Decodes a whole packet by rumqttd's codec.
    pub(super) fn decode(&self, packet: &Bytes) -> Result<Packet, Reason> {
        let mut stream = BytesMut::from(&packet[..]);
        let decoded = match self.flow.version {
            Version::V4 => V4.read_mut(&mut stream, packet.len()),
            Version::V5 => V5.read_mut(&mut stream, packet.len()),
        };
        decoded.map_err(|_refused| Reason::Malformed)
    }
}
