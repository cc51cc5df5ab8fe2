//! Inclusion proofs: that a leaf stands at an index of a tree (RFC 9162 §2.1.3). Made from leaf hashes, or from
//! the hashes of the ranges that [`ranges`] names.

use std::ops::Range;

use tacho_schemas::Digest;

use super::{MAX_PATH, ProofError, TreeHead, node_hash, slice, split};

/// The ranges of leaves whose hashes are the proof for leaf `index` of a tree of `size`, from the leaf upwards.
///
/// # Errors
/// [`ProofError::OutsideTree`].
pub fn ranges(index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if index >= size {
        return Err(ProofError::OutsideTree { index, size });
    }
    let mut ranges = Vec::with_capacity(MAX_PATH);
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// The proof for leaf `index` of the tree over `leaves` (leaf hashes), from the leaf's sibling upwards.
///
/// # Errors
/// [`ProofError::OutsideTree`].
pub fn prove(leaves: &[Digest], index: u64) -> Result<Vec<Digest>, ProofError> {
    let size = leaves.len() as u64;
    ranges(index, size)?
        .iter()
        .map(|range| slice(leaves, range).ok_or(ProofError::OutsideTree { index, size }))
        .collect()
}

/// The root that a proof leads to.
///
/// # Errors
/// [`ProofError::OutsideTree`] or [`ProofError::Length`].
pub fn root_of(leaf: &Digest, index: u64, size: u64, path: &[Digest]) -> Result<Digest, ProofError> {
    if index >= size {
        return Err(ProofError::OutsideTree { index, size });
    }
    let expected = path_len(index, size);
    if path.len() != expected {
        return Err(ProofError::Length { found: path.len(), expected });
    }
    let mut hash = *leaf;
    let (mut place, mut last) = (index, size - 1);
    for sibling in path {
        // A last node without a right sibling rises until it is somebody's right child.
        while place == last && place & 1 == 0 {
            place >>= 1;
            last >>= 1;
        }
        hash = if place & 1 == 1 { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
        place >>= 1;
        last >>= 1;
    }
    Ok(hash)
}

/// Checks that `leaf` stands at `index` of the tree.
///
/// # Errors
/// Why it does not.
pub fn verify(leaf: &Digest, index: u64, head: &TreeHead, path: &[Digest]) -> Result<(), ProofError> {
    let found = root_of(leaf, index, head.size, path)?;
    if found == head.root { Ok(()) } else { Err(ProofError::Root { found, expected: head.root }) }
}

/// Number of hashes in the proof for `index < size`.
fn path_len(index: u64, size: u64) -> usize {
    // Below the height at which the ways to the leaf and to the last leaf part, every level has a sibling; above,
    // only where the way goes to the right.
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner + border) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::root;
    use crate::merkle::tests::{known_leaves, some_leaves};

    fn head(leaves: &[Digest]) -> TreeHead {
        TreeHead { size: leaves.len() as u64, root: root(leaves) }
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved_at_its_index_only() {
        for size in 1..=70 {
            let leaves = some_leaves(size);
            let head = head(&leaves);
            for (index, leaf) in (0..).zip(&leaves) {
                let path = prove(&leaves, index).unwrap();
                assert_eq!(verify(leaf, index, &head, &path), Ok(()), "{index} of {size}");
                for other in (0..size + 2).filter(|other| *other != index) {
                    assert!(verify(leaf, other, &head, &path).is_err(), "{index} as {other} of {size}");
                }
            }
        }
    }

    #[test]
    fn a_path_that_is_cut_or_longer_is_refused() {
        let leaves = known_leaves();
        let head = head(&leaves);
        let path = prove(&leaves, 5).unwrap();
        let expected = ProofError::Length { found: 2, expected: 3 };
        assert_eq!(verify(&leaves[5], 5, &head, &path[..2]), Err(expected));
        let longer = [path.as_slice(), &[leaves[0]]].concat();
        assert!(verify(&leaves[5], 5, &head, &longer).is_err());
        assert!(verify(&leaves[5], 5, &head, &vec![leaves[0]; 100_000]).is_err());
        assert!(verify(&leaves[5], 8, &head, &path).is_err());
        assert!(verify(&leaves[5], u64::MAX, &head, &path).is_err());
    }

    #[test]
    fn sizes_up_to_the_greatest_have_a_path_of_at_most_64_hashes() {
        for (index, size) in [(0, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX), (0, 1)] {
            let ranges = ranges(index, size).unwrap();
            assert!(ranges.len() <= MAX_PATH);
            assert_eq!(path_len(index, size), ranges.len(), "{index} of {size}");
        }
    }

    proptest! {
        #[test]
        fn proofs_agree_with_tlog_tiles(size in 1_u64..700, seed: u64, other: u64) {
            let leaves = some_leaves(size);
            let (index, other) = (seed % size, other % size);
            let path = prove(&leaves, index).unwrap();
            prop_assert_eq!(path_len(index, size), path.len());
            let hash = |digest: Digest| tlog_tiles::Hash(digest.0);
            let theirs: tlog_tiles::RecordProof = path.iter().copied().map(hash).collect();
            let leaf = leaves[usize::try_from(index).unwrap()];
            let check = |index| tlog_tiles::check_record(&theirs, size, hash(root(&leaves)), index, hash(leaf));
            prop_assert!(check(index).is_ok());
            let agree = verify(&leaf, other, &head(&leaves), &path).is_ok() == check(other).is_ok();
            prop_assert!(agree);
        }

        #[test]
        fn a_flipped_bit_anywhere_is_refused(size in 2_u64..300, seed: u64, hash in 0_usize..10, bit in 0_usize..256) {
            let leaves = some_leaves(size);
            let index = seed % size;
            let mut path = prove(&leaves, index).unwrap();
            let changed = hash % path.len();
            path[changed].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify(&leaves[usize::try_from(index).unwrap()], index, &head(&leaves), &path).is_err());
        }
    }
}
