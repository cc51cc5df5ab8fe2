//! Opening the log: is it ours, is it whole, and does no registry know more of it than we do.

use std::path::{Path, PathBuf};
use std::time::Instant;

use tacho_lake::Lake;
use tacho_schemas::Digest;
use tracing::{info, warn};
use uuid::Uuid;

use super::error::io_at;
use super::lock::Lock;
use super::plan::Prepared;
use super::publish::CHECKPOINT;
use super::{AnchorError, Anchorer, AnchorerOptions, Heads, OpenError};
use crate::checkpoint::Checkpoint;
use crate::durable;
use crate::file_registry::FileRegistry;
use crate::key;
use crate::note::SignerKey;
use crate::salts::SaltStore;
use crate::tiles::TileStore;

pub(super) async fn open(options: AnchorerOptions) -> Result<Anchorer, OpenError> {
    let dir = options.data_dir.join("registry");
    let keys = options.data_dir.join("keys");
    let make = |folder: &Path| durable::create_dir_all(folder).map_err(io_at(folder)).map_err(OpenError::from);
    make(&dir)?;
    make(&keys)?;
    let registry = FileRegistry::new(options.file_registry_dir.clone());
    let lock = match Lock::read(&dir)? {
        Some(lock) => with_same_origin(lock, options.origin.as_deref(), options.new_origin)?,
        None => begin(&dir, options.origin.clone(), None)?,
    };
    let key_path = keys.join(key::KEY_FILE);
    if lock.size > 0 && !key_path.exists() {
        return Err(key::LogKeyError::Missing { path: key_path }.into());
    }
    let key = key::open_or_create(&keys, &lock.origin)?;
    let (lock, key) = match ahead(&registry, &dir, &lock, &key)? {
        None => (lock, key),
        Some(evidence) if options.new_origin => begin_anew(&dir, &keys, &lock, &evidence)?,
        Some(evidence) => return Err(evidence.refusal(&lock)),
    };
    check_published(&dir, &lock, &key)?;
    let tiles = TileStore::new(&dir);
    let whole = lock.unpublished.as_ref().map_or_else(|| lock.head(), super::lock::Unpublished::old);
    tiles.edge(&whole).map_err(AnchorError::from)?;
    let lake = Lake::read_only(&options.lake_dir).map_err(AnchorError::from)?;
    let salts = salts_of(&keys, &lock)?;
    let heads = heads_of(&dir, &lock)?;
    let prepared = Prepared::read(&dir)?;
    info!(origin = lock.origin, windows = lock.next_win_no, tree_size = lock.size, "the transparency log is open");
    let counted = (lock.versions.0[0], 0);
    let closed_at = Instant::now();
    let mut anchorer =
        Anchorer { options, dir, lake, key, salts, tiles, registry, lock, heads, prepared, closed_at, counted };
    anchorer.finish_published()?;
    Ok(anchorer)
}

fn with_same_origin(lock: Lock, asked: Option<&str>, new_origin: bool) -> Result<Lock, OpenError> {
    match asked {
        Some(asked) if asked != lock.origin && !new_origin => {
            Err(OpenError::Origin { here: lock.origin, asked: asked.to_owned() })
        }
        _ => Ok(lock),
    }
}

/// Begins a log. Its lock file is there before its key, so that a crash between the two keeps the origin.
fn begin(dir: &Path, origin: Option<String>, beside: Option<Digest>) -> Result<Lock, OpenError> {
    let origin = origin.unwrap_or_else(|| format!("tacho.invalid/{}", Uuid::new_v4()));
    let lock = Lock::beginning(origin, beside);
    lock.write(dir)?;
    Ok(lock)
}

/// The heads of the last window, which must be those that its statement names: on wrong ones all later chains would stand.
fn heads_of(dir: &Path, lock: &Lock) -> Result<Heads, OpenError> {
    let heads = Heads::load(dir, lock.next_win_no)?;
    match lock.heads_root {
        Some(root) if root != heads.recomputed_root() => {
            let why = format!("the heads are not those of window {}: restore them from a backup", lock.next_win_no - 1);
            Err(AnchorError::File { path: dir.join("heads"), why }.into())
        }
        _ => Ok(heads),
    }
}

/// The salt keys. A log with windows has some: without them no leaf of those windows can be computed again.
fn salts_of(keys: &Path, lock: &Lock) -> Result<SaltStore, OpenError> {
    let path = keys.join("salts");
    let is_empty = |path: &Path| std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
    if lock.next_win_no > 0 && is_empty(&path) {
        let why = "the salt keys of anchored windows are missing: restore them from a backup".to_owned();
        return Err(AnchorError::File { path, why }.into());
    }
    Ok(SaltStore::open(path).map_err(AnchorError::from)?)
}

/// What the registry has that this log has not.
struct Ahead {
    size: u64,
    forked: bool,
    evidence: PathBuf,
    note: Digest,
}

impl Ahead {
    fn refusal(self, lock: &Lock) -> OpenError {
        match self.forked {
            true => OpenError::Forked { size: self.size, evidence: self.evidence },
            false => OpenError::RegistryAhead { registry: self.size, here: lock.size, evidence: self.evidence },
        }
    }
}

/// Compares the registry's head with ours: it may be behind, and never ahead or beside.
fn ahead(registry: &FileRegistry, dir: &Path, lock: &Lock, key: &SignerKey) -> Result<Option<Ahead>, OpenError> {
    let head = lock.head();
    let refused = |source| AnchorError::Registry { head, source };
    let Some(known) = registry.head(&lock.origin, key.verifier()).map_err(refused)? else {
        if lock.size > lock.unpublished.as_ref().map_or(0, |append| lock.size - append.old_size) {
            let registry = registry.checkpoint_path(&lock.origin);
            warn!(registry = %registry.display(), size = lock.size, "the registry has lost what was lodged with it; it is lodged again");
        }
        return Ok(None);
    };
    let forked = match known.size {
        size if size > head.size => false,
        size if size == head.size && known.root == head.root => return Ok(None),
        size if size == head.size => true,
        0 => return Ok(None),
        size if lock.unpublished.as_ref().is_some_and(|append| append.old_size >= size) => {
            let old = lock.unpublished.as_ref().map_or(head, super::lock::Unpublished::old);
            TileStore::new(dir).consistency(&known, &old).is_err()
        }
        _ => TileStore::new(dir).consistency(&known, &head).is_err(),
    };
    if known.size <= head.size && !forked {
        return Ok(None);
    }
    let evidence = registry.checkpoint_path(&lock.origin);
    let bytes = std::fs::read(&evidence).map_err(io_at(&evidence))?;
    Ok(Some(Ahead { size: known.size, forked, evidence, note: Digest::of(&bytes) }))
}

/// Puts the former log aside and begins a new one, whose first window names the registry's checkpoint as its beacon.
fn begin_anew(dir: &Path, keys: &Path, former: &Lock, ahead: &Ahead) -> Result<(Lock, SignerKey), OpenError> {
    let stamp = Uuid::new_v4();
    for (folder, name) in [(dir, "registry"), (keys, "keys")] {
        let aside = folder.with_file_name(format!("{name}.former-{stamp}"));
        durable::create_dir_all(&aside).map_err(io_at(&aside))?;
        let entries = std::fs::read_dir(folder).map_err(io_at(folder))?;
        for entry in entries {
            let entry = entry.map_err(io_at(folder))?;
            // The salts stay: rows keep the leaves that they have.
            if entry.file_name() != "salts" {
                std::fs::rename(entry.path(), aside.join(entry.file_name())).map_err(io_at(&aside))?;
            }
        }
    }
    let lock = begin(dir, None, Some(ahead.note))?;
    let key = key::open_or_create(keys, &lock.origin)?;
    warn!(former = former.origin, origin = lock.origin, evidence = %ahead.note, "a new log begins beside the former one");
    Ok((lock, key))
}

/// The published checkpoint is never ahead of the lock file, and of the same tree where both have one size.
fn check_published(dir: &Path, lock: &Lock, key: &SignerKey) -> Result<(), OpenError> {
    let path = dir.join(CHECKPOINT);
    let note = match std::fs::read(&path) {
        Ok(note) => note,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_at(&path)(error).into()),
    };
    let (checkpoint, _) = Checkpoint::open(&note, key.verifier()).map_err(AnchorError::from)?;
    let published = checkpoint.head;
    if published.size > lock.size {
        return Err(OpenError::LockBehind { path, published: published.size, locked: lock.size });
    }
    if published.size == lock.size && published.root != lock.root {
        return Err(OpenError::LockDiffers { path, size: lock.size });
    }
    Ok(())
}
