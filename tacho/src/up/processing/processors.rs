//! The processors of an instance: one per configuration that is or was in force.

use std::collections::HashMap;
use std::sync::Arc;

use tacho_config::{Roster, Snapshot, SnapshotError};
use tacho_lake::config_store::{ConfigStore, ConfigStoreError};
use tacho_processors::{Processor, UnknownFormulas};
use tacho_schemas::Digest;

/// Processors by the digest of their configuration.
#[derive(Debug)]
pub(crate) struct Processors {
    store: ConfigStore,
    log_epoch: i64,
    by_config: HashMap<Digest, Arc<Processor>>,
}

/// Why records cannot be processed as the log says they must.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The lake lacks a configuration that a control record names.
    #[error("configuration {digest} is in force, but the lake does not hold it: restore lake/_config from a backup")]
    Missing { digest: Digest },
    /// The lake's configurations cannot be read.
    #[error("configuration {digest} cannot be read")]
    Store { digest: Digest, source: ConfigStoreError },
    /// Its bytes cannot be read.
    #[error("configuration {digest} cannot be read")]
    Unreadable { digest: Digest, source: SnapshotError },
    /// The roster that it names is not there, or is none.
    #[error("configuration {digest} names the roster {roster}, which cannot be read: {why}")]
    Roster { digest: Digest, roster: Digest, why: String },
    /// This program does not know its formulas.
    #[error("configuration {digest} names formulas that this program lacks: use the release that has them")]
    Formulas { digest: Digest, source: UnknownFormulas },
    /// A record stands before any control record.
    #[error("offset {offset} of partition {partition} has no configuration in force")]
    None { partition: i32, offset: i64 },
}

impl ConfigError {
    /// Whether it may be otherwise later without anyone's help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Store { source: ConfigStoreError::Store(_), .. })
    }
}

impl Processors {
    pub(crate) fn new(store: ConfigStore, log_epoch: i64) -> Self {
        Self { store, log_epoch, by_config: HashMap::new() }
    }

    /// The processor for a configuration.
    pub(crate) async fn under(&mut self, digest: Digest) -> Result<Arc<Processor>, ConfigError> {
        if let Some(known) = self.by_config.get(&digest) {
            return Ok(Arc::clone(known));
        }
        let mut snapshot = stored(&self.store, digest).await?;
        if let Some(roster) = stored_roster(&self.store, digest, &snapshot).await? {
            snapshot = snapshot.with_roster(Arc::new(roster));
        }
        let processor = Processor::new(Arc::new(snapshot), self.log_epoch)
            .map_err(|source| ConfigError::Formulas { digest, source })?;
        let processor = Arc::new(processor);
        self.by_config.insert(digest, Arc::clone(&processor));
        Ok(processor)
    }

    /// The configurations that were asked for, in the order of their digests.
    pub(crate) fn used(&self) -> Vec<Digest> {
        let mut used: Vec<Digest> = self.by_config.keys().copied().collect();
        used.sort_unstable_by_key(|digest| digest.0);
        used
    }
}

/// A configuration as the lake holds it, without its roster.
pub(crate) async fn stored(store: &ConfigStore, digest: Digest) -> Result<Snapshot, ConfigError> {
    let bytes = store.get(digest).await.map_err(|source| ConfigError::Store { digest, source })?;
    let bytes = bytes.ok_or(ConfigError::Missing { digest })?;
    Snapshot::parse(&bytes).map_err(|source| ConfigError::Unreadable { digest, source })
}

/// The roster that a configuration names, if it names one.
pub(crate) async fn stored_roster(
    store: &ConfigStore,
    digest: Digest,
    snapshot: &Snapshot,
) -> Result<Option<Roster>, ConfigError> {
    let Some(roster) = snapshot.roster() else { return Ok(None) };
    let wrong = |why: String| ConfigError::Roster { digest, roster, why };
    let bytes = store.get(roster).await.map_err(|source| ConfigError::Store { digest: roster, source })?;
    let bytes = bytes.ok_or_else(|| wrong("restore lake/_config from a backup".to_owned()))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    Roster::parse(text).map(Some).map_err(|problems| wrong(problems.to_string()))
}
