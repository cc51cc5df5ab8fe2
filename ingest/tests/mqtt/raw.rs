//! A client that sends bytes and reads packets, and knows no protocol.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::plant::PATIENCE;

/// A TCP connection.
pub(crate) struct Raw {
    stream: TcpStream,
}

/// The optional parts of a CONNECT.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Connect<'a> {
    pub(crate) id: &'a str,
    /// Clean session, or clean start.
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    /// Encoded, for MQTT 5.
    pub(crate) properties: &'a [u8],
    /// Flags (QoS, retain), encoded will properties for MQTT 5, topic, message.
    pub(crate) will: Option<(u8, &'a [u8], &'a str, &'a [u8])>,
    pub(crate) login: Option<(&'a str, &'a str)>,
}

/// A string with its length.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut out = u16::try_from(bytes.len()).expect("a short text").to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

/// A packet with its fixed header.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut len = body.len();
    loop {
        let low = u8::try_from(len & 0x7F).expect("seven bits");
        len >>= 7;
        out.push(if len > 0 { low | 0x80 } else { low });
        if len == 0 {
            break;
        }
    }
    out.extend(body);
    out
}

/// CONNECT of level 4 or 5.
pub(crate) fn connect(level: u8, c: Connect) -> Vec<u8> {
    let mut flags = u8::from(c.clean) << 1;
    let mut payload = text(c.id);
    if let Some((will_flags, properties, topic, message)) = c.will {
        flags |= 4 | will_flags;
        if level == 5 {
            payload.push(u8::try_from(properties.len()).expect("few properties"));
            payload.extend(properties);
        }
        payload.extend(text(topic));
        payload.extend(text(message));
    }
    if let Some((user, password)) = c.login {
        flags |= 0xC0;
        payload.extend(text(user));
        payload.extend(text(password));
    }
    let mut body = text("MQTT");
    body.extend([level, flags]);
    body.extend(c.keep_alive.to_be_bytes());
    if level == 5 {
        body.push(u8::try_from(c.properties.len()).expect("few properties"));
        body.extend(c.properties);
    }
    body.extend(payload);
    packet(0x10, &body)
}

/// PUBLISH of MQTT 3.1.1 (`properties` = `None`) or 5; bit 0 of `flags` is retain.
pub(crate) fn publish(qos: u8, topic: &str, pkid: u16, properties: Option<&[u8]>, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend(pkid.to_be_bytes());
    }
    if let Some(properties) = properties {
        body.push(u8::try_from(properties.len()).expect("few properties"));
        body.extend(properties);
    }
    body.extend(payload);
    packet(0x30 | (qos << 1), &body)
}

/// The same with the retain flag.
pub(crate) fn retained(mut publish: Vec<u8>) -> Vec<u8> {
    publish[0] |= 1;
    publish
}

/// SUBSCRIBE with encoded options, for MQTT 3.1.1 (`v5` = false) or 5.
pub(crate) fn subscribe(v5: bool, pkid: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = pkid.to_be_bytes().to_vec();
    if v5 {
        body.push(0);
    }
    for (filter, options) in filters {
        body.extend(text(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

impl Raw {
    /// A connection without CONNECT.
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.expect("a listening front") }
    }

    /// A connection with an accepted clean session that speaks MQTT 3.1.1 or 5.
    pub(crate) async fn connected(addr: SocketAddr, level: u8, id: &str) -> Self {
        Self::joined(addr, level, Connect { id, clean: true, ..Connect::default() }).await.0
    }

    /// A connection with this CONNECT accepted, and its CONNACK.
    pub(crate) async fn joined(addr: SocketAddr, level: u8, c: Connect<'_>) -> (Self, Vec<u8>) {
        let mut raw = Self::open(addr).await;
        raw.send(&connect(level, c)).await;
        let connack = raw.packet().await;
        assert_eq!((connack[0], connack[3]), (0x20, 0), "accepted");
        (raw, connack)
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("an open connection");
    }

    /// Sends bytes if the front still takes them.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// The next packet.
    pub(crate) async fn packet(&mut self) -> Vec<u8> {
        self.try_packet().await.expect("a packet, not the end of the connection")
    }

    /// The next packet, or the end of the connection.
    pub(crate) async fn try_packet(&mut self) -> Option<Vec<u8>> {
        let reading = async {
            let mut out = vec![self.stream.read_u8().await.ok()?];
            let (mut len, mut shift) = (0, 0);
            loop {
                let byte = self.stream.read_u8().await.ok()?;
                out.push(byte);
                len |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let head = out.len();
            out.resize(head + len, 0);
            self.stream.read_exact(&mut out[head..]).await.ok()?;
            Some(out)
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("an answer in time")
    }

    /// Expects DISCONNECT of MQTT 5 with this reason, and the end.
    pub(crate) async fn expect_disconnect(&mut self, reason: u8) {
        loop {
            let packet = self.packet().await;
            if packet[0] == 0xE0 {
                assert_eq!(packet[2], reason, "reason {:#04x}, expected {reason:#04x}", packet[2]);
                break;
            }
        }
        self.expect_end().await;
    }

    /// Expects the end of the connection.
    pub(crate) async fn expect_end(&mut self) {
        if let Some(packet) = self.try_packet().await {
            unreachable!("{packet:02x?} instead of the end");
        }
    }

    /// Sends PINGREQ and expects that PINGRESP is the very next packet.
    pub(crate) async fn expect_alive_and_nothing_else(&mut self) {
        self.send(&[0xC0, 0]).await;
        assert_eq!(self.packet().await, [0xD0, 0]);
    }

    /// Expects a forwarded PUBLISH at QoS 0 of MQTT 3.1.1; its topic and payload.
    pub(crate) async fn forwarded(&mut self) -> (String, Vec<u8>) {
        let packet = self.packet().await;
        assert_eq!(packet[0] & 0xF6, 0x30, "a publish at QoS 0: {packet:02x?}");
        let head = 1 + packet[1..].iter().take_while(|byte| *byte & 0x80 != 0).count() + 1;
        let topic_len = usize::from(u16::from_be_bytes([packet[head], packet[head + 1]]));
        let topic = String::from_utf8(packet[head + 2..head + 2 + topic_len].to_vec()).expect("a topic");
        (topic, packet[head + 2 + topic_len..].to_vec())
    }
}
