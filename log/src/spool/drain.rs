//! Sends what was spooled to Kafka, each partition in order, and gives a partition its direct way back.
//!
//! A partition is drained once Kafka has confirmed all that it was given before the spool. One whose reports stay away is
//! left behind; one of which Kafka refuses a record waits at that record, and tries it again from time to time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use metrics::counter;
use tacho_schemas::RawRecord;
use tokio::sync::watch;
use tracing::{error, info};

use super::course::{Courses, Wanted};
use super::depth::{Meter, Standing};
use super::gate::Way;
use super::lost::Lost;
use super::noted::Noted;
use super::outstanding::Outstanding;
use super::refused::Refusals;
use super::settings::{ALONE_BYTES, READ_BYTES};
use super::{OpenError, Shared, SpoolSettings};
use crate::embedded::EmbeddedLog;
use crate::{Append, Health, PartitionBatch, ReadError, ReadItem, Released};

/// Between two looks at reports and gates, while there is something to drain.
const LOOK: Duration = Duration::from_millis(2);
/// The same while there is nothing.
const IDLE: Duration = Duration::from_millis(50);
/// Records behind what is on the disk at which a drain comes to its end: new ones are held back for the rest.
const HANDOVER_RECORDS: i64 = 1_000;
/// Longest time that new records are held back for the end of a drain.
const HANDOVER: Duration = Duration::from_secs(1);
/// Kafka has confirmed something within this time before a drain comes to its end.
const RESPONSIVE: Duration = Duration::from_millis(500);
/// Between two notes of how far the drain is.
const NOTE: Duration = Duration::from_millis(500);
/// Between two tries after the files cannot be read.
const PAUSE: Duration = Duration::from_secs(1);

/// The task of one spool.
pub(crate) struct Drain {
    shared: Arc<Shared>,
    log: Arc<EmbeddedLog>,
    kafka_health: watch::Receiver<Health>,
    /// One a partition, in their order.
    partitions: Vec<Outstanding>,
    courses: Courses,
    window_bytes: usize,
    /// Whose turn it is to send a step.
    turn: usize,
    refusals: Refusals,
    lost: Lost,
    noted: Noted,
    noted_at: Instant,
    paused_until: Option<Instant>,
    /// What keeps the files from being read.
    trouble: Option<Arc<str>>,
    meter: Meter,
}

impl Drain {
    /// Notes first which log the spool is for.
    pub(crate) async fn new(
        shared: &Arc<Shared>,
        log: &Arc<EmbeddedLog>,
        kafka_health: watch::Receiver<Health>,
        noted: Noted,
        lost: Lost,
    ) -> Result<Self, OpenError> {
        let dir = &shared.settings.dir;
        let written = noted.write(log).await;
        written.map_err(|error| OpenError::Noted { path: dir.clone(), why: error.to_string() })?;
        Ok(Self {
            partitions: noted.drained.iter().map(|drained| Outstanding::new(*drained)).collect(),
            window_bytes: SpoolSettings::window_bytes(log.identity().partitions),
            shared: Arc::clone(shared),
            log: Arc::clone(log),
            kafka_health,
            courses: Courses::default(),
            turn: 0,
            refusals: Refusals::new(shared.settings.dead_letters),
            lost,
            noted,
            noted_at: Instant::now(),
            paused_until: None,
            trouble: None,
            meter: Meter::default(),
        })
    }

    /// Drains until the spool ends.
    pub(crate) async fn run(mut self) {
        let mut ending = self.shared.ending.subscribe();
        self.release().await;
        while !*ending.borrow() {
            self.look();
            let has_sent = self.send().await;
            self.note_if_due().await;
            self.tell();
            if has_sent {
                tokio::task::yield_now().await;
                continue;
            }
            let wait = if self.is_busy() { LOOK } else { IDLE };
            tokio::select! {
                _changed = ending.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.look();
        self.note().await;
    }

    fn is_busy(&self) -> bool {
        let is_moving = |partition: &Outstanding| partition.is_flowing() && !partition.is_empty();
        let is_held = |gate: &super::Gate| matches!(gate.way(), Way::Handover { .. });
        self.partitions.iter().any(is_moving) || self.shared.gates.iter().any(is_held)
    }

    fn tell(&mut self) {
        let standing = Standing {
            confirmed: self.partitions.iter().map(|partition| partition.confirmed).sum(),
            refused: self.refusals.known(),
            lost: self.lost.records(),
            trouble: self.trouble.as_ref(),
        };
        self.meter.tell(&self.shared, &self.log, &self.kafka_health, &standing);
    }

    /// Takes reports, and lets each partition change its way.
    fn look(&mut self) {
        let (shared, grace) = (Arc::clone(&self.shared), self.shared.settings.grace);
        let is_verified = shared.is_verified.load(Ordering::Acquire);
        for (slot, gate) in shared.gates.iter().enumerate() {
            let refused = self.partitions[slot].look(grace);
            self.refusals.judge(slot, &self.partitions[slot], refused);
            // What is on the disk is looked at first: all of it is below the end that is looked at then.
            let is_on_disk = gate.is_on_disk();
            let copies = if gate.way() == Way::Spool { gate.take_confirmed_copies() } else { None };
            if let Some(copies) = copies {
                self.partitions[slot].skip(&copies);
            }
            let partition = &self.partitions[slot];
            let unread = self.log.next_offsets()[slot] - partition.sent;
            match gate.way() {
                Way::Kafka => gate.turn_if_stalled(grace, &shared),
                Way::Spool => {
                    let is_near = unread <= HANDOVER_RECORDS && !partition.is_refused();
                    if is_verified && is_near && partition.silent() < RESPONSIVE && gate.is_settled() {
                        gate.hand_over();
                    }
                }
                Way::Handover { .. } if is_on_disk && unread == 0 && partition.is_empty() => gate.go_direct(&shared),
                Way::Handover { since } => {
                    if since.elapsed() > HANDOVER {
                        gate.go_back(&shared);
                    }
                }
            }
        }
    }

    /// Whether Kafka takes a partition's records from the spool, and there are some.
    fn may_send(&self, slot: usize, next: &[i64]) -> bool {
        let (gate, partition) = (&self.shared.gates[slot], &self.partitions[slot]);
        partition.sent < next[slot] && partition.is_flowing() && gate.way() != Way::Kafka && gate.is_settled()
    }

    /// Reads and sends some; whether there was something.
    async fn send(&mut self) -> bool {
        let is_paused = self.paused_until.is_some_and(|until| Instant::now() < until);
        if is_paused || !self.shared.is_verified.load(Ordering::Acquire) {
            return false;
        }
        match self.read().await {
            Ok(items) => {
                let has_sent = !items.is_empty();
                if has_sent {
                    self.trouble = None;
                }
                items.into_iter().for_each(|item| self.send_item(item));
                has_sent
            }
            Err(error) => {
                error!(%error, "the spool cannot be read: it is tried again");
                self.courses.clear();
                self.paused_until = Some(Instant::now() + PAUSE);
                self.trouble = Some(error.to_string().into());
                false
            }
        }
    }

    /// What is to be sent now, of each partition a stretch without a hole.
    async fn read(&mut self) -> Result<Vec<ReadItem>, ReadError> {
        let next = self.log.next_offsets();
        let is_wanted = |slot: &usize| !self.partitions[*slot].is_in_steps() && self.may_send(*slot, &next);
        let slots: BTreeSet<usize> = (0..self.partitions.len()).filter(is_wanted).collect();
        let (log, partitions, window_bytes) = (&self.log, &self.partitions, self.window_bytes);
        let wanted = Wanted { log, partitions, slots: &slots, window_bytes };
        self.courses.arrange(&wanted, Instant::now())?;
        let mut items = Vec::new();
        for at in 0..self.courses.count() {
            items.extend(self.courses.read(at, &wanted).await?);
        }
        items.extend(self.read_step(&next).await?);
        Ok(items)
    }

    /// The next step of one partition that goes on in steps, each in its turn.
    async fn read_step(&mut self, next: &[i64]) -> Result<Option<ReadItem>, ReadError> {
        let count = self.partitions.len();
        let step = |slot: usize| Some((slot, self.partitions[slot].step().filter(|_| self.may_send(slot, next))?));
        let Some((slot, bytes)) = (self.turn..count).chain(0..self.turn).find_map(step) else { return Ok(None) };
        self.turn = slot + 1;
        let starts = [(i32::try_from(slot).unwrap_or(i32::MAX), self.partitions[slot].sent)];
        Ok(self.log.reader(&starts)?.next(bytes).await?.into_iter().next())
    }

    fn send_item(&mut self, item: ReadItem) {
        let range = item.range();
        let slot = usize::try_from(range.partition).unwrap_or(usize::MAX);
        let Some(partition) = self.partitions.get_mut(slot) else { return };
        match item {
            ReadItem::Lost(_) if partition.sent == range.start => {
                self.lost.found(&range);
                partition.pass_over(range.end);
            }
            // What stands behind a record that goes alone is read again.
            ReadItem::Records(batch) if partition.sent == range.start => self.send_batch(slot, batch),
            _ => {}
        }
    }

    /// Sends records of one partition: all, or those before one that goes alone, or that one.
    fn send_batch(&mut self, slot: usize, PartitionBatch { partition: number, mut records }: PartitionBatch) {
        let partition = &mut self.partitions[slot];
        match records.iter().position(|record| record.payload.len() > ALONE_BYTES) {
            Some(0) if !partition.is_in_steps() => return partition.go_alone(),
            Some(at) => records.truncate(at.max(1)),
            None => {}
        }
        let end = records.last().map_or(partition.sent, |record| record.offset + 1);
        let append = |record: RawRecord| Append { envelope: record.envelope, payload: record.payload };
        let mut records: Vec<_> = records.into_iter().map(append).collect();
        if partition.is_in_steps() {
            records = self.refusals.step(slot, records);
        }
        let bytes = self.shared.kafka.measured(&records).unwrap_or(READ_BYTES);
        let in_flight = self.shared.kafka.send_part(number, &records, None, None);
        partition.push(in_flight, end, bytes);
        counter!("tacho_spool_drained_records_total").increment(records.len() as u64);
    }

    async fn note_if_due(&mut self) {
        if self.noted_at.elapsed() >= NOTE {
            self.note().await;
        }
    }

    /// Notes how far the drain is, and lets go of what is below.
    async fn note(&mut self) {
        self.noted_at = Instant::now();
        let confirmed: Vec<i64> = self.partitions.iter().map(|partition| partition.confirmed).collect();
        if confirmed == self.noted.drained {
            return;
        }
        let next = Noted { log_id: self.noted.log_id, drained: confirmed };
        if let Err(error) = next.write(&self.log).await {
            error!(%error, "how far the spool is drained cannot be noted: after a restart it is sent again");
            return;
        }
        let is_empty = next.waiting(&self.log) == 0;
        self.noted = next;
        let released = self.release().await;
        if is_empty {
            info!(released.bytes, "the spool is empty");
        }
    }

    /// Lets go of the files that hold only what is noted to be in Kafka.
    async fn release(&self) -> Released {
        let progress: Vec<(i32, i64)> = (0..).zip(self.noted.drained.iter().copied()).collect();
        self.log.release(&progress).await.unwrap_or_else(|error| {
            error!(%error, "what is drained stays on the disk");
            Released::default()
        })
    }
}
