//! Opening a table for writing: creation, repair after a power cut, and new columns of a newer release.

use std::sync::Arc;

use object_store::ObjectStore;
use tacho_schemas::table::Table;
use tracing::info;

use super::checkpoint::Background;
use super::delta::{DeltaLog, UnnameableFolder};
use super::entry::{self, Action, EntryError, MetaData};
use super::log::{self, LogError};
use super::schema::{self, Comparison};
use super::state::{Scope, TableState};
use super::{Head, LakeTable, TableOptions, repair};
use crate::LakeStore;

/// Races for a version that are run again, at most.
const TRIES: usize = 100;

/// A table cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store does not answer, or refuses.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The folder has no URL.
    #[error(transparent)]
    Folder(#[from] UnnameableFolder),
    /// A commit entry that has landed, or that anchors rely on, is damaged: without it rows would be gone silently.
    #[error("{file} is damaged, and what it brought has landed or is anchored: restore this file from a backup")]
    ConfirmedDamaged {
        /// The entry, below the lake's folder.
        file: String,
        /// What is wrong with it.
        #[source]
        source: EntryError,
    },
    /// Commit entries that have landed, or that anchors rely on, are gone.
    #[error(
        "table {table} ends at version {newest}, but its version {confirmed} has landed or is anchored: restore the \
         lake from a backup of the same moment as the registry folder"
    )]
    ConfirmedGone {
        /// Name of the table.
        table: &'static str,
        /// Its newest version; -1 if there is none.
        newest: i64,
        /// The version that is known to have been there.
        confirmed: i64,
    },
    /// What is on disk is not a table that this release may write.
    #[error("table {table} is not this release's: {why}")]
    NotOurs {
        /// Name of the table.
        table: &'static str,
        /// What differs.
        why: String,
    },
    /// Other writers took every version that was tried.
    #[error("table {table}: version {version} is taken again and again")]
    Crowded {
        /// Name of the table.
        table: &'static str,
        /// Version that was tried last.
        version: i64,
    },
}

pub(super) async fn open_or_create(
    lake: impl FnOnce() -> object_store::Result<LakeStore> + Send + 'static,
    table: Table,
    options: TableOptions,
) -> Result<LakeTable, OpenError> {
    let name = table.name();
    let opened = tokio::task::spawn_blocking(move || lake()?.beneath(name)).await;
    let opened = opened.map_err(object_store::Error::from)??;
    let delta = DeltaLog::new(&opened)?;
    let store = Arc::clone(opened.objects());
    let state = settle(store.as_ref(), table, *options.confirmed.get(table)).await?;
    let background = Background::new(state.checkpoint);
    Ok(LakeTable { table, store, delta, options, head: state.into_head(), background })
}

/// Brings the table on disk to this release's form and gives its state, which is synced.
async fn settle(store: &dyn ObjectStore, table: Table, confirmed: Option<i64>) -> Result<TableState, OpenError> {
    repair::repair(store, table, confirmed).await?;
    let mut version = -1;
    for _ in 0..TRIES {
        match TableState::read(store, None, Scope::Head).await {
            Err(LogError::NoTable) => {
                version = 0;
                let actions = [schema::protocol().into(), schema::metadata(table).into()];
                if put(store, 0, "CREATE TABLE", &actions).await? {
                    info!(table = table.name(), "table created");
                }
            }
            Err(error) => return Err(error.into()),
            Ok(state) => {
                version = state.version;
                let Some(meta) = evolved(table, &state)? else {
                    sync(store, version).await?;
                    return Ok(state);
                };
                if put(store, version + 1, "ADD COLUMN", &[meta.into()]).await? {
                    info!(table = table.name(), version = version + 1, "columns added");
                }
            }
        }
    }
    Err(OpenError::Crowded { table: table.name(), version })
}

/// Puts an entry; false if the version was taken meanwhile.
async fn put(store: &dyn ObjectStore, version: i64, operation: &str, actions: &[Action]) -> Result<bool, OpenError> {
    let mut all = vec![entry::commit_info(operation, &[], entry::now_ms())];
    all.extend_from_slice(actions);
    match log::put(store, version, entry::encode(&all)).await {
        Ok(()) => Ok(true),
        Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes sure that the newest entry is on disk: a process may have died between its link and its sync, and the
/// progress that it names must not be acted on before. Putting it again answers `AlreadyExists` once it is synced.
pub(crate) async fn sync(store: &dyn ObjectStore, version: i64) -> Result<(), object_store::Error> {
    let Some(bytes) = log::read_bytes(store, version).await? else {
        return Ok(());
    };
    match log::put(store, version, bytes).await {
        Ok(()) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The metadata with the columns that this release adds, `None` if there are none.
fn evolved(table: Table, state: &TableState) -> Result<Option<MetaData>, OpenError> {
    match schema::compare(table, &state.protocol, &state.meta) {
        Comparison::Same => Ok(None),
        Comparison::Lacks(schema_string) => Ok(Some(MetaData { schema_string, ..state.meta.clone() })),
        Comparison::Differs(why) => Err(OpenError::NotOurs { table: table.name(), why }),
    }
}

impl LakeTable {
    /// Reads the entries that others have committed since [`LakeTable::version`]. What it then says is synced.
    ///
    /// # Errors
    /// If the log cannot be read, or the table has become one that this release may not write.
    pub async fn refresh(&mut self) -> Result<(), OpenError> {
        let before = self.head.version;
        while let Some(actions) = log::read(self.store.as_ref(), self.head.version + 1).await? {
            for action in actions {
                self.head.take(action);
            }
            self.head.version += 1;
        }
        if self.head.version == before && log::read_bytes(self.store.as_ref(), before).await?.is_none() {
            // Clean-up has passed us by: start from the newest checkpoint.
            let state = settle(self.store.as_ref(), self.table, Some(before)).await?;
            self.adopt(&state);
            return Ok(());
        }
        if self.head.version > before {
            sync(self.store.as_ref(), self.head.version).await?;
        }
        match schema::compare(self.table, &self.head.protocol, &self.head.meta) {
            Comparison::Same => Ok(()),
            Comparison::Lacks(_) => Err(self.not_ours("columns were taken away".to_owned())),
            Comparison::Differs(why) => Err(self.not_ours(why)),
        }
    }

    /// Takes the head from a state that was read elsewhere.
    pub(crate) fn adopt(&mut self, state: &TableState) {
        let (protocol, txns, meta) = (state.protocol.clone(), state.txns.clone(), state.meta.clone());
        self.head = Head { version: state.version, protocol, txns, meta };
        self.background.note(state.checkpoint.unwrap_or_default());
    }

    fn not_ours(&self, why: String) -> OpenError {
        OpenError::NotOurs { table: self.table.name(), why }
    }
}

impl Head {
    fn take(&mut self, action: Action) {
        if let Some(txn) = action.txn {
            self.txns.insert(txn.app_id, txn.version);
        }
        if let Some(protocol) = action.protocol {
            self.protocol = protocol;
        }
        if let Some(meta) = action.meta_data {
            self.meta = meta;
        }
    }
}
