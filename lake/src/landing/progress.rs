//! The progress of a lake: of each log and partition, the first offset that has not landed.
//!
//! Views and anchors use only rows below it: other tables may hold rows beyond it, which a redo completes.

use std::collections::{BTreeMap, HashMap};

use tacho_schemas::table::Table;

use crate::Lake;
use crate::ledger::{LogEntry, Logs, LogsError};
use crate::reader::ReadError;
use crate::table::Txn;

/// What a version of `records` says of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProgress {
    /// The log.
    pub log: LogEntry,
    /// Next offset of each partition that something has landed of.
    pub next_offsets: BTreeMap<i32, i64>,
}

/// Why the progress cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// `records` cannot be read.
    #[error(transparent)]
    Records(#[from] ReadError),
    /// The list of logs cannot be read.
    #[error(transparent)]
    Logs(#[from] LogsError),
}

/// The progress of all logs of a lake, the present one last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress(Vec<LogProgress>);

impl Progress {
    /// Reads the progress at a version of `records`, or at the newest.
    ///
    /// # Errors
    /// If `records` or the list of logs cannot be read.
    pub async fn read(lake: &Lake, records_version: Option<i64>) -> Result<Self, ProgressError> {
        let records = lake.reader(Table::Records)?.head(records_version).await?;
        let logs = Logs::load(&lake.object_store()).await?;
        Ok(Self::of(&logs, &records.txns))
    }

    /// The progress that the transactions of *one* version of `records` say.
    pub fn of(logs: &Logs, txns: &[Txn]) -> Self {
        let txns: HashMap<&str, i64> = txns.iter().map(|txn| (txn.app_id.as_str(), txn.version)).collect();
        let of_log = |log: &LogEntry| LogProgress {
            log: log.clone(),
            next_offsets: (0..log.partitions)
                .filter_map(|partition| Some((partition, *txns.get(log.app_id(partition).as_str())?)))
                .collect(),
        };
        Self(logs.iter().map(of_log).collect())
    }

    /// The logs, the present one last.
    pub fn logs(&self) -> &[LogProgress] {
        &self.0
    }

    /// The next offset of a partition of a log; 0 if nothing has landed.
    pub fn next_offset(&self, log_epoch: i64, partition: i32) -> i64 {
        let log = self.0.iter().find(|progress| progress.log.log_epoch == log_epoch);
        log.and_then(|progress| progress.next_offsets.get(&partition)).copied().unwrap_or(0)
    }

    /// Whether a row at this place has landed.
    pub fn contains(&self, log_epoch: i64, partition: i32, offset: i64) -> bool {
        offset < self.next_offset(log_epoch, partition)
    }
}
