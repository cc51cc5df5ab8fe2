//! Appending to a log in tiles: which files change, computed from the tree that is there and the new entries, so
//! that doing it again after a crash gives the same bytes. Nothing is written before the whole is computed.

use std::fs;
use std::io;
use std::path::PathBuf;

use tacho_schemas::Digest;

use super::store::at;
use super::{
    BundleError, MAX_ENTRY_BYTES, TILE_HEIGHT, TILE_WIDTH, TileError, TileKind, TilePath, TileStore, changed_tiles,
    encode_bundle, level_width,
};
use crate::merkle::{CompactRange, Node, TreeHead, leaf_hash};

/// What appending entries changes: computed, not yet written. The same entries on the same tree give the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The tree with the entries.
    pub head: TreeHead,
    /// Its right edge.
    pub edge: CompactRange,
    /// Files to write, bundles first.
    pub files: Vec<(TilePath, Vec<u8>)>,
}

impl TileStore {
    /// Writes all files of an append.
    ///
    /// # Errors
    /// [`TileError::Io`]; what was written before stays, and writing again completes it.
    pub fn publish(&self, staged: &Staged) -> Result<(), TileError> {
        staged.files.iter().try_for_each(|(tile, bytes)| self.write(tile, bytes))
    }

    /// Computes what appending `entries` to the tree `old` changes. Reads and verifies the right edge.
    ///
    /// # Errors
    /// [`TileError::NotOfTree`] if what is on disk is not `old`.
    pub fn stage<T: AsRef<[u8]>>(&self, old: &TreeHead, entries: &[T]) -> Result<Staged, TileError> {
        if let Some(long) = entries.iter().map(|entry| entry.as_ref().len()).find(|len| *len > MAX_ENTRY_BYTES) {
            return Err(TileError::Refused(BundleError::EntryTooLong(long).to_string()));
        }
        let mut edge = self.edge(old)?;
        let hashes: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry.as_ref())).collect();
        let mut growing = self.growing(old)?;
        for leaf in &hashes {
            edge.push_with(*leaf, |node, hash| {
                if node.level % TILE_HEIGHT == 0 {
                    growing.push(node.level / TILE_HEIGHT, *hash);
                }
            });
        }
        let head = edge.head();
        let mut files = Vec::new();
        for tile in changed_tiles(old.size, head.size) {
            let bytes = match tile.kind() {
                TileKind::Entries => self.grown_bundle(&tile, old.size, entries)?,
                TileKind::Hashes(level) => growing.tile(level, &tile),
            };
            files.push((tile, bytes));
        }
        Ok(Staged { head, edge, files })
    }

    /// Removes the partial tiles whose full tile was published when the tree grew from `old` to `new` leaves.
    ///
    /// # Errors
    /// [`TileError::Io`].
    pub fn remove_superseded(&self, old: u64, new: u64) -> Result<(), TileError> {
        for tile in changed_tiles(old, new).into_iter().filter(TilePath::is_full) {
            let mut folder = self.file(&tile).into_os_string();
            folder.push(".p");
            let folder = PathBuf::from(folder);
            match fs::remove_dir_all(&folder) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(at(&folder)(source));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn growing(&self, old: &TreeHead) -> Result<Growing, TileError> {
        let mut growing = Growing { levels: Vec::new() };
        for level in 0.. {
            let in_level = level_width(level, old.size);
            if in_level == 0 {
                break;
            }
            let (index, width) = (in_level / TILE_WIDTH, in_level % TILE_WIDTH);
            let tile = TilePath::new(TileKind::Hashes(level), index, width);
            let hashes = if width == 0 { Vec::new() } else { self.hashes(&tile)? };
            growing.levels.push((index * TILE_WIDTH, hashes));
        }
        Ok(growing)
    }

    /// The bundle with those of the new entries that fall into it.
    fn grown_bundle<T: AsRef<[u8]>>(&self, tile: &TilePath, old: u64, entries: &[T]) -> Result<Vec<u8>, TileError> {
        let start = tile.index() * TILE_WIDTH;
        let there = old.saturating_sub(start).min(TILE_WIDTH);
        let mut all = Vec::new();
        if there > 0 {
            let bundle = TilePath::new(TileKind::Entries, tile.index(), there);
            for (index, entry) in (start..).zip(self.bundle(&bundle)?) {
                if leaf_hash(&entry) != self.hash(Node { level: 0, index }, old)? {
                    let hashes = TilePath::new(TileKind::Hashes(0), tile.index(), there);
                    return Err(TileError::Entry { path: self.file(&bundle), hashes: self.file(&hashes), index });
                }
                all.push(entry);
            }
        }
        let first = usize::try_from((start + there).saturating_sub(old)).unwrap_or(usize::MAX);
        let more = usize::try_from(tile.width() - there).unwrap_or(0);
        all.extend(entries.iter().skip(first).take(more).map(|entry| entry.as_ref().to_vec()));
        encode_bundle(&all).map_err(|source| TileError::Bundle { path: self.file(tile), source })
    }
}

/// The hashes of each level from the start of its last tile on.
struct Growing {
    levels: Vec<(u64, Vec<Digest>)>,
}

impl Growing {
    fn push(&mut self, level: u8, hash: Digest) {
        if self.levels.len() <= usize::from(level) {
            self.levels.push((0, Vec::new()));
        }
        self.levels[usize::from(level)].1.push(hash);
    }

    fn tile(&self, level: u8, tile: &TilePath) -> Vec<u8> {
        let (start, hashes) = &self.levels[usize::from(level)];
        let first = usize::try_from(tile.index() * TILE_WIDTH - start).unwrap_or(usize::MAX);
        let width = usize::try_from(tile.width()).unwrap_or(0);
        hashes.iter().skip(first).take(width).flat_map(|hash| hash.0).collect()
    }
}
