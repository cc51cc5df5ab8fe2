//! The folder `_delta_log` of a table: entries and checkpoints by version, as files and nothing more.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};

use super::entry::{self, Action, EntryError};

/// Name of the folder.
pub(crate) const FOLDER: &str = "_delta_log";

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store does not answer, or refuses.
    #[error("store of the delta log")]
    Store(#[from] object_store::Error),
    /// An entry is damaged.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// An entry is missing between others.
    #[error("commit entry {version} is missing from the delta log")]
    Missing {
        /// Version of the entry.
        version: i64,
    },
    /// A checkpoint is damaged.
    #[error("checkpoint {version} cannot be read: {why}")]
    Checkpoint {
        /// Version of the checkpoint.
        version: i64,
        /// What is wrong with it.
        why: String,
    },
    /// There is no table.
    #[error("the delta log names no schema: there is no table here")]
    NoTable,
}

/// What the folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) entries: BTreeSet<i64>,
    /// Checkpoints in one file.
    pub(crate) checkpoints: BTreeSet<i64>,
}

impl Listing {
    /// The newest version, `None` if there is no table.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.entries.last().max(self.checkpoints.last()).copied()
    }
}

/// Path of the entry of a version.
pub(crate) fn entry_path(version: i64) -> Path {
    Path::from_iter([FOLDER, &format!("{version:020}.json")])
}

/// Path of the checkpoint of a version.
pub(crate) fn checkpoint_path(version: i64) -> Path {
    Path::from_iter([FOLDER, &format!("{version:020}.checkpoint.parquet")])
}

/// Path of the hint at the newest checkpoint.
pub(crate) fn hint_path() -> Path {
    Path::from_iter([FOLDER, "_last_checkpoint"])
}

/// Lists entries and checkpoints; other files are ignored.
pub(crate) async fn list(store: &dyn ObjectStore) -> Result<Listing, LogError> {
    let mut listing = Listing::default();
    let mut files = store.list(Some(&Path::from(FOLDER)));
    while let Some(file) = files.try_next().await? {
        let Some((version, kind)) = file.location.filename().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Some(version) = parse_version(version) else {
            continue;
        };
        match kind {
            "json" => listing.entries.insert(version),
            "checkpoint.parquet" => listing.checkpoints.insert(version),
            _ => false,
        };
    }
    Ok(listing)
}

fn parse_version(text: &str) -> Option<i64> {
    (text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Bytes of an entry, `None` if there is none.
pub(crate) async fn read_bytes(store: &dyn ObjectStore, version: i64) -> Result<Option<Bytes>, object_store::Error> {
    match store.get(&entry_path(version)).await {
        Ok(found) => Ok(Some(found.bytes().await?)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Actions of an entry, `None` if there is none.
pub(crate) async fn read(store: &dyn ObjectStore, version: i64) -> Result<Option<Vec<Action>>, LogError> {
    match read_bytes(store, version).await? {
        Some(bytes) => Ok(Some(entry::decode(version, &bytes)?)),
        None => Ok(None),
    }
}

/// Puts an entry if its version is free; the error [`object_store::Error::AlreadyExists`] says that it is not.
pub(crate) async fn put(store: &dyn ObjectStore, version: i64, bytes: Bytes) -> Result<(), object_store::Error> {
    store.put_opts(&entry_path(version), bytes.into(), PutMode::Create.into()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn listing_knows_entries_and_checkpoints_and_ignores_the_rest() {
        let store = InMemory::new();
        for name in
            ["_last_checkpoint", "00000000000000000002.json.tmp", "2.json", "_commits/00000000000000000009.json.x"]
        {
            store.put(&Path::from(format!("{FOLDER}/{name}")), "x".into()).await.unwrap();
        }
        put(&store, 2, Bytes::from_static(b"x")).await.unwrap();
        store.put(&checkpoint_path(1), "x".into()).await.unwrap();
        let listing = list(&store).await.unwrap();
        assert_eq!(listing, Listing { entries: [2].into(), checkpoints: [1].into() });
        assert!(matches!(put(&store, 2, Bytes::new()).await, Err(object_store::Error::AlreadyExists { .. })));
    }
}
