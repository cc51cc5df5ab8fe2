//! Cuts a window: which offsets, which versions of the tables. Written down before anything is hashed.
//!
//! `records` is read first, and its progress is where the window ends. Another table may be a commit ahead of it
//! while a landing is under way: then the moment is not taken, and a later one is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use tacho_lake::Lake;
use tacho_lake::landing::Progress;
use tacho_lake::ledger::Logs;
use tacho_lake::ledger::view::LedgerView;
use tacho_lake::reader::LiveFiles;
use tacho_lake::table::Txn;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use tracing::debug;

use super::lock::{self, Counted, Lock, LogRange};
use super::{AnchorError, error};

/// Looks for a moment between two landings.
const LOOKS: u32 = 20;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

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

    /// Forgets a window that is in the log.
    pub(super) fn remove(dir: &Path) -> Result<(), AnchorError> {
        let path = Self::path(dir);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error::io_at(&path)(error)),
            _ => Ok(()),
        }
    }
}

/// Cuts the next window; `None` if nothing has landed since the last, or a landing is under way.
pub(super) async fn plan(lake: &Lake, lock: &Lock) -> Result<Option<Prepared>, AnchorError> {
    for _ in 0..LOOKS {
        match look(lake, lock).await? {
            Look::Moment(prepared) => return Ok(Some(prepared)),
            Look::NothingNew => return Ok(None),
            Look::UnderWay => tokio::time::sleep(PAUSE).await,
        }
    }
    debug!("no moment between two landings; the window stays open");
    Ok(None)
}

enum Look {
    Moment(Prepared),
    NothingNew,
    UnderWay,
}

async fn look(lake: &Lake, lock: &Lock) -> Result<Look, AnchorError> {
    let mut versions = Tables::<i64>::default();
    let records = lake.reader(Table::Records)?.live_files(None).await?;
    *versions.get_mut(Table::Records) = records.version;
    let store: Arc<dyn ObjectStore> = Arc::new(lake.store().clone());
    let progress = Progress::of(&Logs::load(&store).await?, &records.txns);
    let ranges = ranges(&progress, lock);
    if ranges.iter().all(|range| range.from == range.to) {
        return Ok(Look::NothingNew);
    }
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Records) {
        let live = lake.reader(table)?.live_files(None).await?;
        if is_ahead(&live, &ranges) {
            return Ok(Look::UnderWay);
        }
        *versions.get_mut(table) = live.version;
    }
    let totals = LedgerView::load(lake).await?.totals();
    if lake.reader(Table::Records)?.version_since(records.version).await? != records.version {
        return Ok(Look::UnderWay);
    }
    let totals = Counted { landed: totals.landed, duplicate: totals.duplicate, rejected: totals.rejected };
    let beacon = (lock.next_win_no == 0).then_some(lock.begun_beside).flatten();
    Ok(Look::Moment(Prepared { win_no: lock.next_win_no, ranges, versions, totals, beacon }))
}

/// From where the last window ended to the progress, for each partition of each log.
fn ranges(progress: &Progress, lock: &Lock) -> Vec<LogRange> {
    let mut ranges = Vec::new();
    for log in progress.logs() {
        for (partition, to) in &log.next_offsets {
            let known =
                lock.progress.iter().find(|known| known.log_id == log.log.log_id && known.partition == *partition);
            ranges.push(LogRange {
                log_id: log.log.log_id,
                log_epoch: log.log.log_epoch,
                partition: *partition,
                from: known.map_or(0, |known| known.to),
                to: *to,
            });
        }
    }
    ranges
}

/// Whether a table holds rows of records that have not landed.
fn is_ahead(live: &LiveFiles, ranges: &[LogRange]) -> bool {
    ranges.iter().any(|range| {
        let app_id = format!("tacho/{}/{}", range.log_id, range.partition);
        version_of(&live.txns, &app_id).is_some_and(|written| written > range.to)
    })
}

fn version_of(txns: &[Txn], app_id: &str) -> Option<i64> {
    txns.iter().find(|txn| txn.app_id == app_id).map(|txn| txn.version)
}
