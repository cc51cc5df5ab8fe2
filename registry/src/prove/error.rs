//! Why a row has no proof.

use tacho_lake::ledger::LogsError;
use tacho_lake::ledger::view::ViewError;
use tacho_lake::reader::ReadError;

use crate::anchorer::AnchorError;
use crate::leaf::RowError;
use crate::merkle::ProofError;
use crate::proof::VerifyError;
use crate::published::PublishedError;
use crate::salts::SaltError;
use crate::statement::StatementError;
use crate::tiles::TileError;

/// Why a row has no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// Rows of this table are no leaves.
    #[error("rows of {0} have no proofs: they follow from the other tables")]
    NoLeaves(&'static str),
    /// There is no such row.
    #[error("{asked}: no such row; {exists}")]
    NoRow {
        /// What was asked for.
        asked: String,
        /// What there is instead.
        exists: String,
    },
    /// The record has rows in this table, and none with this key.
    #[error("{asked} has no row {component:?}; there are: {exist}")]
    NoComponent {
        /// What was asked for.
        asked: String,
        /// The key that was asked for.
        component: String,
        /// The keys that there are.
        exist: String,
    },
    /// The record has several rows in this table.
    #[error("{asked} has several rows; say which: {exist}")]
    Several {
        /// What was asked for.
        asked: String,
        /// The keys that there are.
        exist: String,
    },
    /// No window was anchored yet.
    #[error("nothing is anchored yet")]
    NothingAnchored,
    /// The row is younger than the last window.
    #[error("{0} has landed and is not yet anchored: its window is still open")]
    NotAnchored(String),
    /// The rows of the segment are not those that were anchored.
    #[error("{0}; `tacho audit` says what else was changed")]
    Changed(String),
    /// The log cannot be read.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// A tile cannot be read, or is not of the tree.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// An entry of the log is malformed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The segments cannot be read, or rows not hashed.
    #[error(transparent)]
    Log(#[from] AnchorError),
    /// The lake cannot be read.
    #[error("the lake cannot be read")]
    Lake(#[from] ReadError),
    /// The list of logs cannot be read.
    #[error("the list of logs cannot be read")]
    Logs(#[from] LogsError),
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Ledger(#[from] ViewError),
    /// The row cannot be encoded.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A salt key is missing.
    #[error(transparent)]
    Salt(#[from] SaltError),
    /// A place that is not in its tree.
    #[error(transparent)]
    Tree(ProofError),
    /// The finished proof does not hold.
    #[error("the proof that was made does not hold")]
    Verify(#[from] VerifyError),
}

impl ProveError {
    /// Whether the answer is no: the lake was read, and has no such row, or one that no window holds yet, or not the one
    /// that was anchored. Else it could not be found out.
    pub fn is_no(&self) -> bool {
        match self {
            Self::NoRow { .. }
            | Self::NoComponent { .. }
            | Self::Several { .. }
            | Self::NothingAnchored
            | Self::NotAnchored(_)
            | Self::Changed(_) => true,
            Self::NoLeaves(_)
            | Self::Published(_)
            | Self::Tile(_)
            | Self::Statement(_)
            | Self::Log(_)
            | Self::Lake(_)
            | Self::Logs(_)
            | Self::Ledger(_)
            | Self::Row(_)
            | Self::Salt(_)
            | Self::Tree(_)
            | Self::Verify(_) => false,
        }
    }
}
