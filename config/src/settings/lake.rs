//! Settings of the lake: how rows are committed, compacted and kept.

use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use super::store::LakeUrl;
use super::written_count;
use crate::section::Section;
use crate::units::{format_bytes, format_duration};

/// The lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeSettings {
    /// Where it lies; `None`: in the folder `lake` of the data directory. See `Settings::lake_url`.
    pub url: Option<LakeUrl>,
    /// Longest time between two commits while there are rows.
    pub commit_interval: Duration,
    /// Raw bytes at which a commit comes before its time.
    pub commit_bytes: usize,
    /// Commits between two checkpoints of a table.
    pub checkpoint_every: u32,
    /// Merging of small files.
    pub compaction: CompactionSettings,
    /// What is kept for how long.
    pub retention: RetentionSettings,
}

/// Merging of small files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionSettings {
    /// Time between two looks at what could be merged.
    pub interval: Duration,
    /// Size that merged files aim at, in bytes.
    pub target_file_bytes: u64,
    /// Fewest small files of a table and day that are worth merging.
    pub min_files: usize,
}

/// What is kept for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionSettings {
    /// How long a file stays on disk after it left the table, for readers of older versions.
    pub keep_removed_files: Duration,
}

impl LakeSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        Self {
            url: LakeUrl::read(s, base_dir),
            commit_interval: s.duration("commit_interval", Duration::from_millis(100)..=Duration::from_secs(30)),
            commit_bytes: s.memory("commit_bytes", 1_000_000..=1 << 30),
            checkpoint_every: s.integer("checkpoint_every", 2..=1_000),
            compaction: super::section(s, "compaction", CompactionSettings::read),
            retention: super::section(s, "retention", RetentionSettings::read),
        }
    }

    pub(super) fn written(&self) -> Table {
        let mut table = Table::from_iter([
            ("commit_interval".to_owned(), Value::from(format_duration(self.commit_interval))),
            ("commit_bytes".to_owned(), Value::from(format_bytes(self.commit_bytes as u64))),
            ("checkpoint_every".to_owned(), Value::from(self.checkpoint_every)),
            ("compaction".to_owned(), Value::Table(self.compaction.written())),
            ("retention".to_owned(), Value::Table(self.retention.written())),
        ]);
        if let Some(url) = &self.url {
            url.write(&mut table);
        }
        table
    }
}

impl CompactionSettings {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            interval: s.duration("interval", Duration::from_secs(1)..=Duration::from_secs(86_400)),
            target_file_bytes: s.bytes("target_file", 1 << 20..=1 << 30),
            min_files: s.integer("min_files", 2..=1_000),
        }
    }

    fn written(&self) -> Table {
        Table::from_iter([
            ("interval".to_owned(), Value::from(format_duration(self.interval))),
            ("target_file".to_owned(), Value::from(format_bytes(self.target_file_bytes))),
            ("min_files".to_owned(), written_count(self.min_files)),
        ])
    }
}

impl RetentionSettings {
    fn read(s: &mut Section<'_>) -> Self {
        // Proofs would have to outlive the rows; until they do, a key that looks as if rows went is refused.
        s.optional("rows_days", "no such key: this release keeps all rows and drops none by age", |_| None::<()>);
        Self {
            keep_removed_files: s
                .duration("keep_removed_files", Duration::from_secs(600)..=Duration::from_secs(3_650 * 86_400)),
        }
    }

    fn written(&self) -> Table {
        Table::from_iter([("keep_removed_files".to_owned(), Value::from(format_duration(self.keep_removed_files)))])
    }
}
