//! Log clean-up: entries and checkpoints below the last two checkpoints that the anchorer has passed, the newer of which
//! was read back and agrees with the older and the entries between.

use chrono::Utc;
use metrics::counter;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::Maintainer;
use super::vacuum::delta;
use crate::fault::InjectedFault;
use crate::table::LogError;
use crate::table::checkpoint::{self, CheckpointError};
use crate::table::log::{self, Listing};

/// The log was not cleaned, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The checkpoint that would stand for the entries is not right.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The store does not answer, or refuses.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
}

impl Maintainer {
    /// Deletes log entries that are older than they are kept and lie below two checkpoints, not above `stated`, the newer
    /// of which reads back as the entries say. Gives how many files were deleted.
    ///
    /// # Errors
    /// If the checkpoint is not right, or the log cannot be read; some entries may be deleted by then.
    pub async fn clean_log(&mut self, stated: Option<i64>) -> Result<usize, CleanError> {
        let Some(stated) = stated else { return Ok(0) };
        let store = std::sync::Arc::clone(self.committer.store());
        let listing = log::list(store.as_ref()).await?;
        let Some((checkpoint, doomed)) = self.expired(store.as_ref(), &listing, stated).await? else {
            return Ok(0);
        };
        checkpoint::verify(store.as_ref(), checkpoint).await?;
        self.committer.options.faults.reach("lake.log_cleanup.before_delete")?;
        let paths = doomed.checkpoints.iter().map(|version| log::checkpoint_path(*version));
        let paths: Vec<_> = paths.chain(doomed.entries.iter().map(|version| log::entry_path(*version))).collect();
        for path in &paths {
            match store.delete(path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.committer.options.faults.reach("lake.log_cleanup.after_delete")?;
        counter!("tacho_lake_deleted_entries_total", "table" => self.table().name()).increment(paths.len() as u64);
        Ok(paths.len())
    }

    /// The newest checkpoint that may be relied on, and what lies below the one before it: old enough, and of the entries
    /// an unbroken run from the oldest. So two checkpoints stay, and all entries that lead from one to the other:
    /// the newer can be checked against the older also after a clean-up that was interrupted.
    async fn expired(
        &self,
        store: &dyn ObjectStore,
        listing: &Listing,
        stated: i64,
    ) -> Result<Option<(i64, Listing)>, object_store::Error> {
        let before = Utc::now() - delta(self.options.log_keep);
        let mut first_kept = None;
        for version in &listing.entries {
            match store.head(&log::entry_path(*version)).await {
                Ok(file) if file.last_modified < before => {}
                Ok(_) => {
                    first_kept = Some(*version);
                    break;
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            };
        }
        let limit = first_kept.unwrap_or(i64::MAX).min(stated);
        let mut checkpoints = listing.checkpoints.range(..=limit).rev().copied();
        let (Some(newest), Some(older)) = (checkpoints.next(), checkpoints.next()) else {
            return Ok(None);
        };
        let doomed = Listing {
            entries: listing.entries.range(..older).copied().collect(),
            checkpoints: listing.checkpoints.range(..older).copied().collect(),
        };
        let any = !doomed.entries.is_empty() || !doomed.checkpoints.is_empty();
        Ok(any.then_some((newest, doomed)))
    }
}
