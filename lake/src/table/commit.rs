//! The fenced append: one put-if-absent of a log entry, at a cost that does not grow with the table.
//!
//! A transaction with a fence is replaced only if it was read from the very version that is appended to: appends and
//! compactions of others are stepped over, a commit that touches one of our fences ends the attempt.

use std::time::Instant;

use bytes::Bytes;
use metrics::{counter, histogram};
use object_store::ObjectStoreExt as _;
use tracing::debug;

use super::entry::{self, Action, TxnAction};
use super::log::{self, LogError};
use super::{Fence, LakeTable, NewFile, Txn};
use crate::fault::InjectedFault;
use crate::store::is_disk_full;

/// A file that waits longer than this for its commit is refused: clean-up may have taken it for an orphan.
const FILE_AGE_MAX_MS: i64 = 12 * 3_600_000;

/// Attempts to learn what became of a put whose answer was lost.
const ANSWERS: usize = 3;

/// A commit that did not happen, or of which it is not known whether it did.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another committer has moved an application that this commit relies on.
    #[error("commit {by_version} of another process has taken {app_id} to {theirs}")]
    Fenced {
        /// Application.
        app_id: String,
        /// Version of the other commit.
        by_version: i64,
        /// Version that it gave the application.
        theirs: i64,
    },
    /// The caller expects another version of an application than the table has.
    #[error("{app_id} is at {found:?}, not at {expected:?}")]
    Stale {
        /// Application.
        app_id: String,
        /// What the caller expects.
        expected: Option<i64>,
        /// What the table says.
        found: Option<i64>,
    },
    /// Schema, properties or protocol have changed, or the head is so old that clean-up has passed it: refresh, and
    /// compute again.
    #[error("the head of the table is out of date at version {version}")]
    Reload {
        /// Version that was tried.
        version: i64,
    },
    /// An input of a compaction is no longer part of the table.
    #[error("commit {by_version} has removed {path}")]
    Removed {
        /// Path of the file.
        path: String,
        /// Version of that commit.
        by_version: i64,
    },
    /// A new file is so old that clean-up may have deleted it: write it again.
    #[error("file {path} was written {age_s} s ago and is written again")]
    TooOld {
        /// Path of the file.
        path: String,
        /// Age, seconds.
        age_s: i64,
    },
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
    /// The disk is full, and the store holds no entry of this version.
    #[error("no room for commit entry {version}")]
    Full {
        /// Version that was tried.
        version: i64,
        /// What the store says.
        #[source]
        source: object_store::Error,
    },
    /// The store does not answer, or refuses: nothing was committed as far as is known; the same append may be
    /// made again.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl CommitError {
    /// Whether it is certain that nothing was committed, and that nothing will turn out to have been.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Fenced { .. }
            | Self::Stale { .. }
            | Self::Reload { .. }
            | Self::Removed { .. }
            | Self::TooOld { .. }
            | Self::Full { .. } => true,
            Self::Fault(_) | Self::Store(_) | Self::Log(_) => false,
        }
    }
}

impl LakeTable {
    /// Commits files and transactions in one step; both may be empty. Gives the version.
    ///
    /// # Errors
    /// See [`CommitError`]; the table's state is unchanged but for the versions that were stepped over.
    pub async fn append(
        &mut self,
        files: Vec<NewFile>,
        txns: Vec<Txn>,
        fences: Vec<Fence>,
    ) -> Result<i64, CommitError> {
        check_ages(&files)?;
        let rows: u64 = files.iter().map(NewFile::rows).sum();
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let adds = files.iter().map(|file| file.add(true).into());
        let mut actions = vec![entry::commit_info("WRITE", &[("mode", "Append")], entry::now_ms())];
        actions.extend(adds);
        self.options.faults.reach_table(self.table, "before_commit")?;
        let (faults, table) = (self.options.faults.clone(), self.table);
        let answer = move || faults.reach_table(table, "commit_answer");
        let version = self.commit(&actions, &txns, &fences, &answer).await?;
        let table = self.table.name();
        counter!("tacho_lake_rows_total", "table" => table).increment(rows);
        counter!("tacho_lake_file_bytes_total", "table" => table).increment(bytes);
        self.options.faults.reach_table(self.table, "after_commit")?;
        Ok(version)
    }

    /// Puts an entry of these actions and transactions at the first free version after the head. `answer` is the fault
    /// step between the put and its answer.
    pub(crate) async fn commit(
        &mut self,
        actions: &[Action],
        txns: &[Txn],
        fences: &[Fence],
        answer: &(dyn Fn() -> Result<(), InjectedFault> + Send + Sync),
    ) -> Result<i64, CommitError> {
        let started = Instant::now();
        for fence in fences {
            let found = self.txn(&fence.app_id);
            if found != fence.expected {
                return Err(CommitError::Stale { app_id: fence.app_id.clone(), expected: fence.expected, found });
            }
        }
        let removes: Vec<&str> =
            actions.iter().filter_map(|action| Some(action.remove.as_ref()?.path.as_str())).collect();
        loop {
            let version = self.head.version + 1;
            let txns = self.risen(txns, fences);
            let moved: Vec<Action> = txn_actions(&txns).collect();
            if self.put_entry(version, &entry::encode(actions.iter().chain(&moved)), answer).await? {
                self.check_before(version).await?;
                self.head.txns.extend(txns.into_iter().map(|txn| (txn.app_id, txn.version)));
                self.head.version = version;
                let table = self.table.name();
                counter!("tacho_lake_commits_total", "table" => table).increment(1);
                histogram!("tacho_lake_commit_seconds", "table" => table).record(started.elapsed().as_secs_f64());
                self.checkpoint_if_due();
                return Ok(version);
            }
            let theirs = log::read(self.store.as_ref(), version).await?.ok_or(LogError::Missing { version })?;
            self.step_over(version, &theirs, fences, &removes)?;
        }
    }

    /// The transactions as they are to be recorded: without a fence they never fall behind what others have recorded.
    fn risen(&self, txns: &[Txn], fences: &[Fence]) -> Vec<Txn> {
        let risen = |txn: &Txn| {
            let is_fenced = fences.iter().any(|fence| fence.app_id == txn.app_id);
            let theirs = self.txn(&txn.app_id).filter(|_| !is_fenced).unwrap_or(txn.version);
            Txn { app_id: txn.app_id.clone(), version: txn.version.max(theirs) }
        };
        txns.iter().map(risen).collect()
    }

    /// Clean-up deletes entries in order, so the version was really free if the entry before it is still there. If
    /// not, others have gone far beyond it, and what was put there counts for nobody.
    async fn check_before(&self, version: i64) -> Result<(), CommitError> {
        match self.store.head(&log::entry_path(version - 1)).await {
            Err(object_store::Error::NotFound { .. }) => {
                self.store.delete(&log::entry_path(version)).await?;
                Err(CommitError::Reload { version })
            }
            found => Ok(found.map(drop)?),
        }
    }

    /// Puts the entry; false if another has the version. After an error it is read back, as it may be there.
    async fn put_entry(
        &self,
        version: i64,
        bytes: &Bytes,
        answer: &(dyn Fn() -> Result<(), InjectedFault> + Send + Sync),
    ) -> Result<bool, CommitError> {
        let (mut attempts, mut always_full) = (0, true);
        loop {
            attempts += 1;
            let put = log::put(self.store.as_ref(), version, bytes.clone()).await;
            match put.and_then(|()| answer().map_err(lost_answer)) {
                Ok(()) => return Ok(true),
                // Ours or another's: what exists is synced, and the identity of our commit tells them apart.
                Err(error @ object_store::Error::AlreadyExists { .. }) => {
                    match log::read_bytes(self.store.as_ref(), version).await? {
                        Some(found) => return Ok(found == *bytes),
                        // S3 answers so (409) also while two creators are at it, and neither has won yet.
                        None if attempts < ANSWERS => continue,
                        None => return Err(error.into()),
                    }
                }
                Err(error) => {
                    debug!(table = self.table.name(), version, %error, "commit entry put without an answer");
                    always_full &= is_disk_full(&error);
                    if attempts < ANSWERS {
                        continue;
                    }
                    let is_absent = matches!(log::read_bytes(self.store.as_ref(), version).await, Ok(None));
                    return match always_full && is_absent {
                        true => Err(CommitError::Full { version, source: error }),
                        false => Err(error.into()),
                    };
                }
            }
        }
    }

    /// Takes another's commit into the head, unless it touches what ours relies on.
    fn step_over(
        &mut self,
        version: i64,
        theirs: &[Action],
        fences: &[Fence],
        removes: &[&str],
    ) -> Result<(), CommitError> {
        for action in theirs {
            if action.meta_data.is_some() || action.protocol.is_some() {
                return Err(CommitError::Reload { version });
            }
            if let Some(remove) = &action.remove
                && removes.contains(&remove.path.as_str())
            {
                return Err(CommitError::Removed { path: remove.path.clone(), by_version: version });
            }
            if let Some(txn) = action.txn.as_ref().filter(|txn| fences.iter().any(|fence| fence.app_id == txn.app_id)) {
                let app_id = txn.app_id.clone();
                return Err(CommitError::Fenced { app_id, by_version: version, theirs: txn.version });
            }
        }
        for txn in theirs.iter().filter_map(|action| action.txn.as_ref()) {
            self.head.txns.insert(txn.app_id.clone(), txn.version);
        }
        self.head.version = version;
        Ok(())
    }
}

/// The transactions as actions.
pub(super) fn txn_actions(txns: &[Txn]) -> impl Iterator<Item = Action> {
    let now_ms = entry::now_ms();
    txns.iter().map(move |txn| {
        let (app_id, version) = (txn.app_id.clone(), txn.version);
        TxnAction { app_id, version, last_updated: Some(now_ms) }.into()
    })
}

fn check_ages(files: &[NewFile]) -> Result<(), CommitError> {
    let now_ms = entry::now_ms();
    match files.iter().find(|file| now_ms - file.written_ms > FILE_AGE_MAX_MS) {
        Some(old) => Err(CommitError::TooOld { path: old.path.clone(), age_s: (now_ms - old.written_ms) / 1_000 }),
        None => Ok(()),
    }
}

/// An injected fault as the store's answer.
fn lost_answer(fault: InjectedFault) -> object_store::Error {
    object_store::Error::Generic { store: crate::store::NAME, source: Box::new(fault) }
}
