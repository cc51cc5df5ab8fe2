//! From the journal to the log: cuts records, makes each cut durable in the journal, and appends it to the log as any
//! publish. What was not confirmed when the process ended is appended again, byte for byte.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tacho_log::{Append, ReadError, Verdict};
use tacho_schemas::{RawKind, RobotId, RobotKey};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::cutter::{At, Cutter};
use super::journal::{Cut, Delivered, Entry, Gap, Journal, JournalError, JournalReader, JournalWriter, Placed, now_us};
use super::needed::{Needed, Old};
use super::recovery::Recovery;
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
    needed: Needed,
    behind_max: i64,
    /// Offset at which the journal was last let go of.
    released_at: i64,
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
        let start = recovery.restore(&mut cutter);
        let reader = journal.reader(start)?;
        let (writer, lane) = (journal.writer(""), Arc::new(outlet.lane()));
        let Recovery { undelivered, needed, .. } = recovery;
        let (behind_max, released_at, read_us) = (BEHIND_MAX, start, now_us());
        Ok(Self {
            journal,
            writer,
            reader,
            cutter,
            outlet,
            lane,
            undelivered,
            needed,
            behind_max,
            released_at,
            read_us,
        })
    }

    /// Runs until `stop`; gives the journal back.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<Journal, JournalError> {
        let left = std::mem::take(&mut self.undelivered);
        if !left.is_empty() {
            let below = left.last().map_or(0, |(offset, _)| offset + 1);
            let cuts: Vec<_> = left.into_iter().map(|(_, cut)| cut).collect();
            if self.deliver(&cuts, below, &stop).await?.is_break() {
                return Ok(self.journal);
            }
        }
        loop {
            let placed = tokio::select! {
                () = stop.cancelled() => return Ok(self.journal),
                placed = self.reader.next() => placed?,
            };
            for placed in placed {
                if self.apply(placed, &stop).await?.is_break() || stop.is_cancelled() {
                    return Ok(self.journal);
                }
            }
        }
    }

    async fn apply(&mut self, placed: Placed, stop: &CancellationToken) -> Result<ControlFlow<()>, JournalError> {
        self.needed.note(&placed);
        let Placed { offset, ref server, received_us, entry } = placed;
        let at = At { offset, server, received_us };
        let Some(entry) = entry else { return self.damaged(at, stop).await };
        self.read_us = received_us;
        let cuts = self.cutter.apply(at, entry);
        self.settle(&cuts, offset, stop).await
    }

    /// What a server said in a damaged place is missing, of every server, since the entry before it.
    async fn damaged(&mut self, at: At<'_>, stop: &CancellationToken) -> Result<ControlFlow<()>, JournalError> {
        let (from_us, received_us) = (self.read_us, self.read_us);
        for server in self.cutter.servers() {
            let gap = Gap { from_us, to_us: now_us(), cause: DAMAGED.to_owned(), signals: None };
            let cuts = self.cutter.apply(At { server: &server, received_us, ..at }, Entry::Gap(gap));
            if self.settle(&cuts, at.offset, stop).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Makes cuts durable, delivers them, and lets go of what they were made of.
    async fn settle(
        &mut self,
        cuts: &[Cut],
        offset: i64,
        stop: &CancellationToken,
    ) -> Result<ControlFlow<()>, JournalError> {
        for cuts in cuts.chunks(CUTS_MAX) {
            let entries: Vec<_> = cuts.iter().map(|cut| Entry::Cut(Box::new(cut.clone()))).collect();
            let below = self.writer.append(&entries).await?;
            cuts.iter().for_each(|cut| self.needed.is_cut(cut));
            if self.deliver(cuts, below, stop).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        // Servers may be alive for days without a value of which a record could be cut.
        if !cuts.is_empty() || offset - self.released_at >= self.behind_max {
            self.renew(offset).await?;
            let below = self.needed.below().min(offset);
            self.journal.release(below).await;
            self.released_at = offset;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Appends records to the log until they are there, and notes that in the journal; a break if `stop` came before.
    async fn deliver(
        &mut self,
        cuts: &[Cut],
        below: i64,
        stop: &CancellationToken,
    ) -> Result<ControlFlow<()>, JournalError> {
        let batch: Vec<_> = cuts.iter().filter_map(|cut| self.publish(cut)).collect();
        if self.append(&batch, stop).await?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        metrics::counter!("tacho_opcua_records_total").increment(batch.len() as u64);
        self.writer.append(&[Entry::Delivered(Delivered { below })]).await?;
        Ok(ControlFlow::Continue(()))
    }

    async fn append(&mut self, batch: &[Append], stop: &CancellationToken) -> Result<ControlFlow<()>, JournalError> {
        loop {
            let delivered = match self.lane.enqueue(batch.to_vec()).await {
                Ok(delivery) => delivery.await,
                Err(error) => Err(error),
            };
            let Err(error) = delivered else { return Ok(ControlFlow::Continue(())) };
            self.lane = Arc::new(self.outlet.lane());
            match (error.verdict(), batch) {
                (Verdict::Retry, _) => warn!(%error, records = batch.len(), "records from OPC UA wait for the log"),
                // One that the log never takes, which a record of the contract never is, holds up no other.
                (Verdict::DeadLetter, [one]) => {
                    error!(%error, robot = %one.envelope.robot, "a record from OPC UA is lost");
                    return Ok(ControlFlow::Continue(()));
                }
                (Verdict::DeadLetter, _) => {
                    for one in batch.chunks(1) {
                        if Box::pin(self.append(one, stop)).await?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    return Ok(ControlFlow::Continue(()));
                }
                (Verdict::End | Verdict::Halt, _) => return Err(JournalError::Refused(error)),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(ControlFlow::Break(())),
                () = tokio::time::sleep(PAUSE) => {}
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
        for old in self.needed.old(offset - self.behind_max) {
            match old {
                // Of a robot with an open window the journal stays until that is cut.
                Old::Robot(robot) => {
                    let Some(cut) = self.cutter.idle(&robot, offset + 1) else { continue };
                    self.writer.append(&[Entry::Cut(Box::new(cut.clone()))]).await?;
                    self.needed.is_cut(&cut);
                }
                Old::OfServer(server, renewed) => {
                    let entry = Entry::Renewed(Box::new(renewed.clone()));
                    let after = self.journal.writer(&server).append(&[entry]).await?;
                    self.needed.is_renewed(&server, &renewed, after - 1);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
