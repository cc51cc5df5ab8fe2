//! The right edge of a tree: all that is needed to append leaves and to know the root.

use tacho_schemas::Digest;

use super::{Node, ProofError, TreeHead, empty_root, node_hash};

/// The roots of the perfect subtrees, greatest first, whose leaves are `0..size`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    hashes: Vec<Digest>,
}

impl CompactRange {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The right edge of a tree of `size` leaves.
    ///
    /// # Errors
    /// [`ProofError::Length`] if there is not one hash for each bit that is set in `size`.
    pub fn from_hashes(size: u64, hashes: Vec<Digest>) -> Result<Self, ProofError> {
        let expected = size.count_ones() as usize;
        if hashes.len() == expected {
            Ok(Self { size, hashes })
        } else {
            Err(ProofError::Length { found: hashes.len(), expected })
        }
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Digest) {
        self.push_with(leaf, |_node, _hash| {});
    }

    /// Appends a leaf hash and tells every perfect subtree that is complete with it, the leaf itself first.
    pub fn push_with(&mut self, leaf: Digest, mut complete: impl FnMut(Node, &Digest)) {
        let mut node = Node { level: 0, index: self.size };
        let mut hash = leaf;
        complete(node, &hash);
        while node.index & 1 == 1 {
            let left = self.hashes.pop().expect("there is one hash for each bit that is set in the size");
            hash = node_hash(&left, &hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            complete(node, &hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, greatest first.
    pub fn hashes(&self) -> &[Digest] {
        &self.hashes
    }

    /// Root of the tree.
    pub fn root(&self) -> Digest {
        let mut hashes = self.hashes.iter().rev();
        match hashes.next() {
            None => empty_root(),
            Some(last) => hashes.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }
}

impl Extend<Digest> for CompactRange {
    fn extend<T: IntoIterator<Item = Digest>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::root;
    use crate::merkle::tests::some_leaves;

    #[test]
    fn appending_gives_the_root_of_the_list_at_each_size() {
        let leaves = some_leaves(300);
        let mut range = CompactRange::new();
        for (size, leaf) in leaves.iter().enumerate() {
            assert_eq!(range.root(), root(&leaves[..size]), "{size}");
            let reopened = CompactRange::from_hashes(range.size(), range.hashes().to_vec());
            assert_eq!(reopened.as_ref(), Ok(&range));
            range.push(*leaf);
        }
        assert_eq!(range.head().size, 300);
    }

    #[test]
    fn a_complete_subtree_is_told_once_with_its_hash() {
        let leaves = some_leaves(16);
        let mut told = Vec::new();
        let mut range = CompactRange::new();
        for leaf in &leaves {
            range.push_with(*leaf, |node, hash| told.push((node, *hash)));
        }
        assert_eq!(told.len(), 31);
        for (node, hash) in told {
            let start = usize::try_from(node.index << node.level).unwrap();
            assert_eq!(hash, root(&leaves[start..start + (1 << node.level)]), "{node:?}");
        }
    }

    #[test]
    fn an_edge_with_a_wrong_number_of_hashes_is_refused() {
        let wrong = CompactRange::from_hashes(5, some_leaves(3));
        assert_eq!(wrong, Err(ProofError::Length { found: 3, expected: 2 }));
    }
}
