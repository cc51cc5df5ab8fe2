//! What a power cut can leave in a log, and what is done with it: only the newest files can be concerned.
//!
//! A newest entry that cannot be read is removed; its commit was never confirmed, so whoever made it makes it again.
//! A checkpoint that cannot be read is removed if the entries that it stands for are still there.

use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tracing::warn;

use super::log::{self, LogError};
use super::{entry, state};

/// Removes what a power cut has left unfinished.
pub(super) async fn repair(store: &dyn ObjectStore) -> Result<(), LogError> {
    let listing = log::list(store).await?;
    if let Some(newest) = listing.checkpoints.last().copied()
        && !state::is_whole(store, newest).await?
    {
        let older = listing.checkpoints.range(..newest).next_back().map_or(0, |older| older + 1);
        if (older..=newest).all(|version| listing.entries.contains(&version)) {
            warn!(version = newest, "checkpoint removed: it was cut");
            remove_checkpoint(store, newest).await?;
        }
    }
    if let Some(newest) = listing.entries.last().copied()
        && listing.checkpoints.last().is_none_or(|checkpoint| *checkpoint < newest)
        && let Some(bytes) = log::read_bytes(store, newest).await?
        && let Err(error) = entry::decode(newest, &bytes)
    {
        warn!(version = newest, %error, "newest commit entry removed: it was cut before it was on disk");
        store.delete(&log::entry_path(newest)).await?;
    }
    Ok(())
}

/// Removes a checkpoint and the hint, which may point at it; readers then list the folder.
pub(super) async fn remove_checkpoint(store: &dyn ObjectStore, version: i64) -> Result<(), LogError> {
    let paths = [log::hint_path(), log::checkpoint_path(version)].map(Ok);
    let mut deleted = store.delete_stream(Box::pin(futures::stream::iter(paths)));
    loop {
        match deleted.try_next().await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
