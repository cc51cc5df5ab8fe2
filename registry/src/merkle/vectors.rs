//! The proof vectors of transparency-dev/merkle (Apache-2.0, `testdata/` of that repository), good and bad, one a
//! line in `testdata/transparency-dev-merkle.jsonl`.

use serde::Deserialize;
use tacho_schemas::Digest;

use super::{TreeHead, consistency, inclusion};
use crate::text::digest_from_base64;

const VECTORS: &str = include_str!("../../testdata/transparency-dev-merkle.jsonl");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
}

#[derive(Deserialize)]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Claim {
    Inclusion(Inclusion),
    Consistency(Consistency),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    #[serde(flatten)]
    claim: Claim,
    proof: Option<Vec<String>>,
    want_err: bool,
    file: String,
}

/// Whether the claim holds; `None` if its hashes are none.
fn holds(vector: &Vector) -> Option<bool> {
    let proof = vector.proof.iter().flatten();
    let path: Vec<Digest> = proof.map(|hash| digest_from_base64(hash)).collect::<Option<_>>()?;
    Some(match &vector.claim {
        Claim::Inclusion(claim) => {
            let root = digest_from_base64(&claim.root)?;
            let leaf = digest_from_base64(&claim.leaf_hash)?;
            let head = TreeHead { size: claim.tree_size, root };
            inclusion::verify(&leaf, claim.leaf_idx, &head, &path).is_ok()
        }
        Claim::Consistency(claim) => {
            let head =
                |size, root: &Option<String>| Some(TreeHead { size, root: digest_from_base64(root.as_deref()?)? });
            let (old, new) = (head(claim.size1, &claim.root1)?, head(claim.size2, &claim.root2)?);
            consistency::verify(&old, &new, &path).is_ok()
        }
    })
}

#[test]
fn all_vectors_agree_but_for_those_whose_hashes_are_none() {
    let mut agree = 0;
    let mut inexpressible = Vec::new();
    for line in VECTORS.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        match holds(&vector) {
            Some(holds) => {
                assert_eq!(holds, !vector.want_err, "{}", vector.file);
                agree += 1;
            }
            None if vector.want_err => agree += 1,
            None => inexpressible.push(vector.file),
        }
    }
    assert_eq!((agree, inexpressible.len()), (193, 2), "{inexpressible:?}");
}
