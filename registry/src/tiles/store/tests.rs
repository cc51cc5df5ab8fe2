//! Logs that grow in steps, proofs from their tiles, and damage to each of their files.

use proptest::prelude::*;

use super::*;
use crate::merkle;

fn entries(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(|i| format!("entry {i} {}", "x".repeat(usize::try_from(i % 7).unwrap())).into_bytes()).collect()
}

const EMPTY: TreeHead = TreeHead { size: 0, root: Digest([0; 32]) };

/// A log of `size` entries in `dir`, grown in the given steps.
fn grown(dir: &Path, steps: &[u64]) -> (TileStore, Vec<TreeHead>) {
    let store = TileStore::new(dir);
    let mut heads = vec![TreeHead { root: merkle::empty_root(), ..EMPTY }];
    for step in steps {
        let head = heads[heads.len() - 1];
        let staged = store.stage(&head, &entries(head.size..head.size + step)).unwrap();
        store.publish(&staged).unwrap();
        store.remove_superseded(head.size, staged.head.size).unwrap();
        heads.push(staged.head);
    }
    (store, heads)
}

fn leaves(size: u64) -> Vec<Digest> {
    entries(0..size).iter().map(|entry| leaf_hash(entry)).collect()
}

fn check(store: &TileStore, head: &TreeHead) -> Result<u64, TileError> {
    let mut seen = 0;
    store.check(head, |_index, _entry| {
        seen += 1;
        Ok::<_, TileError>(())
    })?;
    Ok(seen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_log_grown_in_any_steps_proves_what_the_list_of_its_leaves_proves(
        steps in proptest::collection::vec(1_u64..400, 1..5),
        seed: u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, heads) = grown(dir.path(), &steps);
        let head = heads[heads.len() - 1];
        let leaves = leaves(head.size);
        prop_assert_eq!(head.root, root(&leaves));
        let index = seed % head.size;
        prop_assert_eq!(store.inclusion(index, &head).unwrap(), inclusion::prove(&leaves, index).unwrap());
        let read: Vec<_> = store.entries(head.size).map(Result::unwrap).collect();
        prop_assert_eq!(&read, &(0..).zip(entries(0..head.size)).collect::<Vec<_>>());
        prop_assert!(store.entries(head.size).rev().map(Result::unwrap).eq(read.into_iter().rev()));
        for old in &heads {
            let path = consistency::prove(&leaves, old.size).unwrap();
            prop_assert_eq!(store.consistency(old, &head).unwrap(), path);
        }
        prop_assert_eq!(check(&store, &head).unwrap(), head.size);
    }
}

#[test]
fn staging_twice_gives_the_same_bytes_and_one_file_system_state() {
    let dir = tempfile::tempdir().unwrap();
    let (store, heads) = grown(dir.path(), &[250]);
    let staged = store.stage(&heads[1], &entries(250..520)).unwrap();
    store.publish(&staged).unwrap();
    assert_eq!(store.stage(&heads[1], &entries(250..520)).unwrap(), staged);
    let names: Vec<String> = staged.files.iter().map(|(tile, _)| tile.to_string()).collect();
    assert_eq!(
        names,
        [
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/8",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002.p/8",
            "tile/1/000.p/2"
        ]
    );
}

#[test]
fn old_heads_are_served_when_their_partial_tiles_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, heads) = grown(dir.path(), &[100, 100, 100]);
    assert!(!dir.path().join("tile/0/000.p").exists());
    for head in &heads[1..] {
        assert_eq!(store.edge(head).unwrap().root(), head.root);
        assert_eq!(check(&store, head).unwrap(), head.size);
        store.inclusion(head.size - 1, head).unwrap();
    }
}

#[test]
fn a_wrong_head_is_refused_before_anything_is_computed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, heads) = grown(dir.path(), &[300]);
    let forged = TreeHead { root: heads[0].root, ..heads[1] };
    assert!(matches!(store.stage(&forged, &entries(300..301)), Err(TileError::NotOfTree { .. })));
    assert!(matches!(store.inclusion(3, &forged), Err(TileError::NotOfTree { .. })));
    let longer = TreeHead { size: 301, ..heads[1] };
    assert!(store.edge(&longer).is_err());
    assert!(store.inclusion(u64::MAX, &heads[1]).is_err());
    let long = vec![vec![0; MAX_ENTRY_BYTES + 1]];
    assert!(matches!(store.stage(&heads[1], &long), Err(TileError::Refused(_))));
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_changed_cut_or_missing_file_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, heads) = grown(dir.path(), &[700]);
    let files = files(dir.path());
    assert_eq!(files.len(), 7);
    for path in files {
        let good = fs::read(&path).unwrap();
        let mut changed = good.clone();
        changed[good.len() / 2] ^= 1;
        for bad in [Some(changed.as_slice()), Some(&good[..good.len() - 1]), Some(&[]), None] {
            match bad {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = check(&store, &heads[1]).unwrap_err().to_string();
            // A hash that no longer fits its entry shows as an entry of that number, or in the tile above it.
            let number = path.file_name().unwrap().to_str().unwrap();
            assert!(error.contains(number) || error.contains("tile/1"), "{}: {error}", path.display());
        }
        fs::write(&path, &good).unwrap();
    }
    assert_eq!(check(&store, &heads[1]).unwrap(), 700);
}
