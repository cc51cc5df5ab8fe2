//! Forwarded publishes as bytes: the codec encodes them, and what it hides (QoS, packet identifier) is read from
//! and changed in the bytes.

use bytes::BytesMut;
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::v5::V5;
use rumqttd::protocol::{Packet, Protocol, Publish, PublishProperties};

use crate::mqtt::encode::put_varint;
use crate::mqtt::frame::{Version, u16_at, varint};

const QOS_BITS: u8 = 0x06;

/// Encodes a publish at the end of `out`; its QoS and packet identifier (0 at QoS 0). `None`: it cannot be encoded.
pub(super) fn write(
    publish: Publish,
    properties: Option<PublishProperties>,
    out: &mut BytesMut,
    version: Version,
) -> Option<(u8, u16)> {
    let start = out.len();
    let written = match version {
        Version::V4 => V4.write(Packet::Publish(publish, None), out),
        Version::V5 => V5.write(Packet::Publish(publish, properties), out),
    };
    if written.is_err() {
        out.truncate(start);
        return None;
    }
    let packet = &out[start..];
    let qos = (packet[0] & QOS_BITS) >> 1;
    let body = 1 + varint(&packet[1..]).ok()??.1;
    let topic = usize::from(u16_at(packet, body)?);
    let pkid = if qos > 0 { u16_at(packet, body + 2 + topic)? } else { 0 };
    Some((qos, pkid))
}

/// Lowers the QoS of the packet at `start`, which is the last one of `out`.
pub(super) fn lower_qos(out: &mut BytesMut, start: usize, qos: u8) {
    let first = (out[start] & !QOS_BITS) | (qos << 1);
    if qos > 0 {
        out[start] = first;
        return;
    }
    // QoS 0 has no packet identifier.
    let packet = out.split_off(start);
    let Ok(Some((remaining, len_len))) = varint(&packet[1..]) else {
        return;
    };
    let body = &packet[1 + len_len..];
    let topic_end = 2 + usize::from(u16_at(body, 0).unwrap_or(0));
    out.extend_from_slice(&[first]);
    put_varint(out, remaining - 2);
    out.extend_from_slice(&body[..topic_end]);
    out.extend_from_slice(&body[topic_end + 2..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(out: &BytesMut) -> Publish {
        match V4.read_mut(&mut out.clone(), 1 << 20).unwrap() {
            Packet::Publish(publish, _) => publish,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_lowered_packet_is_the_packet_that_would_have_been_sent() {
        // QoS 1, topic "a/b", identifier 7, payload of 130 bytes: two bytes of length before, two after.
        let mut packet = BytesMut::from(&[0x32, 0x89, 0x01, 0, 3, b'a', b'/', b'b', 0, 7][..]);
        packet.extend_from_slice(&[9; 130]);
        let publish = decoded(&packet);
        let mut out = BytesMut::from(&b"before"[..]);
        assert_eq!(write(publish.clone(), None, &mut out, Version::V4), Some((1, 7)));
        assert_eq!(out[6..], packet[..]);
        lower_qos(&mut out, 6, 0);
        let mut expected = BytesMut::new();
        let plain = Publish::new(publish.topic, publish.payload, false);
        assert_eq!(write(plain, None, &mut expected, Version::V4), Some((0, 0)));
        assert_eq!(out[6..], expected[..]);
    }
}
