//! The lock file: the one place that says what the tree is, replaced as a whole.
//!
//! A window is in the log from the moment when the lock file names its tree; tiles, checkpoint and registry follow,
//! and can be made again from what the lock file holds.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tacho_lake::ledger::Counts;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use uuid::Uuid;

use super::AnchorError;
use super::error::io_at;
use crate::durable::{self, Access};
use crate::merkle::{TreeHead, empty_root};
use crate::salts::SyncedMonths;
use crate::text::{from_base64, to_base64};

/// Offsets `from..to` of a partition of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRange {
    /// Identity of the log.
    pub log_id: Uuid,
    /// Counts the logs of the lake.
    pub log_epoch: i64,
    /// Partition.
    pub partition: i32,
    /// First offset.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
}

/// What became of all records up to some progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Landed.
    pub landed: u64,
    /// Recognised as there already.
    pub duplicate: u64,
    /// Dead letters.
    pub rejected: u64,
}

impl From<Counts> for Counted {
    fn from(Counts { landed, duplicate, rejected }: Counts) -> Self {
        Self { landed, duplicate, rejected }
    }
}

/// What the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Origin of the log.
    pub origin: String,
    /// Size of the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Digest,
    /// Number of the next window.
    pub next_win_no: u64,
    /// Leaf hash of the last window's statement.
    pub last_window: Option<Digest>,
    /// Root over the heads of all robots with that window.
    #[serde(default)]
    pub heads_root: Option<Digest>,
    /// All partitions of all logs: anchored up to `to`.
    pub progress: Vec<LogRange>,
    /// Delta version of each table that the last window has read; -1 before the first.
    #[serde(with = "versions")]
    pub versions: Tables<i64>,
    /// Counts of the ledger at that version of `records`.
    pub totals: Counted,
    /// How much of each month's file of salt keys the leaves so far may have used: without it they cannot be computed
    /// again.
    #[serde(default)]
    pub salts: SyncedMonths,
    /// Evidence of a registry that was ahead when this log began: SHA-256 of its signed checkpoint.
    pub begun_beside: Option<Digest>,
    /// When a registry that had lost what was lodged with it was given the log anew, at an operator's word.
    #[serde(default)]
    pub lodged_anew: Vec<LodgedAnew>,
    /// Size of the tree before the last append, and its entries in base64, until all of it is published.
    pub unpublished: Option<Unpublished>,
}

/// A registry had lost what it had accepted, and was given the log anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LodgedAnew {
    /// When, Unix microseconds UTC.
    pub at_us: i64,
    /// Size of the tree that it had accepted.
    pub accepted: u64,
    /// Size of the tree that it still knew; 0 for none.
    pub known: u64,
}

/// An append that is locked and perhaps not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpublished {
    pub(crate) old_size: u64,
    pub(super) old_root: Digest,
    entries: Vec<String>,
}

impl Unpublished {
    pub(super) fn new(old: &TreeHead, entries: &[Vec<u8>]) -> Self {
        let entries = entries.iter().map(|entry| to_base64(entry)).collect();
        Self { old_size: old.size, old_root: old.root, entries }
    }

    /// The tree before the append.
    pub(crate) fn old(&self) -> TreeHead {
        TreeHead { size: self.old_size, root: self.old_root }
    }

    /// The entries of the append.
    pub(crate) fn entries(&self, dir: &Path) -> Result<Vec<Vec<u8>>, AnchorError> {
        let decoded: Option<Vec<_>> = self.entries.iter().map(|entry| from_base64(entry)).collect();
        decoded.ok_or_else(|| unreadable(&path_in(dir), "an unpublished entry is no base64"))
    }
}

impl Lock {
    /// The lock of a log without entries.
    pub(super) fn beginning(origin: String) -> Self {
        Self {
            origin,
            size: 0,
            root: empty_root(),
            next_win_no: 0,
            last_window: None,
            heads_root: None,
            progress: Vec::new(),
            versions: Tables([-1; 8]),
            totals: Counted::default(),
            salts: SyncedMonths::new(),
            begun_beside: None,
            lodged_anew: Vec::new(),
            unpublished: None,
        }
    }

    /// The tree.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root }
    }

    /// The tree that is published whole, and that the registry has accepted: an append is cleared after both.
    pub fn lodged(&self) -> TreeHead {
        self.unpublished.as_ref().map_or_else(|| self.head(), Unpublished::old)
    }

    /// Up to which offset a partition of a log is anchored.
    pub(super) fn anchored(&self, (log_id, partition): (Uuid, i32)) -> i64 {
        let known = self.progress.iter().find(|known| known.log_id == log_id && known.partition == partition);
        known.map_or(0, |known| known.to)
    }

    /// Reads the lock file of a log; `None` if there is no log yet.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(dir: &Path) -> Result<Option<Self>, AnchorError> {
        read_json(&path_in(dir))
    }

    /// Replaces the lock file.
    pub(super) fn write(&self, dir: &Path) -> Result<(), AnchorError> {
        write_json(&path_in(dir), self)
    }
}

/// Per table, the Delta version that the last window of a data directory has read: what had landed up to it must be
/// there as long as the log is. `None` before the first window.
///
/// # Errors
/// A lock file that cannot be read.
pub fn anchored_versions(data_dir: &Path) -> Result<Tables<Option<i64>>, AnchorError> {
    let lock = Lock::read(&data_dir.join("registry"))?;
    let version = |table| lock.as_ref().map(|lock| *lock.versions.get(table)).filter(|version| *version >= 0);
    Ok(Tables::from_fn(version))
}

pub(crate) fn path_in(dir: &Path) -> PathBuf {
    dir.join("lock.json")
}

/// Version of the files beside the lock file, and of itself. A later one is refused: what it says more would be lost.
const FORMAT: u32 = 1;

/// What stands in such a file.
#[derive(Serialize)]
struct Versioned<'a, T> {
    format: u32,
    #[serde(flatten)]
    value: &'a T,
}

/// A JSON file with the digest of its content in front, so that a changed byte is noticed.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), AnchorError> {
    let text = serde_json::to_string_pretty(&Versioned { format: FORMAT, value })
        .map_err(|error| unreadable(path, &error.to_string()))?;
    let file = format!("{}\n{text}\n", Digest::of(text.as_bytes()));
    durable::replace(path, file.as_bytes(), Access::Shared).map_err(io_at(path))
}

/// Reads such a file; `None` if it is not there.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, AnchorError> {
    #[derive(Deserialize)]
    struct Version {
        format: Option<u32>,
    }
    let file = match std::fs::read_to_string(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_at(path)(error)),
    };
    let (digest, text) = file.split_once('\n').ok_or_else(|| unreadable(path, "it is cut short"))?;
    let text = text.strip_suffix('\n').ok_or_else(|| unreadable(path, "it is cut short"))?;
    if digest != Digest::of(text.as_bytes()).to_string() {
        return Err(unreadable(path, "its content is not what its first line says"));
    }
    let malformed = |error: serde_json::Error| unreadable(path, &error.to_string());
    let Version { format } = serde_json::from_str(text).map_err(malformed)?;
    match format {
        Some(found) if found > FORMAT => Err(AnchorError::NewerFormat { path: path.to_owned(), found, known: FORMAT }),
        // The first release wrote none.
        _ => serde_json::from_str(text).map(Some).map_err(malformed),
    }
}

pub(crate) fn unreadable(path: &Path, why: &str) -> AnchorError {
    AnchorError::File { path: path.to_owned(), why: why.to_owned() }
}

/// Versions by table as a list in the order of `Table::ALL`.
pub(super) mod versions {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use tacho_schemas::processed::Tables;

    pub(crate) fn serialize<S: Serializer>(versions: &Tables<i64>, serializer: S) -> Result<S::Ok, S::Error> {
        versions.0.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tables<i64>, D::Error> {
        <[i64; 8]>::deserialize(deserializer).map(Tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(path: &Path, change: impl FnOnce(&str) -> String) {
        let file = std::fs::read_to_string(path).unwrap();
        let (_, text) = file.split_once('\n').unwrap();
        let text = change(text.strip_suffix('\n').unwrap());
        std::fs::write(path, format!("{}\n{text}\n", Digest::of(text.as_bytes()))).unwrap();
    }

    #[test]
    fn a_lock_file_of_a_later_release_is_refused_and_one_of_the_first_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::beginning("log.example/1".to_owned());
        lock.write(dir.path()).unwrap();
        assert_eq!(Lock::read(dir.path()).unwrap().as_ref(), Some(&lock));
        let path = path_in(dir.path());
        rewrite(&path, |text| text.replace("\"format\": 1,\n", ""));
        assert_eq!(Lock::read(dir.path()).unwrap(), Some(lock), "the first release wrote no format");
        rewrite(&path, |text| text.replacen('{', "{ \"format\": 2, \"shards\": 3,", 1));
        let refused = Lock::read(dir.path()).unwrap_err();
        assert!(matches!(refused, AnchorError::NewerFormat { found: 2, .. }), "{refused}");
        assert!(refused.to_string().contains("use a later release"), "{refused}");
    }
}
