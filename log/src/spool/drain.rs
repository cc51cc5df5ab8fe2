//! Sends what was spooled to Kafka, each partition in order, and gives a partition its direct way back.
//!
//! One reader goes through the spool for all partitions that Kafka takes; one whose reports stay away is left behind, and
//! read for itself later. A partition is drained once Kafka has confirmed all that it was given before the spool.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use metrics::counter;
use tokio::sync::watch;
use tracing::{debug, error, info};

use super::depth::Meter;
use super::gate::Way;
use super::noted::Noted;
use super::outstanding::Outstanding;
use super::settings::READ_BYTES;
use super::{OpenError, Shared, SpoolSettings};
use crate::embedded::{EmbeddedLog, Reader};
use crate::{Append, Health, PartitionBatch, ReadError, ReadItem};

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
/// Between two tries after something was refused or cannot be read.
const PAUSE: Duration = Duration::from_secs(1);

/// The task of one spool.
pub(crate) struct Drain {
    shared: Arc<Shared>,
    log: Arc<EmbeddedLog>,
    kafka_health: watch::Receiver<Health>,
    /// One a partition, in their order.
    partitions: Vec<Outstanding>,
    /// What reads for which partitions.
    reader: Option<(BTreeSet<usize>, Reader)>,
    window_bytes: usize,
    noted: Noted,
    noted_at: Instant,
    paused_until: Option<Instant>,
    /// What keeps the drain from going on, until it does.
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
            reader: None,
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
        while !*ending.borrow() {
            self.look();
            let has_sent = self.send().await;
            self.note_if_due().await;
            let confirmed: i64 = self.partitions.iter().map(|partition| partition.confirmed).sum();
            self.meter.tell(&self.shared, &self.log, confirmed, &self.kafka_health, self.trouble.as_ref());
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

    /// Takes reports, and lets each partition change its way.
    fn look(&mut self) {
        let (shared, grace) = (Arc::clone(&self.shared), self.shared.settings.grace);
        let is_verified = shared.is_verified.load(Ordering::Acquire);
        for (slot, gate) in shared.gates.iter().enumerate() {
            if let Some(refusal) = self.partitions[slot].look(grace) {
                error!(partition = slot, error = %refusal, "kafka refuses what was spooled: it is sent again");
                self.pause(format!("kafka refuses what was spooled of partition {slot}: {refusal}"));
            }
            // What is on the disk is looked at first: all of it is below the end that is looked at then.
            let is_on_disk = gate.is_on_disk();
            let copies = if gate.way() == Way::Spool { gate.take_confirmed_copies() } else { None };
            if copies.is_some_and(|copies| self.partitions[slot].skip(&copies)) {
                // It may stand before what is skipped.
                self.reader = None;
            }
            let partition = &self.partitions[slot];
            let unread = self.log.next_offsets()[slot] - partition.sent;
            match gate.way() {
                Way::Kafka => gate.turn_if_stalled(grace, &shared),
                Way::Spool => {
                    let is_near = unread <= HANDOVER_RECORDS;
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

    /// The partitions that Kafka takes from the spool.
    fn drainable(&self) -> BTreeSet<usize> {
        let may = |slot: &usize| {
            let gate = &self.shared.gates[*slot];
            gate.way() != Way::Kafka && gate.is_settled() && self.partitions[*slot].is_flowing()
        };
        (0..self.partitions.len()).filter(may).collect()
    }

    /// Reads and sends some; whether there was something.
    async fn send(&mut self) -> bool {
        let is_paused = self.paused_until.is_some_and(|until| Instant::now() < until);
        if is_paused || !self.shared.is_verified.load(Ordering::Acquire) {
            return false;
        }
        let next = self.log.next_offsets();
        let drainable = self.drainable();
        let is_behind = |slot: &usize| self.partitions[*slot].sent < next[*slot];
        let is_over = |slot: &usize| self.partitions[*slot].bytes() >= self.window_bytes;
        if !drainable.iter().any(is_behind) || drainable.iter().any(is_over) {
            return false;
        }
        let fits = |read: &BTreeSet<usize>| {
            let lacks = drainable.iter().any(|slot| is_behind(slot) && !read.contains(slot));
            let spare = read.iter().any(|slot| is_behind(slot) && !drainable.contains(slot));
            !lacks && !spare
        };
        if !self.reader.as_ref().is_some_and(|(read, _)| fits(read)) {
            let number = |slot: &usize| i32::try_from(*slot).unwrap_or(i32::MAX);
            let starts: Vec<_> = drainable.iter().map(|slot| (number(slot), self.partitions[*slot].sent)).collect();
            debug!(partitions = starts.len(), "the spool is read for other partitions");
            match self.log.reader(&starts) {
                Ok(reader) => self.reader = Some((drainable, reader)),
                Err(error) => return self.unreadable(&error),
            }
        }
        let Some((_, reader)) = &mut self.reader else { return false };
        match reader.next(READ_BYTES).await {
            Ok(items) => {
                items.into_iter().for_each(|item| self.send_item(item));
                true
            }
            Err(error) => self.unreadable(&error),
        }
    }

    fn unreadable(&mut self, error: &ReadError) -> bool {
        error!(%error, "the spool cannot be read: it is tried again");
        self.pause(error.to_string());
        false
    }

    fn pause(&mut self, trouble: String) {
        self.reader = None;
        self.paused_until = Some(Instant::now() + PAUSE);
        self.trouble = Some(trouble.into());
    }

    fn send_item(&mut self, item: ReadItem) {
        let range = item.range();
        let slot = usize::try_from(range.partition).unwrap_or(usize::MAX);
        let Some(partition) = self.partitions.get_mut(slot) else { return };
        let count = (range.end - range.start).unsigned_abs();
        match item {
            ReadItem::Lost(_) => {
                error!(
                    partition = slot,
                    records = count,
                    "records of the spool are damaged beyond reading: they are lost"
                );
                counter!("tacho_spool_lost_records_total").increment(count);
                partition.pass_over(range.end);
            }
            ReadItem::Records(PartitionBatch { records, .. }) => {
                let append =
                    |record: tacho_schemas::RawRecord| Append { envelope: record.envelope, payload: record.payload };
                let records: Vec<_> = records.into_iter().map(append).collect();
                let bytes = self.shared.kafka.measured(&records).unwrap_or(READ_BYTES);
                let in_flight = self.shared.kafka.send_part(range.partition, &records, None, None);
                partition.push(in_flight, range.end, bytes);
                counter!("tacho_spool_drained_records_total").increment(count);
            }
        }
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
        self.trouble = None;
        let is_empty = next.waiting(&self.log) == 0;
        self.noted = next;
        let progress: Vec<(i32, i64)> = (0..).zip(self.noted.drained.iter().copied()).collect();
        match self.log.release(&progress).await {
            Err(error) => error!(%error, "what is drained stays on the disk"),
            Ok(released) if is_empty => info!(released.bytes, "the spool is empty"),
            Ok(_) => {}
        }
    }
}
