//! What the embedded log needs to be told. How these are written in a file is `tacho-config`'s business.

use std::time::Duration;

use super::batch::MAX_BODY_BYTES;
use super::faults::Faults;

/// Most partitions of an embedded log: every batch and index entry carries a vector of them.
pub const MAX_PARTITIONS: i32 = 256;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Settings of an embedded log.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// Number of partitions, 1–256; must be the log's own when it exists already.
    pub partitions: i32,
    /// A segment is sealed when it has this many bytes, 4 KiB–1 GiB.
    pub segment_bytes: u64,
    /// Released segments go, oldest first, while the log has more bytes than this. `None`: bytes delete nothing.
    pub retention_bytes: Option<u64>,
    /// Released segments go when all their records were received longer ago than this. `None`: age deletes nothing.
    pub retention_age: Option<Duration>,
    /// Most bytes of one group commit, and so of one appended batch, 4 KiB–64 MiB.
    pub max_group_bytes: usize,
    /// Most bytes that wait to be written; then appending waits. At least `max_group_bytes`, at most 1 GiB.
    pub max_pending_bytes: usize,
    /// Most bytes of durable groups that are kept in memory for readers near the head.
    pub feed_bytes: usize,
    /// First pause before a failed storage is probed; it doubles up to twenty times this.
    pub probe_pause: Duration,
    /// Faults for tests.
    pub faults: Faults,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self {
            partitions: 8,
            segment_bytes: 64 * MIB,
            retention_bytes: None,
            retention_age: None,
            max_group_bytes: 4 * 1024 * 1024,
            max_pending_bytes: 64 * 1024 * 1024,
            feed_bytes: 32 * 1024 * 1024,
            probe_pause: Duration::from_millis(250),
            faults: Faults::none(),
        }
    }
}

/// A setting outside of what the log can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value} is outside of {from}..={to}")]
pub struct SettingsError {
    /// Name of the setting.
    pub key: &'static str,
    /// Its value.
    pub value: u64,
    /// Least value.
    pub from: u64,
    /// Greatest value.
    pub to: u64,
}

impl EmbeddedSettings {
    /// Checks every limit.
    ///
    /// # Errors
    /// The first setting outside of its limits.
    pub fn check(&self) -> Result<(), SettingsError> {
        let as_u64 = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let partitions = u64::try_from(self.partitions).unwrap_or(0);
        let group = as_u64(self.max_group_bytes);
        let within = |key, value, from, to| match (from..=to).contains(&value) {
            true => Ok(()),
            false => Err(SettingsError { key, value, from, to }),
        };
        within("partitions", partitions, 1, u64::from(MAX_PARTITIONS.unsigned_abs()))?;
        within("segment_bytes", self.segment_bytes, 4 * KIB, 1024 * MIB)?;
        within("max_group_bytes", group, 4 * KIB, u64::from(MAX_BODY_BYTES))?;
        within("max_pending_bytes", as_u64(self.max_pending_bytes), group, 1024 * MIB)
    }
}
