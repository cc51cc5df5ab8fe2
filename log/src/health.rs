//! Whether the log takes appends, and how far it is durable.

use std::sync::Arc;

/// Whether the log takes appends; feeds readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Appends are taken.
    Ready,
    /// Appends are refused until a probe of the storage succeeds, or wait until Kafka answers; reading goes on.
    Failing {
        /// What was tried on which file, and the error.
        reason: Arc<str>,
        /// No space is left (or the quota is used up): it recovers when there is space again.
        disk_full: bool,
    },
    /// Nothing can be appended until the log is opened anew.
    Ended {
        /// What has happened.
        reason: Arc<str>,
    },
    /// The log was closed.
    Closed,
}

impl Health {
    /// Whether appends are taken.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// How far the log is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Per partition, the offset of the next durable record; all below are durable.
    pub next_offsets: Arc<[i64]>,
    /// The log was closed: nothing comes after.
    pub closed: bool,
}
