//! The lake as it is at one moment: versions of all tables, progress, counts of the ledger.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use object_store::ObjectStore;
use tacho_lake::landing::Progress;
use tacho_lake::ledger::view::{LedgerView, ViewError};
use tacho_lake::ledger::{Counts, Logs};
use tacho_lake::reader::{Commit, LiveFiles, ReadError, TableReader};
use tacho_lake::{Lake, LakePlace};
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::error::{differs, io_kind, unreadable};
use super::history::History;
use super::places::Places;
use super::survey::{Survey, Tallied};
use super::{AuditError, sum};
use crate::anchorer::Counted;

/// The lake at one moment.
#[derive(Debug)]
pub(super) struct Pinned {
    lake: Lake,
    pub(super) tables: Tables<PinnedTable>,
    pub(super) logs: Logs,
    progress: Progress,
    ledger: LedgerView,
}

/// A table at one moment.
#[derive(Debug)]
pub(super) struct PinnedTable {
    pub(super) live: LiveFiles,
    /// Version up to which it is stated; -1 without windows.
    pub(super) stated: i64,
    /// The commits since then.
    pub(super) unstated: Vec<Commit>,
    /// How far this table has landed; further than `records` while a batch is on its way.
    pub(super) progress: Progress,
}

impl Pinned {
    /// Reads the lake; it must not be behind the log.
    pub(super) async fn read(place: &LakePlace, history: &History) -> Result<Self, AuditError> {
        let lake = Lake::read_only(place).map_err(AuditError::NoLake)?;
        if let (Err(error), true) = (lake.reader(Table::Records), history.windows.is_empty()) {
            return Err(AuditError::NoLake(error));
        }
        let (records, ledger) = LedgerView::newest(&lake).await.map_err(|error| match error {
            ViewError::Records(error) => unreadable("records", error),
            error => unreadable("the ledger", error),
        })?;
        let logs = Logs::load(&lake.object_store()).await;
        let logs = logs.map_err(|error| unreadable("_ledger/logs.json", error))?;
        let progress = Progress::of(&logs, &records.txns);
        let versions = history.versions();
        let mut tables = Vec::new();
        for table in Table::ALL {
            let live = match table {
                Table::Records => records.clone(),
                _ => live(&lake, table).await?,
            };
            if let Some(txn) = live.txns.iter().find(|txn| !logs.knows(&txn.app_id)) {
                let what = format!("the table has a transaction of {}, which is no log of this lake", txn.app_id);
                return Err(differs(table.name(), what));
            }
            check_engines(&lake, table, &live).await?;
            let own = Progress::of(&logs, &live.txns);
            let pinned = pin(&reader(&lake, table)?, live, *versions.get(table), own).await?;
            check_progress(&pinned, table, &progress)?;
            tables.push(pinned);
        }
        let tables = Tables(tables.try_into().expect("one was pinned for each table"));
        Ok(Self { lake, tables, logs, progress, ledger })
    }

    /// The lake's files.
    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        self.lake.object_store()
    }

    pub(super) fn reader(&self, table: Table) -> Result<TableReader, AuditError> {
        reader(&self.lake, table)
    }

    /// The oldest commit of a table whose entry, and all later ones, are still there.
    pub(super) async fn oldest_entry(&self, table: Table) -> Result<i64, AuditError> {
        let listed = self.reader(table)?.entry_versions().await;
        let versions = listed.map_err(|error| unreadable(format!("{}/_delta_log", table.name()), error))?;
        let live = self.tables.get(table).live.version;
        let run = versions.iter().rev().skip_while(|version| **version > live);
        let unbroken = run.zip((0..=live).rev()).take_while(|(version, due)| *version == due);
        Ok(unbroken.last().map_or(live + 1, |(version, _)| *version))
    }

    /// Where rows stand.
    pub(super) fn places(&self, history: &History) -> Result<Places, AuditError> {
        Places::new(history, &self.logs, self.progress.clone())
    }

    /// The error of a live file that cannot be read: compaction may have replaced it meanwhile.
    pub(super) async fn unreadable_file(&self, table: Table, path: &str, error: ReadError) -> AuditError {
        let object = format!("{}/{path}", table.name());
        if io_kind(&error) == Some(std::io::ErrorKind::NotFound)
            && let Ok(live) = live(&self.lake, table).await
            && live.files.iter().all(|file| file.path != path)
        {
            return AuditError::Moved(object);
        }
        unreadable(object, error)
    }

    /// The ledger has counted what has landed, robot by robot, and not less than the windows state of it.
    pub(super) fn check_ledger(&self, history: &History, survey: &Survey) -> Result<(), AuditError> {
        let totals = self.ledger.totals();
        self.check_robots(survey)?;
        if let Some(published) = &history.published {
            let stated = published.lock.totals;
            let now = Counted::from(totals);
            let fewer =
                now.landed < stated.landed || now.duplicate < stated.duplicate || now.rejected < stated.rejected;
            let records = self.tables.get(Table::Records);
            if fewer || (records.live.version == records.stated && now != stated) {
                return Err(differs("the ledger", format!("has counted {now:?}, the windows state {stated:?}")));
            }
        }
        let Counts { landed, rejected, .. } = totals;
        for (table, counted, what) in [(Table::Records, landed, "landed"), (Table::Rejected, rejected, "rejected")] {
            let rows = survey.rows.get(table) + survey.young_rows.get(table);
            if rows != counted {
                let what = format!("counts {counted} records as {what}, {} has {rows} rows", table.name());
                return Err(differs("the ledger", what));
            }
        }
        if sum(&survey.rows) + sum(&survey.young_rows) > 0 && totals.received() == 0 {
            return Err(differs("the ledger", "has counted nothing, the tables have rows"));
        }
        Ok(())
    }

    fn check_robots(&self, survey: &Survey) -> Result<(), AuditError> {
        // A robot may stand in several partitions, if a former log had another number of them.
        let mut counted: HashMap<Box<str>, Tallied> = HashMap::new();
        for row in self.ledger.rows() {
            let of_robot = counted.entry(row.robot.as_str().into()).or_default();
            of_robot.landed += row.counts.landed;
            of_robot.rejected += row.counts.rejected;
        }
        let differing = counted.keys().chain(survey.robots.keys()).find(|robot| {
            counted.get(*robot).copied().unwrap_or_default() != survey.robots.get(*robot).copied().unwrap_or_default()
        });
        let Some(robot) = differing else { return Ok(()) };
        let (ours, found) = (counted.get(robot), survey.robots.get(robot));
        Err(differs("the ledger", format!("counts {ours:?} of robot {robot}, the tables have {found:?}")))
    }
}

fn reader(lake: &Lake, table: Table) -> Result<TableReader, AuditError> {
    lake.reader(table).map_err(|error| unreadable(table.name(), error))
}

async fn live(lake: &Lake, table: Table) -> Result<LiveFiles, AuditError> {
    reader(lake, table)?.live_files(None).await.map_err(|error| unreadable(table.name(), error))
}

/// Other engines, of which `tacho sql` is one, take the same files for the table as we do.
async fn check_engines(lake: &Lake, table: Table, live: &LiveFiles) -> Result<(), AuditError> {
    let seen = lake.files_for_engines(table, live.version).await;
    let seen: BTreeSet<(String, u64)> = seen.map_err(|error| unreadable(table.name(), error))?.into_iter().collect();
    let ours: BTreeSet<(String, u64)> = live.files.iter().map(|file| (file.path.clone(), file.size)).collect();
    match seen.symmetric_difference(&ours).next() {
        None => Ok(()),
        Some((path, bytes)) => {
            let what = format!("other engines and we do not agree whether it is part of the table, with {bytes} bytes");
            Err(differs(format!("{}/{path}", table.name()), what))
        }
    }
}

/// A table whose commits windows have all read has landed no further than `records`.
fn check_progress(pinned: &PinnedTable, table: Table, records: &Progress) -> Result<(), AuditError> {
    if pinned.live.version > pinned.stated {
        return Ok(());
    }
    for log in pinned.progress.logs() {
        let ahead = log
            .next_offsets
            .iter()
            .find(|(partition, next)| **next > records.next_offset(log.log.log_epoch, **partition));
        if let Some((partition, next)) = ahead {
            let what = format!("has landed up to offset {next} of partition {partition}, `records` has not");
            return Err(differs(table.name(), what));
        }
    }
    Ok(())
}

async fn pin(
    reader: &TableReader,
    live: LiveFiles,
    stated: i64,
    progress: Progress,
) -> Result<PinnedTable, AuditError> {
    let name = reader.table().name();
    reader.inspect_log().await.map_err(|error| unreadable(name, error))?;
    if live.version < stated {
        let what = format!("the table is at version {}, windows have read version {stated}", live.version);
        return Err(differs(name, what));
    }
    let unstated = match stated {
        ..0 => Vec::new(),
        _ => {
            let commits = reader.commits_between(stated, live.version).await;
            commits.map_err(|error| unreadable(name, error))?
        }
    };
    Ok(PinnedTable { live, stated, unstated, progress })
}
