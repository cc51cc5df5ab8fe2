//! Why an audit ends without a report: something diverges, or it could not be found out.

use std::error::Error;
use std::fmt;
use std::io;

use tacho_lake::reader::ReadError;

use crate::tiles::TileError;

/// Something is not as it was anchored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {what}")]
pub struct Divergence {
    /// What is concerned: a path, or a window, robot and stream epoch.
    pub object: String,
    /// What differs.
    pub what: String,
}

/// Why an audit ends without a report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Something is not as it was anchored, or so damaged that it cannot be told.
    #[error(transparent)]
    Diverges(#[from] Divergence),
    /// There is no lake, or it may not be read.
    #[error("the lake cannot be opened")]
    NoLake(#[source] ReadError),
    /// A file may not be read by this user.
    #[error("{object} may not be read")]
    Denied {
        /// What.
        object: String,
        /// What the system says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A running instance has moved on faster than the audit.
    #[error("{0} was replaced while it was audited; run the audit again, or while nothing lands")]
    Moved(String),
    /// A window of another release.
    #[error("window {win_no} has rows of a schema that this release does not know")]
    Schema {
        /// Number of the window.
        win_no: u64,
    },
}

impl AuditError {
    /// Whether the answer is no; else it could not be found out.
    pub fn is_divergence(&self) -> bool {
        matches!(self, Self::Diverges(_))
    }
}

/// A divergence of an object.
pub(super) fn differs(object: impl fmt::Display, what: impl fmt::Display) -> AuditError {
    AuditError::Diverges(Divergence { object: object.to_string(), what: what.to_string() })
}

/// What cannot be read is damaged, unless it may not be read.
pub(super) fn unreadable(object: impl fmt::Display, error: impl Error + Send + Sync + 'static) -> AuditError {
    match io_kind(&error) {
        Some(io::ErrorKind::PermissionDenied) => {
            AuditError::Denied { object: object.to_string(), source: Box::new(error) }
        }
        _ => differs(object, crate::text::chain(&error)),
    }
}

impl From<TileError> for AuditError {
    fn from(error: TileError) -> Self {
        unreadable("tiles of the log", error)
    }
}

/// The kind of the I/O error among an error's causes.
pub(super) fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = cause.source();
    }
    None
}
