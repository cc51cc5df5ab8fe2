//! What a table is at a version: its files, transactions, schema and tombstones, by replay of the log from the
//! newest checkpoint that can be read.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tracing::warn;

use super::Head;
use super::entry::{self, Action, Add, MetaData, Protocol};
use super::log::{self, Listing, LogError};

/// Entries that are read at the same time.
const READ_AHEAD: usize = 16;

/// A table at a version.
#[derive(Debug, Clone)]
pub(crate) struct TableState {
    pub(crate) version: i64,
    /// Checkpoint that the replay began with.
    pub(crate) checkpoint: Option<i64>,
    pub(crate) protocol: Protocol,
    pub(crate) meta: MetaData,
    pub(crate) txns: HashMap<String, i64>,
    pub(crate) files: BTreeMap<String, Add>,
    pub(crate) tombstones: BTreeMap<String, Tombstone>,
}

/// A file that was removed, and may still be read by those who hold an older version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// When, milliseconds since 1970.
    pub(crate) deleted_ms: i64,
    /// By which version at the latest.
    pub(crate) removed_by: i64,
}

/// A replay on its way.
#[derive(Debug, Default)]
struct Replay {
    protocol: Option<Protocol>,
    meta: Option<MetaData>,
    txns: HashMap<String, i64>,
    files: BTreeMap<String, Add>,
    tombstones: BTreeMap<String, Tombstone>,
}

/// How much of a table is asked for; reading less of a checkpoint is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Transactions, schema and protocol.
    Head,
    /// Live files too.
    Files,
    /// Removed files too.
    All,
}

impl Scope {
    /// The columns of a checkpoint that hold it.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Head => &["txn", "metaData", "protocol"],
            Self::Files => &["txn", "metaData", "protocol", "add"],
            Self::All => &["txn", "metaData", "protocol", "add", "remove"],
        }
    }
}

impl TableState {
    /// Reads the table at `version`, or at the newest.
    pub(crate) async fn read(store: &dyn ObjectStore, version: Option<i64>, scope: Scope) -> Result<Self, LogError> {
        let listing = log::list(store).await?;
        Self::read_listed(store, &listing, version, scope).await
    }

    /// The same with a listing at hand.
    pub(crate) async fn read_listed(
        store: &dyn ObjectStore,
        listing: &Listing,
        version: Option<i64>,
        scope: Scope,
    ) -> Result<Self, LogError> {
        let newest = listing.newest().ok_or(LogError::NoTable)?;
        let version = version.unwrap_or(newest);
        if version > newest {
            return Err(LogError::Missing { version });
        }
        let mut replay = Replay::default();
        let mut checkpoint = None;
        for candidate in listing.checkpoints.range(..=version).rev() {
            match read_checkpoint(store, *candidate, scope).await {
                Ok(actions) => {
                    replay.apply_all(actions, *candidate);
                    checkpoint = Some(*candidate);
                    break;
                }
                Err(error) => warn!(checkpoint = candidate, %error, "checkpoint skipped"),
            }
        }
        let first = checkpoint.map_or(0, |checkpoint| checkpoint + 1);
        read_entries(store, first..=version, |version, actions| replay.apply_all(actions, version)).await?;
        replay.finish(version, checkpoint)
    }

    /// The part that a committer needs.
    pub(crate) fn into_head(self) -> Head {
        Head { version: self.version, txns: self.txns, meta: self.meta }
    }
}

impl Replay {
    fn apply_all(&mut self, actions: Vec<Action>, version: i64) {
        for action in actions {
            self.apply(action, version);
        }
    }

    fn apply(&mut self, action: Action, version: i64) {
        if let Some(protocol) = action.protocol {
            self.protocol = Some(protocol);
        }
        if let Some(meta) = action.meta_data {
            self.meta = Some(meta);
        }
        if let Some(txn) = action.txn {
            self.txns.insert(txn.app_id, txn.version);
        }
        if let Some(remove) = action.remove {
            self.files.remove(&remove.path);
            let deleted_ms = remove.deletion_timestamp.unwrap_or_default();
            self.tombstones.insert(remove.path, Tombstone { deleted_ms, removed_by: version });
        }
        if let Some(add) = action.add {
            self.tombstones.remove(&add.path);
            self.files.insert(add.path.clone(), add);
        }
    }

    fn finish(self, version: i64, checkpoint: Option<i64>) -> Result<TableState, LogError> {
        Ok(TableState {
            version,
            checkpoint,
            protocol: self.protocol.ok_or(LogError::NoTable)?,
            meta: self.meta.ok_or(LogError::NoTable)?,
            txns: self.txns,
            files: self.files,
            tombstones: self.tombstones,
        })
    }
}

/// Reads the entries of a range of versions, in order.
pub(crate) async fn read_entries(
    store: &dyn ObjectStore,
    versions: RangeInclusive<i64>,
    mut each: impl FnMut(i64, Vec<Action>),
) -> Result<(), LogError> {
    let mut entries = futures::stream::iter(versions)
        .map(|version| async move { Ok::<_, LogError>((version, log::read(store, version).await?)) })
        .buffered(READ_AHEAD);
    while let Some((version, actions)) = entries.try_next().await? {
        each(version, actions.ok_or(LogError::Missing { version })?);
    }
    Ok(())
}

/// Reads the actions of a checkpoint.
pub(crate) async fn read_checkpoint(
    store: &dyn ObjectStore,
    version: i64,
    scope: Scope,
) -> Result<Vec<Action>, LogError> {
    let path = log::checkpoint_path(version);
    let bytes = store.get(&path).await?.bytes().await?;
    let damaged = move |why: String| LogError::Checkpoint { version, why };
    let decoded = tokio::task::spawn_blocking(move || decode_checkpoint(bytes, scope)).await;
    let actions = decoded.map_err(|error| damaged(error.to_string()))?.map_err(damaged)?;
    if !actions.iter().any(|action| action.meta_data.is_some()) {
        return Err(damaged("it holds no metadata".to_owned()));
    }
    Ok(actions)
}

/// Whether a checkpoint has its end, which a power cut takes first.
pub(crate) async fn is_whole(store: &dyn ObjectStore, version: i64) -> Result<bool, LogError> {
    let path = log::checkpoint_path(version);
    let bytes = store.get(&path).await?.bytes().await?;
    Ok(ParquetRecordBatchReaderBuilder::try_new(bytes).is_ok())
}

/// The Parquet form of a checkpoint goes through JSON lines, so that both forms have one reader.
fn decode_checkpoint(bytes: Bytes, scope: Scope) -> Result<Vec<Action>, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| text(&error))?;
    let columns = ProjectionMask::columns(reader.parquet_schema(), scope.columns().iter().copied());
    let reader = reader.with_projection(columns);
    let mut lines = arrow::json::LineDelimitedWriter::new(Vec::new());
    for batch in reader.build().map_err(|error| text(&error))? {
        lines.write(&batch.map_err(|error| text(&error))?).map_err(|error| text(&error))?;
    }
    lines.finish().map_err(|error| text(&error))?;
    entry::decode(0, &lines.into_inner()).map_err(|error| text(&error))
}
