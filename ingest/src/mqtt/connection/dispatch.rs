//! From bytes to packets: what each packet of a client sets off.

use std::time::Duration;

use bytes::Bytes;
use rumqttd::protocol::Packet;

use super::Connection;
use super::input::HEAD_BYTES_MAX;
use crate::mqtt::encode;
use crate::mqtt::frame::{Header, Kind, Version, ack, header};
use crate::mqtt::reason::{End, Reason};

/// How far the parsing of what was read went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// To its end, or to a packet that is not whole.
    All,
    /// To a packet that needs the router.
    NeedsLink,
}

impl Connection {
    /// Handles all whole packets that were read.
    ///
    /// # Errors
    /// How the connection ends; what came before is in the burst.
    pub(super) fn parse(&mut self) -> Result<Parsed, End> {
        loop {
            while !self.input.packets.is_empty() {
                let h = header(&self.input.packets)?.ok_or(Reason::Malformed)?;
                if h.kind == Kind::Subscribe && self.link.is_none() && !self.linkless {
                    return Ok(Parsed::NeedsLink);
                }
                let packet = self.input.packets.split_to(h.packet_len());
                self.packet(&h, packet)?;
            }
            if !self.pass_oversize()? {
                return Ok(Parsed::All);
            }
            self.input.frame(self.broker.settings.max_publish_bytes + HEAD_BYTES_MAX);
            self.pay(self.input.packets.len());
            if self.input.packets.is_empty() && !self.partial()? {
                return Ok(Parsed::All);
            }
        }
    }

    /// Moves the payment for packets to the burst that they will make.
    fn pay(&mut self, bytes: usize) {
        self.burst.bytes += bytes;
        if let Some(part) = self.input.payment(bytes) {
            match &mut self.burst.permit {
                Some(permit) => permit.merge(part),
                none => *none = Some(part),
            }
        }
    }

    /// Lets a publish over the limit pass; `false`: it has not passed yet.
    fn pass_oversize(&mut self) -> Result<bool, End> {
        let Some(mut oversize) = self.oversize.take() else {
            return Ok(true);
        };
        let taken = oversize.feed(&mut self.input.buffer);
        self.input.took(taken);
        drop(self.input.payment(taken));
        if oversize.is_past() {
            self.input.took_rest();
            self.append_oversize(*oversize);
            return Ok(true);
        }
        self.oversize = Some(oversize);
        Ok(false)
    }

    /// Looks at a packet that is not whole; `true` if there is more to do now.
    fn partial(&mut self) -> Result<bool, End> {
        let max = self.broker.settings.max_packet_bytes;
        let Some(h) = self.input.partial(max)? else {
            return Ok(false);
        };
        if h.kind != Kind::Publish || h.remaining <= self.broker.settings.max_publish_bytes {
            return Ok(false);
        }
        match self.begin_oversize(&h)? {
            Some(oversize) => {
                self.oversize = Some(Box::new(oversize));
                Ok(true)
            }
            None if self.input.buffer.len() > self.broker.settings.max_publish_bytes + 2 * HEAD_BYTES_MAX => {
                Err(Reason::PacketTooLarge.into())
            }
            None => Ok(false),
        }
    }

    fn packet(&mut self, h: &Header, packet: Bytes) -> Result<(), End> {
        let body = &packet[h.len..];
        match h.kind {
            Kind::Publish => self.publish(h, packet),
            Kind::Connect => Err(Reason::ProtocolError.into()),
            Kind::PingReq if h.remaining > 0 => Err(Reason::Malformed.into()),
            Kind::PingReq => {
                self.out.extend_from_slice(&encode::PINGRESP);
                Ok(())
            }
            Kind::PubAck => self.acknowledged(ack(body)?.0),
            Kind::PubRec => {
                let (pkid, code) = ack(body)?;
                self.received(pkid, code)
            }
            Kind::PubRel => {
                self.release(ack(body)?.0);
                Ok(())
            }
            Kind::PubComp => self.completed(ack(body)?.0),
            Kind::Subscribe => self.subscribe(&packet),
            Kind::Unsubscribe => self.unsubscribe(&packet),
            Kind::Disconnect => Err(self.disconnect(body, &packet)),
        }
    }

    /// The client's DISCONNECT: reason code, and in MQTT 5 perhaps another session expiry.
    fn disconnect(&mut self, body: &[u8], packet: &Bytes) -> End {
        if self.flow.version == Version::V4 && !body.is_empty() {
            return Reason::Malformed.into();
        }
        let with_will = body.first() == Some(&0x04);
        // The codec refuses a reason code without properties, which the standard allows.
        if body.len() > 1 {
            let Ok(Packet::Disconnect(_, properties)) = self.decode(packet) else {
                return Reason::Malformed.into();
            };
            if let Some(seconds) = properties.and_then(|p| p.session_expiry_interval) {
                if seconds > 0 && self.session_expiry.is_zero() {
                    return Reason::ProtocolError.into();
                }
                let asked = Duration::from_secs(seconds.into());
                self.session_expiry = asked.min(self.broker.settings.max_session_expiry);
            }
        }
        End::Client { with_will }
    }
}
