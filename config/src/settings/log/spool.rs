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

/// The spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Whether there is one.
    pub mode: SpoolMode,
    /// A partition whose delivery reports stay away for longer is spooled.
    pub grace: Duration,
    /// Most bytes of its files.
    pub bytes_max: u64,
}

const MODES: [(&str, SpoolMode); 3] =
    [("auto", SpoolMode::Auto), ("spool", SpoolMode::Spool), ("hold", SpoolMode::Hold)];

impl SpoolSettings {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            mode: s.choice("mode", &MODES).unwrap_or(SpoolMode::Auto),
            grace: s.duration("grace", Duration::from_millis(100)..=Duration::from_secs(600)),
            bytes_max: s.bytes("max_bytes", 64 << 20..=1 << 50),
        }
    }

    pub(super) fn written(&self) -> Table {
        let mode = MODES.iter().find(|(_, mode)| *mode == self.mode).map_or("auto", |(name, _)| *name);
        Table::from_iter([
            ("mode".to_owned(), Value::from(mode)),
            ("grace".to_owned(), Value::from(format_duration(self.grace))),
            ("max_bytes".to_owned(), Value::from(format_bytes(self.bytes_max))),
        ])
    }
}
