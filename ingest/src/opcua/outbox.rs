//! From the journal to the log: cuts records, makes each cut durable in the journal, and appends it to the log as any
//! publish. What was not confirmed when the process ended is appended again, byte for byte.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tacho_log::{Append, AppendError, ReadError, Verdict};
use tacho_schemas::{RawKind, RobotId, RobotKey};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::cutter::{At, Cutter};
use super::journal::{
    Cut, Delivered, Entry, Gap, Journal, JournalError, JournalReader, JournalWriter, Placed, Subscribed,
};
use super::recovery::{Kept, Recovery};
use crate::{Outlet, OutletLane};

/// What is needed of the journal is written anew when it lies this many entries behind its end.
const BEHIND_MAX: i64 = 20_000;
/// Entries of one append: robots whose records are made durable together.
const CUTS_MAX: usize = 256;
const PAUSE: Duration = Duration::from_millis(500);
const DAMAGED: &str = "the journal of the bridge is damaged";

/// Cuts records and appends them to the log.
#[derive(Debug)]
pub(super) struct Outbox {
    journal: Journal,
    writer: JournalWriter,
    reader: JournalReader,
    cutter: Cutter,
    outlet: Outlet,
    lane: Arc<OutletLane>,
    undelivered: Vec<(i64, Cut)>,
    kept: BTreeMap<Kept, i64>,
    subscribed: BTreeMap<String, Subscribed>,
    /// Time of receipt of the last entry read, Unix microseconds UTC.
    read_us: i64,
}

impl Outbox {
    /// Goes on where the journal says that the last run ended.
    pub(super) fn open(
        journal: Journal,
        mut cutter: Cutter,
        recovery: Recovery,
        outlet: Outlet,
    ) -> Result<Self, ReadError> {
        let start = recovery.restore(&mut cutter, &journal);
        let reader = journal.reader(start)?;
        let (writer, lane) = (journal.writer(""), Arc::new(outlet.lane()));
        let (kept, subscribed) = (recovery.kept(), recovery.subscribed());
        let undelivered = recovery.undelivered;
        Ok(Self { journal, writer, reader, cutter, outlet, lane, undelivered, kept, subscribed, read_us: 0 })
    }

    /// Runs until `stop`; gives the journal back.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<Journal, JournalError> {
        let left = std::mem::take(&mut self.undelivered);
        if !left.is_empty() {
            let below = left.last().map_or(0, |(offset, _)| offset + 1);
            let cuts = left.into_iter().map(|(_, cut)| cut).collect();
            self.deliver(cuts, below, &stop).await?;
        }
        loop {
            let placed = tokio::select! {
                () = stop.cancelled() => return Ok(self.journal),
                placed = self.reader.next() => placed?,
            };
            for placed in placed {
                self.apply(placed, &stop).await?;
                if stop.is_cancelled() {
                    return Ok(self.journal);
                }
            }
        }
    }

    async fn apply(&mut self, placed: Placed, stop: &CancellationToken) -> Result<(), JournalError> {
        let Placed { offset, server, received_us, entry } = placed;
        let at = At { offset, server: &server, received_us };
        let Some(entry) = entry else { return self.damaged(at, stop).await };
        match &entry {
            // What came while it was made durable belongs to the next record.
            Entry::Cut(cut) => {
                self.kept.insert(Kept::Cut(cut.robot_id.clone()), cut.until);
            }
            Entry::Subscribed(subscribed) => {
                self.kept.insert(Kept::Subscribed(server.to_string()), offset);
                self.subscribed.insert(server.to_string(), subscribed.clone());
            }
            Entry::Table(_) => {
                self.kept.insert(Kept::Table(server.to_string()), offset);
            }
            _ => {}
        }
        self.read_us = received_us;
        let cuts = self.cutter.apply(at, entry);
        self.settle(cuts, offset, stop).await
    }

    /// What a server said in a damaged place is missing, of every server, since the entry before it.
    async fn damaged(&mut self, at: At<'_>, stop: &CancellationToken) -> Result<(), JournalError> {
        let (from_us, received_us) = (self.read_us, self.read_us);
        for server in self.cutter.servers() {
            let gap = Gap { from_us, to_us: super::journal::now_us(), cause: DAMAGED.to_owned() };
            let cuts = self.cutter.apply(At { server: &server, received_us, ..at }, Entry::Gap(gap));
            self.settle(cuts, at.offset, stop).await?;
        }
        Ok(())
    }

    /// Makes cuts durable, delivers them, and lets go of what they were made of.
    async fn settle(&mut self, cuts: Vec<Cut>, offset: i64, stop: &CancellationToken) -> Result<(), JournalError> {
        if cuts.is_empty() {
            return Ok(());
        }
        for cuts in cuts.chunks(CUTS_MAX) {
            let entries: Vec<_> = cuts.iter().map(|cut| Entry::Cut(Box::new(cut.clone()))).collect();
            let below = self.writer.append(&entries).await?;
            self.deliver(cuts.to_vec(), below, stop).await?;
        }
        self.renew(offset).await?;
        // A cut that was just written lies above all that was read.
        let needed = self.kept.values().copied().min().unwrap_or(0).min(offset);
        self.journal.release(needed).await;
        Ok(())
    }

    /// Appends records to the log until they are there, and notes that in the journal.
    async fn deliver(&mut self, cuts: Vec<Cut>, below: i64, stop: &CancellationToken) -> Result<(), JournalError> {
        let batch: Vec<_> = cuts.iter().filter_map(|cut| self.publish(cut)).collect();
        loop {
            let delivered = match self.lane.enqueue(batch.clone()).await {
                Ok(delivery) => delivery.await,
                Err(error) => Err(error),
            };
            let Err(error) = delivered else { break };
            match error.verdict() {
                Verdict::Retry => warn!(%error, records = batch.len(), "records from OPC UA wait for the log"),
                Verdict::DeadLetter => {
                    self.one_by_one(&batch).await;
                    break;
                }
                Verdict::End | Verdict::Halt => return Err(JournalError::Refused(error)),
            }
            self.lane = Arc::new(self.outlet.lane());
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        metrics::counter!("tacho_opcua_records_total").increment(batch.len() as u64);
        self.writer.append(&[Entry::Delivered(Delivered { below })]).await?;
        Ok(())
    }

    /// One of them is too large for the log, which a record of the contract never is: the others go alone.
    async fn one_by_one(&mut self, batch: &[Append]) {
        for append in batch {
            self.lane = Arc::new(self.outlet.lane());
            let delivered: Result<_, AppendError> = match self.lane.enqueue(vec![append.clone()]).await {
                Ok(delivery) => delivery.await,
                Err(error) => Err(error),
            };
            if let Err(error) = delivered {
                error!(%error, robot = %append.envelope.robot, "a record from OPC UA is lost");
            }
        }
    }

    fn publish(&self, cut: &Cut) -> Option<Append> {
        if cut.record.is_empty() {
            return None;
        }
        let robot = RobotId::parse(cut.robot_id.as_bytes()).map_or(RobotKey::Unreadable, RobotKey::Id);
        let principal = format!("opcua:{}", cut.server).into();
        let envelope = self.outlet.envelope(robot, None, &principal, RawKind::Telemetry);
        Some(Append { envelope, payload: cut.record.clone() })
    }

    /// Writes anew what is needed and lies far behind, so that the journal before it may go.
    async fn renew(&mut self, offset: i64) -> Result<(), JournalError> {
        let old: Vec<_> =
            self.kept.iter().filter(|(_, at)| **at < offset - BEHIND_MAX).map(|(kept, _)| kept.clone()).collect();
        for kept in old {
            let (server, entry) = match &kept {
                Kept::Cut(robot) => ("", self.cutter.idle(robot, offset).map(|cut| Entry::Cut(Box::new(cut)))),
                Kept::Table(server) => (server.as_str(), self.cutter.table(server).cloned().map(Entry::Table)),
                Kept::Subscribed(server) => {
                    (server.as_str(), self.subscribed.get(server).cloned().map(Entry::Subscribed))
                }
            };
            if let Some(entry) = entry {
                self.journal.writer(server).append(&[entry]).await?;
                // It is read again, and noted, like all others.
                self.kept.insert(kept, offset);
            }
        }
        Ok(())
    }
}
