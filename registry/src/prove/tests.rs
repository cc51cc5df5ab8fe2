//! Proofs of rows of a real lake: they verify, also after compaction, and what cannot be proved says why.

use super::*;
use crate::note::VerifierKey;
use crate::plant::{Plant, robot};
use crate::proof::verify;

fn request(number: usize, seq: i64, table: Table, component: Option<&str>) -> ProveRequest {
    let record = RecordName::Key { robot: robot(number), seq, epoch: None };
    ProveRequest { record, table, component: component.map(str::to_owned) }
}

async fn proved(plant: &Plant, request: &ProveRequest) -> Result<Vec<u8>, ProveError> {
    prove(&plant.data_dir(), &plant.lake_dir(), request).await
}

fn key(plant: &Plant) -> VerifierKey {
    std::fs::read_to_string(plant.data_dir().join("keys/log.vkey")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn every_row_of_every_window_is_proved_also_after_compaction() {
    let mut plant = Plant::new();
    for rounds in [2, 1, 3] {
        plant.land(rounds).await;
        plant.anchor().await;
    }
    let versions = plant.anchorer().await.unwrap().stated_versions();
    for merged in [false, true] {
        if merged {
            for table in [Table::Records, Table::Joints, Table::Rejected] {
                assert!(plant.compact(table, *versions.get(table)).await);
            }
        }
        for number in 0..3 {
            for seq in 0..6 {
                for (table, seq, component) in [
                    (Table::Records, seq, None),
                    (Table::Joints, seq, Some("J0")),
                    (Table::Joints, seq, Some("J1")),
                    (Table::Rejected, seq + 1_000, None),
                ] {
                    let proof = proved(&plant, &request(number, seq, table, component)).await.unwrap();
                    let row = verify(&proof, &key(&plant)).unwrap();
                    assert_eq!(row.table, table.name());
                    assert_eq!(row.robot_id, robot(number).as_str());
                    assert_eq!(row.value("seq"), Some(seq.to_string().as_str()));
                    assert_eq!(row.value("joint"), component);
                    assert_eq!(row.win_no, [0, 0, 1, 2, 2, 2][usize::try_from(seq % 1_000).unwrap()]);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_or_not_yet_anchored_is_told() {
    let mut plant = Plant::new();
    plant.land(1).await;
    let records = |seq| request(0, seq, Table::Records, None);
    assert!(matches!(proved(&plant, &records(0)).await, Err(ProveError::NothingAnchored)));
    plant.anchor().await;
    plant.land(1).await;
    let refused = |asked: ProveRequest| {
        let plant = &plant;
        async move { proved(plant, &asked).await.unwrap_err().to_string() }
    };
    assert!(refused(records(1)).await.contains("not yet anchored"));
    assert!(refused(records(7)).await.contains("stream epoch 1 has seq 0 to 1001"));
    assert!(refused(request(9, 0, Table::Records, None)).await.contains("knows no such robot"));
    let joints = refused(request(0, 0, Table::Joints, None)).await;
    assert!(joints.contains("J0, J1"), "{joints}");
    let other = refused(request(0, 0, Table::Joints, Some("J7"))).await;
    assert!(other.contains("\"J7\"") && other.contains("J0, J1"), "{other}");
    let gaps = proved(&plant, &request(0, 0, Table::GapEvents, None)).await;
    assert!(matches!(gaps, Err(ProveError::NoLeaves("gap_events"))));
    let record = RecordName::Key { robot: robot(0), seq: 0, epoch: Some(2) };
    assert!(refused(ProveRequest { record, ..records(0) }).await.contains("no such row"));
}

#[tokio::test]
async fn a_row_that_was_changed_has_no_proof() {
    let mut plant = Plant::new();
    plant.land(2).await;
    plant.anchor().await;
    let segments = plant.data_dir().join("registry/segments/0000000000");
    let mut bytes = std::fs::read(&segments).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&segments, bytes).unwrap();
    let refused = proved(&plant, &request(0, 0, Table::Records, None)).await.unwrap_err();
    assert!(matches!(refused, ProveError::Changed(_)), "{refused}");
}

#[tokio::test]
async fn a_dead_letter_without_a_key_is_proved_by_its_place() {
    let mut plant = Plant::new();
    plant.land(2).await;
    plant.anchor().await;
    let by_place = |offset, ordinal| {
        let record = RecordName::Place { log_epoch: None, partition: 1, offset, ordinal };
        ProveRequest { record, table: Table::Rejected, component: None }
    };
    // Of each robot a good record, a letter with and one without a key: robot 1 is alone in partition 1.
    for (offset, seq) in [(2, Some("1000")), (3, None), (6, None)] {
        let proof = proved(&plant, &by_place(offset, 0)).await.unwrap();
        let row = verify(&proof, &key(&plant)).unwrap();
        assert_eq!((row.table.as_str(), row.robot_id.as_str()), ("rejected", robot(1).as_str()));
        assert_eq!((row.value("seq"), row.value("offset")), (seq, Some(offset.to_string().as_str())));
    }
    let refused = proved(&plant, &by_place(3, 1)).await.unwrap_err().to_string();
    assert!(refused.contains("offset 3, ordinal 1") && refused.contains("offsets below 7 have landed"), "{refused}");
    let refused = proved(&plant, &by_place(1, 0)).await.unwrap_err().to_string();
    assert!(refused.contains("no such row"), "what landed is no dead letter: {refused}");
    let record = RecordName::Place { log_epoch: Some(1), partition: 1, offset: 1, ordinal: 0 };
    let joint = ProveRequest { record, table: Table::Joints, component: Some("J1".to_owned()) };
    assert!(proved(&plant, &joint).await.is_ok());
}
