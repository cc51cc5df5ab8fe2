//! One process writes a log: an advisory lock on a file, held until the writer ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use tracing::warn;

/// The held lock; it goes with the value, and with the process however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why the lock was not got.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process has it; its process ID, if it could be read.
    Held(Option<u32>),
    /// The file cannot be opened or locked.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock at once or not at all.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let mut file = opened.map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
                return Err(LockError::Held(holder));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        // The number only helps people; a full disk must not keep the log from being read.
        let written = file.set_len(0).and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        if let Err(error) = written {
            warn!(file = %path.display(), %error, "the lock does not tell its holder");
        }
        Ok(Self { _file: file })
    }
}
