//! Makes the backlog durable: while one group is synced the next one gathers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use metrics::counter;
use tracing::{info, warn};

use super::Shared;
use super::backlog::{AskedBy, Waiting};
use crate::embedded::{self, EmbeddedLog};
use crate::{AppendError, Delivered};

/// Between two looks whether a full spool has room again.
const LOOK: Duration = Duration::from_millis(50);

/// The task of one spool.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    log: Arc<EmbeddedLog>,
    appender: embedded::Appender,
    full_since: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(shared: &Arc<Shared>, log: &Arc<EmbeddedLog>) -> Self {
        Self { shared: Arc::clone(shared), log: Arc::clone(log), appender: log.appender(), full_since: None }
    }

    /// Writes until the backlog is closed and empty.
    pub(crate) async fn run(mut self) {
        while let Some(group) = self.shared.backlog.take(self.shared.settings.group_bytes).await {
            let group = self.weeded(group);
            if group.is_empty() {
                continue;
            }
            match self.has_room().await {
                Ok(()) => self.write(group).await,
                Err(refusal) => self.tell(group, &Err(refusal)),
            }
        }
    }

    /// Without what needs not be written any more, or must not be.
    fn weeded(&self, group: Vec<Waiting>) -> Vec<Waiting> {
        let mut keep = Vec::with_capacity(group.len());
        for waiting in group {
            match &waiting.asked_by {
                // Kafka has told.
                AskedBy::InDoubt(in_flight) if in_flight.is_reported() => self.written(waiting.partition, true),
                AskedBy::InDoubt(in_flight) if in_flight.is_lane_refused() => {
                    self.tell(vec![waiting], &Err(AppendError::Interrupted));
                }
                AskedBy::Asker(asker) if asker.is_refused() => {
                    self.tell(vec![waiting], &Err(AppendError::Interrupted));
                }
                _ => keep.push(waiting),
            }
        }
        keep
    }

    async fn write(&self, mut group: Vec<Waiting>) {
        let counts: Vec<i64> = group.iter().map(|waiting| i64::try_from(waiting.records.len()).unwrap_or(0)).collect();
        let records: Vec<_> = group.iter_mut().flat_map(|waiting| std::mem::take(&mut waiting.records)).collect();
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        match self.appender.append(records).await {
            Ok(delivered) => {
                self.remember_copies(&group, &counts, delivered);
                counter!("tacho_spool_appended_records_total").increment(count);
                self.tell(group, &Ok(Delivered::default()));
            }
            Err(error) => self.tell(group, &Err(error)),
        }
    }

    /// Tells the gates where what is in doubt stands in the spool.
    fn remember_copies(&self, group: &[Waiting], counts: &[i64], mut delivered: Delivered) {
        for (waiting, count) in group.iter().zip(counts) {
            let range = delivered.ranges.iter_mut().find(|range| range.partition == waiting.partition);
            let (Some(range), Some(gate)) = (range, self.shared.gate(waiting.partition)) else { continue };
            let start = range.start;
            range.start += count;
            if waiting.asked_by.is_in_doubt() {
                gate.copied(start..range.start);
            }
        }
    }

    /// Waits for room, as long as publishes may be held; a spool that stays full refuses.
    async fn has_room(&mut self) -> Result<(), AppendError> {
        loop {
            let (bytes, bytes_max) = (self.log.bytes(), self.shared.settings.bytes_max);
            if bytes < bytes_max {
                if self.full_since.take().is_some() {
                    info!("the spool has room again");
                    self.shared.is_full.store(false, Ordering::Release);
                }
                return Ok(());
            }
            if !self.shared.is_full.load(Ordering::Acquire) {
                // There was room between.
                self.full_since = None;
            }
            let since = *self.full_since.get_or_insert_with(|| {
                warn!(bytes, bytes_max, "the spool is full: publishes wait, and are then refused");
                Instant::now()
            });
            self.shared.is_full.store(true, Ordering::Release);
            if since.elapsed() > self.shared.settings.grace || *self.shared.ending.borrow() {
                return Err(AppendError::DiskFull { reason: self.shared.full_reason().into() });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn tell(&self, group: Vec<Waiting>, outcome: &Result<Delivered, AppendError>) {
        for Waiting { partition, asked_by, .. } in group {
            let is_copy = asked_by.is_in_doubt();
            // A refused lane is marked before the gate lets anything pass.
            asked_by.tell(outcome.clone());
            self.written(partition, is_copy);
        }
    }

    fn written(&self, partition: i32, is_copy: bool) {
        if let Some(gate) = self.shared.gate(partition) {
            gate.written(is_copy);
        }
    }
}

impl Shared {
    /// Why a full spool takes nothing.
    pub(super) fn full_reason(&self) -> String {
        let settings = &self.settings;
        format!(
            "{} has its {} bytes (log.kafka.spool.max_bytes), and kafka does not confirm what it is sent",
            settings.dir.display(),
            settings.bytes_max
        )
    }
}
