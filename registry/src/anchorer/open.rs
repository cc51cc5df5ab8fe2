//! Opening the log: is it ours, is it whole, and does no registry know more of it than we do.

use std::path::Path;

use tacho_lake::landing::{Progress, ProgressError};
use tacho_lake::{Lake, LakePlace};
use tacho_schemas::Digest;
use tracing::{info, warn};
use uuid::Uuid;

use super::claim::{Claim, Claims};
use super::due::Unanchored;
use super::error::io_at;
use super::lock::{self, Lock};
use super::meet::{self, Evidence, Known};
use super::publish::CHECKPOINT;
use super::{AnchorError, Anchorer, AnchorerOptions, Heads, OpenError, remake};
use crate::checkpoint::Checkpoint;
use crate::durable;
use crate::file_registry::{FileRegistry, paths};
use crate::key;
use crate::leaf::Schemas;
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
    let lake = Lake::read_only(&options.lake).map_err(AnchorError::from)?;
    let claims = Claims::of(lake.object_store());
    let claimed = claims.newest().await.map_err(AnchorError::from)?;
    let lock = match Lock::read(&dir)? {
        Some(lock) => with_same_origin(lock, options.origin.as_deref(), options.new_origin)?,
        None => first(&options, &registry, claimed.as_ref(), &dir, &keys).await?,
    };
    let key_path = keys.join(key::KEY_FILE);
    if lock.size > 0 && !key_path.exists() {
        return Err(key::LogKeyError::Missing { path: key_path }.into());
    }
    let key = key::open_or_create(&keys, &lock.origin)?;
    let tiles = TileStore::new(&dir);
    let known = meet::known(&registry, &tiles, &lock, &key)?;
    let (lock, key) = match &known {
        Known::Beyond(evidence) if options.new_origin => begin_anew(&dir, &keys, &lock, evidence)?,
        Known::Beyond(evidence) => return Err(evidence.refusal(&lock)),
        Known::Less(size) if !options.lodge_anew => {
            let path = registry.checkpoint_path(&lock.origin);
            return Err(AnchorError::RegistryLost { path, accepted: lock.lodged().size, known: *size }.into());
        }
        Known::Less(_) | Known::Ours => (lock, key),
    };
    check_published(&dir, &lock, &key)?;
    tiles.edge(&lock.lodged()).map_err(AnchorError::from)?;
    claim(&claims, claimed, &key.verifier().to_string(), options.new_origin).await?;
    let salts = SaltStore::open(keys.join("salts"), lock.salts.clone()).map_err(AnchorError::from)?;
    let heads = heads_of(&dir, &lock)?;
    let prepared = remake::prepared(&dir, &lock)?;
    let unanchored = Unanchored::behind(&lock);
    info!(origin = lock.origin, windows = lock.next_win_no, tree_size = lock.size, "the transparency log is open");
    let schemas = Schemas::present();
    let mut anchorer = Anchorer {
        options,
        dir,
        lake,
        claims,
        schemas,
        key,
        salts,
        tiles,
        registry,
        lock,
        heads,
        prepared,
        unanchored,
    };
    if let Known::Less(size) = known {
        anchorer.lodge_anew(size)?;
    }
    anchorer.finish_published()?;
    anchorer.remake_segments().await;
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

/// Claims the lake for the log, unless it is anchored in another one and nobody said that this is to change.
async fn claim(claims: &Claims, claimed: Option<Claim>, key: &str, anew: bool) -> Result<(), AnchorError> {
    let claimed = match claimed {
        Some(claim) if claim.key == key => return Ok(()),
        Some(claim) if !anew => Some(claim),
        former => claims.take(key, former.as_ref()).await?,
    };
    match claimed {
        Some(claim) if claim.key != key => Err(AnchorError::claimed(&claim, key)),
        _ => Ok(()),
    }
}

fn new_origin() -> String {
    format!("tacho.invalid/{}", Uuid::new_v4())
}

/// The log of a directory that has none. A registry that knows a log says that there was one: it is told, and noted in the
/// first window. Where rows have landed, an operator's word is asked for.
async fn first(
    options: &AnchorerOptions,
    registry: &FileRegistry,
    claimed: Option<&Claim>,
    dir: &Path,
    keys: &Path,
) -> Result<Lock, OpenError> {
    let lock = Lock::beginning(options.origin.clone().unwrap_or_else(new_origin));
    let evidence = registry.checkpoints().map_err(|source| AnchorError::Registry { head: lock.head(), source })?;
    let had_log = !evidence.is_empty() || claimed.is_some();
    let has_rows = had_log && has_landed(&options.lake).await?;
    match claimed {
        _ if options.new_origin && had_log => set_aside(dir, keys)?,
        _ if options.new_origin => {}
        _ if has_rows && !evidence.is_empty() => return Err(OpenError::LogGone { lock: lock::path_in(dir), evidence }),
        Some(claim) => return Err(AnchorError::claimed(claim, &lock.origin).into()),
        None => {}
    }
    if evidence.is_empty() {
        // In place of one of which nothing is left but its key.
        let begun_beside = claimed.map(|claim| Digest::of(claim.key.as_bytes()));
        return begin(dir, Lock { begun_beside, ..lock });
    }
    // Of several logs nothing says which was the one of these rows: all of them are told.
    let notes = evidence.iter().map(|path| std::fs::read(path).map_err(io_at(path))).collect::<Result<Vec<_>, _>>()?;
    let note = Digest::of(&notes.concat());
    warn!(origin = lock.origin, evidence = paths(&evidence), %note, "a new log begins beside what the registry knows of a former one");
    begin(dir, Lock { begun_beside: Some(note), ..lock })
}

async fn has_landed(place: &LakePlace) -> Result<bool, AnchorError> {
    let lake = Lake::read_only(place)?;
    match Progress::read(&lake, None).await {
        Ok(progress) => Ok(progress.logs().iter().any(|log| log.next_offsets.values().any(|next| *next > 0))),
        Err(ProgressError::Records(error)) => Err(error.into()),
        Err(ProgressError::Logs(error)) => Err(error.into()),
    }
}

/// Begins a log. Its lock file is there before its key, so that a crash between the two keeps the origin.
fn begin(dir: &Path, lock: Lock) -> Result<Lock, OpenError> {
    lock.write(dir)?;
    Ok(lock)
}

/// The heads of the last window, which must be those that its statement names: on wrong ones all later chains would stand.
fn heads_of(dir: &Path, lock: &Lock) -> Result<Heads, OpenError> {
    let heads = Heads::load(dir, lock.next_win_no)?;
    match lock.heads_root {
        Some(root) if root != heads.recomputed_root() => {
            Err(OpenError::Heads { path: dir.join("heads"), win_no: lock.next_win_no - 1 })
        }
        _ => Ok(heads),
    }
}

/// Puts the former log aside and begins a new one, whose first window names the registry's checkpoint as its beacon.
fn begin_anew(dir: &Path, keys: &Path, former: &Lock, evidence: &Evidence) -> Result<(Lock, SignerKey), OpenError> {
    set_aside(dir, keys)?;
    let begun_beside = Some(evidence.note);
    let lock = Lock { begun_beside, salts: former.salts.clone(), ..Lock::beginning(new_origin()) };
    let lock = begin(dir, lock)?;
    let key = key::open_or_create(keys, &lock.origin)?;
    warn!(former = former.origin, origin = lock.origin, evidence = %evidence.note, "a new log begins beside the former one");
    Ok((lock, key))
}

/// Moves what is left of a former log into folders beside; the salts stay: rows keep the leaves that they have.
fn set_aside(dir: &Path, keys: &Path) -> Result<(), OpenError> {
    let stamp = Uuid::new_v4();
    for (folder, name) in [(dir, "registry"), (keys, "keys")] {
        let aside = folder.with_file_name(format!("{name}.former-{stamp}"));
        durable::create_dir_all(&aside).map_err(io_at(&aside))?;
        let entries = std::fs::read_dir(folder).map_err(io_at(folder))?;
        for entry in entries {
            let entry = entry.map_err(io_at(folder))?;
            if entry.file_name() != "salts" {
                std::fs::rename(entry.path(), aside.join(entry.file_name())).map_err(io_at(&aside))?;
            }
        }
    }
    Ok(())
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
