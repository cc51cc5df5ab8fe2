//! The one tree of this project: RFC 6962 §2.1 over SHA-256. Hashes, roots, and the ranges of leaves that a
//! proof is made of; proofs are in [`inclusion`] and [`consistency`], appending in [`range`].
//!
//! Pure. Where the hashes are kept is the business of [`crate::tiles`].

pub mod consistency;
pub mod inclusion;
pub mod range;
#[cfg(test)]
mod vectors;

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use tacho_schemas::Digest;

pub use range::CompactRange;

/// No proof in a tree of fewer than 2^64 leaves has more hashes.
pub const MAX_PATH: usize = 64;

/// Size and root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 root hash.
    pub root: Digest,
}

impl TreeHead {
    /// The head of a tree without leaves.
    pub fn empty() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not in the tree.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    OutsideTree {
        /// Index of the leaf, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The later tree is the smaller one.
    #[error("a tree of {new} leaves cannot follow one of {old}")]
    Shrunk {
        /// Leaves of the earlier tree.
        old: u64,
        /// Leaves of the later tree.
        new: u64,
    },
    /// Another number of hashes than the sizes ask for.
    #[error("the proof has {found} hashes, {expected} would be right")]
    Length {
        /// Hashes in the proof.
        found: usize,
        /// Hashes that there must be.
        expected: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {found}, not to {expected}")]
    Root {
        /// The root that the proof leads to.
        found: Digest,
        /// The root that was to be proved.
        expected: Digest,
    },
}

/// Root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// Hash of a leaf: `SHA-256(0x00 ‖ data)`.
pub fn leaf_hash(data: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    Digest(hasher.finalize().into())
}

/// Hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut data = [1; 65];
    data[1..33].copy_from_slice(&left.0);
    data[33..].copy_from_slice(&right.0);
    Digest::of(&data)
}

/// Root of the tree over leaf hashes.
pub fn root(leaves: &[Digest]) -> Digest {
    if leaves.is_empty() {
        return empty_root();
    }
    // Level by level; an odd last node rises unchanged, which gives RFC 6962's shape.
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        let nodes = level.len();
        for pair in 0..nodes / 2 {
            level[pair] = node_hash(&level[2 * pair], &level[2 * pair + 1]);
        }
        if nodes % 2 == 1 {
            level[nodes / 2] = level[nodes - 1];
        }
        level.truncate(nodes.div_ceil(2));
    }
    level[0]
}

/// A perfect subtree: the leaves `index * 2^level .. (index + 1) * 2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// Height above the leaves.
    pub level: u8,
    /// Number within the level, from 0.
    pub index: u64,
}

/// The perfect subtrees, from the left, whose leaves are the range `start..end`, where `start` is a multiple of the
/// greatest power of two that is not above `end - start`, as in every range of a proof.
pub fn perfect_subtrees(range: &Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = u8::try_from((range.end - start).ilog2()).expect("a logarithm of a u64 is below 64");
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The hash of a range of leaves as it stands in a proof, from the hashes of its perfect subtrees.
///
/// # Errors
/// The first error of `hash_of`.
pub fn range_hash<E>(range: &Range<u64>, mut hash_of: impl FnMut(Node) -> Result<Digest, E>) -> Result<Digest, E> {
    let mut hash: Option<Digest> = None;
    for node in perfect_subtrees(range).into_iter().rev() {
        let left = hash_of(node)?;
        hash = Some(match hash {
            Some(right) => node_hash(&left, &right),
            None => left,
        });
    }
    Ok(hash.unwrap_or_else(empty_root))
}

/// The greatest power of two below `leaves` (at least 2): where RFC 6962 splits a tree.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The part of `leaves` that a range of a proof names.
fn slice(leaves: &[Digest], range: &Range<u64>) -> Option<Digest> {
    let start = usize::try_from(range.start).ok()?;
    let end = usize::try_from(range.end).ok()?;
    leaves.get(start..end).map(root)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The leaves of the reference implementation's known-answer tests.
    pub(crate) fn known_leaves() -> Vec<Digest> {
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
            .map(|text| leaf_hash(&hex(text)))
            .to_vec()
    }

    pub(crate) const KNOWN_ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// Leaves that differ from each other.
    pub(crate) fn some_leaves(count: u64) -> Vec<Digest> {
        (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn roots_are_those_of_the_rfc_6962_known_answers() {
        let leaves = known_leaves();
        for (size, expected) in KNOWN_ROOTS.iter().enumerate() {
            assert_eq!(root(&leaves[..size]).to_string(), *expected, "{size} leaves");
        }
    }

    #[test]
    fn a_leaf_is_never_an_inner_node() {
        let leaves = known_leaves();
        let forged = [leaves[0].0, leaves[1].0].concat();
        assert_ne!(leaf_hash(&forged), root(&leaves[..2]));
    }

    #[test]
    fn the_root_is_the_hash_of_the_range_of_all_leaves() {
        for size in 0..130 {
            let leaves = some_leaves(size);
            let by_subtrees = range_hash::<()>(&(0..size), |node| {
                let start = node.index << node.level;
                Ok(slice(&leaves, &(start..start + (1 << node.level))).unwrap())
            });
            assert_eq!(by_subtrees, Ok(root(&leaves)), "{size} leaves");
        }
    }
}
