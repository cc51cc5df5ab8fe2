//! Copies of dead letters for other programs. The table `rejected` is exact; copies are made at least once, and their keys
//! tell which are the same.

use bytes::Bytes;
use tacho_schemas::RobotKey;

/// A copy of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterCopy {
    /// Partition of the rejected record.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its place within the raw record.
    pub ordinal: i64,
    /// The robot that it is counted for.
    pub robot: RobotKey,
    /// Why it was rejected: a word of a closed set.
    pub reason: String,
    /// JSON pointer to what is wrong.
    pub pointer: String,
    /// The bytes as published, as far as they are kept.
    pub payload: Bytes,
}
