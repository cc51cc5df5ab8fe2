//! What must not disturb an audit: compaction, clean-up, another log, a running instance.

use tacho_schemas::RobotId;

use super::*;
use crate::plant::robot;
use crate::{ProveRequest, RecordName, proof, prove};

async fn stated(plant: &Plant) -> Tables<i64> {
    plant.anchorer().await.unwrap().stated_versions()
}

async fn is_proved(plant: &Plant, robot: RobotId, seq: i64) -> u64 {
    let record = RecordName::Key { robot, seq, epoch: None };
    let request = ProveRequest { record, table: Table::Joints, component: Some("J1".to_owned()) };
    let proof = prove(&plant.data_dir(), &plant.lake_dir(), &request).await.unwrap();
    let key = fs::read_to_string(plant.data_dir().join("keys/log.vkey")).unwrap();
    proof::verify(&proof, &key.trim().parse().unwrap()).unwrap().win_no
}

#[tokio::test]
async fn compaction_and_clean_up_of_files_and_log_entries_leave_all_as_anchored() {
    let mut plant = Plant::new();
    for _ in 0..3 {
        for _ in 0..2 {
            plant.land(2).await;
            plant.anchor().await;
        }
        let closed = stated(&plant).await;
        for table in Table::ALL {
            plant.compact(table, *closed.get(table)).await;
        }
        // The compactions are stated with this window; then what they have removed may go.
        plant.land(1).await;
        plant.anchor().await;
        plant.audit().await.unwrap();
        let stated = stated(&plant).await;
        for table in Table::ALL {
            plant.clean(table, *stated.get(table)).await;
        }
        let report = plant.audit().await.unwrap();
        assert_eq!((report.young_rows, report.young_files), (0, 0));
    }
    let entries = files_below(&plant.lake_dir().join("joints/_delta_log"));
    assert!(
        entries.iter().all(|path| !path.ends_with("00000000000000000001.json")),
        "the log was cleaned: {entries:?}"
    );
    assert_eq!(is_proved(&plant, robot(1), 0).await, 0);
    assert_eq!(is_proved(&plant, robot(2), 14).await, 8);
    let file = oldest(&plant, Table::GapEvents).await;
    let name = format!("gap_events/{}", file.path);
    flip(&plant, &plant.lake_dir().join(&name), &name).await;
}

#[tokio::test]
async fn gap_events_that_were_merged_before_the_first_window_are_no_divergence() {
    let mut plant = Plant::new();
    plant.land(3).await;
    plant.compact(Table::GapEvents, i64::MAX).await;
    plant.anchor().await;
    plant.audit().await.unwrap();
    plant.land(3).await;
    plant.compact(Table::GapEvents, i64::MAX).await;
    plant.anchor().await;
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_second_log_continues_the_chains_of_the_robots() {
    let mut plant = Plant::new();
    plant.land(2).await;
    plant.anchor().await;
    plant.land(1).await;
    plant.begin_log();
    plant.land(2).await;
    // This window holds the end of one log and the beginning of another.
    plant.anchor().await;
    plant.land(1).await;
    plant.anchor().await;
    let report = plant.audit().await.unwrap();
    assert_eq!((report.windows, report.young_rows), (3, 0));
    for (seq, win_no) in [(1, 0), (2, 1), (4, 1), (5, 2)] {
        assert_eq!(is_proved(&plant, robot(2), seq).await, win_no);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_instance_is_audited_without_false_alarm() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let (data, lake, registry) = (plant.data_dir(), plant.lake_dir(), plant.registry_dir());
    let running = tokio::spawn(async move {
        let mut anchorer = plant.anchorer().await.unwrap();
        for _ in 0..12 {
            plant.land(1).await;
            anchorer.tick(true).await.unwrap();
            let closed = *anchorer.stated_versions().get(Table::Joints);
            plant.compact(Table::Joints, closed).await;
        }
        plant
    });
    let mut audits = 0;
    while !running.is_finished() {
        match audit(&data, &lake, &registry, |_| {}).await {
            Ok(_) | Err(AuditError::Moved(_)) => audits += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let plant = running.await.unwrap();
    assert!(audits > 0);
    assert_eq!(plant.audit().await.unwrap().windows, 13);
}
