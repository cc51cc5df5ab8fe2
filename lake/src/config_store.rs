//! Configurations that rows were made under, kept for ever by their digest: `lake/_config/<sha256>.json`.
//!
//! What a configuration says is `tacho-config`'s business; here it is bytes.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};
use tacho_schemas::Digest;

use crate::Faults;
use crate::fault::InjectedFault;

/// Folder beneath the lake's.
const FOLDER: &str = "_config";

/// A configuration cannot be stored or found.
#[derive(Debug, thiserror::Error)]
pub enum ConfigStoreError {
    /// What is stored has another digest than its name says.
    #[error("configuration {named} is damaged: its bytes have the digest {found}")]
    Damaged {
        /// Digest that names it.
        named: Digest,
        /// Digest that its bytes have.
        found: Digest,
    },
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
    /// The store does not answer, or refuses.
    #[error("store of configurations")]
    Store(#[from] object_store::Error),
}

/// The store of configurations; clones are cheap.
#[derive(Debug, Clone)]
pub struct ConfigStore {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
}

impl ConfigStore {
    /// The store in the lake whose folder is the root of `store`.
    pub fn new(store: Arc<dyn ObjectStore>, faults: Faults) -> Self {
        Self { store, faults }
    }

    /// Stores a configuration and gives its digest; it is on disk then. Storing it again changes nothing.
    ///
    /// # Errors
    /// If it cannot be stored, or is there and damaged.
    pub async fn put(&self, text: &[u8]) -> Result<Digest, ConfigStoreError> {
        let digest = Digest::of(text);
        self.faults.reach("lake.config.before_put")?;
        let put = self.store.put_opts(&path(digest), Bytes::copy_from_slice(text).into(), PutMode::Create.into()).await;
        match put {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                self.get(digest).await?;
            }
            Err(error) => return Err(error.into()),
        }
        self.faults.reach("lake.config.after_put")?;
        Ok(digest)
    }

    /// The bytes of a configuration, `None` if it is not stored.
    ///
    /// # Errors
    /// If the store does not answer, or the bytes are damaged.
    pub async fn get(&self, digest: Digest) -> Result<Option<Bytes>, ConfigStoreError> {
        let bytes = match self.store.get(&path(digest)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match Digest::of(&bytes) {
            found if found == digest => Ok(Some(bytes)),
            found => Err(ConfigStoreError::Damaged { named: digest, found }),
        }
    }
}

fn path(digest: Digest) -> Path {
    Path::from_iter([FOLDER, &format!("{digest}.json")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SyncedStore;

    #[tokio::test]
    async fn a_configuration_is_found_by_its_digest_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = SyncedStore::open(dir.path()).unwrap();
        let store = ConfigStore::new(Arc::new(store), Faults::none());
        let digest = store.put(b"{}").await.unwrap();
        assert_eq!(store.put(b"{}").await.unwrap(), digest);
        assert_eq!(store.get(digest).await.unwrap().unwrap(), "{}");
        assert_eq!(store.get(Digest::of(b"other")).await.unwrap(), None);
        std::fs::write(dir.path().join("_config").join(format!("{digest}.json")), "[]").unwrap();
        assert!(matches!(store.get(digest).await, Err(ConfigStoreError::Damaged { named, .. }) if named == digest));
        assert!(store.put(b"{}").await.is_err());
    }
}
