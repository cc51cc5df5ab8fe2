//! Cuts a window: which offsets, which versions of the tables. Written down before anything is hashed.
//!
//! `records` is read first, and its progress is where the window ends. Another table may be ahead of it while a landing
//! is under way: then it is read as it was before that landing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tacho_lake::Lake;
use tacho_lake::landing::Progress;
use tacho_lake::ledger::Logs;
use tacho_lake::ledger::view::LedgerView;
use tacho_lake::reader::TableReader;
use tacho_lake::table::Txn;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use tracing::debug;
use uuid::Uuid;

use super::lock::{self, Counted, Lock, LogRange};
use super::{AnchorError, error};

/// A window as it was laid down. Everything else follows from it, the lake's files and the salts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    pub(super) win_no: u64,
    /// All partitions of all logs; those without news have `from == to`.
    pub(super) ranges: Vec<LogRange>,
    /// Delta version of each table that is read.
    #[serde(with = "lock::versions")]
    pub(super) versions: Tables<i64>,
    /// Counts of the ledger at that version of `records`.
    pub(super) totals: Counted,
    /// Hash of the newest foreign thing that was seen.
    pub(super) beacon: Option<Digest>,
}

impl Prepared {
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("prepared.json")
    }

    pub(super) fn read(dir: &Path) -> Result<Option<Self>, AnchorError> {
        lock::read_json(&Self::path(dir))
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), AnchorError> {
        lock::write_json(&Self::path(dir), self)
    }

    /// Whether it is the window that is due, or the last one, which is in the log already.
    pub(super) fn fits(&self, lock: &Lock) -> bool {
        let follows = |range: &LogRange| range.from == lock.anchored((range.log_id, range.partition));
        let is_due = self.win_no == lock.next_win_no && self.ranges.iter().all(follows);
        is_due || self.win_no + 1 == lock.next_win_no
    }

    /// Forgets a window that is in the log.
    pub(super) fn remove(dir: &Path) -> Result<(), AnchorError> {
        let path = Self::path(dir);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error::io_at(&path)(error)),
            _ => Ok(()),
        }
    }
}

/// What came of cutting a window.
#[derive(Debug)]
pub(super) enum Plan {
    /// Nothing has landed since the last.
    NothingNew,
    /// A table is ahead of `records` in a way that no older version of it helps: a landing is under way.
    Interlaced { table: Table, version: i64 },
    /// It is laid down.
    Cut(Prepared),
}

/// Cuts the next window.
pub(super) async fn plan(lake: &Lake, lock: &Lock) -> Result<Plan, AnchorError> {
    let (records, ledger) = LedgerView::newest(lake).await?;
    let logs = Logs::load(&lake.object_store()).await?;
    let ranges = ranges(&Progress::of(&logs, &records.txns), lock)?;
    if ranges.iter().all(|range| range.from == range.to) {
        return Ok(Plan::NothingNew);
    }
    let mut versions = Tables::<i64>::default();
    *versions.get_mut(Table::Records) = records.version;
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Records) {
        match version_at(&lake.reader(table)?, &ranges).await? {
            Ok(version) => *versions.get_mut(table) = version,
            Err(version) => {
                debug!(table = table.name(), version, "two landings are interlaced; the window stays open");
                return Ok(Plan::Interlaced { table, version });
            }
        }
    }
    let totals = ledger.totals().into();
    let beacon = (lock.next_win_no == 0).then_some(lock.begun_beside).flatten();
    Ok(Plan::Cut(Prepared { win_no: lock.next_win_no, ranges, versions, totals, beacon }))
}

/// From where the last window ended to the progress, for each partition of each log.
fn ranges(progress: &Progress, lock: &Lock) -> Result<Vec<LogRange>, AnchorError> {
    let mut ranges = Vec::new();
    for log in progress.logs() {
        let (log_id, log_epoch) = (log.log.log_id, log.log.log_epoch);
        for (partition, to) in &log.next_offsets {
            let from = lock.anchored((log_id, *partition));
            if *to < from {
                return Err(AnchorError::LakeBehind { log_id, partition: *partition, landed: *to, anchored: from });
            }
            ranges.push(LogRange { log_id, log_epoch, partition: *partition, from, to: *to });
        }
    }
    Ok(ranges)
}

/// The newest version of a table that holds all rows of the ranges and none behind them. If there is none, the version
/// that has both: several processes land, and one of them is ahead where the other has just landed.
async fn version_at(table: &TableReader, ranges: &[LogRange]) -> Result<Result<i64, i64>, AnchorError> {
    let is_ahead = |txn: &Txn| {
        let end = partition_of(txn).map(|place| ranges.iter().find(|range| (range.log_id, range.partition) == place));
        end.is_some_and(|range| txn.version > range.map_or(0, |range| range.to))
    };
    let mut head = table.head(None).await?;
    while head.txns.iter().any(is_ahead) {
        let before = head.version - 1;
        let skipped = table.commits_between(before, head.version).await?;
        let mut moved = skipped.iter().flat_map(|commit| &commit.txns).filter(|txn| partition_of(txn).is_some());
        if !moved.all(is_ahead) {
            return Ok(Err(head.version));
        }
        head = table.head(Some(before)).await?;
    }
    Ok(Ok(head.version))
}

/// The log and partition whose progress a transaction is.
pub(crate) fn partition_of(txn: &Txn) -> Option<(Uuid, i32)> {
    let (log_id, partition) = txn.app_id.strip_prefix("tacho/")?.split_once('/')?;
    Some((log_id.parse().ok()?, partition.parse().ok()?))
}
