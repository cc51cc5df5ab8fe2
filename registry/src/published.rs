//! What the log of a data directory has published, as prover and auditor read it, also beside a running anchorer:
//! the public key, the lock file, and the newest signed checkpoint. Nothing is written.

use std::io;
use std::path::{Path, PathBuf};

use crate::anchorer::publish::CHECKPOINT;
use crate::anchorer::{AnchorError, Lock};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::VKEY_FILE;
use crate::merkle::TreeHead;
use crate::note::{KeyError, Note, VerifierKey};
use crate::statement::{LogEntry, WindowStatement};
use crate::tiles::TileStore;

/// Attempts to read the lock file and the checkpoint in one state.
const ATTEMPTS: u32 = 10;

/// A log, open for reading.
#[derive(Debug)]
pub(crate) struct Published {
    /// The folder of the log.
    pub(crate) dir: PathBuf,
    /// The log's key.
    pub(crate) key: VerifierKey,
    /// The lock file.
    pub(crate) lock: Lock,
    /// The newest checkpoint; none before the first window is published.
    pub(crate) note: Option<Note>,
    /// Its tree.
    pub(crate) head: TreeHead,
    /// The tiles.
    pub(crate) tiles: TileStore,
}

/// Why the log of a data directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// The file system refuses.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file of the public key holds none.
    #[error("{}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The file of the public key holds more than the key.
    #[error("{} is not one verifier key and a newline", path.display())]
    KeySpelling {
        /// The file.
        path: PathBuf,
    },
    /// The checkpoint is damaged, or not signed by the key.
    #[error("{}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CheckpointError,
    },
    /// The checkpoint is of another tree than the lock file.
    #[error("{} is of a tree of {published} entries, the lock file has another one of {locked}", path.display())]
    NotOfLock {
        /// The checkpoint.
        path: PathBuf,
        /// Entries of its tree.
        published: u64,
        /// Entries of the lock file's.
        locked: u64,
    },
    /// The lock file.
    #[error(transparent)]
    Lock(#[from] AnchorError),
}

impl Published {
    /// Reads the log of a data directory; `None` if it has not begun.
    ///
    /// # Errors
    /// See [`PublishedError`].
    pub(crate) fn read(data_dir: &Path) -> Result<Option<Self>, PublishedError> {
        let dir = data_dir.join("registry");
        let Some(mut lock) = Lock::read(&dir)? else { return Ok(None) };
        let key = read_key(&data_dir.join("keys").join(VKEY_FILE))?;
        let path = dir.join(CHECKPOINT);
        let mut attempt = 1;
        loop {
            let (note, head) = read_checkpoint(&path, &key)?;
            if head == lock.head() || head == lock.lodged() {
                let tiles = TileStore::new(&dir);
                return Ok(Some(Self { dir, key, lock, note, head, tiles }));
            }
            // An anchorer may have gone on between the two files.
            match Lock::read(&dir)? {
                Some(now) if now != lock && attempt < ATTEMPTS => (lock, attempt) = (now, attempt + 1),
                _ => return Err(PublishedError::NotOfLock { path, published: head.size, locked: lock.size }),
            }
        }
    }
}

/// The windows among the first `size` entries of a log, each with its index; bundle by bundle, from either end.
pub(crate) fn windows(
    tiles: &TileStore,
    size: u64,
) -> impl DoubleEndedIterator<Item = Result<(u64, Box<WindowStatement>), AnchorError>> + '_ {
    tiles.entries(size).filter_map(|entry| {
        let window = entry.map_err(AnchorError::from).and_then(|(index, entry)| match LogEntry::decode(&entry)? {
            LogEntry::Window(window) => Ok(Some((index, window))),
            _ => Ok(None),
        });
        window.transpose()
    })
}

fn read_key(path: &Path) -> Result<VerifierKey, PublishedError> {
    let bytes = read(path)?;
    let spelling = || PublishedError::KeySpelling { path: path.to_owned() };
    let text = std::str::from_utf8(&bytes).map_err(|_invalid| spelling())?;
    let line = text.strip_suffix('\n').ok_or_else(spelling)?;
    line.parse().map_err(|source| PublishedError::Key { path: path.to_owned(), source })
}

fn read_checkpoint(path: &Path, key: &VerifierKey) -> Result<(Option<Note>, TreeHead), PublishedError> {
    let bytes = match read(path) {
        Err(PublishedError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok((None, TreeHead::empty()));
        }
        bytes => bytes?,
    };
    let opened = Checkpoint::open(&bytes, key);
    let (checkpoint, note) = opened.map_err(|source| PublishedError::Checkpoint { path: path.to_owned(), source })?;
    Ok((Some(note), checkpoint.head))
}

fn read(path: &Path) -> Result<Vec<u8>, PublishedError> {
    std::fs::read(path).map_err(|source| PublishedError::Io { path: path.to_owned(), source })
}
