//! Settings of the lake: how rows are committed, compacted and kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::{written_count, written_path};
use crate::section::Section;
use crate::units::{format_bytes, format_duration};

/// The lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeSettings {
    /// Folder of the lake, which processes with data directories of their own may share; `None`: `lake` in the data
    /// directory. Read it by `Settings::lake_dir`.
    pub url: Option<PathBuf>,
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
        let url = s.optional("url", "the path of a folder, or a URL of one such as \"file:///srv/lake\"", |value| {
            let text = value.as_str()?;
            let path = text.strip_prefix("file://").unwrap_or(text);
            let sound = !path.is_empty() && !path.contains("://") && !path.contains('\0');
            sound.then(|| base_dir.join(path))
        });
        Self {
            url,
            commit_interval: s.duration("commit_interval", Duration::from_millis(100)..=Duration::from_secs(30)),
            commit_bytes: s.memory("commit_bytes", 1_000_000..=1 << 30),
            checkpoint_every: s.integer("checkpoint_every", 2..=1_000),
            compaction: super::section(s, "compaction", CompactionSettings::read),
            retention: super::section(s, "retention", RetentionSettings::read),
        }
    }

    pub(super) fn written(&self) -> Table {
        let url = self.url.iter().map(|folder| ("url".to_owned(), written_path(folder)));
        let others = [
            ("commit_interval".to_owned(), Value::from(format_duration(self.commit_interval))),
            ("commit_bytes".to_owned(), Value::from(format_bytes(self.commit_bytes as u64))),
            ("checkpoint_every".to_owned(), Value::from(self.checkpoint_every)),
            ("compaction".to_owned(), Value::Table(self.compaction.written())),
            ("retention".to_owned(), Value::Table(self.retention.written())),
        ];
        url.chain(others).collect()
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
