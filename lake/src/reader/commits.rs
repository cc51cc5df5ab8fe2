//! What the log says: commits one by one, and the files that are live at a version.

use object_store::ObjectStoreExt as _;
use tacho_schemas::Digest;

use super::{ReadError, TableReader};
use crate::table::entry::Action;
use crate::table::schema::{self, Comparison};
use crate::table::state::{Scope, TableState, read_entries};
use crate::table::{DataFile, Txn, log, sha256_of};

/// A commit, as its entry says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// Version that it made.
    pub version: i64,
    /// When, milliseconds since 1970; by the committer's clock.
    pub timestamp_ms: Option<i64>,
    /// `WRITE`, `OPTIMIZE` (compaction), …
    pub operation: String,
    /// Files that it adds.
    pub adds: Vec<DataFile>,
    /// Files that it removes.
    pub removes: Vec<RemovedFile>,
    /// Transactions that it records.
    pub txns: Vec<Txn>,
    /// Whether it changes schema or properties.
    pub changes_table: bool,
}

/// A file that a commit takes out of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedFile {
    /// Path within the table's folder.
    pub path: String,
    /// Length, bytes, if the commit says it.
    pub size: Option<u64>,
    /// SHA-256 that the writer noted, if the commit says it.
    pub sha256: Option<Digest>,
    /// Whether its rows leave the table with it; compaction only moves rows.
    pub data_change: bool,
}

/// The files of a table at a version, in order of their paths.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveFiles {
    /// The version.
    pub version: i64,
    /// The files.
    pub files: Vec<DataFile>,
    /// All applications and their versions, read from the same version.
    pub txns: Vec<Txn>,
}

impl TableReader {
    /// Versions whose commit entries are there, rising.
    ///
    /// # Errors
    /// If the log cannot be listed.
    pub async fn entry_versions(&self) -> Result<Vec<i64>, ReadError> {
        Ok(log::list(self.store.as_ref()).await?.entries.into_iter().collect())
    }

    /// The newest version.
    ///
    /// # Errors
    /// If there is no table or the store does not answer.
    pub async fn version(&self) -> Result<i64, ReadError> {
        let listing = log::list(self.store.as_ref()).await?;
        Ok(listing.newest().ok_or(log::LogError::NoTable)?)
    }

    /// The newest version, given one that exists; costs one look per commit since.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn version_since(&self, known: i64) -> Result<i64, ReadError> {
        let mut version = known;
        while self.has_entry(version + 1).await? {
            version += 1;
        }
        Ok(version)
    }

    /// Whether the log has the entry of a version; that of the newest is never cleaned.
    pub(crate) async fn has_entry(&self, version: i64) -> Result<bool, ReadError> {
        match self.store.head(&log::entry_path(version)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The commits after `from_exclusive` up to `to_inclusive`, in order.
    ///
    /// # Errors
    /// If one of them is missing (clean-up waits for the versions that the anchorer has stated) or damaged.
    pub async fn commits_between(&self, from_exclusive: i64, to_inclusive: i64) -> Result<Vec<Commit>, ReadError> {
        let mut commits = Vec::new();
        let versions = from_exclusive + 1..=to_inclusive;
        read_entries(self.store.as_ref(), versions, |version, actions| commits.push(commit(version, actions))).await?;
        Ok(commits)
    }

    /// The files that are live at a version, or at the newest.
    ///
    /// # Errors
    /// If the log cannot be read back to that version.
    pub async fn live_files(&self, version: Option<i64>) -> Result<LiveFiles, ReadError> {
        self.live(version, Scope::Files).await
    }

    /// The same without the files, which is faster: for those who ask how far a table is.
    ///
    /// # Errors
    /// If the log cannot be read back to that version.
    pub async fn head(&self, version: Option<i64>) -> Result<LiveFiles, ReadError> {
        self.live(version, Scope::Head).await
    }

    async fn live(&self, version: Option<i64>, scope: Scope) -> Result<LiveFiles, ReadError> {
        let state = TableState::read(self.store.as_ref(), version, scope).await?;
        // Queries name columns by the schema in the log: a changed name would read as nulls.
        if let Comparison::Differs(why) = schema::compare(self.table, &state.protocol, &state.meta) {
            return Err(super::not_ours(log::FOLDER, &why));
        }
        // Of the head only the files behind the checkpoint are known.
        let files = match scope {
            Scope::Head => Vec::new(),
            Scope::Files | Scope::All => state.files.values().map(DataFile::from).collect(),
        };
        let mut txns: Vec<Txn> = state.txns.into_iter().map(|(app_id, version)| Txn { app_id, version }).collect();
        txns.sort_unstable_by(|a, b| a.app_id.cmp(&b.app_id));
        Ok(LiveFiles { version: state.version, files, txns })
    }
}

fn commit(version: i64, actions: Vec<Action>) -> Commit {
    let mut commit = Commit { version, ..Commit::default() };
    for action in actions {
        commit.changes_table |= action.meta_data.is_some() || action.protocol.is_some();
        if let Some(info) = action.commit_info {
            commit.timestamp_ms = info.timestamp;
            commit.operation = info.operation.unwrap_or_default();
        }
        commit.adds.extend(action.add.as_ref().map(DataFile::from));
        commit.removes.extend(action.remove.map(|remove| RemovedFile {
            size: remove.size.and_then(|size| size.try_into().ok()),
            sha256: sha256_of(remove.tags.as_ref()),
            path: remove.path,
            data_change: remove.data_change,
        }));
        commit.txns.extend(action.txn.map(|txn| Txn { app_id: txn.app_id, version: txn.version }));
    }
    commit
}
