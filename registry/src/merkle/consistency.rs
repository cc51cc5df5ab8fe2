//! Consistency proofs: that a tree is an earlier tree with leaves appended (RFC 9162 §2.1.4).

use std::ops::Range;

use tacho_schemas::Digest;

use super::{MAX_PATH, ProofError, TreeHead, empty_root, node_hash, slice, split};

/// The ranges of leaves whose hashes are the proof from a tree of `old` leaves to one of `new`, in the RFC's order.
/// Empty for equal sizes and for an empty old tree.
///
/// # Errors
/// [`ProofError::Shrunk`].
pub fn ranges(old: u64, new: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    let mut ranges = Vec::with_capacity(MAX_PATH);
    if old == 0 || old == new {
        return Ok(ranges);
    }
    let (mut start, mut end) = (0, new);
    // Down to the subtree that ends where the old tree ends.
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    // A subtree that begins at leaf 0 is the old tree itself, which the verifier knows.
    if start != 0 {
        ranges.push(start..end);
    }
    ranges.reverse();
    Ok(ranges)
}

/// The proof that the tree over `leaves` (leaf hashes) continues the tree over the first `old` of them.
///
/// # Errors
/// [`ProofError::Shrunk`].
pub fn prove(leaves: &[Digest], old: u64) -> Result<Vec<Digest>, ProofError> {
    let new = leaves.len() as u64;
    ranges(old, new)?.iter().map(|range| slice(leaves, range).ok_or(ProofError::Shrunk { old, new })).collect()
}

/// Checks that `new` is `old` with leaves appended.
///
/// # Errors
/// Why it is not.
pub fn verify(old: &TreeHead, new: &TreeHead, path: &[Digest]) -> Result<(), ProofError> {
    let expected = ranges(old.size, new.size)?.len();
    if path.len() != expected {
        return Err(ProofError::Length { found: path.len(), expected });
    }
    if old.size == 0 {
        return same_root(empty_root(), old.root);
    }
    if old.size == new.size {
        return same_root(old.root, new.root);
    }
    let (mut place, mut last) = (old.size - 1, new.size - 1);
    let rise = place.trailing_ones();
    place >>= rise;
    last >>= rise;
    // The common subtree: the old tree itself if it is perfect, else the proof's first hash.
    let (seed, rest) = match path.split_first() {
        Some((seed, rest)) if !old.size.is_power_of_two() => (*seed, rest),
        _ => (old.root, path),
    };
    let (mut old_hash, mut new_hash) = (seed, seed);
    for sibling in rest {
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    same_root(old_hash, old.root)?;
    same_root(new_hash, new.root)
}

fn same_root(found: Digest, expected: Digest) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::Root { found, expected }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::root;
    use crate::merkle::tests::{known_leaves, some_leaves};

    fn head(leaves: &[Digest], size: u64) -> TreeHead {
        TreeHead { size, root: root(&leaves[..usize::try_from(size).unwrap()]) }
    }

    #[test]
    fn every_small_tree_continues_every_smaller_one() {
        for new in 0..=70 {
            let leaves = some_leaves(new);
            let new_head = head(&leaves, new);
            for old in 0..=new {
                let path = prove(&leaves, old).unwrap();
                let old_head = head(&leaves, old);
                assert_eq!(verify(&old_head, &new_head, &path), Ok(()), "{old} to {new}");
                if old < new {
                    assert!(verify(&new_head, &old_head, &path).is_err(), "{new} to {old}");
                }
                for changed in 0..path.len() {
                    let mut path = path.clone();
                    path[changed].0[7] ^= 16;
                    assert!(verify(&old_head, &new_head, &path).is_err(), "{old} to {new}, hash {changed}");
                }
            }
        }
    }

    #[test]
    fn another_history_is_refused() {
        let leaves = known_leaves();
        let mut forked = leaves.clone();
        forked[2] = forked[3];
        let path = prove(&forked, 5).unwrap();
        assert!(verify(&head(&leaves, 5), &head(&forked, 8), &path).is_err());
        let same_size = verify(&head(&leaves, 8), &head(&forked, 8), &[]);
        assert!(matches!(same_size, Err(ProofError::Root { .. })));
    }

    #[test]
    fn an_empty_tree_has_one_root_and_needs_no_proof() {
        let leaves = known_leaves();
        assert_eq!(verify(&head(&leaves, 0), &head(&leaves, 8), &[]), Ok(()));
        assert!(verify(&head(&leaves, 0), &head(&leaves, 8), &leaves[..1]).is_err());
        let wrong = TreeHead { size: 0, root: leaves[0] };
        assert!(verify(&wrong, &head(&leaves, 8), &[]).is_err());
    }

    #[test]
    fn a_proof_of_another_length_is_refused_at_once() {
        let leaves = known_leaves();
        let long = vec![leaves[0]; 100_000];
        let refused = verify(&head(&leaves, 3), &head(&leaves, 8), &long);
        assert_eq!(refused, Err(ProofError::Length { found: 100_000, expected: 4 }));
    }

    proptest! {
        #[test]
        fn proofs_agree_with_tlog_tiles(new in 1_u64..600, seed: u64, wrong: u64) {
            let leaves = some_leaves(new);
            let (old, wrong) = (1 + seed % new, 1 + wrong % new);
            let path = prove(&leaves, old).unwrap();
            let hash = |digest: Digest| tlog_tiles::Hash(digest.0);
            let theirs: tlog_tiles::TreeProof = path.iter().copied().map(hash).collect();
            let check = |old: u64| {
                let old_root = head(&leaves, old).root;
                tlog_tiles::check_tree(&theirs, new, hash(root(&leaves)), old, hash(old_root)).is_ok()
            };
            prop_assert!(check(old));
            prop_assert_eq!(verify(&head(&leaves, wrong), &head(&leaves, new), &path).is_ok(), check(wrong));
        }
    }
}
