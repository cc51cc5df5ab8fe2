//! Opening a lake for a log: is it the log that the lake follows, how far has it come, what do the ledgers know.
//!
//! A log is taken up by one empty commit of `records` that names the progress 0 and a ledger snapshot for each of
//! its partitions. What the ledgers know of robots goes over from the log before: their keys stay taken.

use std::collections::BTreeMap;

use futures::future::join_all;
use tacho_schemas::RobotKey;
use tacho_schemas::partition::partition_of;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use tracing::{info, warn};

use super::commit::{Moves, draw};
use super::{Begin, LandError, Landing, LandingOptions, LogIdentity, OpenError};
use crate::Lake;
use crate::ledger::logs::{LOG_APP_ID, LogEntry, Logs};
use crate::ledger::store::{LedgerStore, Standing};
use crate::ledger::{Draft, Ledger, Position, Robot, SnapshotName, robots_max_of};
use crate::table::{CommitError, LakeTable};

/// How often a new log is taken up while the former one still lands; then whoever lands it is to be stopped.
const TAKE_UP_TRIES: u32 = 20;

pub(super) async fn open(lake: &Lake, identity: LogIdentity, options: LandingOptions) -> Result<Landing, OpenError> {
    let ledgers = LedgerStore(lake.object_store());
    lake.store().check_conditional_put().await?;
    let mut tables = lake.open_tables().await?;
    let records = tables.get_mut(Table::Records);
    let log = choose_log(records, &ledgers, identity, options.new_log).await?;
    let mut tries = 0;
    while named(records, &log, 0).is_err() {
        tries += 1;
        match take_up(records, &ledgers, &log, &options.begin).await {
            Err(OpenError::Land(LandError::Commit { source: CommitError::Fenced { .. }, .. }))
                if tries < TAKE_UP_TRIES =>
            {
                warn!(log = %log.log_id, "the former log has landed more meanwhile; its ledgers are read again");
            }
            other => other?,
        }
    }
    let held = options.partitions.unwrap_or_else(|| (0..log.partitions).collect());
    let faults = lake.options().faults.clone();
    let mut landing = Landing { tables, faults, ledgers, log, standings: BTreeMap::new(), unsure: false };
    landing.hold(&held).await?;
    info!(log = %landing.log.log_id, log_epoch = landing.log.log_epoch, progress = ?landing.progress(), "lake opened");
    Ok(landing)
}

/// Reads what others have committed.
pub(super) async fn refresh(tables: &mut Tables<LakeTable>) -> Result<(), LandError> {
    for table in Table::ALL {
        let refreshed = tables.get_mut(table).refresh().await;
        refreshed.map_err(|source| LandError::Refresh { table, source })?;
    }
    Ok(())
}

/// The snapshot that `records` names for a partition; its next offset is the progress.
pub(super) fn named(records: &LakeTable, log: &LogEntry, partition: i32) -> Result<SnapshotName, LandError> {
    let next_offset = records.txn(&log.app_id(partition));
    let random = records.txn(&log.ledger_app_id(partition));
    let name = next_offset.zip(random).map(|(next_offset, random)| SnapshotName { next_offset, random });
    name.ok_or(LandError::Unnamed { partition })
}

/// Loads how a partition stands.
pub(super) async fn standing(
    ledgers: &LedgerStore,
    log: &LogEntry,
    partition: i32,
    name: SnapshotName,
) -> Result<Standing, LandError> {
    Ok(ledgers.load(log, partition, name, robots_max_of(log.partitions)).await?)
}

/// The log as the lake lists it; one that it does not know is added if it is the first or accepted.
async fn choose_log(
    records: &LakeTable,
    ledgers: &LedgerStore,
    identity: LogIdentity,
    new_log: bool,
) -> Result<LogEntry, OpenError> {
    let LogIdentity { log_id, partitions } = identity;
    let mut logs = Logs::load(&ledgers.0).await?;
    let known = logs.by_id(log_id).cloned();
    match (logs.last(), known) {
        (Some(last), Some(known)) if last.log_id == log_id => {
            if known.partitions != partitions {
                return Err(OpenError::Partitions { log: log_id, known: known.partitions, found: partitions });
            }
            return Ok(known);
        }
        (Some(last), Some(_)) => {
            return Err(OpenError::FormerLog { lake: last.log_id, log: log_id });
        }
        (Some(last), None) if !new_log => {
            return Err(OpenError::OtherLog { lake: last.log_id, log: log_id });
        }
        (Some(last), None) => {
            warn!(from = %last.log_id, to = %log_id, "the lake takes up a new log")
        }
        (None, _) => {
            if records.txns().any(|(app_id, _)| app_id.starts_with("tacho/")) {
                return Err(OpenError::LogsMissing { version: records.version() });
            }
        }
    }
    logs.add(&ledgers.0, log_id, partitions).await?;
    let added = logs.last().cloned();
    Ok(added.expect("a log was just added"))
}

/// Commits the progress, 0 if nothing else is wanted, of all partitions of a log that is new to `records`.
async fn take_up(
    records: &mut LakeTable,
    ledgers: &LedgerStore,
    log: &LogEntry,
    begin: &BTreeMap<i32, Begin>,
) -> Result<(), OpenError> {
    let logs = Logs::load(&ledgers.0).await?;
    let before = logs.iter().rev().find(|former| former.log_epoch < log.log_epoch && named(records, former, 0).is_ok());
    let robots = match before {
        Some(former) => robots_of(records, ledgers, former).await?,
        None => Vec::new(),
    };
    let mut known: Vec<Ledger> = (0..log.partitions).map(|_| Ledger::new(robots_max_of(log.partitions))).collect();
    for (key, robot) in robots {
        let partition = partition_of(key.as_str().as_bytes(), log.partitions);
        let index = usize::try_from(partition).expect("a partition is not negative");
        known[index].absorb(key, robot);
    }
    let random = draw();
    let partitions = (0..).zip(known);
    let start = |(partition, ledger)| {
        let mut standing = Standing::starting(ledger);
        if let Some(Begin { offset, config }) = begin.get(&partition) {
            standing.position = Position { next_offset: *offset, config: *config, ..standing.position };
        }
        (partition, standing)
    };
    let standings: Vec<(i32, Standing)> = partitions.map(start).collect();
    let draft = Draft::default();
    let puts = standings
        .iter()
        .map(|(partition, standing)| ledgers.put((log, *partition), standing, &draft, (standing.position, random)));
    for written in join_all(puts).await {
        written.map_err(LandError::from)?;
    }
    let mut moves = Moves::default();
    // What the former log lands meanwhile would be known to no ledger.
    for (former, partition) in before.iter().flat_map(|former| (0..former.partitions).map(move |p| (former, p))) {
        moves.hold(former.app_id(partition), records.txn(&former.app_id(partition)));
        moves.hold(former.ledger_app_id(partition), records.txn(&former.ledger_app_id(partition)));
    }
    moves.add(LOG_APP_ID.to_owned(), records.txn(LOG_APP_ID), log.log_epoch);
    for (partition, standing) in &standings {
        moves.add(log.app_id(*partition), None, standing.position.next_offset);
        moves.add(log.ledger_app_id(*partition), None, random);
    }
    let committed = records.append(Vec::new(), moves.txns, moves.fences).await;
    match committed {
        Ok(_) => Ok(()),
        // Another process was first, or the answer was lost: what counts is that the log is named now.
        Err(source) => {
            let refreshed = records.refresh().await;
            refreshed.map_err(|source| LandError::Refresh { table: Table::Records, source })?;
            let named = named(records, log, 0).map(|_| ());
            named.map_err(|_unnamed| LandError::Commit { table: Table::Records, source }.into())
        }
    }
}

/// What all partitions of a former log know.
async fn robots_of(
    records: &LakeTable,
    ledgers: &LedgerStore,
    log: &LogEntry,
) -> Result<Vec<(RobotKey, Robot)>, LandError> {
    let mut robots = Vec::new();
    for partition in 0..log.partitions {
        let standing = standing(ledgers, log, partition, named(records, log, partition)?).await?;
        robots.extend(standing.ledger.into_robots());
    }
    robots.sort_unstable_by_key(|(key, _)| *key);
    Ok(robots)
}
