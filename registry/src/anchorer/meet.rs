//! What the registry knows of a log when it is opened: what was lodged with it, or what was about to be; never less, and
//! never another tree.

use std::path::PathBuf;

use tacho_schemas::Digest;

use super::error::io_at;
use super::lock::Lock;
use super::{AnchorError, OpenError};
use crate::file_registry::FileRegistry;
use crate::merkle::TreeHead;
use crate::note::SignerKey;
use crate::tiles::TileStore;

/// What the registry knows.
#[derive(Debug)]
pub(super) enum Known {
    /// A tree of this log that is due.
    Ours,
    /// A smaller tree than it had accepted, of so many entries; 0 for none.
    Less(u64),
    /// A tree that is not of this log, or more of it than is here.
    Beyond(Evidence),
}

/// The registry's signed checkpoint of a tree that is not here.
#[derive(Debug)]
pub(super) struct Evidence {
    size: u64,
    forked: bool,
    path: PathBuf,
    /// SHA-256 of the note.
    pub(super) note: Digest,
}

impl Evidence {
    pub(super) fn refusal(&self, lock: &Lock) -> OpenError {
        let evidence = self.path.clone();
        match self.forked {
            true => OpenError::Forked { size: self.size, evidence },
            false => OpenError::RegistryAhead { registry: self.size, here: lock.size, evidence },
        }
    }
}

/// Compares the registry's head with ours.
pub(super) fn known(
    registry: &FileRegistry,
    tiles: &TileStore,
    lock: &Lock,
    key: &SignerKey,
) -> Result<Known, AnchorError> {
    let (head, lodged) = (lock.head(), lock.lodged());
    let refused = |source| AnchorError::Registry { head, source };
    let known = registry.head(&lock.origin, key.verifier()).map_err(refused)?.unwrap_or_else(TreeHead::empty);
    if known == lodged || known == head {
        return Ok(Known::Ours);
    }
    if known.size < lodged.size && extends(tiles, &known, &lodged)? {
        return Ok(Known::Less(known.size));
    }
    let path = registry.checkpoint_path(&lock.origin);
    let note = Digest::of(&std::fs::read(&path).map_err(io_at(&path))?);
    Ok(Known::Beyond(Evidence { size: known.size, forked: known.size <= head.size, path, note }))
}

/// Whether a tree that is whole on disk extends an older one.
fn extends(tiles: &TileStore, old: &TreeHead, new: &TreeHead) -> Result<bool, AnchorError> {
    // Tiles that are damaged must not pass for a fork.
    tiles.edge(new)?;
    Ok(old.size == 0 || tiles.consistency(old, new).is_ok())
}
