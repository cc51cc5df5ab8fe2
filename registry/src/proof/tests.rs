//! A proof holds as it was made; any change of it, and any contradiction within it, is refused.

mod changed;
mod plant;

use super::*;
use crate::merkle::empty_root;
use crate::note::SignerKey;
use crate::statement::SeqRange;
use plant::{ORIGIN, Plant, ROBOT, ROWS, key};

fn verified(file: &ProofFile) -> Result<VerifiedRow, VerifyError> {
    verify(file.to_string().as_bytes(), key().verifier())
}

#[test]
fn a_proof_gives_the_row_by_its_columns() {
    for number in 0..ROWS {
        let file = Plant::new().grow(number);
        assert_eq!(ProofFile::parse(file.to_string().as_bytes()).as_ref(), Ok(&file));
        let row = verified(&file).unwrap();
        assert_eq!((row.table.as_str(), row.robot_id.as_str(), row.stream_epoch), ("joints", ROBOT, Some(3)));
        assert_eq!((row.origin.as_str(), row.win_no, row.log_index, row.head.size), (ORIGIN, 4, 6, 7));
        let names: Vec<&str> = row.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["robot_id", "stream_epoch", "seq", "joint", "torque_rms_nm"]);
        assert_eq!(row.value("seq"), Some((100 + number).to_string().as_str()));
    }
    let row = verified(&Plant::new().grow(4)).unwrap();
    assert_eq!((row.value("joint"), row.value("torque_rms_nm")), (Some("J4"), Some("-40.04")));
    assert_eq!(verified(&Plant::new().grow(5)).unwrap().value("joint"), None);
}

#[test]
fn the_checkpoint_has_one_signature_and_that_is_the_logs() {
    let two = Plant { signers: 2, ..Plant::new() }.grow(1);
    assert_eq!(verified(&two), Err(VerifyError::Signatures(2)));
    let only = two.checkpoint.only(key().verifier()).unwrap();
    assert!(verified(&ProofFile { checkpoint: only, ..two }).is_ok());
    let stranger = SignerKey::from_seed(ORIGIN, &[8; 32]).unwrap();
    let forged = Plant { key: stranger, ..Plant::new() }.grow(1);
    assert!(matches!(verified(&forged), Err(VerifyError::Checkpoint(_))));
}

fn with_bundle(row: u64, change: impl FnOnce(&mut Bundle)) -> Result<VerifiedRow, VerifyError> {
    let mut file = Plant::new().grow(row);
    let mut bundle = Bundle::decode(&file.extra).unwrap();
    change(&mut bundle);
    file.extra = bundle.encode();
    verified(&file)
}

#[test]
fn parts_of_other_proofs_do_not_fit() {
    let other = Bundle::decode(&Plant::new().grow(3).extra).unwrap();
    assert!(with_bundle(3, |_| ()).is_ok());
    assert!(with_bundle(1, |bundle| bundle.row = other.row.clone()).is_ok());
    let inclusion = |result| matches!(result, Err(VerifyError::Inclusion { .. }));
    assert!(inclusion(with_bundle(1, |bundle| bundle.row.data = other.row.data.clone())));
    assert!(inclusion(with_bundle(1, |bundle| bundle.row.index = 3)));
    assert!(inclusion(with_bundle(1, |bundle| bundle.row.index = u64::MAX)));
    assert!(inclusion(with_bundle(1, |bundle| bundle.row.path.swap(0, 1))));
    assert!(inclusion(with_bundle(1, |bundle| bundle.row.path = vec![empty_root(); 50_000])));
    assert!(inclusion(with_bundle(1, |bundle| bundle.segment.index = 1)));
    assert!(inclusion(with_bundle(1, |bundle| bundle.segment.path.clear())));
    assert!(inclusion(with_bundle(1, |bundle| bundle.window = vec![0; 40])));
    let schema = with_bundle(1, |bundle| bundle.schema = bundle.schema.replace("(9,2)", "(9,3)"));
    assert_eq!(schema, Err(VerifyError::Mismatch("the schema text is not the one that the row names")));
    assert!(matches!(with_bundle(1, |bundle| bundle.schema.clear()), Err(VerifyError::Schema(_))));
}

#[test]
fn what_the_log_signed_must_not_contradict_itself() {
    let mismatch = |change: fn(&mut Plant)| {
        let mut plant = Plant::new();
        change(&mut plant);
        match verified(&plant.grow(1)) {
            Err(VerifyError::Mismatch(what)) => what,
            other => panic!("{other:?}"),
        }
    };
    let what = mismatch(|plant| plant.window.origin = "registry.example/robots/2".into());
    assert_eq!(what, "the window is of another log than the checkpoint");
    let what = mismatch(|plant| plant.window.schema_ids.clear());
    assert_eq!(what, "the window does not name the schema of the row");
    let what = mismatch(|plant| plant.segment.robot_id = "?".into());
    assert_eq!(what, "the row is of another robot than its segment");
    let what = mismatch(|plant| plant.segment.stream_epoch = None);
    assert_eq!(what, "the row is of another stream epoch than its segment");
    let what = mismatch(|plant| plant.segment.present = vec![SeqRange { start: 102, end: 111 }]);
    assert_eq!(what, "the segment does not hold the sequence number of the row");
}
