//! A log's tiles in a folder. Writing is temp file, fsync, rename, fsync of the folder; reading checks what can be
//! checked of one file, and every answer is checked against the tree head that it is for.
//!
//! One writer. Which head is the log's present one, and that it is signed only after its tiles are published,
//! is the caller's business: this store trusts the head that it is given and nothing that it reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tacho_schemas::Digest;

use super::{
    BundleError, HASH_BYTES, MAX_ENTRY_BYTES, TILE_HEIGHT, TILE_WIDTH, TileKind, TilePath, decode_bundle, tile_width,
};
use crate::durable::{self, Access};
use crate::merkle::{
    CompactRange, Node, ProofError, TreeHead, consistency, inclusion, leaf_hash, perfect_subtrees, range_hash, root,
};

/// Why tiles could not be read or written, or do not fit the tree.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of another length than its width asks for.
    #[error("{path} has {found} bytes, {expected} would be right", path = path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// A bundle that cannot be split into its entries.
    #[error("{}", path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: BundleError,
    },
    /// An entry that has another hash than the tree; which of the two files was changed is not told by them.
    #[error("{} and {} disagree about entry {index} of the log", path.display(), hashes.display())]
    Entry {
        /// The bundle.
        path: PathBuf,
        /// The tile of leaf hashes.
        hashes: PathBuf,
        /// Index in the log.
        index: u64,
    },
    /// A tile whose hash of the tile below is not the root of that tile.
    #[error("{path}: hash {at} is not the root of {child}", path = path.display(), child = child.display())]
    Level {
        /// The tile above.
        path: PathBuf,
        /// The tile below.
        child: PathBuf,
        /// Place of the hash in the tile above, from 0.
        at: u64,
    },
    /// A partial tile that is not the beginning of the one that it has grown to.
    #[error("{path} is not the beginning of the tile that it has grown to", path = path.display())]
    Partial {
        /// The file.
        path: PathBuf,
    },
    /// What the tiles hold does not lead to the tree head.
    #[error("the tiles of {dir} do not lead to the head of {size} leaves", dir = dir.display())]
    NotOfTree {
        /// The folder.
        dir: PathBuf,
        /// Leaves of the head.
        size: u64,
        /// How that showed.
        source: ProofError,
    },
    /// An entry that cannot be put into a log, or a place that is not in the tree.
    #[error("{0}")]
    Refused(String),
}

/// The tiles of one log in a folder.
#[derive(Debug, Clone)]
pub struct TileStore {
    dir: PathBuf,
}

impl TileStore {
    /// The store in this folder, which is made at the first write.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a tile lies.
    pub fn file(&self, tile: &TilePath) -> PathBuf {
        self.dir.join(tile.to_string())
    }

    /// Puts a tile on disk, durably, in place of what was there: doing an append again completes it.
    ///
    /// # Errors
    /// [`TileError::Io`].
    pub fn write(&self, tile: &TilePath, bytes: &[u8]) -> Result<(), TileError> {
        let path = self.file(tile);
        let folder = path.parent().unwrap_or(&self.dir);
        durable::create_dir_all(folder).map_err(at(folder))?;
        durable::replace(&path, bytes, Access::Shared).map_err(at(&path))
    }

    /// The right edge of a tree, read from the tiles and checked against its root.
    ///
    /// # Errors
    /// [`TileError::NotOfTree`], or a tile that cannot be read.
    pub fn edge(&self, head: &TreeHead) -> Result<CompactRange, TileError> {
        let nodes = perfect_subtrees(&(0..head.size));
        let hashes = nodes.into_iter().map(|node| self.hash(node, head.size)).collect::<Result<_, _>>()?;
        let edge = CompactRange::from_hashes(head.size, hashes).map_err(|source| self.not_of_tree(head, source))?;
        let found = edge.root();
        if found == head.root {
            Ok(edge)
        } else {
            let expected = head.root;
            Err(self.not_of_tree(head, ProofError::Root { found, expected }))
        }
    }

    /// The inclusion proof for the entry `index`, checked against the tree's root.
    ///
    /// # Errors
    /// [`TileError::NotOfTree`], or a tile that cannot be read.
    pub fn inclusion(&self, index: u64, head: &TreeHead) -> Result<Vec<Digest>, TileError> {
        let ranges = inclusion::ranges(index, head.size).map_err(|source| self.not_of_tree(head, source))?;
        let path = self.range_hashes(&ranges, head.size)?;
        let leaf = self.hash(Node { level: 0, index }, head.size)?;
        inclusion::verify(&leaf, index, head, &path).map_err(|source| self.not_of_tree(head, source))?;
        Ok(path)
    }

    /// The consistency proof between two trees of this log, checked against both roots.
    ///
    /// # Errors
    /// [`TileError::NotOfTree`], or a tile that cannot be read.
    pub fn consistency(&self, old: &TreeHead, new: &TreeHead) -> Result<Vec<Digest>, TileError> {
        let ranges = consistency::ranges(old.size, new.size).map_err(|source| self.not_of_tree(new, source))?;
        let path = self.range_hashes(&ranges, new.size)?;
        consistency::verify(old, new, &path).map_err(|source| self.not_of_tree(new, source))?;
        Ok(path)
    }

    /// All entries with their indices, checked against their leaf hashes in the tiles (prove an inclusion to check
    /// those, too); bundle by bundle, from either end.
    pub fn entries(&self, size: u64) -> impl DoubleEndedIterator<Item = Result<(u64, Vec<u8>), TileError>> + '_ {
        (0..size.div_ceil(TILE_WIDTH)).flat_map(move |bundle| match self.checked_bundle(bundle, size) {
            Ok(entries) => (bundle * TILE_WIDTH..).zip(entries).map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }

    /// The entries of a bundle of a tree of `size` leaves, checked against their leaf hashes in the tiles.
    pub(super) fn checked_bundle(&self, bundle: u64, size: u64) -> Result<Vec<Vec<u8>>, TileError> {
        let width = tile_width(0, bundle, size);
        let tile = TilePath::new(TileKind::Hashes(0), bundle, width);
        let path = TilePath::new(TileKind::Entries, bundle, width);
        let (hashes, entries) = (self.hashes(&tile)?, self.bundle(&path)?);
        let wrong = entries.iter().zip(hashes).position(|(entry, hash)| leaf_hash(entry) != hash);
        match wrong {
            None => Ok(entries),
            Some(at) => {
                let index = bundle * TILE_WIDTH + at as u64;
                Err(TileError::Entry { path: self.file(&path), hashes: self.file(&tile), index })
            }
        }
    }

    /// The hash of a perfect subtree of a tree of `size` leaves.
    ///
    /// # Errors
    /// [`TileError`] names the tile.
    pub fn hash(&self, node: Node, size: u64) -> Result<Digest, TileError> {
        let level = node.level / TILE_HEIGHT;
        let height = node.level % TILE_HEIGHT;
        let index = node.index >> (TILE_HEIGHT - height);
        let hashes = match tile_width(level, index, size) {
            0 => Vec::new(),
            width => self.hashes(&TilePath::new(TileKind::Hashes(level), index, width))?,
        };
        let first = (node.index << height) % TILE_WIDTH;
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let wanted = hashes.get(first..first.saturating_add(1 << height));
        match wanted {
            Some(hashes) => Ok(root(hashes)),
            None => Err(TileError::Refused(format!("{node:?} is not in a tree of {size} leaves"))),
        }
    }

    /// The hashes of a tile; the full tile serves where a partial one is gone.
    ///
    /// # Errors
    /// [`TileError::Io`] or [`TileError::Length`].
    pub fn hashes(&self, tile: &TilePath) -> Result<Vec<Digest>, TileError> {
        let (found, bytes) = self.read(tile)?;
        let (chunks, rest) = bytes.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() || chunks.len() as u64 != found.width() {
            let expected = usize::try_from(found.width()).map_or(0, |width| width * HASH_BYTES);
            return Err(TileError::Length { path: self.file(&found), found: bytes.len(), expected });
        }
        let width = usize::try_from(tile.width()).unwrap_or(usize::MAX);
        Ok(chunks.iter().take(width).map(|hash| Digest(*hash)).collect())
    }

    /// The entries of a bundle; the full bundle serves where a partial one is gone.
    ///
    /// # Errors
    /// [`TileError::Io`] or [`TileError::Bundle`].
    pub fn bundle(&self, bundle: &TilePath) -> Result<Vec<Vec<u8>>, TileError> {
        let (found, bytes) = self.read(bundle)?;
        let entries = decode_bundle(&bytes, found.width());
        let entries = entries.map_err(|source| TileError::Bundle { path: self.file(&found), source })?;
        let width = usize::try_from(bundle.width()).unwrap_or(usize::MAX);
        Ok(entries.into_iter().take(width).map(<[u8]>::to_vec).collect())
    }

    fn range_hashes(&self, ranges: &[std::ops::Range<u64>], size: u64) -> Result<Vec<Digest>, TileError> {
        ranges.iter().map(|range| range_hash(range, |node| self.hash(node, size))).collect()
    }

    /// Reads a tile, or the full one in its place; tells which it was.
    fn read(&self, tile: &TilePath) -> Result<(TilePath, Vec<u8>), TileError> {
        let longest = match tile.kind() {
            TileKind::Entries => TILE_WIDTH * (MAX_ENTRY_BYTES as u64 + 2),
            TileKind::Hashes(_) => TILE_WIDTH * HASH_BYTES as u64,
        };
        let mut result = read_at_most(&self.file(tile), longest).map(|bytes| (*tile, bytes));
        if !tile.is_full() && result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            let full = tile.full();
            if let Ok(bytes) = read_at_most(&self.file(&full), longest) {
                result = Ok((full, bytes));
            }
        }
        result.map_err(at(&self.file(tile)))
    }

    pub(super) fn not_of_tree(&self, head: &TreeHead, source: ProofError) -> TileError {
        TileError::NotOfTree { dir: self.dir.clone(), size: head.size, source }
    }
}

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> TileError + '_ {
    |source| TileError::Io { path: path.to_owned(), source }
}

fn read_at_most(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > longest {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than any tile"));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests;
