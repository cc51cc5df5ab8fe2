//! Names of tiles and bundles: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`.

use std::fmt;
use std::str::FromStr;

use super::TILE_WIDTH;
use crate::text::{decimal, excerpt};

/// The highest level of tiles: 256^7 · 256 leaves are more than there can be.
pub const MAX_LEVEL: u8 = 7;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Entries, length-prefixed.
    Entries,
    /// Hashes of a level; 0 are the leaves.
    Hashes(u8),
}

/// A tile or bundle: what it holds, its number, and its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u64,
}

/// A text that is not the name of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a tile")]
pub struct MalformedTilePath(pub String);

impl TilePath {
    /// The tile `index` of a kind, `width` (1 to 256, else the nearest) hashes or entries wide.
    pub fn new(kind: TileKind, index: u64, width: u64) -> Self {
        let width = width.clamp(1, TILE_WIDTH);
        Self { kind, index, width }
    }

    /// What it holds.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// Number within its kind, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Hashes or entries, 1 to 256.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// Whether it is full.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The full tile of the same number.
    pub fn full(&self) -> Self {
        Self::new(self.kind, self.index, TILE_WIDTH)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        // Three digits a folder, so that none has more than 3,000 entries.
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            let (prefix, end) = if place > 0 { ("x", "/") } else { ("", "") };
            write!(f, "{prefix}{group:03}{end}")?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = MalformedTilePath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).filter(|tile| tile.to_string() == text).ok_or_else(|| MalformedTilePath(excerpt(text)))
    }
}

/// Reads a name loosely; that it is the one spelling is checked by writing it again.
fn parse(text: &str) -> Option<TilePath> {
    if text.len() > 64 {
        return None;
    }
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let kind = match level {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(u8::try_from(decimal(level)?).ok().filter(|level| *level <= MAX_LEVEL)?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, decimal(width).filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (rest, TILE_WIDTH),
    };
    let mut index = 0_u64;
    for group in number.split('/') {
        let group = group.strip_prefix('x').unwrap_or(group);
        if group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
    }
    Some(TilePath::new(kind, index, width))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_specifications_example_has_its_name() {
        let tile = TilePath::new(TileKind::Hashes(4), 1_234_067, 256);
        assert_eq!(tile.to_string(), "tile/4/x001/x234/067");
        let partial = TilePath::new(TileKind::Entries, 1_234_067, 8);
        assert_eq!(partial.to_string(), "tile/entries/x001/x234/067.p/8");
        assert_eq!("tile/entries/x001/x234/067.p/8".parse(), Ok(partial));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "tile/0",
            "tile/00/000",
            "tile/8/000",
            "tile/64/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/001",
            "tile/0/x001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/000.p",
            "tile/0/000/",
            "/tile/0/000",
            "tile/0/../000",
            "tile/data/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/٣٣٣",
        ] {
            assert!(text.parse::<TilePath>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn names_are_those_of_tlog_tiles_and_are_read_back(level in 0_u8..8, index: u64, width in 1_u64..=256) {
            let tile = TilePath::new(TileKind::Hashes(level), index, width);
            let theirs = tlog_tiles::Tile::new(8, level, index, u32::try_from(width).unwrap(), false);
            prop_assert_eq!(tile.to_string().replacen("tile/", "tile/8/", 1), theirs.path());
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }
    }
}
