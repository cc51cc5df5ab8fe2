//! Settings of the spool: where records wait while Kafka is away.

use std::time::Duration;

use toml::{Table, Value};

use crate::section::Section;
use crate::units::{format_bytes, format_duration};

/// Most partitions that a spool has: each batch of its files names all of them.
pub(crate) const PARTITIONS_MAX: i32 = 256;

/// What ingest does while Kafka is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoolMode {
    /// Spools where one process ingests (`tacho up`), holds where others may ingest besides (`tacho ingest`).
    Auto,
    /// Writes what comes to the data directory and acknowledges it.
    Spool,
    /// Acknowledges nothing; devices keep what they have.
    Hold,
}

/// What becomes of a record of the spool that the topic does not take for its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// Its partition waits until the topic takes it.
    Wait,
    /// It becomes a dead letter.
    DeadLetter,
}

/// The spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Whether there is one.
    pub mode: SpoolMode,
    /// A partition whose delivery reports stay away for longer is spooled.
    pub grace: Duration,
    /// Most bytes of its files.
    pub bytes_max: u64,
    /// What becomes of a record that the topic does not take for its size.
    pub too_large: TooLarge,
}

const MODES: [(&str, SpoolMode); 3] =
    [("auto", SpoolMode::Auto), ("spool", SpoolMode::Spool), ("hold", SpoolMode::Hold)];
const TOO_LARGE: [(&str, TooLarge); 2] = [("wait", TooLarge::Wait), ("dead_letter", TooLarge::DeadLetter)];

impl SpoolSettings {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            mode: s.choice("mode", &MODES).unwrap_or(SpoolMode::Auto),
            grace: s.duration("grace", Duration::from_millis(100)..=Duration::from_secs(600)),
            bytes_max: s.bytes("max_bytes", 64 << 20..=1 << 50),
            too_large: s.choice("too_large", &TOO_LARGE).unwrap_or(TooLarge::Wait),
        }
    }

    pub(super) fn written(&self) -> Table {
        let mode = MODES.iter().find(|(_, mode)| *mode == self.mode).map_or("auto", |(name, _)| *name);
        let too_large = TOO_LARGE.iter().find(|(_, too_large)| *too_large == self.too_large);
        let too_large = too_large.map_or("wait", |(name, _)| *name);
        Table::from_iter([
            ("mode".to_owned(), Value::from(mode)),
            ("grace".to_owned(), Value::from(format_duration(self.grace))),
            ("max_bytes".to_owned(), Value::from(format_bytes(self.bytes_max))),
            ("too_large".to_owned(), Value::from(too_large)),
        ])
    }
}
