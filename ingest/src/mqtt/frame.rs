//! Fixed headers of MQTT packets (3.1.1 and 5, section 2): where a packet ends, and whether a client may send it.
//!
//! The front frames packets itself, so that rumqttd's codec only ever sees one whole packet of a type that it
//! decodes: its MQTT 5 decoder panics on types that only a broker sends.

use super::reason::Reason;

/// Protocol version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V4,
    /// MQTT 5.
    V5,
}

/// A packet that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    Unsubscribe,
    PingReq,
    Disconnect,
}

/// A fixed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// First byte: type and flags.
    pub(crate) first: u8,
    /// What it says.
    pub(crate) kind: Kind,
    /// Length of the fixed header, 2 to 5 bytes.
    pub(crate) len: usize,
    /// Length of what follows it, in bytes.
    pub(crate) remaining: usize,
}

impl Header {
    /// Length of the whole packet, in bytes.
    pub(crate) fn packet_len(&self) -> usize {
        self.len + self.remaining
    }
}

/// Reads the fixed header at the start of `bytes`; `None`: more bytes are needed.
///
/// # Errors
/// [`Reason::ProtocolError`] for a type that no client sends, [`Reason::Malformed`] for wrong flags or a length of
/// more than four bytes; both already after the first byte that tells.
pub(crate) fn header(bytes: &[u8]) -> Result<Option<Header>, Reason> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let kind = kind(first)?;
    let mut remaining = 0;
    for (i, byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some(Header { first, kind, len: 2 + i, remaining }));
        }
    }
    if rest.len() >= 4 { Err(Reason::Malformed) } else { Ok(None) }
}

fn kind(first: u8) -> Result<Kind, Reason> {
    match first {
        0x10 => Ok(Kind::Connect),
        0x30..=0x3F => Ok(Kind::Publish),
        0x40 => Ok(Kind::PubAck),
        0x50 => Ok(Kind::PubRec),
        0x62 => Ok(Kind::PubRel),
        0x70 => Ok(Kind::PubComp),
        0x82 => Ok(Kind::Subscribe),
        0xA2 => Ok(Kind::Unsubscribe),
        0xC0 => Ok(Kind::PingReq),
        0xE0 => Ok(Kind::Disconnect),
        _ => match first >> 4 {
            // CONNACK, SUBACK, UNSUBACK and PINGRESP come from brokers, AUTH is not offered, 0 is reserved.
            0 | 2 | 9 | 11 | 13 | 15 => Err(Reason::ProtocolError),
            _ => Err(Reason::Malformed),
        },
    }
}

/// A variable byte integer at the start of `bytes`: (value, its length); `None` if it is cut off.
pub(crate) fn varint(bytes: &[u8]) -> Result<Option<(usize, usize)>, Reason> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() >= 4 { Err(Reason::Malformed) } else { Ok(None) }
}

/// The big-endian 16-bit number at `at`, if it is there.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// Packet identifier and reason code of a PUBACK, PUBREC, PUBREL or PUBCOMP body.
pub(crate) fn ack(body: &[u8]) -> Result<(u16, u8), Reason> {
    match u16_at(body, 0) {
        Some(0) | None => Err(Reason::Malformed),
        Some(pkid) => Ok((pkid, body.get(2).copied().unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_only_a_broker_sends_are_refused_by_their_first_byte() {
        for first in [0x20, 0x24, 0x90, 0xB0, 0xD0, 0xF0, 0x00] {
            assert_eq!(header(&[first]), Err(Reason::ProtocolError), "{first:#04x}");
        }
    }

    #[test]
    fn wrong_flags_are_malformed() {
        for first in [0x11, 0x41, 0x60, 0x80, 0xA0, 0xC1, 0xE1] {
            assert_eq!(header(&[first, 0]), Err(Reason::Malformed), "{first:#04x}");
        }
    }

    #[test]
    fn lengths_of_one_to_four_bytes_are_read() {
        let remaining = |bytes: &[u8]| header(bytes).unwrap().map(|h| (h.len, h.remaining));
        assert_eq!(remaining(&[0x30, 0x7F]), Some((2, 127)));
        assert_eq!(remaining(&[0x30, 0x80, 0x01]), Some((3, 128)));
        assert_eq!(remaining(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]), Some((5, 268_435_455)));
        assert_eq!(remaining(&[0x30, 0xFF, 0xFF]), None);
        assert_eq!(header(&[0x30, 0x80, 0x80, 0x80, 0x80]), Err(Reason::Malformed));
    }
}
