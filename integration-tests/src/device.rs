//! A device of our own that speaks as much MQTT 3.1.1 as a test needs, and one that behaves and measures.
//!
//! It sends any bytes, so that it can misbehave where a real client cannot.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};

use crate::data::{record, topic};

/// Longest silence of the front.
const SILENCE: Duration = Duration::from_secs(30);
/// Between two publishes of a device that behaves.
const PACE: Duration = Duration::from_millis(20);

/// A connection to the front.
#[derive(Debug)]
pub struct Device {
    stream: TcpStream,
}

/// A packet with its fixed header.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut len = body.len();
    loop {
        let low = u8::try_from(len & 0x7F).unwrap_or(0);
        len >>= 7;
        out.push(if len > 0 { low | 0x80 } else { low });
        if len == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

fn text(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes(), text.as_bytes()].concat()
}

/// CONNECT with a clean session; `keep_alive_s` 0: without one.
pub fn connect(id: &str, keep_alive_s: u16) -> Vec<u8> {
    let head = [text("MQTT"), vec![4, 2], keep_alive_s.to_be_bytes().to_vec(), text(id)];
    packet(0x10, &head.concat())
}

/// PUBLISH at QoS 1.
pub fn publish(topic: &str, pkid: u16, payload: &[u8]) -> Vec<u8> {
    packet(0x32, &[&text(topic), &pkid.to_be_bytes()[..], payload].concat())
}

/// SUBSCRIBE to one filter at QoS 0.
pub fn subscribe(filter: &str) -> Vec<u8> {
    packet(0x82, &[&[0, 1][..], &text(filter), &[0]].concat())
}

impl Device {
    /// A TCP connection without CONNECT.
    ///
    /// # Errors
    /// If nothing listens at the address.
    pub fn open(mqtt: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(mqtt).with_context(|| format!("the front on {mqtt}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(Self { stream })
    }

    /// A connection that the front has accepted.
    ///
    /// # Errors
    /// If it does not.
    pub fn connected(mqtt: &str, id: &str, keep_alive_s: u16) -> anyhow::Result<Self> {
        let mut device = Self::open(mqtt)?;
        device.send(&connect(id, keep_alive_s))?;
        let connack = device.read::<4>().context("CONNACK")?;
        ensure!(connack == [0x20, 2, 0, 0], "the front refuses {id}: {connack:02x?}");
        Ok(device)
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// If the front takes nothing for a while, or has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).context("the front takes nothing")
    }

    /// Sends as many bytes as are taken at once; 0 if none, or if the connection has ended.
    pub fn send_some(&mut self, bytes: &[u8]) -> usize {
        let mut sent = || {
            self.stream.set_nonblocking(true)?;
            let sent = self.stream.write(bytes);
            self.stream.set_nonblocking(false)?;
            sent
        };
        sent().unwrap_or(0)
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    /// If the connection ends before.
    pub fn read<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).context("the front says nothing")?;
        Ok(bytes)
    }

    /// Waits for the acknowledgement of a publish.
    ///
    /// # Errors
    /// If something else comes, or nothing.
    pub fn acknowledged(&mut self, pkid: u16) -> anyhow::Result<()> {
        let puback = self.read::<4>()?;
        let [high, low] = pkid.to_be_bytes();
        ensure!(puback == [0x40, 2, high, low], "{puback:02x?} instead of the PUBACK of {pkid}");
        Ok(())
    }

    /// Whether the front has closed the connection; what it said before is thrown away.
    pub fn is_closed(&mut self) -> bool {
        let mut sink = [0; 4096];
        if self.stream.set_nonblocking(true).is_err() {
            return true;
        }
        let closed = loop {
            match self.stream.read(&mut sink) {
                Ok(0) => break true,
                Ok(_more) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(_reset) => break true,
            }
        };
        self.stream.set_nonblocking(false).is_err() || closed
    }
}

/// What a device that behaves has met.
#[derive(Debug, Clone, Default)]
pub struct Met {
    /// From each publish to its PUBACK, rising.
    pub latencies: Vec<Duration>,
}

impl Met {
    /// The latency below which 99 of 100 publishes were acknowledged.
    pub fn p99(&self) -> Duration {
        self.latencies.get(self.latencies.len() * 99 / 100).or(self.latencies.last()).copied().unwrap_or_default()
    }

    /// The middle latency.
    pub fn p50(&self) -> Duration {
        self.latencies.get(self.latencies.len() / 2).copied().unwrap_or_default()
    }
}

/// A device that publishes a record every 20 ms, and waits for each acknowledgement.
#[derive(Debug)]
pub struct Bystander {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Met>>,
}

impl Bystander {
    /// Connects and begins; its records have the sequence numbers from 1 on in an epoch.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn start(mqtt: &str, robot: &str, epoch: i64) -> anyhow::Result<Self> {
        let mut device = Device::connected(mqtt, &format!("bystander-{epoch}"), 60)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, robot) = (Arc::clone(&stop), robot.to_owned());
        let thread = std::thread::spawn(move || {
            let mut met = Met::default();
            for (seq, pkid) in (1..).zip((1..=u16::MAX).cycle()) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let packet = publish(&topic(&robot), pkid, record(&robot, epoch, seq).as_bytes());
                let sent = Instant::now();
                device.send(&packet)?;
                device.acknowledged(pkid).with_context(|| format!("record {seq} of a device that behaves"))?;
                met.latencies.push(sent.elapsed());
                std::thread::sleep(PACE);
            }
            met.latencies.sort();
            Ok(met)
        });
        Ok(Self { stop, thread })
    }

    /// Ends it, and says what it met.
    ///
    /// # Errors
    /// If one of its publishes was not acknowledged.
    pub fn end(self) -> anyhow::Result<Met> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_panic| anyhow!("the device's thread"))?
    }
}
