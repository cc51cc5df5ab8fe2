//! As much of MQTT 3.1.1 as a load needs: CONNECT, PUBLISH at QoS 1, PUBACK; nothing is received but acknowledgements.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Longest silence of a broker.
const SILENCE: Duration = Duration::from_secs(40);
/// Length of a PUBACK.
const PUBACK_BYTES: usize = 4;

/// A connection that has been accepted.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes of acknowledgements read so far.
    read_bytes: usize,
}

impl Connection {
    /// Connects without a name, without a keep-alive, with a clean session.
    pub(crate) fn open(broker: SocketAddr, client_id: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(broker).with_context(|| format!("broker on {broker}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let mut body = b"\x00\x04MQTT\x04\x02\x00\x00".to_vec();
        put_text(&mut body, client_id)?;
        stream.write_all(&packet(0x10, &body)?)?;
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).context("CONNACK")?;
        ensure!(connack[0] == 0x20 && connack[3] == 0, "the broker refuses: {connack:02x?}");
        Ok(Self { stream, read_bytes: 0 })
    }

    /// Sends whole packets.
    pub(crate) fn send(&mut self, packets: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(packets).context("the broker takes nothing")
    }

    /// Waits for acknowledgements; how many there are by now.
    pub(crate) fn acknowledged(&mut self, buffer: &mut [u8]) -> anyhow::Result<usize> {
        let count = self.stream.read(buffer).context("the broker acknowledges nothing")?;
        ensure!(count > 0, "the broker closed the connection");
        let first = (PUBACK_BYTES - self.read_bytes % PUBACK_BYTES) % PUBACK_BYTES;
        let puback = |byte: &u8| *byte == 0x40;
        ensure!(buffer[..count].iter().skip(first).step_by(PUBACK_BYTES).all(puback), "something else than a PUBACK");
        self.read_bytes += count;
        Ok(self.read_bytes / PUBACK_BYTES)
    }
}

/// A PUBLISH at QoS 1, and the place of its packet identifier in it.
pub(crate) fn publish(topic: &str, payload: &[u8]) -> anyhow::Result<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    put_text(&mut body, topic)?;
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(payload);
    let whole = packet(0x32, &body)?;
    let id_at = whole.len() - payload.len() - 2;
    Ok((whole, id_at))
}

/// The packet identifier of the `count`th publish of a connection.
pub(crate) fn packet_id(count: usize) -> [u8; 2] {
    u16::try_from(count % 65_535 + 1).map_or([0, 1], u16::to_be_bytes)
}

fn put_text(out: &mut Vec<u8>, text: &str) -> anyhow::Result<()> {
    let length = u16::try_from(text.len()).context("a text of at most 65,535 bytes")?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// A packet of a type with its flags, around a body.
fn packet(kind: u8, body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut out = vec![kind];
    let mut rest = body.len();
    loop {
        let low = u8::try_from(rest % 128).context("seven bits")?;
        rest /= 128;
        out.push(if rest > 0 { low | 0x80 } else { low });
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    Ok(out)
}
