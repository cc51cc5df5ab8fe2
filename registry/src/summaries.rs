//! What was anchored, window by window, as the view `anchors` shows it.

use std::path::Path;

use crate::anchorer::{AnchorError, Lock};
use crate::file_registry::FileRegistry;
use crate::key;
use crate::published;
use crate::statement::{Statement as _, WindowStatement};
use crate::tiles::TileStore;

/// One anchored window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorSummary {
    /// Number of the window, from 0.
    pub window: i64,
    /// Index of its statement in the log.
    pub log_index: i64,
    /// Records received.
    pub received: i64,
    /// Records landed.
    pub landed: i64,
    /// Duplicates.
    pub duplicate: i64,
    /// Dead letters.
    pub rejected: i64,
    /// Rows of all tables.
    pub rows: i64,
    /// Segments.
    pub segments: i64,
    /// Data files.
    pub files: i64,
    /// Leaf hash of the statement, hexadecimal.
    pub leaf_hash: String,
    /// Size of the tree with this statement that a registry has accepted; `None` if none has yet.
    pub anchored_tree_size: Option<i64>,
}

/// The windows of a data directory, in order; none before the first.
///
/// # Errors
/// What of the log cannot be read.
pub fn summaries(data_dir: &Path, registry_dir: &Path) -> Result<Vec<AnchorSummary>, AnchorError> {
    let dir = data_dir.join("registry");
    let Some(lock) = Lock::read(&dir)? else { return Ok(Vec::new()) };
    let accepted = accepted_size(data_dir, registry_dir, &lock);
    let tiles = TileStore::new(&dir);
    let windows = published::windows(&tiles, lock.lodged().size);
    windows.map(|window| window.map(|(index, window)| summary(&window, index, accepted))).collect()
}

/// Size of the tree that the registry has, if it has one that can be read.
fn accepted_size(data_dir: &Path, registry_dir: &Path, lock: &Lock) -> Option<u64> {
    let key = key::load(&data_dir.join("keys")).ok()?;
    let head = FileRegistry::new(registry_dir).head(&lock.origin, key.verifier()).ok()??;
    Some(head.size)
}

fn summary(window: &WindowStatement, index: u64, accepted: Option<u64>) -> AnchorSummary {
    let int = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    AnchorSummary {
        window: int(window.win_no),
        log_index: int(index),
        received: int(window.counts.received),
        landed: int(window.counts.landed),
        duplicate: int(window.counts.duplicate),
        rejected: int(window.counts.rejected),
        rows: int(window.counts.rows.iter().sum()),
        segments: int(window.n_segs),
        files: int(window.n_files),
        leaf_hash: window.leaf_hash().to_string(),
        anchored_tree_size: accepted.filter(|size| *size > index).map(int),
    }
}
