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
    /// The store of the lake does not answer.
    #[error("{object} cannot be reached")]
    OutOfReach {
        /// What.
        object: String,
        /// What the store's client says.
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

/// What cannot be read is damaged, unless it may not be read, or its store does not answer.
pub(super) fn unreadable(object: impl fmt::Display, error: impl Error + Send + Sync + 'static) -> AuditError {
    if is_out_of_reach(&error) {
        return AuditError::OutOfReach { object: object.to_string(), source: Box::new(error) };
    }
    match io_kind(&error) {
        Some(io::ErrorKind::PermissionDenied) => {
            AuditError::Denied { object: object.to_string(), source: Box::new(error) }
        }
        _ => differs(object, tacho_schemas::chain(&error)),
    }
}

impl From<TileError> for AuditError {
    fn from(error: TileError) -> Self {
        unreadable("tiles of the log", error)
    }
}

/// The kind of the I/O error among an error's causes; object stores have their own names for two of them.
pub(super) fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    causes(error).find_map(|cause| match cause.downcast_ref::<object_store::Error>() {
        Some(object_store::Error::NotFound { .. }) => Some(io::ErrorKind::NotFound),
        Some(object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) => {
            Some(io::ErrorKind::PermissionDenied)
        }
        _ => cause.downcast_ref::<io::Error>().map(io::Error::kind),
    })
}

/// Whether an object store gave no answer, or none that says anything of the object.
fn is_out_of_reach(error: &(dyn Error + 'static)) -> bool {
    let of_client = |cause: &(dyn Error + 'static)| {
        matches!(cause.downcast_ref(), Some(object_store::Error::Generic { store: "S3", .. }))
    };
    causes(error).any(of_client)
}

/// The error and what it was caused by.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}
