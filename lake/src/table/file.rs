//! Data files: one that was written and waits for its commit, and one that a commit names.

use std::collections::BTreeMap;
use std::sync::Arc;

use tacho_schemas::Digest;

use super::entry::{Add, Remove, TAG_SHA256};
use super::in_flight::Guard;
use super::stats::FileStats;

/// The partition column of every table.
pub(crate) const DAY: &str = "received_day";

/// A data file on disk, synced, that no commit names yet. Dropping all clones leaves an orphan to clean-up.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Path within the table's folder: `received_day=YYYY-MM-DD/<name>.parquet`.
    pub path: String,
    /// Day of receipt, `YYYY-MM-DD`.
    pub received_day: String,
    /// Length, bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Rows and the ranges of some columns.
    pub stats: FileStats,
    /// When it was written, milliseconds since 1970.
    pub written_ms: i64,
    /// Keeps clean-up away.
    pub(crate) _guard: Arc<Guard>,
}

impl NewFile {
    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.stats.rows
    }

    /// The action that makes it part of the table.
    pub(crate) fn add(&self, data_change: bool) -> Add {
        Add {
            path: self.path.clone(),
            partition_values: BTreeMap::from([(DAY.to_owned(), Some(self.received_day.clone()))]),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            modification_time: self.written_ms,
            data_change,
            stats: Some(self.stats.to_json()),
            tags: Some(tags(self.sha256)),
        }
    }
}

/// A data file as a commit names it.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Path within the table's folder, as the commit spells it.
    pub path: String,
    /// Day of receipt, `YYYY-MM-DD`.
    pub received_day: String,
    /// Length, bytes.
    pub size: u64,
    /// SHA-256 that the writer noted; what the bytes have now is for the reader to find out.
    pub sha256: Option<Digest>,
    /// Whether the commit brought its rows into the table; compaction only moves rows.
    pub data_change: bool,
    /// Rows and the ranges of some columns, if the commit has them.
    pub stats: Option<FileStats>,
    /// When it was written, milliseconds since 1970.
    pub written_ms: i64,
}

impl From<&Add> for DataFile {
    fn from(add: &Add) -> Self {
        let day = add.partition_values.get(DAY).and_then(Option::as_deref);
        Self {
            path: add.path.clone(),
            received_day: day.unwrap_or_default().to_owned(),
            size: u64::try_from(add.size).unwrap_or_default(),
            sha256: sha256_of(add.tags.as_ref()),
            data_change: add.data_change,
            stats: add.stats.as_deref().map(|text| FileStats::from_json(text).unwrap_or_else(FileStats::unreadable)),
            written_ms: add.modification_time,
        }
    }
}

impl DataFile {
    /// What its commit says wrongly of it, if its rows give these statistics: by what commits say, readers skip files.
    pub fn misstated(&self, rows: &FileStats) -> Option<String> {
        let day = self.path.split_once('=').and_then(|(column, rest)| Some((column, rest.split_once('/')?.0)));
        if day != Some((DAY, self.received_day.as_str())) {
            return Some(format!("its commit places it in the day {}, its path in another", self.received_day));
        }
        // Without statistics nobody skips it.
        self.stats.as_ref()?.difference(rows)
    }

    /// The action that takes it out of the table.
    pub(crate) fn remove(&self, now_ms: i64, data_change: bool) -> Remove {
        Remove {
            path: self.path.clone(),
            deletion_timestamp: Some(now_ms),
            data_change,
            extended_file_metadata: Some(true),
            partition_values: Some(BTreeMap::from([(DAY.to_owned(), Some(self.received_day.clone()))])),
            size: i64::try_from(self.size).ok(),
            tags: self.sha256.map(tags),
        }
    }
}

fn tags(sha256: Digest) -> BTreeMap<String, Option<String>> {
    BTreeMap::from([(TAG_SHA256.to_owned(), Some(sha256.to_string()))])
}

/// The digest that an action notes of its file.
pub(crate) fn sha256_of(tags: Option<&BTreeMap<String, Option<String>>>) -> Option<Digest> {
    tags?.get(TAG_SHA256)?.as_deref()?.parse().ok()
}
