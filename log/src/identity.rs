//! Which log this is: offsets mean nothing without it.

use uuid::Uuid;

/// Names a log for its whole life; the lake refuses offsets of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogIdentity {
    /// Drawn when the log was created.
    pub log_id: Uuid,
    /// Number of partitions, fixed when the log was created.
    pub partitions: i32,
}
