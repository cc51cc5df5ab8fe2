//! CONNECT: which version, who, with which session; and the CONNACK that refuses.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::v5::V5;
use rumqttd::protocol::{ConnectProperties, LastWill, LastWillProperties, Packet, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::encode;
use super::frame::{Kind, Version, header, u16_at};
use super::reason::{End, Reason};

/// Longest CONNECT, in bytes: a will has at most 64 KiB.
const CONNECT_BYTES_MAX: usize = 128 << 10;
/// Longest client ID, in bytes.
const CLIENT_ID_BYTES_MAX: usize = 256;

/// What a CONNECT says, decoded and checked, but not yet authenticated.
pub(crate) struct Connect {
    pub(crate) version: Version,
    /// Empty: the front is to choose one.
    pub(crate) client_id: String,
    pub(crate) clean_start: bool,
    /// How long the session is to outlive the connection; `None`: as long as the front allows.
    pub(crate) session_expiry: Option<Duration>,
    /// 0: no keep-alive.
    pub(crate) keep_alive: Duration,
    pub(crate) login: Option<(String, String)>,
    pub(crate) will: Option<(LastWill, Option<LastWillProperties>)>,
    /// The client's receive maximum.
    pub(crate) in_flight_max: usize,
    /// The client's maximum packet size, in bytes.
    pub(crate) packet_bytes_max: usize,
}

/// Reads a CONNECT; `buffer` keeps what came after it.
///
/// # Errors
/// How the connection ends, and the CONNACK for it, if the version is known.
pub(crate) async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Connect, (End, Vec<u8>)> {
    let silent = |end: End| (end, Vec::new());
    let packet_len = loop {
        match header(buffer).map_err(|reason| silent(reason.into()))? {
            Some(h) if h.kind != Kind::Connect => return Err(silent(Reason::ProtocolError.into())),
            Some(h) if h.packet_len() > CONNECT_BYTES_MAX => {
                return Err(silent(Reason::PacketTooLarge.into()));
            }
            Some(h) if h.packet_len() <= buffer.len() => break h.packet_len(),
            _ => {}
        }
        match stream.read_buf(buffer).await {
            Ok(0) | Err(_) => return Err(silent(End::Lost)),
            Ok(_more) => {}
        }
    };
    let packet = buffer.split_to(packet_len);
    parse(packet).map_err(|(version, reason)| {
        let connack = version.map_or_else(Vec::new, |version| encode::connack_refusal(version, reason));
        (reason.into(), connack)
    })
}

/// Writes a CONNACK that refuses; the connection ends in any case.
pub(crate) async fn refuse(stream: &mut TcpStream, connack: &[u8]) {
    let sent = async {
        stream.write_all(connack).await?;
        stream.shutdown().await
    };
    // Whoever does not read the refusal just loses the connection.
    drop(tokio::time::timeout(Duration::from_secs(1), sent).await);
}

fn parse(mut packet: BytesMut) -> Result<Connect, (Option<Version>, Reason)> {
    let len = header(&packet).ok().flatten().map_or(0, |h| h.len);
    let version = version(&packet[len..])?;
    let refuse = |reason| (Some(version), reason);
    // The level stands at 6, the flags at 7; bit 0 is reserved, and 3.1.1 has no password without a user name.
    let flags = packet.get(len + 7).copied().unwrap_or(1);
    if flags & 1 != 0 || (version == Version::V4 && flags & 0xC0 == 0x40) {
        return Err(refuse(Reason::Malformed));
    }
    let decoded = match version {
        Version::V4 => V4.read_mut(&mut packet, CONNECT_BYTES_MAX),
        Version::V5 => V5.read_mut(&mut packet, CONNECT_BYTES_MAX),
    };
    let Ok(Packet::Connect(connect, properties, will, will_properties, login)) = decoded else {
        return Err(refuse(Reason::Malformed));
    };
    if properties.as_ref().is_some_and(|p| p.authentication_method.is_some()) {
        return Err(refuse(Reason::BadAuthMethod));
    }
    let (in_flight_max, packet_bytes_max) = limits(properties.as_ref()).map_err(refuse)?;
    let unnamed_session = version == Version::V4 && connect.client_id.is_empty() && !connect.clean_session;
    if unnamed_session || connect.client_id.len() > CLIENT_ID_BYTES_MAX || connect.client_id.contains('\0') {
        return Err(refuse(Reason::ClientId));
    }
    let asked = properties.as_ref().and_then(|p| p.session_expiry_interval);
    let session_expiry = match (version, asked) {
        (Version::V4, _) if connect.clean_session => Some(Duration::ZERO),
        (Version::V4, _) | (Version::V5, Some(u32::MAX)) => None,
        (Version::V5, asked) => Some(Duration::from_secs(asked.unwrap_or(0).into())),
    };
    Ok(Connect {
        version,
        client_id: connect.client_id,
        clean_start: connect.clean_session,
        session_expiry,
        keep_alive: Duration::from_secs(connect.keep_alive.into()),
        login: login.map(|login| (login.username, login.password)),
        will: will.map(|will| (will, will_properties)),
        in_flight_max,
        packet_bytes_max,
    })
}

/// Protocol name and level (3.1.2.1, 3.1.2.2).
fn version(mut body: &[u8]) -> Result<Version, (Option<Version>, Reason)> {
    let name_len = usize::from(u16_at(body, 0).ok_or((None, Reason::Malformed))?);
    body.advance(2);
    let (name, level) = match (body.get(..name_len), body.get(name_len)) {
        (Some(name), Some(level)) => (name, *level),
        _ => return Err((None, Reason::Malformed)),
    };
    match (name, level) {
        (b"MQTT", 4) => Ok(Version::V4),
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT", 6..) => Err((Some(Version::V5), Reason::UnsupportedVersion)),
        (b"MQTT" | b"MQIsdp", _) => Err((Some(Version::V4), Reason::UnsupportedVersion)),
        _ => Err((None, Reason::ProtocolError)),
    }
}

fn limits(properties: Option<&ConnectProperties>) -> Result<(usize, usize), Reason> {
    let in_flight_max = properties.and_then(|p| p.receive_maximum).unwrap_or(u16::MAX);
    let packet_bytes_max = properties.and_then(|p| p.max_packet_size).unwrap_or(u32::MAX);
    if in_flight_max == 0 || packet_bytes_max == 0 {
        return Err(Reason::ProtocolError);
    }
    let packet_bytes_max = usize::try_from(packet_bytes_max).unwrap_or(usize::MAX);
    Ok((in_flight_max.into(), packet_bytes_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> (Option<Version>, Reason) {
        match parse(BytesMut::from(bytes)) {
            Ok(_) => unreachable!("accepted {bytes:?}"),
            Err(refusal) => refusal,
        }
    }

    fn connect(name: &[u8], level: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut body = vec![0, u8::try_from(name.len()).unwrap()];
        body.extend(name);
        body.extend([level, flags, 0, 60]);
        body.extend(rest);
        let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
        packet.extend(body);
        packet
    }

    #[test]
    fn both_versions_are_told_apart_by_their_level() {
        let v4 = parse(BytesMut::from(&connect(b"MQTT", 4, 2, &[0, 1, b'a'])[..])).ok().unwrap();
        assert_eq!((v4.version, v4.client_id.as_str(), v4.session_expiry), (Version::V4, "a", Some(Duration::ZERO)));
        let v5 = parse(BytesMut::from(&connect(b"MQTT", 5, 0, &[0, 0, 1, b'b'])[..])).ok().unwrap();
        assert_eq!((v5.version, v5.client_id.as_str(), v5.session_expiry), (Version::V5, "b", Some(Duration::ZERO)));
    }

    #[test]
    fn other_versions_get_the_connack_that_they_can_read() {
        assert_eq!(refusal(&connect(b"MQIsdp", 3, 2, &[0, 1, b'a'])), (Some(Version::V4), Reason::UnsupportedVersion));
        assert_eq!(refusal(&connect(b"MQTT", 6, 2, &[0, 0, 1, b'a'])), (Some(Version::V5), Reason::UnsupportedVersion));
        assert_eq!(refusal(&connect(b"HTTP", 4, 2, &[0, 1, b'a'])), (None, Reason::ProtocolError));
    }

    #[test]
    fn reserved_flags_and_a_session_without_a_name_are_refused() {
        assert_eq!(refusal(&connect(b"MQTT", 4, 3, &[0, 1, b'a'])), (Some(Version::V4), Reason::Malformed));
        assert_eq!(refusal(&connect(b"MQTT", 4, 0, &[0, 0])), (Some(Version::V4), Reason::ClientId));
        assert_eq!(refusal(&connect(b"MQTT", 4, 0x42, &[0, 0, 0, 0])), (Some(Version::V4), Reason::Malformed));
    }

    #[test]
    fn a_receive_maximum_of_zero_is_a_protocol_error() {
        let packet = connect(b"MQTT", 5, 2, &[3, 0x21, 0, 0, 0, 1, b'a']);
        assert_eq!(refusal(&packet), (Some(Version::V5), Reason::ProtocolError));
    }
}
