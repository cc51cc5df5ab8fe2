//! The head of a PUBLISH (MQTT 5, 3.3): the one packet that is decoded here and not by rumqttd's codec, because
//! its `qos` and `pkid` are private there and because one connection sends hundreds of thousands a second.

use std::ops::Range;

use super::frame::{Version, u16_at, varint};
use super::reason::Reason;

/// What stands before the payload. Ranges are of the body, the bytes after the fixed header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// 0, 1 or 2.
    pub(crate) qos: u8,
    /// To be kept for later subscribers.
    pub(crate) retain: bool,
    /// Packet identifier; 0 at QoS 0.
    pub(crate) pkid: u16,
    /// Topic name; empty where an alias stands for it.
    pub(crate) topic: Range<usize>,
    /// Topic alias.
    pub(crate) alias: Option<u16>,
    /// Whether there are properties besides the alias.
    pub(crate) more_properties: bool,
    /// Where the payload begins.
    pub(crate) payload: usize,
}

/// Parses the head of a PUBLISH whose body is `remaining` bytes long, of which `body` has come so far; `None`: more
/// bytes are needed.
///
/// # Errors
/// [`Reason::Malformed`] if it is no PUBLISH, [`Reason::ProtocolError`] for what a client must not send.
pub(crate) fn head(version: Version, first: u8, body: &[u8], remaining: usize) -> Result<Option<Head>, Reason> {
    let qos = (first >> 1) & 3;
    if qos == 3 || (qos == 0 && first & 8 != 0) {
        return Err(Reason::Malformed);
    }
    let cut = |needed: usize| {
        if needed > remaining { Err(Reason::Malformed) } else { Ok(None) }
    };
    let Some(topic_len) = u16_at(body, 0) else {
        return cut(2);
    };
    let topic = 2..2 + usize::from(topic_len);
    let mut at = topic.end;
    let mut pkid = 0;
    if qos > 0 {
        match u16_at(body, at) {
            None => return cut(at + 2),
            Some(0) => return Err(Reason::Malformed),
            Some(id) => pkid = id,
        }
        at += 2;
    }
    if at > body.len() {
        return cut(at);
    }
    let mut alias = None;
    let mut more_properties = false;
    if version == Version::V5 {
        let Some((len, len_len)) = varint(&body[at..])? else {
            return cut(at + 1);
        };
        at += len_len;
        match body.get(at..at + len) {
            Some(block) => (alias, more_properties) = properties(block)?,
            None => return cut(at + len),
        }
        at += len;
    }
    Ok(Some(Head { qos, retain: first & 1 != 0, pkid, topic, alias, more_properties, payload: at }))
}

/// Walks the properties (3.3.2.3): the topic alias, and whether there are others.
fn properties(mut block: &[u8]) -> Result<(Option<u16>, bool), Reason> {
    let mut alias = None;
    let mut seen = 0_u64;
    while let Some((&id, rest)) = block.split_first() {
        let len = match id {
            0x01 => 1,
            0x02 => 4,
            0x03 | 0x08 | 0x09 => sized(rest, id != 0x09)?,
            0x23 => {
                alias = u16_at(rest, 0);
                2
            }
            0x26 => {
                let key = sized(rest, true)?;
                key + sized(&rest[key..], true)?
            }
            // A subscription identifier comes from a broker only.
            0x0B => return Err(Reason::ProtocolError),
            _ => return Err(Reason::Malformed),
        };
        if id != 0x26 && seen & (1 << id) != 0 {
            return Err(Reason::ProtocolError);
        }
        seen |= 1 << id;
        block = rest.get(len..).ok_or(Reason::Malformed)?;
    }
    Ok((alias, seen & !(1 << 0x23) != 0))
}

/// Length of a string or of binary data with its two bytes of length.
fn sized(bytes: &[u8], text: bool) -> Result<usize, Reason> {
    let len = usize::from(u16_at(bytes, 0).ok_or(Reason::Malformed)?);
    let content = bytes.get(2..2 + len).ok_or(Reason::Malformed)?;
    if text && std::str::from_utf8(content).is_err() {
        return Err(Reason::Malformed);
    }
    Ok(2 + len)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;
    use rumqttd::protocol::{Packet, Protocol, v4::V4, v5::V5};

    use super::*;
    use crate::mqtt::frame::header;

    fn whole(version: Version, packet: &[u8]) -> Result<Option<Head>, Reason> {
        let Some(h) = header(packet)? else {
            return Ok(None);
        };
        let body = &packet[h.len..];
        if body.len() < h.remaining {
            return Ok(None);
        }
        head(version, h.first, &body[..h.remaining], h.remaining)
    }

    fn publish(qos: u8, topic: &[u8], pkid: u16, properties: Option<&[u8]>, payload: &[u8]) -> Vec<u8> {
        let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
        body.extend(topic);
        if qos > 0 {
            body.extend(pkid.to_be_bytes());
        }
        if let Some(properties) = properties {
            body.push(u8::try_from(properties.len()).unwrap());
            body.extend(properties);
        }
        body.extend(payload);
        let mut packet = vec![0x30 | (qos << 1)];
        let (low, high) = (body.len() & 0x7F, body.len() >> 7);
        packet.push(u8::try_from(low).unwrap() | 0x80);
        packet.push(u8::try_from(high).unwrap());
        packet.extend(body);
        packet
    }

    /// Wherever we accept, the codec accepts, and both see the same.
    fn agrees(version: Version, packet: &[u8]) {
        let Ok(Some(ours)) = whole(version, packet) else {
            return;
        };
        let mut stream = BytesMut::from(packet);
        let theirs = match version {
            Version::V4 => V4.read_mut(&mut stream, 1 << 20),
            Version::V5 => V5.read_mut(&mut stream, 1 << 20),
        };
        let Ok(Packet::Publish(publish, properties)) = theirs else {
            unreachable!("the codec refuses {packet:?}: {theirs:?}");
        };
        let h = header(packet).unwrap().unwrap();
        let body = &packet[h.len..h.packet_len()];
        assert_eq!(&publish.topic[..], &body[ours.topic.clone()]);
        assert_eq!(&publish.payload[..], &body[ours.payload..]);
        assert_eq!(publish.retain, ours.retain);
        assert_eq!(properties.and_then(|p| p.topic_alias), ours.alias);
    }

    proptest! {
        #[test]
        fn the_codec_sees_what_we_see(
            qos in 0_u8..3, topic in "[a-z/]{0,40}", pkid in 1_u16.., alias in proptest::option::of(any::<u16>()),
            user in proptest::option::of("[a-z]{0,9}"), payload in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut block = Vec::new();
            if let Some(alias) = alias {
                block.push(0x23);
                block.extend(alias.to_be_bytes());
            }
            if let Some(user) = &user {
                let len = u16::try_from(user.len()).unwrap().to_be_bytes();
                block.push(0x26);
                for _key_and_value in 0..2 {
                    block.extend(len);
                    block.extend(user.as_bytes());
                }
            }
            let v5 = publish(qos, topic.as_bytes(), pkid, Some(&block), &payload);
            let head = whole(Version::V5, &v5).unwrap().unwrap();
            prop_assert_eq!((head.qos, head.alias, head.more_properties), (qos, alias, user.is_some()));
            agrees(Version::V5, &v5);
            let v4 = publish(qos, topic.as_bytes(), pkid, None, &payload);
            prop_assert_eq!(whole(Version::V4, &v4).unwrap().unwrap().pkid, if qos == 0 { 0 } else { pkid });
            agrees(Version::V4, &v4);
        }

        #[test]
        fn no_bytes_are_accepted_that_the_codec_refuses(
            mut packet in proptest::collection::vec(any::<u8>(), 2..80), first in 0x30_u8..0x40,
        ) {
            packet[0] = first;
            packet[1] = u8::try_from(packet.len() - 2).unwrap();
            agrees(Version::V4, &packet);
            agrees(Version::V5, &packet);
        }

        #[test]
        fn a_head_in_pieces_asks_for_more_until_it_is_whole(split in 0_usize..60) {
            let packet = publish(1, b"robots/x/telemetry", 7, Some(&[0x23, 0, 1]), b"payload-payload-payload");
            let h = header(&packet).unwrap().unwrap();
            let body = &packet[h.len..];
            let split = split.min(body.len());
            let part = head(Version::V5, h.first, &body[..split], h.remaining).unwrap();
            let full = head(Version::V5, h.first, body, h.remaining).unwrap().unwrap();
            prop_assert_eq!(part, (split >= full.payload).then_some(full));
        }
    }

    #[test]
    fn what_a_client_must_not_send_is_refused() {
        assert_eq!(head(Version::V4, 0x36, &[0, 0], 2), Err(Reason::Malformed), "QoS 3");
        assert_eq!(head(Version::V4, 0x38, &[0, 0], 2), Err(Reason::Malformed), "duplicate at QoS 0");
        assert_eq!(head(Version::V4, 0x32, &[0, 1, b'a', 0, 0], 5), Err(Reason::Malformed), "identifier 0");
        assert_eq!(head(Version::V4, 0x30, &[0, 9, b'a'], 3), Err(Reason::Malformed), "topic beyond the packet");
        let subscription_identifier = [0, 1, b'a', 2, 0x0B, 1];
        assert_eq!(head(Version::V5, 0x30, &subscription_identifier, 6), Err(Reason::ProtocolError));
    }
}
