//! Committing a decided batch, table by table, `records` last.

use std::collections::BTreeMap;

use futures::future::join_all;
use metrics::gauge;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use uuid::Uuid;

use super::decide::Batch;
use super::pieces::missing_rows;
use super::{LandError, Landed, Landing, count, open};
use crate::ledger::SnapshotName;
use crate::ledger::logs::{LOG_APP_ID, LogEntry, table_app_id};
use crate::ledger::store::{Standing, Written};
use crate::table::{CommitError, Fence, LakeTable, NewFile, Txn};

/// Attempts to commit to a table to which others commit the same partitions.
const ATTEMPTS: u32 = 8;

/// A random number at least 0: names the snapshots of one landing.
pub(super) fn draw() -> i64 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    (high >> 1).cast_signed()
}

/// Applications that a commit moves on, those with a fence on condition that they are where they are expected.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) txns: Vec<Txn>,
    pub(super) fences: Vec<Fence>,
}

impl Moves {
    /// Demands that nobody moves it meanwhile, and does not move it.
    pub(super) fn hold(&mut self, app_id: String, expected: Option<i64>) {
        self.fences.push(Fence { app_id, expected });
    }

    pub(super) fn add(&mut self, app_id: String, expected: Option<i64>, version: i64) {
        self.fences.push(Fence { app_id: app_id.clone(), expected });
        self.txns.push(Txn { app_id, version });
    }
}

impl Landing {
    /// Commits the batch, and makes it the state in memory.
    pub(super) async fn commit(&mut self, batch: Batch) -> Result<Landed, LandError> {
        let faults = self.faults.clone();
        faults.reach("lake.landing.before_batch")?;
        let mut landed = Landed {
            progress: batch.parts.iter().map(|(partition, part)| (*partition, part.position.next_offset)).collect(),
            counts: batch.tally.counts,
            rows: Tables::default(),
            bytes: 0,
            records_version: self.tables.get(Table::Records).version(),
        };
        if batch.parts.is_empty() {
            return Ok(landed);
        }
        let mut files = self.write_all(&batch).await?;
        let committed = self.commit_all(&batch, &mut files, &mut landed).await;
        if committed.is_err() {
            self.discard(files).await;
        }
        let written = committed?;
        faults.reach("lake.landing.after_batch")?;
        self.adopt(batch, written);
        Ok(landed)
    }

    /// Writes the files of all tables at once; nothing names them yet. None is under way when an error is given.
    async fn write_all(&self, batch: &Batch) -> Result<Tables<Vec<NewFile>>, LandError> {
        let each = Table::ALL.map(|table| write(self.tables.get(table), &self.log, table, batch));
        let (mut files, mut failed) = (Tables::<Vec<NewFile>>::default(), None);
        for (table, written) in Table::ALL.into_iter().zip(join_all(each).await) {
            match written {
                Ok(written) => *files.get_mut(table) = written,
                Err(error) => failed = Some(error),
            }
        }
        let Some(error) = failed else { return Ok(files) };
        self.discard(files).await;
        Err(error)
    }

    /// Deletes files that were given to no commit.
    async fn discard(&self, files: Tables<Vec<NewFile>>) {
        for (table, files) in Table::ALL.into_iter().zip(files.0) {
            self.tables.get(table).discard(files).await;
        }
    }

    /// Commits table by table, taking the files of each, with the ledger's snapshots before `records`; gives these.
    async fn commit_all(
        &mut self,
        batch: &Batch,
        files: &mut Tables<Vec<NewFile>>,
        landed: &mut Landed,
    ) -> Result<BTreeMap<i32, Written>, LandError> {
        for table in Table::LANDING_ORDER.into_iter().filter(|table| *table != Table::Records) {
            let files = std::mem::take(files.get_mut(table));
            self.commit_component(table, batch, files, landed).await?;
        }
        self.faults.reach("lake.ledger.before_put")?;
        let random = draw();
        let written = self.put_ledgers(batch, random).await?;
        self.faults.reach("lake.ledger.after_put")?;
        landed.tally(Table::Records, files.get(Table::Records));
        landed.bytes += written.values().map(|written| written.bytes).sum::<u64>();
        let files = std::mem::take(files.get_mut(Table::Records));
        landed.records_version = self.commit_records(batch, files, random).await?;
        Ok(written)
    }

    /// Commits a table's rows, if there are any that it does not have.
    async fn commit_component(
        &mut self,
        table: Table,
        batch: &Batch,
        mut files: Vec<NewFile>,
        landed: &mut Landed,
    ) -> Result<(), LandError> {
        for _ in 0..ATTEMPTS {
            if files.is_empty() {
                return Ok(());
            }
            let target = self.tables.get_mut(table);
            let mut moves = Moves::default();
            for (partition, part) in &batch.parts {
                let app_id = self.log.app_id(*partition);
                let has = target.txn(&app_id);
                if has.is_none_or(|has| has < part.position.next_offset) {
                    moves.add(app_id, has, part.position.next_offset);
                }
            }
            match target.append(files.clone(), moves.txns, moves.fences).await {
                Ok(_) => {
                    landed.tally(table, &files);
                    return Ok(());
                }
                Err(source) if outdated(&source) => {
                    target.discard(files).await;
                    let refreshed = target.refresh().await;
                    refreshed.map_err(|source| LandError::Refresh { table, source })?;
                    files = write(self.tables.get(table), &self.log, table, batch).await?;
                }
                Err(source) => {
                    discard_unless_made(target, files, &source).await;
                    return Err(LandError::Commit { table, source });
                }
            }
        }
        self.tables.get(table).discard(files).await;
        Err(LandError::Contended { table, attempts: ATTEMPTS })
    }

    /// Puts the ledger snapshots that the commit of `records` will name.
    async fn put_ledgers(&self, batch: &Batch, random: i64) -> Result<BTreeMap<i32, Written>, LandError> {
        let puts = batch.parts.iter().map(|(partition, part)| async {
            let standing = self.standings.get(partition).ok_or(LandError::NotHeld { partition: *partition })?;
            let place = (&self.log, *partition);
            let written = self.ledgers.put(place, standing, &part.draft, (part.position, random)).await?;
            Ok::<_, LandError>((*partition, written))
        });
        join_all(puts).await.into_iter().collect()
    }

    /// Commits `records` with the progress and the names of the snapshots: from here on the batch has landed.
    async fn commit_records(&mut self, batch: &Batch, files: Vec<NewFile>, random: i64) -> Result<i64, LandError> {
        let table = Table::Records;
        for _ in 0..ATTEMPTS {
            let moves = self.records_moves(batch, random);
            let records = self.tables.get_mut(table);
            let error = match records.append(files.clone(), moves.txns, moves.fences).await {
                Ok(version) => return Ok(version),
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
                Err(error) => error,
            };
            open::refresh(&mut self.tables).await?;
            let lost = self.lost_partitions(batch, random)?;
            match lost {
                Lost::None if outdated(&error) && !matches!(error, CommitError::TooOld { .. }) => {}
                Lost::None => {
                    discard_unless_made(self.tables.get(table), files, &error).await;
                    return Err(LandError::Commit { table, source: error });
                }
                Lost::Ours => return Ok(self.tables.get(table).version()),
                Lost::To(partitions) => {
                    discard_unless_made(self.tables.get(table), files, &error).await;
                    self.release(&partitions);
                    return Err(LandError::Fenced { partitions });
                }
            }
        }
        self.tables.get(table).discard(files).await;
        Err(LandError::Contended { table, attempts: ATTEMPTS })
    }

    /// From where each partition stood when it was decided, whatever `records` says by now.
    fn records_moves(&self, batch: &Batch, random: i64) -> Moves {
        let mut moves = Moves::default();
        moves.fences.push(Fence { app_id: LOG_APP_ID.to_owned(), expected: Some(self.log.log_epoch) });
        for (partition, part) in &batch.parts {
            let named = self.standings.get(partition).and_then(Standing::snapshot);
            let expected = named.map(|name| name.next_offset);
            moves.add(self.log.app_id(*partition), expected, part.position.next_offset);
            let expected = named.map(|name| name.random);
            moves.add(self.log.ledger_app_id(*partition), expected, random);
        }
        // From here on nothing of the other tables up to these versions may be lost: a start checks it.
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Records) {
            moves.txns.push(Txn { app_id: table_app_id(table), version: self.tables.get(table).version() });
        }
        moves
    }

    /// Which partitions of the batch `records` has moved on since they were read, and by whom.
    fn lost_partitions(&self, batch: &Batch, random: i64) -> Result<Lost, LandError> {
        if self.tables.get(Table::Records).txn(LOG_APP_ID) != Some(self.log.log_epoch) {
            return Err(LandError::LogLeft { log: self.log.log_id });
        }
        let mut lost = Vec::new();
        for (partition, part) in &batch.parts {
            let named = open::named(self.tables.get(Table::Records), &self.log, *partition)?;
            if named == (SnapshotName { next_offset: part.position.next_offset, random }) {
                return Ok(Lost::Ours);
            }
            if self.standings.get(partition).and_then(Standing::snapshot) != Some(named) {
                lost.push(*partition);
            }
        }
        Ok(if lost.is_empty() { Lost::None } else { Lost::To(lost) })
    }

    fn adopt(&mut self, batch: Batch, mut written: BTreeMap<i32, Written>) {
        count(&batch);
        for (partition, part) in batch.parts {
            if let (Some(standing), Some(written)) = (self.standings.get_mut(&partition), written.remove(&partition)) {
                gauge!("tacho_lake_next_offset", "partition" => partition.to_string())
                    .set(part.position.next_offset as f64);
                standing.adopt(part.draft, written);
            }
        }
    }
}

/// What became of partitions whose commit was refused.
#[derive(Debug)]
enum Lost {
    /// Nothing: they stand where they stood.
    None,
    /// The commit is there: only its answer was lost.
    Ours,
    /// Another process has landed these.
    To(Vec<i32>),
}

impl Landed {
    fn tally(&mut self, table: Table, files: &[NewFile]) {
        *self.rows.get_mut(table) += files.iter().map(NewFile::rows).sum::<u64>();
        self.bytes += files.iter().map(|file| file.size).sum::<u64>();
    }
}

/// Writes the rows of the batch that a table does not have.
async fn write(target: &LakeTable, log: &LogEntry, table: Table, batch: &Batch) -> Result<Vec<NewFile>, LandError> {
    let has = |partition| target.txn(&log.app_id(partition)).unwrap_or(0);
    let rows = missing_rows(batch.pieces.get(table), has);
    target.write_rows(rows).await.map_err(|source| LandError::Write { table, source })
}

/// Deletes the files of a commit that certainly was not made; after an unknown outcome they stay.
async fn discard_unless_made(target: &LakeTable, files: Vec<NewFile>, error: &CommitError) {
    if error.is_certain() {
        target.discard(files).await;
    }
}

/// Whether a commit may succeed once the table is read again; it was certainly not made.
fn outdated(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Fenced { .. }
            | CommitError::Stale { .. }
            | CommitError::Reload { .. }
            | CommitError::TooOld { .. }
    )
}
