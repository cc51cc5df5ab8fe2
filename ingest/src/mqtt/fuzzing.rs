//! What must hold for whatever a client sends: the body of the fuzz target `mqtt`.
//!
//! A real front on a real log in a given directory; each input is one connection's bytes. Checked: no publish is
//! acknowledged before it is in the log, every paid byte is given back, and the connection ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tacho_log::{EmbeddedLog, EmbeddedSettings};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::frame::{u16_at, varint};
use super::{MqttFront, MqttSettings, topic};
use crate::Outlet;

/// Longest time that anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PINGREQ: [u8; 2] = [0xC0, 0];
const PINGRESP: u8 = 0xD0;
const PUBACK: u8 = 0x40;

/// A front and its log.
#[derive(Debug)]
pub struct Front {
    runtime: Runtime,
    log: EmbeddedLog,
    broker: Arc<Broker>,
    addr: SocketAddr,
    stop: CancellationToken,
    connections: u8,
}

impl Front {
    /// Opens a log in `dir`, and a front on it that lets everybody in.
    ///
    /// # Panics
    /// If either cannot be opened.
    pub fn open(dir: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime of one thread");
        let log = EmbeddedLog::open(dir, EmbeddedSettings::default()).expect("a new log");
        let settings = MqttSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            anonymous: true,
            // Small, so that inputs of some kilobytes reach the bounds.
            max_publish_bytes: 2 << 10,
            max_packet_bytes: 16 << 10,
            total_bytes: 1 << 20,
            connection_bytes: 4 << 10,
            ..MqttSettings::default()
        };
        let bound = runtime.block_on(MqttFront::bind(settings, Outlet::new(log.appender())));
        let front = bound.expect("a free port");
        let (addr, broker, stop) = (front.local_addr(), Arc::clone(&front.broker), CancellationToken::new());
        drop(runtime.spawn(front.run(stop.clone())));
        Self { runtime, log, broker, addr, stop, connections: 0 }
    }

    /// Sends the bytes over a connection of their own, and reads until it ends. The number of acknowledged publishes
    /// of telemetry at QoS 1.
    ///
    /// # Panics
    /// If it does not end, if a publish is acknowledged that is not in the log, or if a paid byte is kept.
    pub fn feed(&mut self, bytes: &[u8]) -> i64 {
        self.connections = self.connections % 200 + 1;
        let Self { runtime, log, broker, addr, connections, .. } = self;
        let (sent, appended) = (Sent::of(bytes), || log.next_offsets().iter().sum::<i64>());
        runtime.block_on(async {
            let before = appended();
            let mut stream = connect(*addr, *connections).await;
            let mut answers = Answers::default();
            let (mut reader, mut writer) = stream.split();
            let write = async {
                // It may close early.
                let ping = if sent.is_whole { &PINGREQ[..] } else { &[] };
                drop(writer.write_all(&[bytes, ping].concat()).await);
                if !sent.is_whole {
                    drop(writer.shutdown().await);
                }
            };
            let read = async {
                while answers.pings <= sent.pings || !sent.is_whole {
                    if !answers.read(&mut reader).await {
                        return false;
                    }
                    answers.check(&sent, appended() - before);
                }
                true
            };
            let exchanged = tokio::time::timeout(PATIENCE, async { tokio::join!(write, read) }).await;
            let Ok(((), is_open)) = exchanged else {
                unreachable!("no answer and no end within {PATIENCE:?}");
            };
            if is_open {
                // What is delivered is acknowledged before the end.
                all_paid_back(broker).await;
            }
            drop(writer.shutdown().await);
            let rest = async {
                while answers.read(&mut reader).await {
                    answers.check(&sent, appended() - before);
                }
            };
            assert!(tokio::time::timeout(PATIENCE, rest).await.is_ok(), "the connection does not end");
            all_paid_back(broker).await;
            answers.telemetry(&sent)
        })
    }

    /// Ends the front and the log.
    pub fn close(self) {
        self.stop.cancel();
        self.runtime.block_on(self.log.close());
        self.runtime.shutdown_timeout(PATIENCE);
    }
}

async fn all_paid_back(broker: &Broker) {
    let paid_back = async {
        while broker.budget.available_permits() < broker.settings.total_bytes {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, paid_back).await;
    assert!(ended.is_ok(), "only {} bytes are free", broker.budget.available_permits());
}

/// From one of many local addresses: each has its own ports, and a closed connection keeps its port for a minute.
async fn connect(addr: SocketAddr, nth: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, nth), 0));
    socket.bind(from).expect("a loopback address");
    socket.connect(addr).await.expect("a listening front")
}

/// What an input holds, read as a sequence of packets.
#[derive(Debug, Default)]
struct Sent {
    /// It ends with the end of a packet.
    is_whole: bool,
    pings: usize,
    /// Packet identifiers of publishes that are not, or may not be, telemetry.
    ordinary: Vec<u16>,
}

impl Sent {
    fn of(mut bytes: &[u8]) -> Self {
        let mut sent = Self::default();
        while let Some((first, body, rest)) = packet(bytes) {
            bytes = rest;
            sent.pings += usize::from(*first == PINGREQ[0]);
            if first >> 4 == 3 {
                let named = u16_at(body, 0).map(usize::from).and_then(|len| Some((body.get(2..2 + len)?, 2 + len)));
                let Some((name, at)) = named else {
                    continue;
                };
                let name = std::str::from_utf8(name).unwrap_or_default();
                if topic::telemetry_id(name).is_none() {
                    sent.ordinary.extend(u16_at(body, at));
                }
            }
        }
        sent.is_whole = bytes.is_empty();
        sent
    }
}

/// The first packet: first byte, body, and what is behind it.
fn packet(bytes: &[u8]) -> Option<(&u8, &[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (len, head) = varint(rest).ok()??;
    let (body, rest) = rest.get(head..)?.split_at_checked(len)?;
    Some((first, body, rest))
}

/// What the front answered.
#[derive(Debug, Default)]
struct Answers {
    unread: Vec<u8>,
    pings: usize,
    /// Identifiers of publishes at QoS 1 that were acknowledged with success.
    pubacks: Vec<u16>,
}

impl Answers {
    /// Reads once; `false` at the end.
    async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> bool {
        let more = stream.read_buf(&mut self.unread).await.is_ok_and(|got| got > 0);
        let mut taken = 0;
        while let Some((first, body, rest)) = packet(&self.unread[taken..]) {
            self.pings += usize::from(*first == PINGRESP);
            if *first == PUBACK && body.get(2).is_none_or(|code| *code < 0x80) {
                self.pubacks.extend(u16_at(body, 0));
            }
            taken = self.unread.len() - rest.len();
        }
        self.unread.drain(..taken);
        more
    }

    /// Checks that what was acknowledged is among the records that were appended.
    fn check(&self, sent: &Sent, appended: i64) {
        let acknowledged = self.telemetry(sent);
        assert!(acknowledged <= appended, "{acknowledged} acknowledged, {appended} in the log");
    }

    /// Acknowledged publishes that must be in the log.
    fn telemetry(&self, sent: &Sent) -> i64 {
        let count = self.pubacks.iter().filter(|pkid| !sent.ordinary.contains(pkid)).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}
