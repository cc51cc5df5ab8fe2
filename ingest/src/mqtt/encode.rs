//! Packets that the front itself sends: acknowledgements, CONNACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT.
//!
//! A few bytes each, so they are written here; forwarded publishes are encoded by rumqttd's codec (see `link`).

use bytes::{BufMut, BytesMut};
use rumqttd::protocol::v5::V5;
use rumqttd::protocol::{ConnAck, ConnAckProperties, ConnectReturnCode, Packet, Protocol};

use super::frame::Version;
use super::reason::Reason;

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;
const SUBACK: u8 = 0x90;
const UNSUBACK: u8 = 0xB0;
/// MQTT 5: packet identifier not found.
const NOT_FOUND: u8 = 0x92;

/// PINGRESP.
pub(crate) const PINGRESP: [u8; 2] = [0xD0, 0];

/// The acknowledgement that a publish of QoS 1 or 2 gets first: PUBACK or PUBREC.
pub(crate) fn publish_ack(out: &mut Vec<u8>, qos: u8, pkid: u16) {
    let [high, low] = pkid.to_be_bytes();
    out.extend_from_slice(&[if qos == 1 { PUBACK } else { PUBREC }, 2, high, low]);
}

/// The same with an MQTT 5 reason why it is refused.
pub(crate) fn publish_refusal(out: &mut Vec<u8>, qos: u8, pkid: u16, reason: Reason) {
    let [high, low] = pkid.to_be_bytes();
    let first = if qos == 1 { PUBACK } else { PUBREC };
    out.extend_from_slice(&[first, 3, high, low, reason.code()]);
}

/// PUBCOMP; `known`: whether the identifier was in use.
pub(crate) fn pubcomp(out: &mut Vec<u8>, version: Version, pkid: u16, known: bool) {
    answer(out, PUBCOMP, version, pkid, known);
}

/// PUBREL; `known`: whether the identifier was in use.
pub(crate) fn pubrel(out: &mut BytesMut, version: Version, pkid: u16, known: bool) {
    let mut bytes = Vec::with_capacity(5);
    answer(&mut bytes, PUBREL, version, pkid, known);
    out.extend_from_slice(&bytes);
}

fn answer(out: &mut Vec<u8>, first: u8, version: Version, pkid: u16, known: bool) {
    let [high, low] = pkid.to_be_bytes();
    match (version, known) {
        (Version::V5, false) => out.extend_from_slice(&[first, 3, high, low, NOT_FOUND]),
        _ => out.extend_from_slice(&[first, 2, high, low]),
    }
}

/// SUBACK: per filter the granted QoS, or why it is refused.
pub(crate) fn suback(out: &mut BytesMut, version: Version, pkid: u16, answers: &[Result<u8, Reason>]) {
    let code = |answer: &Result<u8, Reason>| match (answer, version) {
        (Ok(qos), _) => *qos,
        (Err(_), Version::V4) => 0x80,
        (Err(reason), Version::V5) => reason.code(),
    };
    let codes: Vec<u8> = answers.iter().map(code).collect();
    coded(out, SUBACK, version, pkid, &codes);
}

/// UNSUBACK; MQTT 5 says per filter whether there was a subscription.
pub(crate) fn unsuback(out: &mut BytesMut, version: Version, pkid: u16, existed: &[bool]) {
    let codes: Vec<u8> = match version {
        Version::V4 => Vec::new(),
        Version::V5 => existed.iter().map(|existed| if *existed { 0 } else { 0x11 }).collect(),
    };
    coded(out, UNSUBACK, version, pkid, &codes);
}

fn coded(out: &mut BytesMut, first: u8, version: Version, pkid: u16, codes: &[u8]) {
    let properties = usize::from(version == Version::V5);
    out.put_u8(first);
    put_varint(out, 2 + properties + codes.len());
    out.put_u16(pkid);
    out.put_bytes(0, properties);
    out.extend_from_slice(codes);
}

/// A variable byte integer.
pub(crate) fn put_varint(out: &mut BytesMut, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7F).expect("seven bits fit a byte");
        value >>= 7;
        out.put_u8(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            break;
        }
    }
}

/// MQTT 5 DISCONNECT with a reason; 3.1.1 has none.
pub(crate) fn disconnect(out: &mut BytesMut, version: Version, reason: Reason) {
    if version == Version::V5 {
        out.extend_from_slice(&[0xE0, 2, reason.code(), 0]);
    }
}

/// CONNACK that refuses; nothing where MQTT 3.1.1 has no code.
pub(crate) fn connack_refusal(version: Version, reason: Reason) -> Vec<u8> {
    match version {
        Version::V5 => vec![0x20, 3, 0, reason.code(), 0],
        Version::V4 => reason.connack_v4().map_or_else(Vec::new, |code| vec![0x20, 2, 0, code]),
    }
}

/// CONNACK that accepts; `properties` are for MQTT 5.
pub(crate) fn connack(out: &mut BytesMut, version: Version, session_present: bool, properties: ConnAckProperties) {
    if version == Version::V4 {
        out.extend_from_slice(&[0x20, 2, u8::from(session_present), 0]);
        return;
    }
    let ack = ConnAck { session_present, code: ConnectReturnCode::Success };
    V5.write(Packet::ConnAck(ack, Some(properties)), out).expect("a CONNACK of a few short properties fits a packet");
}

#[cfg(test)]
mod tests {
    use rumqttd::protocol::v4::V4;

    use super::*;

    #[test]
    fn the_codec_reads_what_is_written_here() {
        let mut out = BytesMut::new();
        suback(&mut out, Version::V4, 7, &[Ok(1), Err(Reason::QuotaExceeded)]);
        unsuback(&mut out, Version::V4, 8, &[true]);
        let mut acks = Vec::new();
        publish_ack(&mut acks, 1, 9);
        publish_ack(&mut acks, 2, 10);
        pubcomp(&mut acks, Version::V4, 10, false);
        out.extend_from_slice(&acks);
        out.extend_from_slice(&PINGRESP);
        let mut read = || V4.read_mut(&mut out, 100).unwrap();
        assert!(matches!(read(), Packet::SubAck(ack, _) if ack.pkid == 7 && ack.return_codes.len() == 2));
        assert!(matches!(read(), Packet::UnsubAck(ack, _) if ack.pkid == 8));
        assert!(matches!(read(), Packet::PubAck(ack, _) if ack.pkid == 9));
        assert!(matches!(read(), Packet::PubRec(ack, _) if ack.pkid == 10));
        assert!(matches!(read(), Packet::PubComp(ack, _) if ack.pkid == 10));
        assert!(matches!(read(), Packet::PingResp(_)));
    }

    #[test]
    fn mqtt_5_answers_carry_their_reason() {
        let mut out = BytesMut::new();
        suback(&mut out, Version::V5, 1, &[Err(Reason::QuotaExceeded)]);
        unsuback(&mut out, Version::V5, 2, &[false]);
        disconnect(&mut out, Version::V5, Reason::TakenOver);
        let expected = [0x90, 4, 0, 1, 0, 0x97, 0xB0, 4, 0, 2, 0, 0x11, 0xE0, 2, 0x8E, 0];
        assert_eq!(&out[..], &expected[..]);
    }
}
