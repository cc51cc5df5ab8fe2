//! The landing protocol: a batch of processed records becomes rows of the lake, each exactly once (G2, G4).
//!
//! The other tables commit first, in a fixed order and only if they have rows; `records` commits last, always, and
//! its progress alone is *the* progress. The ledger snapshot is on disk before the commit that names it. Anything
//! may be redone: rows are a function of the offsets, and a table skips what it has.

mod commit;
mod decide;
mod error;
mod open;
mod pieces;
mod progress;
mod rows;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use metrics::{counter, histogram};
use tacho_schemas::processed::{Step, Tables};
use tacho_schemas::table::Table;
use tacho_schemas::{Digest, RecordId};
use tracing::{debug, error, info};
use uuid::Uuid;

pub use error::{LandError, OpenError, Verdict};
pub use progress::{LogProgress, Progress, ProgressError};

use crate::ledger::logs::LogEntry;
use crate::ledger::store::{LedgerStore, Standing};
use crate::ledger::{Counts, Ledger, LedgerError};
use crate::{Faults, Lake, LakeTable};
use decide::{Batch, CHANGES, Decider};

/// A log, as it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogIdentity {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Its partitions, fixed for its life.
    pub partitions: i32,
}

/// How a landing is opened.
#[derive(Debug, Clone, Default)]
pub struct LandingOptions {
    /// Accept a log that the lake does not know: it becomes the lake's present log, and begins at offset 0.
    pub new_log: bool,
    /// Partitions to hold; `None` for all.
    pub partitions: Option<Vec<i32>>,
    /// Where a log that the lake has nothing of is taken up, by partition; one that is not named begins at offset 0. For a
    /// replay of a part of a log into a lake of its own.
    pub begin: BTreeMap<i32, Begin>,
}

/// Where a partition is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// The first offset that is to land.
    pub offset: i64,
    /// Configuration in force there; `None` if a control record stands there.
    pub config: Option<Digest>,
}

/// Lands the partitions that it holds. There is one in a process.
#[derive(Debug)]
pub struct Landing {
    tables: Tables<LakeTable>,
    faults: Faults,
    ledgers: LedgerStore,
    log: LogEntry,
    /// Of each partition that is held.
    standings: BTreeMap<i32, Standing>,
    /// After an error: what is committed is read again before anything else.
    unsure: bool,
}

/// What a batch has landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Partitions of the batch with their next offsets.
    pub progress: Vec<(i32, i64)>,
    /// Records of the batch.
    pub counts: Counts,
    /// Rows by table.
    pub rows: Tables<u64>,
    /// Data files and ledger snapshots, bytes.
    pub bytes: u64,
    /// Version of `records` that the batch made.
    pub records_version: i64,
}

impl Landing {
    /// Opens the lake for a log: finds its progress, and loads the ledgers that go with it.
    ///
    /// # Errors
    /// If the lake follows another log, or what it has cannot be read; see [`OpenError`].
    pub async fn open(lake: &Lake, log: LogIdentity, options: LandingOptions) -> Result<Self, OpenError> {
        open::open(lake, log, options).await
    }

    /// Counts the logs of the lake, from 1; every row carries it.
    pub fn log_epoch(&self) -> i64 {
        self.log.log_epoch
    }

    /// A table that this landing commits to.
    pub fn table(&self, table: Table) -> &LakeTable {
        self.tables.get(table)
    }

    /// The partitions that are held, with their next offsets. After an error go on from here.
    pub fn progress(&self) -> Vec<(i32, i64)> {
        self.standings.iter().map(|(partition, standing)| (*partition, standing.position.next_offset)).collect()
    }

    /// Configuration in force at the next offset of a partition; `None` before the first control record.
    pub fn config_in_force(&self, partition: i32) -> Option<Digest> {
        self.standings.get(&partition)?.position.config
    }

    /// The raw record before the next offset of a partition, if it is known: the log must hold the same there.
    pub fn record_before(&self, partition: i32) -> Option<RecordId> {
        self.standings.get(&partition)?.position.record_before
    }

    /// The ledger of a partition.
    pub fn ledger(&self, partition: i32) -> Option<&Ledger> {
        self.standings.get(&partition).map(|standing| &standing.ledger)
    }

    /// Lands a batch: steps in the order of the log, per partition from its next offset on. `last` names, per
    /// partition, the raw record at the last offset of the steps.
    ///
    /// # Errors
    /// Then nothing has landed as far as is known; ask [`LandError::verdict`] what next, and go on from
    /// [`Landing::progress`] after [`Landing::recover`].
    pub async fn land(&mut self, steps: Vec<Step>, last: &BTreeMap<i32, RecordId>) -> Result<Landed, LandError> {
        let decided = self.decide(steps, last).await?;
        self.land_decided(decided).await
    }

    /// The first half of [`Landing::land`]: what lands and what does not is known, and nothing is written.
    ///
    /// # Errors
    /// As [`Landing::land`].
    pub async fn decide(&mut self, steps: Vec<Step>, last: &BTreeMap<i32, RecordId>) -> Result<Decided, LandError> {
        self.recover().await?;
        let mut decider = Decider::new(self.log.log_epoch, &self.standings);
        steps.into_iter().try_for_each(|step| decider.step(step))?;
        Ok(Decided(decider.finish(last)))
    }

    /// The second half of [`Landing::land`]; nothing may have landed since the first.
    ///
    /// # Errors
    /// As [`Landing::land`].
    pub async fn land_decided(&mut self, decided: Decided) -> Result<Landed, LandError> {
        let started = Instant::now();
        let Decided(batch) = decided;
        self.unsure = true;
        let landed = self.commit(batch).await;
        // Who lost a race knows how the partitions stand that it still holds.
        self.unsure = !matches!(landed, Ok(_) | Err(LandError::Fenced { .. }));
        let landed = landed?;
        histogram!("tacho_lake_landing_seconds").record(started.elapsed().as_secs_f64());
        debug!(records = landed.counts.received(), bytes = landed.bytes, "landed");
        Ok(landed)
    }

    /// After an error, reads again what is committed; nothing to do else.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn recover(&mut self) -> Result<(), LandError> {
        if self.unsure {
            let held: Vec<i32> = self.standings.keys().copied().collect();
            self.hold(&held).await?;
            self.unsure = false;
            info!(progress = ?self.progress(), "landing goes on from what is committed");
        }
        Ok(())
    }

    /// Takes partitions over: reads their progress and ledgers as they are committed now.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn hold(&mut self, partitions: &[i32]) -> Result<(), LandError> {
        open::refresh(&mut self.tables).await?;
        for partition in partitions {
            let named = open::named(self.tables.get(Table::Records), &self.log, *partition)?;
            if self.standings.get(partition).and_then(Standing::snapshot) != Some(named) {
                let standing = open::standing(&self.ledgers, &self.log, *partition, named).await?;
                self.standings.insert(*partition, standing);
            }
        }
        Ok(())
    }

    /// Gives partitions up: another process lands them from now on.
    pub fn release(&mut self, partitions: &[i32]) {
        self.standings.retain(|partition, _| !partitions.contains(partition));
    }

    /// Deletes ledger snapshots that are of no use any more and older than `keep`; how many.
    ///
    /// # Errors
    /// If the folder cannot be listed, or a file not deleted.
    pub async fn clean_up(&self, keep: Duration) -> Result<usize, LedgerError> {
        let mut deleted = 0;
        for (partition, standing) in &self.standings {
            deleted += self.ledgers.clean_up(*partition, standing, keep).await?;
        }
        Ok(deleted)
    }
}

/// A batch of which is decided what lands.
#[derive(Debug)]
pub struct Decided(Batch);

impl Decided {
    /// The dead letters of the batch, as rows of `rejected`, each with its place in the log.
    pub fn rejected(&self) -> impl Iterator<Item = &RecordBatch> {
        self.0.pieces.get(Table::Rejected).iter().map(|piece| &piece.rows)
    }
}

/// Tells the counters what has landed.
fn count(batch: &Batch) {
    let counts = batch.tally.counts;
    counter!("tacho_lake_received_total").increment(counts.received());
    counter!("tacho_lake_landed_total").increment(counts.landed);
    counter!("tacho_lake_duplicates_total").increment(counts.duplicate);
    counter!("tacho_lake_rejected_total").increment(counts.rejected);
    counter!("tacho_lake_sequence_conflicts_total").increment(batch.tally.conflicts);
    for (change, gaps) in CHANGES.into_iter().zip(batch.tally.gaps) {
        counter!("tacho_lake_gap_events_total", "kind" => change.as_str()).increment(gaps);
    }
    if let Some(robot) = batch.tally.conflict_robot {
        let conflicts = batch.tally.conflicts;
        error!(
            %robot,
            conflicts,
            "other content under a key that has landed, as if seq began anew without a new stream_epoch: see rejected, reason sequence_conflict"
        );
    }
}
