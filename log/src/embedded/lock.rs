//! One process writes a log: an advisory lock, held until the writer ends.
//!
//! It is on the folder itself, because whoever takes a file `lock` for a stale one deletes it; the file only tells who.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use tracing::warn;

/// File that holds the process ID of who has the lock.
const HOLDER: &str = "lock";

/// The held lock; it goes with the value, and with the process however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: File,
}

/// Why the lock was not got.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process has it; its process ID, if it could be read.
    Held(Option<u32>),
    /// The folder cannot be opened or locked.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock of a folder at once or not at all.
    pub(crate) fn take(dir: &Path) -> Result<Self, LockError> {
        let folder = File::open(dir).map_err(LockError::Io)?;
        let holder = dir.join(HOLDER);
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(holder).ok().and_then(|text| text.trim().parse().ok());
                return Err(LockError::Held(holder));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        // The number only helps people; a full disk must not keep the log from being read.
        if let Err(error) = fs::write(&holder, format!("{}\n", std::process::id())) {
            warn!(file = %holder.display(), %error, "the lock does not tell its holder");
        }
        Ok(Self { _folder: folder })
    }
}
