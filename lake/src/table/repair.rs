//! What a power cut can leave in a log, and what is done with it: only the newest files can be concerned.
//!
//! A newest entry that cannot be read is set aside: its commit was never confirmed, so whoever made it makes it again.
//! One that is known to be confirmed stays where it is, and the table is refused. A checkpoint that cannot be read is
//! set aside if the entries that it stands for are still there. What is set aside is renamed, not deleted.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tacho_schemas::table::Table;
use tracing::warn;

use super::log::{self, Listing, LogError};
use super::{OpenError, entry, state};

/// Sets aside what a power cut has left unfinished. `confirmed` is a version that is known to be on disk: what others
/// rely on.
pub(super) async fn repair(store: &dyn ObjectStore, table: Table, confirmed: Option<i64>) -> Result<(), OpenError> {
    let listing = log::list(store).await?;
    repair_checkpoint(store, table, &listing).await?;
    let newest = listing.newest().unwrap_or(-1);
    if let Some(confirmed) = confirmed.filter(|confirmed| newest < *confirmed) {
        return Err(OpenError::ConfirmedGone { table: table.name(), newest, confirmed });
    }
    if let Some(newest) = listing.entries.last().copied()
        && listing.checkpoints.last().is_none_or(|checkpoint| *checkpoint < newest)
        && let Some(bytes) = log::read_bytes(store, newest).await?
        && let Err(error) = entry::decode(newest, &bytes)
    {
        let path = log::entry_path(newest);
        if confirmed.is_some_and(|confirmed| newest <= confirmed) {
            return Err(OpenError::ConfirmedDamaged { file: format!("{}/{path}", table.name()), source: error });
        }
        let aside = set_aside(store, &path).await?;
        let table = table.name();
        warn!(table, version = newest, %error, %aside, "newest commit entry set aside: it was cut before it was on disk");
    }
    Ok(())
}

async fn repair_checkpoint(store: &dyn ObjectStore, table: Table, listing: &Listing) -> Result<(), LogError> {
    let Some(newest) = listing.checkpoints.last().copied() else { return Ok(()) };
    let older = listing.checkpoints.range(..newest).next_back().map_or(0, |older| older + 1);
    let replaceable = (older..=newest).all(|version| listing.entries.contains(&version));
    if replaceable && !state::is_whole(store, newest).await? {
        let aside = set_checkpoint_aside(store, newest).await?;
        warn!(table = table.name(), version = newest, %aside, "checkpoint set aside: it was cut");
    }
    Ok(())
}

/// Sets a checkpoint aside, and deletes the hint, which may point at it; readers then list the folder.
pub(super) async fn set_checkpoint_aside(store: &dyn ObjectStore, version: i64) -> Result<Path, LogError> {
    match store.delete(&log::hint_path()).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(set_aside(store, &log::checkpoint_path(version)).await?)
}

/// Renames a damaged file to `<name>.torn`, which no reader of Delta takes for part of the log.
async fn set_aside(store: &dyn ObjectStore, path: &Path) -> Result<Path, object_store::Error> {
    let aside = Path::from(format!("{path}.torn"));
    store.rename(path, &aside).await?;
    Ok(aside)
}
