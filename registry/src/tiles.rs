//! C2SP tlog-tiles (c2sp.org/tlog-tiles): how a log lies in files. Names of tiles, entry bundles, and which tiles
//! a growing tree changes. Pure; the folder is in [`store`], its full check in [`check`].

pub mod check;
mod grow;
pub mod path;
pub mod store;

pub use grow::Staged;
pub use path::{TileKind, TilePath};
pub use store::{TileError, TileStore};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u8 = 8;
/// The longest entry: its length has 16 bits.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// Why entries or bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry is too long.
    #[error("an entry of {0} bytes, more than {MAX_ENTRY_BYTES}")]
    EntryTooLong(usize),
    /// The bytes end within an entry.
    #[error("the bundle ends within entry {0}")]
    Truncated(u64),
    /// More bytes than entries.
    #[error("{0} bytes follow the last entry of the bundle")]
    Trailing(usize),
}

/// The bytes of an entry bundle.
///
/// # Errors
/// [`BundleError::EntryTooLong`].
pub fn encode_bundle<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, BundleError> {
    let mut bundle = Vec::with_capacity(entries.iter().map(|entry| entry.as_ref().len() + 2).sum());
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_too_long| BundleError::EntryTooLong(entry.len()))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// The `width` entries of a bundle.
///
/// # Errors
/// [`BundleError`] if the bytes hold fewer or more.
pub fn decode_bundle(mut bundle: &[u8], width: u64) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    for number in 0..width {
        let (length, rest) = bundle.split_first_chunk().ok_or(BundleError::Truncated(number))?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(BundleError::Truncated(number))?;
        entries.push(entry);
        bundle = rest;
    }
    match bundle.len() {
        0 => Ok(entries),
        left => Err(BundleError::Trailing(left)),
    }
}

/// Hashes that the tiles of a level hold for a tree of `size` leaves.
pub fn level_width(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

/// Entries or hashes of the tile `index` of a level, for a tree of `size` leaves: 0 to 256.
pub fn tile_width(level: u8, index: u64, size: u64) -> u64 {
    let before = index.saturating_mul(TILE_WIDTH);
    level_width(level, size).saturating_sub(before).min(TILE_WIDTH)
}

/// The tiles and bundles, bundles first, that must be published when a tree grows from `old` to `new` leaves.
pub fn changed_tiles(old: u64, new: u64) -> Vec<TilePath> {
    let mut changed = Vec::new();
    let mut add = |kind: TileKind, level: u8| {
        let (before, after) = (level_width(level, old), level_width(level, new));
        if before < after {
            for index in before / TILE_WIDTH..after.div_ceil(TILE_WIDTH) {
                changed.push(TilePath::new(kind, index, tile_width(level, index, new)));
            }
        }
    };
    add(TileKind::Entries, 0);
    (0..).take_while(|level| level_width(*level, new) > 0).for_each(|level| add(TileKind::Hashes(level), level));
    changed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bundles_hold_entries_of_0_to_65535_bytes() {
        let entries = [Vec::new(), vec![1], vec![2; MAX_ENTRY_BYTES]];
        let bundle = encode_bundle(&entries).unwrap();
        assert_eq!(decode_bundle(&bundle, 3).unwrap(), entries);
        assert_eq!(decode_bundle(&bundle, 2), Err(BundleError::Trailing(MAX_ENTRY_BYTES + 2)));
        assert_eq!(decode_bundle(&bundle, 4), Err(BundleError::Truncated(3)));
        assert_eq!(decode_bundle(&bundle[..5], 3), Err(BundleError::Truncated(2)));
        assert_eq!(decode_bundle(&[0], u64::MAX), Err(BundleError::Truncated(0)));
        let refused = encode_bundle(&[vec![0; MAX_ENTRY_BYTES + 1]]);
        assert_eq!(refused, Err(BundleError::EntryTooLong(65_536)));
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_that_the_specification_counts() {
        let tiles = changed_tiles(0, 70_000);
        let of_level = |level| tiles.iter().filter(|tile| tile.kind() == TileKind::Hashes(level)).collect::<Vec<_>>();
        assert_eq!(of_level(0).len(), 274);
        assert_eq!(of_level(0)[273].width(), 112);
        assert_eq!(of_level(1).iter().map(|tile| tile.width()).collect::<Vec<_>>(), [256, 17]);
        assert_eq!(of_level(2).iter().map(|tile| tile.width()).collect::<Vec<_>>(), [1]);
        let full = changed_tiles(255, 256);
        let names: Vec<String> = full.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert!(changed_tiles(9, 9).is_empty());
    }

    proptest! {
        #[test]
        fn changed_tiles_are_those_of_tlog_tiles(old in 0_u64..200_000, more in 0_u64..3_000) {
            let ours: Vec<String> = changed_tiles(old, old + more)
                .iter()
                .filter(|tile| tile.kind() != TileKind::Entries)
                .map(|tile| tile.to_string().replacen("tile/", "tile/8/", 1))
                .collect();
            let theirs: Vec<String> =
                tlog_tiles::Tile::new_tiles(8, old, old + more).iter().map(tlog_tiles::Tile::path).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
