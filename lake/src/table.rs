//! A Delta table that is written to: its head (version and transactions) and the errors of its operations.
//!
//! One committer per table and process owns a [`LakeTable`]; several processes, and the compactor, may each
//! have one of the same table: entries are put if absent, so one of them wins a version. Reading is in
//! [`crate::reader`].

pub(crate) mod checkpoint;
pub(crate) mod commit;
pub(crate) mod delta;
pub(crate) mod encode;
pub(crate) mod entry;
mod file;
mod gather;
mod in_flight;
pub(crate) mod log;
pub(crate) mod open;
mod repair;
pub(crate) mod schema;
pub(crate) mod state;
mod stats;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use object_store::ObjectStore;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

pub use checkpoint::CheckpointError;
pub use commit::CommitError;
pub use entry::EntryError;
pub(crate) use file::{DAY, sha256_of};
pub use file::{DataFile, NewFile};
pub use in_flight::InFlight;
pub use log::LogError;
pub use open::OpenError;
pub use stats::{ColumnStats, FileStats, StatValue};
pub use write::WriteError;

use crate::{Faults, LakePlace, LakeStore};
use delta::DeltaLog;

/// How a table is written.
#[derive(Debug, Clone)]
pub struct TableOptions {
    /// Faults for tests.
    pub faults: Faults,
    /// Files that were written and not yet committed; share one per process, so that clean-up leaves them alone.
    pub in_flight: InFlight,
    /// A checkpoint is written after each so many commits.
    pub checkpoint_every: i64,
    /// Rows in a row group, at most.
    pub row_group_rows: usize,
    /// Per table, a version that is known to have been on disk, because anchors name it: if it is damaged or gone
    /// at the start, the table is refused. What `records` says of the others is added by [`crate::Lake::open_tables`].
    pub confirmed: Tables<Option<i64>>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            faults: Faults::none(),
            in_flight: InFlight::default(),
            checkpoint_every: 30,
            row_group_rows: 131_072,
            confirmed: Tables::default(),
        }
    }
}

/// A transaction that a commit records: the application has come to this version. With a [`Fence`] it is replaced;
/// without one it only rises, and others may move it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txn {
    /// Application, for instance `tacho/<log_id>/<partition>`.
    pub app_id: String,
    /// Its version, for instance the next offset.
    pub version: i64,
}

/// What a commit expects of an application: the version that its txn has now, `None` if it has none.
///
/// The value must be what [`LakeTable::txn`] says, and the commit fails if any commit between changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// Application.
    pub app_id: String,
    /// Version that is replaced or relied on.
    pub expected: Option<i64>,
}

/// A table of the lake, open for writing.
#[derive(Debug)]
pub struct LakeTable {
    table: Table,
    store: Arc<dyn ObjectStore>,
    delta: DeltaLog,
    pub(crate) options: TableOptions,
    head: Head,
    background: checkpoint::Background,
}

/// What a committer knows of a table: the version, and what was read from that very version.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) version: i64,
    pub(crate) protocol: entry::Protocol,
    pub(crate) txns: HashMap<String, i64>,
    pub(crate) meta: entry::MetaData,
}

impl LakeTable {
    /// Opens the table `<name>/` of the lake in `place`, or creates it at version 0. New columns of this release are added
    /// to an older table; a truncated newest entry is set aside, unless it is known to have been confirmed.
    ///
    /// # Errors
    /// If the folder cannot be read or written, or holds a table whose schema, partitioning or protocol is not ours.
    pub async fn open_or_create(
        place: impl Into<LakePlace>,
        table: Table,
        options: TableOptions,
    ) -> Result<Self, OpenError> {
        let place = place.into();
        open::open_or_create(move || LakeStore::open(&place), table, options).await
    }

    /// The same in the store of a lake that is open.
    pub(crate) async fn open_in(lake: &LakeStore, table: Table, options: TableOptions) -> Result<Self, OpenError> {
        let lake = lake.clone();
        open::open_or_create(move || Ok(lake), table, options).await
    }

    /// Which table it is.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The table's store, rooted at its folder.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Version of the newest commit that this committer has seen.
    pub fn version(&self) -> i64 {
        self.head.version
    }

    /// Version that an application had come to at [`LakeTable::version`].
    pub fn txn(&self, app_id: &str) -> Option<i64> {
        self.head.txns.get(app_id).copied()
    }

    /// All applications and their versions at [`LakeTable::version`].
    pub fn txns(&self) -> impl Iterator<Item = (&str, i64)> {
        self.head.txns.iter().map(|(app_id, version)| (app_id.as_str(), *version))
    }
}

#[cfg(test)]
mod tests;
