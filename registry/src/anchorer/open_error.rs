//! What can keep a log from being opened.

use std::path::PathBuf;

use super::error::{AnchorError, Verdict};
use crate::file_registry::paths;
use crate::key::LogKeyError;

/// Why a log is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The registry knows a longer log than the one here: this directory was restored from a backup, or is a copy.
    #[error(
        "the registry is ahead of this log: it has accepted a tree of {registry} entries, here are {here}; the signed \
         head of the registry is in {}. Bring the newer data directory back, or start a new log that names this \
         evidence with --new-origin", evidence.display()
    )]
    RegistryAhead {
        /// Size of the tree that the registry has accepted.
        registry: u64,
        /// Size of the tree here.
        here: u64,
        /// The registry's signed checkpoint.
        evidence: PathBuf,
    },
    /// The registry has accepted another tree of the same or a smaller size.
    #[error(
        "the registry has accepted another tree of {size} entries than the one here: two logs have used one key; \
         the signed head of the registry is in {}", evidence.display()
    )]
    Forked {
        /// Size of the registry's tree.
        size: u64,
        /// The registry's signed checkpoint.
        evidence: PathBuf,
    },
    /// Rows have landed and a registry knows a log, and there is no log here.
    #[error(
        "{} is missing, though rows have landed; the registry holds signed heads of logs: {}. Bring registry/ and \
         keys/ of the data directory back from a backup, or start a new log that names this evidence with --new-origin",
        lock.display(), paths(evidence)
    )]
    LogGone {
        /// The lock file of the log.
        lock: PathBuf,
        /// The registry's signed checkpoints.
        evidence: Vec<PathBuf>,
    },
    /// The published checkpoint is ahead of the lock file.
    #[error("{} is of a tree of {published} entries, the lock file knows {locked}: the lock file is from a backup", path.display())]
    LockBehind {
        /// The checkpoint.
        path: PathBuf,
        /// Size of its tree.
        published: u64,
        /// Size of the tree in the lock file.
        locked: u64,
    },
    /// The published checkpoint has another root than the lock file.
    #[error("{} has another root for {size} entries than the lock file", path.display())]
    LockDiffers {
        /// The checkpoint.
        path: PathBuf,
        /// Size of both.
        size: u64,
    },
    /// The origin is fixed and another one was asked for.
    #[error("the log is {here}, the setting asks for {asked}: an origin is fixed at the first start")]
    Origin {
        /// Origin of the log.
        here: String,
        /// Origin of the setting.
        asked: String,
    },
    /// The heads on disk are not those of the last window.
    #[error("{} has other heads than those of window {win_no}: restore it from a backup", path.display())]
    Heads {
        /// Folder of the heads.
        path: PathBuf,
        /// The window.
        win_no: u64,
    },
    /// The key of the log.
    #[error(transparent)]
    Key(#[from] LogKeyError),
    /// Anything that also closing a window may meet.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
}

impl OpenError {
    /// What next.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Anchor(error) => error.verdict(),
            Self::Key(LogKeyError::Io { .. } | LogKeyError::Random(_)) => Verdict::Wait,
            Self::RegistryAhead { .. }
            | Self::Forked { .. }
            | Self::LogGone { .. }
            | Self::LockBehind { .. }
            | Self::LockDiffers { .. }
            | Self::Origin { .. }
            | Self::Heads { .. }
            | Self::Key(_) => Verdict::Halt,
        }
    }
}
