//! What can stand in the way of anchoring, and what next.

use std::io;
use std::path::{Path, PathBuf};

use tacho_lake::config_store::ConfigStoreError;
use tacho_lake::fault::InjectedFault;
use tacho_lake::ledger::LogsError;
use tacho_lake::ledger::view::ViewError;
use tacho_lake::reader::ReadError;
use tacho_schemas::Digest;

use super::claim::{Claim, ClaimError};
use crate::checkpoint::CheckpointError;
use crate::file_registry::RegistryError;
use crate::leaf::RowError;
use crate::merkle::TreeHead;
use crate::salts::SaltError;
use crate::statement::StatementError;
use crate::tiles::TileError;

/// What next, after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again later.
    Wait,
    /// A person is needed: going on could fork the log.
    Halt,
}

/// Why a window is not anchored.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The lake cannot be read.
    #[error("the lake cannot be read")]
    Lake(#[from] ReadError),
    /// The list of logs cannot be read.
    #[error("the list of logs cannot be read")]
    Logs(#[from] LogsError),
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Ledger(#[from] ViewError),
    /// A data file has other bytes than its commit says.
    #[error("data file {path} was changed after its commit: SHA-256 is {found}, was {expected}")]
    FileChanged {
        /// Path below the lake.
        path: String,
        /// Digest of the commit.
        expected: Digest,
        /// Digest of the bytes.
        found: Digest,
    },
    /// Rows that landing has not put there: those of a window are all of its offsets.
    #[error("data file {path} came with this window and has rows of offsets outside of it: it was not made by landing")]
    OutsideWindow {
        /// Path below the lake.
        path: String,
    },
    /// A row without the record that it belongs to, or a second one: landing makes none.
    #[error("{table} has a row of robot {robot} at {place} that is there twice, or without its one record")]
    Orphan {
        /// Name of the table.
        table: &'static str,
        /// The robot.
        robot: String,
        /// Where in the log.
        place: String,
    },
    /// One table has landed what `records` has not, for longer than any landing takes.
    #[error(
        "{table} has landed more than `records` says, in its version {version} or before, and that for longer than a landing \
         takes: no window can be closed until `records` follows"
    )]
    Ahead {
        /// Name of the table.
        table: &'static str,
        /// The newest version of it that is behind the progress.
        version: i64,
    },
    /// The lake cannot be asked which log it is anchored in.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The lake is anchored in another log.
    #[error(
        "the lake is anchored in the log {claimed}, and this data directory's is {here}: anchor with the data directory of \
         that log, or go on in this one for good with --new-origin"
    )]
    Claimed {
        /// Key of the log that has the lake.
        claimed: String,
        /// Key of the log here, or the origin that it would have.
        here: String,
    },
    /// A row cannot be encoded.
    #[error("rows of {path} cannot be hashed")]
    Row {
        /// Path below the lake.
        path: String,
        /// Why.
        #[source]
        source: RowError,
    },
    /// A window was closed by a later release.
    #[error("window {win_no} has rows of a schema that this release does not know")]
    UnknownSchema {
        /// Number of the window.
        win_no: u64,
    },
    /// A configuration that rows were made under cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigStoreError),
    /// A configuration that rows were made under is not stored.
    #[error("configuration {0} is missing in _config of the lake, and rows were made under it")]
    NoConfig(Digest),
    /// A salt key cannot be had.
    #[error(transparent)]
    Salt(#[from] SaltError),
    /// A tile cannot be written or is not of the tree.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// A statement that was just made cannot be read back.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// What was written is not what was computed: a fault of memory or disk.
    #[error("{what} read back from {} is not what was computed: a fault of memory or disk", path.display())]
    ReadBack {
        /// What.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The tree on disk is not the one that was locked.
    #[error("the tree on disk has root {found} for {size} entries, the lock file has {expected}")]
    NotOfLock {
        /// Size of the tree.
        size: u64,
        /// Root of the tiles.
        found: Digest,
        /// Root of the lock file.
        expected: Digest,
    },
    /// A checkpoint cannot be signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The registry takes nothing, or knows another log.
    #[error("the registry did not accept the tree of {} entries", head.size)]
    Registry {
        /// The tree.
        head: TreeHead,
        /// Why.
        #[source]
        source: RegistryError,
    },
    /// The registry knows less than it has accepted.
    #[error(
        "the registry has lost what was lodged with it: it has accepted a tree of {accepted} entries, and {} holds one of \
         {known}; bring its folder back, or give it the log again with --lodge-anew", path.display()
    )]
    RegistryLost {
        /// Where its checkpoint is due.
        path: PathBuf,
        /// Size of the tree that it has accepted.
        accepted: u64,
        /// Size of the tree that it knows; 0 for none.
        known: u64,
    },
    /// The lake has lost what is anchored.
    #[error(
        "the lake has landed partition {partition} of log {log_id} up to offset {landed}, and anchored it up to {anchored}: \
         the lake is from a backup; bring the newer one back"
    )]
    LakeBehind {
        /// Identity of the log.
        log_id: uuid::Uuid,
        /// Partition.
        partition: i32,
        /// Next offset of the lake.
        landed: i64,
        /// Next offset of the windows.
        anchored: i64,
    },
    /// A file of the log is unreadable.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A later release wrote a file of the log.
    #[error("{} says format {found}, this release knows up to {known}: use a later release", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A fault that a test has set.
    #[error(transparent)]
    Injected(#[from] InjectedFault),
}

impl AnchorError {
    pub(super) fn claimed(claim: &Claim, here: &str) -> Self {
        Self::Claimed { claimed: claim.key.clone(), here: here.to_owned() }
    }

    /// What next.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Lake(_) | Self::Logs(_) | Self::Ledger(_) | Self::Io { .. } | Self::Injected(_) => Verdict::Wait,
            Self::Ahead { .. } | Self::Claim(_) => Verdict::Wait,
            Self::Config(ConfigStoreError::Store(_)) => Verdict::Wait,
            Self::Salt(error) if error.may_pass() => Verdict::Wait,
            Self::Registry { source, .. } if source.may_pass() => Verdict::Wait,
            Self::Tile(TileError::Io { .. }) => Verdict::Wait,
            Self::Claimed { .. }
            | Self::FileChanged { .. }
            | Self::OutsideWindow { .. }
            | Self::Orphan { .. }
            | Self::Row { .. }
            | Self::UnknownSchema { .. }
            | Self::Config(_)
            | Self::NoConfig(_)
            | Self::Tile(_)
            | Self::Statement(_)
            | Self::ReadBack { .. }
            | Self::NotOfLock { .. }
            | Self::Checkpoint(_)
            | Self::Registry { .. }
            | Self::RegistryLost { .. }
            | Self::LakeBehind { .. }
            | Self::Salt(_)
            | Self::NewerFormat { .. }
            | Self::File { .. } => Verdict::Halt,
        }
    }
}

/// Names the file of an I/O error.
pub(crate) fn io_at(path: &Path) -> impl FnOnce(io::Error) -> AnchorError + '_ {
    move |source| AnchorError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_it_is_itself_once_and_without_gaps() {
        let path = || PathBuf::from("registry/heads/7");
        let inner = || io::Error::other("inner");
        let head = TreeHead::empty();
        let in_registry = AnchorError::Registry { head, source: RegistryError::Io { path: path(), source: inner() } };
        for error in [
            AnchorError::Io { path: path(), source: inner() },
            AnchorError::Tile(TileError::Io { path: path(), source: inner() }),
            AnchorError::Salt(SaltError::Io { path: path(), source: inner() }),
            in_registry,
        ] {
            let mut causes = Vec::new();
            let mut next: Option<&dyn std::error::Error> = Some(&error);
            while let Some(cause) = next {
                causes.push(cause.to_string());
                next = cause.source();
            }
            assert_eq!(causes.join(": ").matches("inner").count(), 1, "{causes:?}");
        }
        let lost = AnchorError::RegistryLost { path: path(), accepted: 3, known: 0 };
        assert!(lost.to_string().contains("holds one of 0; bring"), "{lost}");
    }
}
