//! Why a log cannot be opened, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::identity_file::{FORMAT, IdentityError};
use super::lock::LockError;
use super::settings::SettingsError;

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is outside of its limits.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file cannot be read or written.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("{} is held by {}: one process at a time writes a log", path.display(), holder_text(*holder))]
    Locked {
        /// Folder of the log.
        path: PathBuf,
        /// Process ID of the holder, if it could be read.
        holder: Option<u32>,
    },
    /// The identity file is not what this program wrote.
    #[error("{} is damaged ({reason}): restore it from a backup; offsets mean nothing without it", path.display())]
    Identity {
        /// The identity file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// There are segments, but no identity file.
    #[error("{} is missing, though there are segments beside it: restore it, or move the directory away", path.display())]
    NoIdentity {
        /// The identity file that should be there.
        path: PathBuf,
    },
    /// A later release wrote the log.
    #[error("{} says format {found}, this release knows up to {FORMAT}: use a later release", path.display())]
    NewerFormat {
        /// The identity file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A later release has written into the log.
    #[error(
        "{} holds what a later release has written (version {version}, codec {codec}; this release knows batches up to \
         version 2, codec 0): use that release", path.display()
    )]
    NewerSegment {
        /// The segment file.
        path: PathBuf,
        /// Version of its header or of a batch.
        version: u16,
        /// Codec of the batch; 0 for none.
        codec: u8,
    },
    /// The log was created with another number of partitions.
    #[error("the log has {has} partitions for its whole life, the settings say {asked}")]
    Partitions {
        /// Partitions of the log.
        has: i32,
        /// Partitions in the settings.
        asked: i32,
    },
    /// A segment of another log lies in the directory.
    #[error("{} is of log {found}, the others are of log {log_id}: move it away", path.display())]
    Foreign {
        /// The segment file.
        path: PathBuf,
        /// The log that it is of.
        found: Uuid,
        /// The log of this directory.
        log_id: Uuid,
    },
    /// So much is damaged that new records could get offsets that others had.
    #[error(
        "{}: records up to {known_seq} of the journal are known, but a segment begins at {base_seq}, and offsets \
         could be given twice: restore the missing files, or begin a new log", path.display()
    )]
    Undecidable {
        /// The segment file.
        path: PathBuf,
        /// Number of records of the journal that are known.
        known_seq: u64,
        /// Number at which the segment begins.
        base_seq: u64,
    },
}

impl OpenError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn identity(path: &Path) -> impl FnOnce(IdentityError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            IdentityError::Io(source) => Self::Io { action: "opening", path, source },
            IdentityError::Newer(found) => Self::NewerFormat { path, found },
            IdentityError::Malformed(reason) => Self::Identity { path, reason },
        }
    }

    pub(crate) fn lock(path: &Path) -> impl FnOnce(LockError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            LockError::Held(holder) => Self::Locked { path, holder },
            LockError::Io(source) => Self::Io { action: "locking", path, source },
        }
    }
}

fn holder_text(holder: Option<u32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".into(),
    }
}
