//! Deleting data files that no reader can need: removed long ago and stated by the anchorer, or never committed.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use metrics::counter;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use tracing::debug;

use super::Maintainer;
use crate::fault::InjectedFault;
use crate::table::state::{TableState, read_entries};
use crate::table::{DAY, LogError};

/// Files were not deleted, or not all.
#[derive(Debug, thiserror::Error)]
pub enum VacuumError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store does not answer, or refuses.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
}

impl Maintainer {
    /// Deletes files that were removed up to the version `stated` and longer ago than they are kept, and files that
    /// no version names and that are older than any commit on its way. Gives how many.
    ///
    /// # Errors
    /// If the log or the folder cannot be read; some files may be deleted by then.
    pub async fn vacuum(&mut self, stated: Option<i64>) -> Result<usize, VacuumError> {
        let Some(stated) = stated else { return Ok(0) };
        let state = self.newest().await?;
        let unstated = self.named_after(stated, &state).await?;
        let doomed = self.doomed(&state, stated, &unstated).await?;
        self.committer.options.faults.reach("lake.vacuum.before_delete")?;
        for path in &doomed {
            match self.committer.store().delete(path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {
                    debug!(%path, "data file deleted")
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.committer.options.faults.reach("lake.vacuum.after_delete")?;
        counter!("tacho_lake_deleted_files_total", "table" => self.table().name()).increment(doomed.len() as u64);
        Ok(doomed.len())
    }

    /// All files that commits after a version name.
    async fn named_after(&self, version: i64, state: &TableState) -> Result<HashSet<String>, LogError> {
        let mut paths = HashSet::new();
        let versions = version.saturating_add(1)..=state.version;
        read_entries(self.committer.store().as_ref(), versions, |_, actions| {
            for action in actions {
                paths.extend(action.add.map(|add| add.path));
                paths.extend(action.remove.map(|remove| remove.path));
            }
        })
        .await?;
        Ok(paths)
    }

    /// The files to delete. The state must have been read before: what is younger than it is not listed as orphan.
    async fn doomed(
        &self,
        state: &TableState,
        stated: i64,
        unstated: &HashSet<String>,
    ) -> Result<Vec<Path>, VacuumError> {
        let now = Utc::now();
        let removed_before = now - delta(self.options.removed_keep);
        let orphaned_before = now - delta(self.options.orphan_keep);
        let dead = |path: &str, file: &ObjectMeta| match state.tombstones.get(path) {
            Some(tombstone) => {
                let removed = DateTime::from_timestamp_millis(tombstone.deleted_ms).unwrap_or(now);
                removed < removed_before && tombstone.removed_by <= stated
            }
            None => file.last_modified < orphaned_before,
        };
        // Other engines may spell a path percent-encoded.
        let named = state.files.keys().chain(unstated).map(Path::from_url_path);
        let used: HashSet<Path> = named.collect::<Result<_, _>>().map_err(object_store::Error::from)?;
        let mut doomed = Vec::new();
        let mut files = self.committer.store().list(None).boxed();
        while let Some(file) = files.try_next().await? {
            let path = file.location.as_ref();
            let ours = path.starts_with(DAY) && path.ends_with(".parquet");
            let used = used.contains(&file.location) || self.committer.options.in_flight.contains(self.table(), path);
            if ours && !used && dead(path, &file) {
                doomed.push(file.location);
            }
        }
        Ok(doomed)
    }
}

pub(super) fn delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
