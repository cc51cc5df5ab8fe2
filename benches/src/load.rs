//! The load: pipelined publishes of valid records of about 300 bytes over many connections, encoded once and patched.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::record::{FIRST_SEQ, robot_id, small, topic};
use crate::wire::{Connection, packet_id, publish};

/// Robots that share a connection, where no more are asked for.
pub(crate) const ROBOTS: usize = 10;
/// Publishes that are sent in one go; a multiple of [`ROBOTS`].
const BURST: usize = 200;
/// Publishes of a connection that may be unacknowledged.
const WINDOW: usize = 1_000;
/// Digits of a sequence number.
const SEQ_DIGITS: usize = 10;

/// What is to be published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) broker: SocketAddr,
    pub(crate) connections: usize,
    /// Robots of each connection: [`ROBOTS`], or a multiple of the publishes that are sent in one go.
    pub(crate) robots: usize,
    pub(crate) duration: Duration,
    /// Records per second of all connections together; without it, as fast as they are acknowledged.
    pub(crate) rate: Option<f64>,
}

/// What was acknowledged, and in which time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledged {
    pub(crate) records: usize,
    pub(crate) took: Duration,
}

impl Acknowledged {
    /// Records per second.
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64()
    }
}

impl Load {
    /// Publishes for the duration, and waits until everything is acknowledged.
    pub(crate) fn run(&self) -> anyhow::Result<Acknowledged> {
        let connections = (0..self.connections)
            .map(|number| {
                Ok((Connection::open(self.broker, &format!("load-{number}"))?, Bursts::new(number, self.robots)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let started = Instant::now();
        let records = std::thread::scope(|scope| {
            let publishing: Vec<_> = connections
                .into_iter()
                .map(|(connection, bursts)| scope.spawn(move || self.publish(started, connection, bursts)))
                .collect();
            publishing.into_iter().map(|thread| thread.join().map_err(|_panic| anyhow!("a connection's thread"))?).sum()
        });
        let records: anyhow::Result<usize> = records;
        Ok(Acknowledged { records: records?, took: started.elapsed() })
    }

    fn publish(&self, started: Instant, mut connection: Connection, mut bursts: Bursts) -> anyhow::Result<usize> {
        let mut buffer = vec![0; 64 * 1024];
        let mut acknowledged = 0;
        while started.elapsed() < self.duration {
            if let Some(rate) = self.rate {
                let due = bursts.published as f64 * self.connections as f64 / rate;
                std::thread::sleep(Duration::from_secs_f64(due).saturating_sub(started.elapsed()));
            }
            connection.send(bursts.next())?;
            while bursts.published - acknowledged > WINDOW - BURST {
                acknowledged = connection.acknowledged(&mut buffer)?;
            }
        }
        while acknowledged < bursts.published {
            acknowledged = connection.acknowledged(&mut buffer)?;
        }
        Ok(acknowledged)
    }
}

/// The publishes of one connection, a burst at a time: its robots in turn, each with rising sequence numbers.
#[derive(Debug)]
struct Bursts {
    /// As many as it takes until each robot had a turn.
    round: Vec<Burst>,
    robots: usize,
    published: usize,
}

/// Publishes that are sent in one go.
#[derive(Debug, Default)]
struct Burst {
    bytes: Vec<u8>,
    /// Per publish: where its packet identifier stands, and where digits of the sequence number stand.
    places: Vec<(usize, Vec<usize>)>,
}

impl Bursts {
    fn new(connection: usize, robots: usize) -> anyhow::Result<Self> {
        let digits = FIRST_SEQ.to_string();
        let mut round = Vec::new();
        for first in (0..robots.max(BURST)).step_by(BURST) {
            let mut burst = Burst::default();
            for number in first..first + BURST {
                let robot = robot_id(1 + connection * robots + number % robots);
                let (packet, id_at) = publish(&topic(&robot), small(&robot, FIRST_SEQ).as_bytes())?;
                let found = packet.windows(SEQ_DIGITS).enumerate().filter(|(_, window)| *window == digits.as_bytes());
                let start = burst.bytes.len();
                burst.places.push((start + id_at, found.map(|(at, _)| start + at).collect()));
                burst.bytes.extend_from_slice(&packet);
            }
            round.push(burst);
        }
        Ok(Self { round, robots, published: 0 })
    }

    /// The next burst.
    fn next(&mut self) -> &[u8] {
        let turn = self.published / BURST % self.round.len();
        let Burst { bytes, places } = &mut self.round[turn];
        for (number, (id_at, seq_at)) in places.iter().enumerate() {
            let count = self.published + number;
            bytes[*id_at..*id_at + 2].copy_from_slice(&packet_id(count));
            for at in seq_at {
                put_digits(&mut bytes[*at..*at + SEQ_DIGITS], FIRST_SEQ + count / self.robots);
            }
        }
        self.published += BURST;
        bytes
    }
}

fn put_digits(out: &mut [u8], mut number: usize) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789"[number % 10];
        number /= 10;
    }
}

/// Publishes of records that exist already, on one connection and in order, until all are acknowledged.
pub(crate) fn publish_all(broker: SocketAddr, records: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let mut connection = Connection::open(broker, "recorded")?;
    let mut buffer = vec![0; 64 * 1024];
    let mut acknowledged = 0;
    for (count, (topic, payload)) in records.iter().enumerate() {
        let (mut packet, id_at) = publish(topic, payload)?;
        packet[id_at..id_at + 2].copy_from_slice(&packet_id(count));
        connection.send(&packet)?;
        while count + 1 - acknowledged >= WINDOW {
            acknowledged = connection.acknowledged(&mut buffer)?;
        }
    }
    while acknowledged < records.len() {
        acknowledged = connection.acknowledged(&mut buffer)?;
    }
    Ok(())
}
