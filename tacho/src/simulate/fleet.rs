//! The fleet: makes its robots' records in turn, applies faults, and hands them to the devices at a rate.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tacho_schemas::RobotId;
use tacho_schemas::json::encode;
use tacho_schemas::record::Record;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::blueprint::{self, Blueprint};
use super::faults::{Fault, Faults};
use super::robot::{Past, Robot};
use crate::publishing::device::{Broker, Device, Outbound};
use crate::publishing::tally::Tally;

/// Publishes that may wait for a device.
const OUTBOX: usize = 64;
/// A year, in microseconds.
const YEAR_US: i64 = 365 * 86_400 * 1_000_000;

/// What a fleet shall do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) robots: u32,
    /// Number of the first robot.
    pub(crate) first: u32,
    pub(crate) connections: u32,
    /// Records per second of the whole fleet; 0 is as fast as it goes.
    pub(crate) rate: f64,
    pub(crate) records: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) pace: f64,
    pub(crate) epoch: i64,
    pub(crate) faults: Faults,
}

/// A fleet at work.
#[derive(Debug)]
pub(crate) struct Fleet {
    plan: Plan,
    members: Vec<Member>,
    rng: StdRng,
    done: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Member {
    robot: Robot,
    last_end_us: i64,
    /// A record that waits for its successor.
    held: Option<Outbound>,
}

impl Fleet {
    /// Builds the robots.
    pub(crate) fn new(plan: Plan) -> Self {
        let models = blueprint::fleet();
        let now_us = crate::clock::now_us();
        let members = (0..plan.robots)
            .map(|number| {
                let model = &models[usize::try_from(number).unwrap_or(0) % models.len()];
                let robot = robot_of(model, plan.first, number, plan.epoch, plan.seed);
                Member { robot, last_end_us: now_us, held: None }
            })
            .collect();
        let rng = StdRng::seed_from_u64(plan.seed);
        Self { plan, members, rng, done: BTreeMap::new() }
    }

    /// Lets robots go on where a former run has left them.
    pub(crate) fn resumed(mut self, pasts: &HashMap<RobotId, Past>) -> Self {
        for Member { robot, .. } in &mut self.members {
            if let Some(past) = pasts.get(&robot.id()) {
                robot.resume(past);
            }
        }
        self
    }

    /// Publishes until the plan is fulfilled and everything is acknowledged, or until `stop`; says how many
    /// records were treated how.
    pub(crate) async fn publish(
        mut self,
        broker: Broker,
        tally: Tally,
        stop: CancellationToken,
    ) -> BTreeMap<String, u64> {
        let connections = self.plan.connections.min(self.plan.robots);
        let mut devices = tokio::task::JoinSet::new();
        let outboxes: Vec<_> = (0..connections)
            .map(|number| {
                let (outbox, items) = mpsc::channel(OUTBOX);
                let client_id = format!("simulated-{}-{number}", self.plan.epoch);
                let device = Device { broker: broker.clone(), client_id, tally: tally.clone() };
                devices.spawn(device.run(items, stop.clone()));
                outbox
            })
            .collect();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.feed(&outboxes) => {}
        }
        drop(outboxes);
        while devices.join_next().await.is_some() {}
        self.done
    }

    /// Makes records and hands them out, robot after robot, at the planned rate.
    async fn feed(&mut self, outboxes: &[mpsc::Sender<Outbound>]) {
        let started = Instant::now();
        let mut made: u64 = 0;
        while self.plan.records.is_none_or(|records| made < records) {
            let number = usize::try_from(made % u64::from(self.plan.robots)).unwrap_or(0);
            let outbox = &outboxes[number % outboxes.len()];
            for outbound in self.next(number) {
                if outbox.send(outbound).await.is_err() {
                    return;
                }
            }
            made += 1;
            self.pause(started, made).await;
        }
        for (number, member) in self.members.iter_mut().enumerate() {
            if let Some(held) = member.held.take()
                && outboxes[number % outboxes.len()].send(held).await.is_err()
            {
                return;
            }
        }
    }

    async fn pause(&self, started: Instant, made: u64) {
        if self.plan.rate <= 0.0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a schedule, not an identity")]
        let due = Duration::try_from_secs_f64(made as f64 / self.plan.rate).unwrap_or_default();
        let ahead = due.saturating_sub(started.elapsed());
        if ahead > Duration::from_millis(2) {
            tokio::time::sleep(ahead).await;
        }
    }

    /// The publishes that come of a robot's next record: none, one, or several, by its fault.
    fn next(&mut self, number: usize) -> Vec<Outbound> {
        let fault = self.plan.faults.draw(&mut self.rng);
        let member = &mut self.members[number];
        let start_us = member.last_end_us;
        let end_us = crate::clock::now_us().max(start_us).min(start_us + 3_600_000_000);
        member.last_end_us = end_us;
        let record = member.robot.work((start_us, end_us), self.plan.pace);
        let mut out = treat(record, fault, &mut self.rng);
        *self.done.entry(what(fault).to_owned()).or_default() += 1;
        if fault == Some(Fault::Reorder) && member.held.is_none() {
            member.held = out.pop();
        } else if let Some(held) = member.held.take() {
            out.push(held);
        }
        out
    }
}

fn what(fault: Option<Fault>) -> &'static str {
    fault.map_or("good", Fault::name)
}

/// Applies a fault to a record.
fn treat(mut record: Record, fault: Option<Fault>, rng: &mut StdRng) -> Vec<Outbound> {
    if fault == Some(Fault::ClockSkew) {
        record.window_start_us += YEAR_US;
        record.window_end_us += YEAR_US;
    }
    let mut outbound = Outbound {
        topic: format!("robots/{}/telemetry", record.robot_id),
        payload: encode(&record).into_bytes(),
        label: format!("{},{},{},{}", record.robot_id, record.stream_epoch, record.seq, what(fault)),
    };
    match fault {
        None | Some(Fault::ClockSkew | Fault::Reorder) => vec![outbound],
        Some(Fault::Gap) => Vec::new(),
        Some(Fault::Duplicate) => vec![outbound.clone(), outbound],
        Some(Fault::BadId) => {
            let bad = record.robot_id.as_str().to_ascii_lowercase();
            outbound.topic = format!("robots/{bad}/telemetry");
            vec![outbound]
        }
        Some(Fault::Poison) => {
            let length = rng.random_range(0..outbound.payload.len());
            outbound.payload.truncate(length);
            vec![outbound]
        }
        Some(Fault::Conflict) => {
            let first = outbound.clone();
            record.counters.power_on_h += 1.0;
            outbound.payload = encode(&record).into_bytes();
            vec![first, outbound]
        }
    }
}

/// The robot of this number, from 0 on, in a fleet that begins with `first` and has this seed.
pub(super) fn robot_of(model: &Blueprint, first: u32, number: u32, epoch: i64, seed: u64) -> Robot {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(number);
    Robot::new(id_of(model, u64::from(first) + u64::from(number)), model, epoch, seed)
}

/// The ID of the robot of this number.
fn id_of(model: &Blueprint, number: u64) -> RobotId {
    format!("CN{}{number:017}", model.segments).parse().expect("a shipped model's segments are 10 characters of 0-9A-Z")
}
