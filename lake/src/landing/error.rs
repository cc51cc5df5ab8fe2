//! What can stand in the way of opening a lake for a log and of landing a batch, and what next.

use std::ops::Range;

use arrow::error::ArrowError;
use tacho_schemas::Digest;
use tacho_schemas::table::Table;
use uuid::Uuid;

use super::decide::digest_text;
use crate::fault::InjectedFault;
use crate::ledger::{LedgerError, LogsError};
use crate::table::{self, CommitError, LogError, WriteError};

/// What next, after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Wait for the disk or the store, then go on from the progress.
    Wait,
    /// Go on from the progress at once.
    Retry,
    /// A person is needed: going on would do harm.
    Halt,
}

/// Why a lake is not opened for a log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The lake has taken records from another log until now.
    #[error(
        "the lake follows log {lake}, not log {log}: bring that log back, or accept the new one with --new-log, \
         which gives up what has not landed from the old one"
    )]
    OtherLog {
        /// The lake's present log.
        lake: Uuid,
        /// The log at hand.
        log: Uuid,
    },
    /// The lake has followed this log and left it for another.
    #[error("the lake has left log {log} for log {lake} and does not go back: use the lake with that log")]
    FormerLog {
        /// The lake's present log.
        lake: Uuid,
        /// The log at hand.
        log: Uuid,
    },
    /// The log has another number of partitions than before.
    #[error("log {log} has {found} partitions, the lake knows it with {known}: the number is fixed for a log's life")]
    Partitions {
        /// The log.
        log: Uuid,
        /// Partitions that the lake knows.
        known: i32,
        /// Partitions that the log says.
        found: i32,
    },
    /// `records` has commits, but the list of logs is gone.
    #[error(
        "_ledger/logs.json is missing though records is at version {version}: restore the folder _ledger from a backup"
    )]
    LogsMissing {
        /// Version of `records`.
        version: i64,
    },
    /// The list of logs cannot be read or written.
    #[error(transparent)]
    Logs(#[from] LogsError),
    /// A table cannot be opened.
    #[error(transparent)]
    Table(#[from] table::OpenError),
    /// The lake cannot be read or written.
    #[error(transparent)]
    Land(#[from] LandError),
    /// The store that it lies on does not answer, or cannot be relied on.
    #[error("the store of the lake")]
    Store(#[from] object_store::Error),
}

/// Why a batch has not landed.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// Steps do not go on where the partition stands.
    #[error("steps of partition {partition} begin at offset {}, but {expected} is next", found.start)]
    OutOfOrder {
        /// Partition of the log.
        partition: i32,
        /// The next offset.
        expected: i64,
        /// Offsets of the step.
        found: Range<i64>,
    },
    /// Another process holds the partition, or none.
    #[error("partition {partition} is not held by this process")]
    NotHeld {
        /// Partition of the log.
        partition: i32,
    },
    /// The steps were processed under another configuration than the one in force.
    #[error(
        "rows of partition {partition} from offset {offset} on are of configuration {of_rows}, in force is {}",
        digest_text(in_force.as_ref())
    )]
    Configuration {
        /// Partition of the log.
        partition: i32,
        /// First offset of the step.
        offset: i64,
        /// Configuration in force.
        in_force: Option<Digest>,
        /// Configuration of the rows.
        of_rows: Digest,
    },
    /// Entries of a step are not in the order of the log, or outside of its offsets.
    #[error("entries of partition {partition} are out of order at offset {offset}")]
    Disorder {
        /// Partition of the log.
        partition: i32,
        /// Offset of the entry.
        offset: i64,
    },
    /// A step has another number of rows than its entries say.
    #[error("step at offset {offset} of partition {partition} has {found} rows of {}, its entries say {expected}", table.name())]
    Rows {
        /// Partition of the log.
        partition: i32,
        /// First offset of the step.
        offset: i64,
        /// Table.
        table: Table,
        /// Rows that the entries say.
        expected: usize,
        /// Rows that are there.
        found: usize,
    },
    /// Rows do not have their table's schema.
    #[error("rows of {}", table.name())]
    Arrow {
        /// Table.
        table: Table,
        /// Why.
        #[source]
        source: ArrowError,
    },
    /// Another process was first with these partitions: they are given up.
    #[error("another process lands the partitions {partitions:?}")]
    Fenced {
        /// Partitions of the log.
        partitions: Vec<i32>,
    },
    /// The lake has taken up another log since this landing was opened.
    #[error("the lake has left log {log} for another: nothing of it lands any more")]
    LogLeft {
        /// The log of this landing.
        log: Uuid,
    },
    /// Others commit to a table so often that no attempt succeeded.
    #[error("{attempts} commits to {} lost against others", table.name())]
    Contended {
        /// Table.
        table: Table,
        /// Attempts.
        attempts: u32,
    },
    /// `records` has the progress of a partition without its ledger, or the reverse.
    #[error(
        "records names no progress and ledger of partition {partition} of the log: the table was written by something else"
    )]
    Unnamed {
        /// Partition of the log.
        partition: i32,
    },
    /// A ledger snapshot cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A data file cannot be written.
    #[error("data file of {}", table.name())]
    Write {
        /// Table.
        table: Table,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// A table cannot be read.
    #[error("reading {}", table.name())]
    Refresh {
        /// Table.
        table: Table,
        /// Why.
        #[source]
        source: table::OpenError,
    },
    /// A table cannot be committed to.
    #[error("commit to {}", table.name())]
    Commit {
        /// Table.
        table: Table,
        /// Why.
        #[source]
        source: CommitError,
    },
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
}

impl LandError {
    /// What next.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::OutOfOrder { .. } | Self::NotHeld { .. } | Self::Fenced { .. } | Self::Contended { .. } => {
                Verdict::Retry
            }
            Self::Configuration { .. }
            | Self::Disorder { .. }
            | Self::Rows { .. }
            | Self::Arrow { .. }
            | Self::Unnamed { .. }
            | Self::LogLeft { .. }
            | Self::Ledger(LedgerError::Snapshot { .. }) => Verdict::Halt,
            Self::Ledger(LedgerError::Store { .. }) => Verdict::Wait,
            Self::Write { source, .. } => verdict_of_write(source),
            Self::Refresh { source, .. } => verdict_of_open(source),
            Self::Commit { source, .. } => verdict_of_commit(source),
            Self::Fault(_) => Verdict::Retry,
        }
    }
}

fn verdict_of_commit(error: &CommitError) -> Verdict {
    match error {
        CommitError::Fenced { .. }
        | CommitError::Stale { .. }
        | CommitError::Reload { .. }
        | CommitError::Removed { .. }
        | CommitError::TooOld { .. }
        | CommitError::Fault(_) => Verdict::Retry,
        CommitError::Full { .. } | CommitError::Store(_) | CommitError::Log(LogError::Store(_)) => Verdict::Wait,
        CommitError::Log(_) => Verdict::Halt,
    }
}

fn verdict_of_write(error: &WriteError) -> Verdict {
    match error {
        WriteError::Store(_) => Verdict::Wait,
        WriteError::Fault(_) => Verdict::Retry,
        WriteError::Schema { .. }
        | WriteError::Day(_)
        | WriteError::Arrow(_)
        | WriteError::Parquet(_)
        | WriteError::Stopped(_) => Verdict::Halt,
    }
}

fn verdict_of_open(error: &table::OpenError) -> Verdict {
    match error {
        table::OpenError::Store(_) | table::OpenError::Log(LogError::Store(_)) => Verdict::Wait,
        table::OpenError::Crowded { .. } => Verdict::Retry,
        table::OpenError::Log(_)
        | table::OpenError::Folder(_)
        | table::OpenError::ConfirmedDamaged { .. }
        | table::OpenError::ConfirmedGone { .. }
        | table::OpenError::NotOurs { .. } => Verdict::Halt,
    }
}
