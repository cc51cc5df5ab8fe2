//! Checks a whole log in a folder against its head: every entry against its hash, every level of tiles against the
//! one below, the top against the root. What does not agree is named by its file.

use std::fs;
use std::io;

use tacho_schemas::Digest;

use super::store::at;
use super::{TILE_WIDTH, TileError, TileKind, TilePath, TileStore, encode_bundle, level_width, tile_width};
use crate::merkle::{TreeHead, root};

impl TileStore {
    /// Checks every bundle and every tile that the tree `head` has, in constant memory; gives every entry, in
    /// order, to `visit`.
    ///
    /// # Errors
    /// The first file that is missing, of a wrong length, or does not agree with the level below, and the first
    /// entry that `visit` refuses; [`TileError::NotOfTree`] if all files agree with each other but not with the head.
    pub fn check<E: From<TileError>>(
        &self,
        head: &TreeHead,
        mut visit: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for index in 0..head.size.div_ceil(TILE_WIDTH) {
            for (index, entry) in (index * TILE_WIDTH..).zip(self.checked_bundle(index, head.size)?) {
                visit(index, &entry)?;
            }
        }
        for level in (1..).take_while(|level| level_width(*level, head.size) > 0) {
            self.check_level(level, head.size)?;
        }
        self.edge(head)?;
        Ok(())
    }

    /// Checks the narrower tiles that were published on the way to the right edge, and are kept for those who hold an
    /// older head.
    ///
    /// # Errors
    /// [`TileError::Partial`], or a tile that cannot be read.
    pub fn check_partials(&self, head: &TreeHead) -> Result<(), TileError> {
        self.check_narrower(TileKind::Entries, level_width(0, head.size))?;
        for level in (0..).take_while(|level| level_width(*level, head.size) > 0) {
            self.check_narrower(TileKind::Hashes(level), level_width(level, head.size))?;
        }
        Ok(())
    }

    fn check_narrower(&self, kind: TileKind, in_level: u64) -> Result<(), TileError> {
        let (index, width) = (in_level / TILE_WIDTH, in_level % TILE_WIDTH);
        let edge = TilePath::new(kind, index, width);
        for narrower in (1..width).map(|width| TilePath::new(kind, index, width)) {
            let path = self.file(&narrower);
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&path)(error)),
            };
            let count = usize::try_from(narrower.width()).unwrap_or(usize::MAX);
            let due = match kind {
                TileKind::Entries => encode_bundle(&self.bundle(&edge)?[..count]).unwrap_or_default(),
                TileKind::Hashes(_) => self.hashes(&edge)?[..count].iter().flat_map(|hash| hash.0).collect(),
            };
            if bytes != due {
                return Err(TileError::Partial { path });
            }
        }
        Ok(())
    }

    fn check_level(&self, level: u8, size: u64) -> Result<(), TileError> {
        for index in 0..level_width(level, size).div_ceil(TILE_WIDTH) {
            let tile = TilePath::new(TileKind::Hashes(level), index, tile_width(level, index, size));
            for (below, hash) in (index * TILE_WIDTH..).zip(self.hashes(&tile)?) {
                let child = TilePath::new(TileKind::Hashes(level - 1), below, TILE_WIDTH);
                let found: Digest = root(&self.hashes(&child)?);
                if found != hash {
                    let (path, child) = (self.file(&tile), self.file(&child));
                    return Err(TileError::Level { path, child, at: below % TILE_WIDTH });
                }
            }
        }
        Ok(())
    }
}
