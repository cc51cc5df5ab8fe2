//! Compaction: a few small sorted files become one, in one fenced commit that moves rows and changes none.
//!
//! The fence is the transaction `tacho/compactor`, read from the very version that is appended to: of two merges of
//! the same files one commits. Nothing is published before the new file was read back with the same rows.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use metrics::counter;

use super::Maintainer;
use super::merge::{self, MergeError};
use super::pick::pick;
use super::row_sum::RowSum;
use crate::fault::InjectedFault;
use crate::reader::ReadError;
use crate::table::state::{TableState, read_entries};
use crate::table::{CommitError, DataFile, Fence, LogError, NewFile, Txn, entry};

/// Application of the fence.
pub(super) const COMPACTOR: &str = "tacho/compactor";

/// What a merge has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// Version of its commit.
    pub version: i64,
    /// Files that were merged.
    pub inputs: usize,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of the inputs.
    pub bytes_before: u64,
    /// Bytes of the new file.
    pub bytes_after: u64,
}

/// Files were not merged; the table is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The files cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The new file would change the table.
    #[error("file {path} has other {what} than it should have: nothing is published")]
    Differs {
        /// Path of the input or of the new file.
        path: String,
        /// What differs.
        what: &'static str,
    },
    /// The new file cannot be stored.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
    /// Another was faster, or the store refuses.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
}

impl CompactError {
    /// Whether it is certain that nothing was committed: the new file is of no use.
    fn is_certain(&self) -> bool {
        match self {
            Self::Merge(_) | Self::Differs { .. } => true,
            Self::Commit(error) => error.is_certain(),
            Self::Log(_) | Self::Store(_) | Self::Fault(_) => false,
        }
    }

    /// Whether another process was merely faster.
    pub fn is_race(&self) -> bool {
        let Self::Commit(error) = self else {
            return false;
        };
        matches!(error, CommitError::Fenced { .. } | CommitError::Removed { .. } | CommitError::Reload { .. })
    }
}

impl Maintainer {
    /// Merges the files that are most worth it among those added up to the version `closed`; `None` if none are.
    ///
    /// # Errors
    /// See [`CompactError`]; then nothing has changed, unless the answer of the commit was lost.
    pub async fn compact_once(
        &mut self,
        closed: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<Option<Compacted>, CompactError> {
        let Some(closed) = closed else {
            return Ok(None);
        };
        let state = self.newest().await?;
        let mut left_alone = self.added_after(closed, &state).await?;
        left_alone.extend(self.shunned.iter().cloned());
        let live = state.files.values().map(DataFile::from).collect();
        let inputs = pick(live, &left_alone, now, &self.options.compact);
        if inputs.is_empty() {
            return Ok(None);
        }
        self.merge_files(&inputs).await.map(Some)
    }

    /// Files whose rows came into the table after a version.
    pub(super) async fn added_after(&self, version: i64, state: &TableState) -> Result<HashSet<String>, LogError> {
        let mut paths = HashSet::new();
        let versions = version.saturating_add(1)..=state.version;
        read_entries(self.committer.store().as_ref(), versions, |_, actions| {
            let adds = actions.into_iter().filter_map(|action| action.add).filter(|add| add.data_change);
            paths.extend(adds.map(|add| add.path));
        })
        .await?;
        Ok(paths)
    }

    /// A file whose bytes were changed since it was written must not hide in a merge: it is named once, and left alone.
    async fn check_inputs(&mut self, inputs: &[DataFile]) -> Result<(), CompactError> {
        for input in inputs {
            let found = match self.reader.hash_file(&input.path).await {
                Ok((_, found)) => Some(found),
                Err(ReadError::Store(object_store::Error::NotFound { .. })) => None,
                Err(error) => return Err(MergeError::from(error).into()),
            };
            if found.is_none() || input.sha256.is_some_and(|sha256| Some(sha256) != found) {
                let path = input.path.clone();
                self.shunned.insert(path.clone());
                return Err(CompactError::Differs { path, what: "bytes" });
            }
        }
        Ok(())
    }

    /// Merges files of one day that are live at the committer's version, and commits.
    pub(super) async fn merge_files(&mut self, inputs: &[DataFile]) -> Result<Compacted, CompactError> {
        self.committer.options.faults.reach("lake.compact.before_file")?;
        self.check_inputs(inputs).await?;
        let paths: Vec<String> = inputs.iter().map(|file| file.path.clone()).collect();
        let row_group_rows = self.committer.options.row_group_rows;
        let (encoded, read) = merge::merge(self.reader.clone(), paths, row_group_rows).await?;
        let received_day = inputs.first().map(|file| file.received_day.clone()).unwrap_or_default();
        let file = self.committer.put_file(received_day, encoded).await?;
        match self.publish(inputs, &file, read).await {
            Err(error) if error.is_certain() => {
                self.committer.discard(vec![file]).await;
                Err(error)
            }
            published => published,
        }
    }

    /// Puts a merged file in the place of its inputs, if it reads back as it should.
    async fn publish(&mut self, inputs: &[DataFile], file: &NewFile, read: RowSum) -> Result<Compacted, CompactError> {
        let faults = self.committer.options.faults.clone();
        faults.reach("lake.compact.after_file")?;
        let differs = |what| CompactError::Differs { path: file.path.clone(), what };
        let (sha256, written) = merge::read_back(&self.reader, &file.path).await?;
        let stated: Option<u64> = inputs.iter().map(|input| input.stats.as_ref().map(|stats| stats.rows)).sum();
        if sha256 != file.sha256 {
            return Err(differs("bytes on disk"));
        }
        if written != read || written.rows != file.rows() || stated.is_some_and(|stated| stated != written.rows) {
            return Err(differs("rows"));
        }
        let mut actions = vec![entry::commit_info("OPTIMIZE", &[("mode", "merge")], entry::now_ms())];
        let number = self.committer.txn(COMPACTOR);
        let txns = [Txn { app_id: COMPACTOR.to_owned(), version: number.map_or(1, |number| number + 1) }];
        let fences = [Fence { app_id: COMPACTOR.to_owned(), expected: number }];
        actions.extend(inputs.iter().map(|input| input.remove(entry::now_ms(), false).into()));
        actions.push(file.add(false).into());
        faults.reach("lake.compact.before_commit")?;
        let answers = faults.clone();
        let answer = move || answers.reach("lake.compact.commit_answer");
        let version = self.committer.commit(&actions, &txns, &fences, &answer).await?;
        faults.reach("lake.compact.after_commit")?;
        let table = self.table().name();
        counter!("tacho_lake_compactions_total", "table" => table).increment(1);
        counter!("tacho_lake_compacted_files_total", "table" => table).increment(inputs.len() as u64);
        let bytes_before = inputs.iter().map(|input| input.size).sum();
        Ok(Compacted { version, inputs: inputs.len(), rows: read.rows, bytes_before, bytes_after: file.size })
    }
}
