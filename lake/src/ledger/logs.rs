//! The logs that a lake has taken records from, in order: `_ledger/logs.json`.
//!
//! The number of a log is `log_epoch`. A log is listed before anything of it lands; what it has come to
//! is in the transactions of `records`.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};
use tacho_schemas::table::Table;
use uuid::Uuid;

const FORMAT: u32 = 1;

/// Application whose version, in `records`, is the `log_epoch` of the log that the lake follows: whoever still lands
/// a former log is fenced.
pub(crate) const LOG_APP_ID: &str = "tacho/log";

/// Application whose version counts the merges of a table: of two at once one is fenced.
pub(crate) const COMPACTOR_APP_ID: &str = "tacho/compactor";

/// Application whose version, in `records`, is the Delta version that another table had when a batch landed: nothing of
/// that table up to it may be lost any more.
pub(crate) fn table_app_id(table: Table) -> String {
    format!("tacho/table/{}", table.name())
}

/// A log that the lake knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// Counts the logs of the lake, from 1.
    pub log_epoch: i64,
    /// Identity of the log.
    pub log_id: Uuid,
    /// Its partitions, fixed for its life.
    pub partitions: i32,
}

/// The logs of a lake, the present one last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs(Vec<LogEntry>);

/// Why the list of logs cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The store cannot read or write it.
    #[error("list of logs {path}")]
    Store {
        /// File, within the lake.
        path: Path,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// It is not what this release writes.
    #[error("list of logs {path} is damaged: {why}")]
    Damaged {
        /// File, within the lake.
        path: Path,
        /// What is wrong.
        why: String,
    },
    /// A later release wrote it.
    #[error("list of logs {path} says format {format}, this release knows format {FORMAT}: use a later release")]
    Newer {
        /// File, within the lake.
        path: Path,
        /// Its format.
        format: u32,
    },
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    logs: Vec<LogEntry>,
}

impl LogEntry {
    /// Application of the progress of a partition, in every table.
    pub fn app_id(&self, partition: i32) -> String {
        format!("tacho/{}/{partition}", self.log_id)
    }

    /// Application whose version names the ledger snapshot of a partition, in `records`.
    pub fn ledger_app_id(&self, partition: i32) -> String {
        format!("tacho/{}/{partition}/ledger", self.log_id)
    }
}

impl Logs {
    /// Reads the list; it is empty if there is none yet. `store` is rooted at the lake.
    ///
    /// # Errors
    /// If the store fails, or the file is not a list of logs.
    pub async fn load(store: &Arc<dyn ObjectStore>) -> Result<Self, LogsError> {
        let path = path();
        let read = async { store.get(&path).await?.bytes().await };
        let bytes = match read.await {
            Ok(bytes) => bytes,
            Err(object_store::Error::NotFound { .. }) => return Ok(Self::default()),
            Err(source) => return Err(LogsError::Store { path, source }),
        };
        let damaged = |why: String| LogsError::Damaged { path: self::path(), why };
        let malformed = |error: serde_json::Error| damaged(error.to_string());
        let Version { format } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if format > FORMAT {
            return Err(LogsError::Newer { path: self::path(), format });
        }
        let file: File = serde_json::from_slice(&bytes).map_err(malformed)?;
        let numbered = (1..).zip(&file.logs).all(|(epoch, log)| log.log_epoch == epoch && log.partitions > 0);
        if !numbered {
            return Err(damaged("its logs are not numbered from 1".to_owned()));
        }
        Ok(Self(file.logs))
    }

    /// Adds a log and writes the list.
    ///
    /// # Errors
    /// If the store fails; the list is then as it was.
    pub async fn add(&mut self, store: &Arc<dyn ObjectStore>, log_id: Uuid, partitions: i32) -> Result<(), LogsError> {
        let log_epoch = self.0.last().map_or(1, |last| last.log_epoch + 1);
        let mut logs = self.0.clone();
        logs.push(LogEntry { log_epoch, log_id, partitions });
        let put = store.put(&path(), text(logs.clone()).into()).await;
        put.map_err(|source| LogsError::Store { path: path(), source })?;
        self.0 = logs;
        Ok(())
    }

    /// Writes this list into a lake that has none, for a replay: rows there carry the same `log_epoch` as here.
    ///
    /// # Errors
    /// If the store fails, or has a list.
    pub async fn copy_to(&self, store: &Arc<dyn ObjectStore>) -> Result<(), LogsError> {
        let text = text(self.0.clone());
        let put = store.put_opts(&path(), text.into(), PutMode::Create.into()).await;
        put.map(drop).map_err(|source| LogsError::Store { path: path(), source })
    }

    /// The present log.
    pub fn last(&self) -> Option<&LogEntry> {
        self.0.last()
    }

    /// The log of this identity.
    pub fn by_id(&self, log_id: Uuid) -> Option<&LogEntry> {
        self.0.iter().find(|log| log.log_id == log_id)
    }

    /// Whether commits of a lake with these logs make transactions of this application.
    pub fn knows(&self, app_id: &str) -> bool {
        let of_log = || {
            let (log, partition) = app_id.strip_prefix("tacho/")?.split_once('/')?;
            let partition = partition.strip_suffix("/ledger").unwrap_or(partition);
            let (log, number) = (self.by_id(log.parse().ok()?)?, partition.parse().ok()?);
            // Only as we spell it.
            let spelled = [log.app_id(number), log.ledger_app_id(number)].iter().any(|ours| ours == app_id);
            (spelled && (0..log.partitions).contains(&number)).then_some(())
        };
        [LOG_APP_ID, COMPACTOR_APP_ID].contains(&app_id)
            || Table::ALL.iter().any(|table| table_app_id(*table) == app_id)
            || of_log().is_some()
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LogEntry> {
        self.0.iter()
    }
}

fn text(logs: Vec<LogEntry>) -> Vec<u8> {
    let file = File { format: FORMAT, logs };
    serde_json::to_vec_pretty(&file).expect("a list of plain structs is JSON")
}

fn path() -> Path {
    Path::from("_ledger/logs.json")
}
