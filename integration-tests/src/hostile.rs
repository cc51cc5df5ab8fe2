//! Senders that mean harm, or know no better. Each does its worst until a deadline and says what became of it.

use std::time::{Duration, Instant};

use crate::data::{record, topic};
use crate::device::{Device, connect, publish, subscribe};

/// Where, for how long, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Attack<'a> {
    /// Address of the front.
    pub mqtt: &'a str,
    /// When it is enough.
    pub until: Instant,
    /// Connections.
    pub connections: usize,
}

/// Publishes that may be unacknowledged on one connection.
const WINDOW: usize = 200;
const PAUSE: Duration = Duration::from_millis(20);

impl Attack<'_> {
    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    /// Sends CONNECT a byte at a time, so slowly that it never ends; who is cut off begins again. Cut off: how often.
    ///
    /// # Errors
    /// If the front does not listen.
    pub fn slow_loris(&self) -> anyhow::Result<usize> {
        let packet = connect("loris", 0);
        let mut cut_off = 0;
        let mut devices: Vec<(Device, usize)> = Vec::new();
        while self.goes_on() {
            while devices.len() < self.connections {
                devices.push((Device::open(self.mqtt)?, 0));
            }
            for (device, sent) in &mut devices {
                if *sent + 1 < packet.len() {
                    *sent += device.send_some(&packet[*sent..=*sent]);
                }
            }
            let before = devices.len();
            devices.retain_mut(|(device, _)| !device.is_closed());
            cut_off += before - devices.len();
            std::thread::sleep(PAUSE * 5);
        }
        Ok(cut_off)
    }

    /// Connects with a keep-alive of a second and falls silent within a publish. Cut off: how many.
    ///
    /// # Errors
    /// If the front refuses a connection.
    pub fn half_open(&self) -> anyhow::Result<usize> {
        let half = publish(&topic(&robot(1)), 1, &[b'x'; 500]);
        let mut devices = Vec::new();
        for nth in 0..self.connections {
            let mut device = Device::connected(self.mqtt, &format!("half-{nth}"), 1)?;
            device.send(&half[..200])?;
            devices.push(device);
        }
        let mut cut_off = 0;
        while self.goes_on() {
            let before = devices.len();
            devices.retain_mut(|device| !device.is_closed());
            cut_off += before - devices.len();
            std::thread::sleep(PAUSE);
        }
        Ok(cut_off)
    }

    /// Connects and says nothing more, without a keep-alive. How many are still connected at the end.
    ///
    /// # Errors
    /// If the front refuses a connection.
    pub fn idle(&self) -> anyhow::Result<usize> {
        let connect = |nth| Device::connected(self.mqtt, &format!("idle-{nth}"), 0);
        let mut devices = (0..self.connections).map(connect).collect::<anyhow::Result<Vec<_>>>()?;
        while self.goes_on() {
            std::thread::sleep(PAUSE);
        }
        devices.retain_mut(|device| !device.is_closed());
        Ok(devices.len())
    }

    /// Subscribes to everything and never reads; asks for answers all the same. How many publishes of 60 KB others sent.
    ///
    /// # Errors
    /// If the front refuses a connection, or does not acknowledge what the others publish.
    pub fn never_reads(&self) -> anyhow::Result<usize> {
        let mut deaf = Vec::new();
        for nth in 0..self.connections {
            let mut device = Device::connected(self.mqtt, &format!("deaf-{nth}"), 0)?;
            device.send(&subscribe("#"))?;
            deaf.push(device);
        }
        let mut talker = Device::connected(self.mqtt, "talker", 0)?;
        let payload = vec![b'x'; 60_000];
        let mut sent = 0;
        while self.goes_on() {
            talker.send(&publish(&topic(&robot(1)), 1, &payload))?;
            talker.acknowledged(1)?;
            sent += 1;
            for device in &mut deaf {
                device.send_some(&[0xC0, 0].repeat(100));
            }
        }
        Ok(sent)
    }

    /// Publishes payloads of a size, one after the other on each connection. How many were acknowledged.
    ///
    /// # Errors
    /// If the front refuses a connection, or closes one.
    pub fn large(&self, bytes: usize) -> anyhow::Result<usize> {
        let payload = vec![b'x'; bytes];
        self.each(|nth, device, pkid| {
            device.send(&publish(&topic(&robot(nth)), pkid, &payload))?;
            device.acknowledged(pkid)?;
            Ok(1)
        })
    }

    /// Connects under one client ID from everywhere at once, again and again. How many connections were made.
    ///
    /// # Errors
    /// Never; who is refused or thrown out comes back.
    pub fn one_client_id(&self) -> anyhow::Result<usize> {
        std::thread::scope(|scope| {
            let fight = || {
                let mut made = 0;
                while self.goes_on() {
                    if let Ok(mut device) = Device::connected(self.mqtt, "twin", 0) {
                        made += 1;
                        let ends = Instant::now() + PAUSE * 50;
                        while !device.is_closed() && self.goes_on() && Instant::now() < ends {
                            std::thread::sleep(PAUSE / 4);
                        }
                    }
                }
                made
            };
            let fights: Vec<_> = (0..self.connections).map(|_| scope.spawn(fight)).collect();
            Ok(fights.into_iter().map(|fight| fight.join().unwrap_or(0)).sum())
        })
    }

    /// Publishes under malformed IDs, each another one. How many were acknowledged.
    ///
    /// # Errors
    /// If the front closes a connection.
    pub fn malformed_ids(&self) -> anyhow::Result<usize> {
        self.flood(|nth, count| (topic(&format!("{nth}-é-{count}")), record(&robot(nth), 1, 1)))
    }

    /// Publishes records of one robot a connection, each in a stream epoch of its own. How many were acknowledged.
    ///
    /// # Errors
    /// If the front closes a connection.
    pub fn streams(&self) -> anyhow::Result<usize> {
        self.flood(|nth, count| (topic(&robot(nth)), record(&robot(nth), i64::from(count) + 1, 1)))
    }

    /// Publishes records of one robot a connection, leaving out every second sequence number. How many were
    /// acknowledged.
    ///
    /// # Errors
    /// If the front closes a connection.
    pub fn holes(&self) -> anyhow::Result<usize> {
        self.flood(|nth, count| (topic(&robot(nth)), record(&robot(nth), 1, 2 * i64::from(count) + 1)))
    }

    /// Publishes what `make` gives for the number of the connection and of the publish, a window at a time.
    fn flood(&self, make: impl Fn(usize, u32) -> (String, String) + Sync) -> anyhow::Result<usize> {
        self.each(|nth, device, round| {
            let first = u32::from(round - 1) * u32::try_from(WINDOW).unwrap_or(0);
            let mut burst = Vec::new();
            for (pkid, count) in (1..).zip(first..).take(WINDOW) {
                let (topic, payload) = make(nth, count);
                burst.extend(publish(&topic, pkid, payload.as_bytes()));
            }
            device.send(&burst)?;
            (1..).take(WINDOW).try_for_each(|pkid| device.acknowledged(pkid))?;
            Ok(WINDOW)
        })
    }

    /// Repeats an action on each connection, with a number that rises from 1; the sum of what it gives.
    fn each(&self, act: impl Fn(usize, &mut Device, u16) -> anyhow::Result<usize> + Sync) -> anyhow::Result<usize> {
        let run = |nth| {
            let mut device = Device::connected(self.mqtt, &format!("attacker-{nth}"), 0)?;
            let mut done = 0;
            for number in 1..u16::MAX {
                if !self.goes_on() {
                    break;
                }
                done += act(nth, &mut device, number)?;
            }
            anyhow::Ok(done)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections).map(|nth| scope.spawn(move || run(nth))).collect();
            let ended = threads.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(_panic) => anyhow::bail!("an attacker's thread"),
            });
            ended.sum()
        })
    }
}

/// A robot of an attacker.
fn robot(nth: usize) -> String {
    format!("CNAB12HX0001{nth:017}")
}
