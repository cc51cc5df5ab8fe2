//! The spool without Kafka: what is acknowledged stands in its files, in order, whatever comes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tacho_schemas::{Envelope, RawKind, RawRecord, RecordId, RobotKey};
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;
use crate::kafka::settings_for_tests;
use crate::{Append, AppendError, Delivered, Faults, ReadItem};

const DEADLINE: Duration = Duration::from_secs(30);
const LOG_ID: Uuid = Uuid::from_u128(9);

pub(super) fn settings(dir: &TempDir) -> SpoolSettings {
    SpoolSettings {
        dir: dir.path().to_owned(),
        grace: Duration::from_millis(200),
        bytes_max: 1 << 30,
        group_bytes: 1 << 20,
        dead_letters: false,
        faults: Faults::none(),
    }
}

fn note(dir: &Path, log_id: Uuid, drained: &[i64]) {
    std::fs::write(dir.join("drained.json"), format!(r#"{{"format":1,"log_id":"{log_id}","drained":{drained:?}}}"#))
        .unwrap();
}

/// A spool whose Kafka does not answer.
pub(super) async fn opened(settings: SpoolSettings) -> (KafkaLog, Spool) {
    let mut kafka = settings_for_tests();
    // Nobody listens there.
    kafka.brokers = vec!["127.0.0.1:1".to_owned()];
    kafka.partitions = 3;
    kafka.connect_timeout = Duration::from_millis(50);
    if Noted::read(&settings.dir).unwrap().is_none() {
        note(&settings.dir, LOG_ID, &[0, 0, 0]);
    }
    timeout(DEADLINE, Spool::open(kafka, settings, false, true)).await.unwrap().unwrap()
}

pub(super) async fn closed((kafka, spool): (KafkaLog, Spool)) {
    spool.close().await;
    kafka.close().await;
}

pub(super) fn record(robot: u32, counter: u64) -> Append {
    let envelope = Envelope {
        id: RecordId { session: Uuid::from_u128(5), counter },
        received_at_us: 1_700_000_000_000_000 + counter.cast_signed(),
        robot: RobotKey::Id(format!("CNAB12HX0001{robot:017}").parse().unwrap()),
        topic_id: None,
        principal: Arc::from("gateway"),
        kind: RawKind::Telemetry,
    };
    Append { envelope, payload: format!("{counter}|").into() }
}

/// All that the files of a directory hold.
async fn held(dir: &Path) -> Vec<RawRecord> {
    let log = EmbeddedLog::open_read_only(dir).unwrap();
    let starts: Vec<(i32, i64)> = (0..).zip(log.first_offsets().iter().copied()).collect();
    let mut reader = log.reader(&starts).unwrap();
    let mut records = Vec::new();
    while !reader.is_caught_up() {
        for item in reader.next(1 << 20).await.unwrap() {
            match item {
                ReadItem::Records(batch) => records.extend(batch.records),
                ReadItem::Lost(range) => panic!("{range:?} is lost"),
            }
        }
    }
    records
}

/// The counters of one robot, in the order of the files.
fn counters(records: &[RawRecord], robot: u32) -> Vec<u64> {
    let key = record(robot, 0).envelope.robot;
    records.iter().filter(|record| record.envelope.robot == key).map(|record| record.envelope.id.counter).collect()
}

/// Makes a spool believe that Kafka was seen and that nothing waits, so that records go to Kafka, which is not there.
fn trust(spool: &Spool) {
    spool.shared.is_verified.store(true, Ordering::Release);
    spool.shared.gates.iter().for_each(|gate| gate.go_direct(&spool.shared));
}

#[tokio::test]
async fn what_is_acknowledged_while_kafka_is_away_is_in_the_files_as_it_came_also_over_a_restart() {
    let dir = TempDir::new().unwrap();
    for start in [0, 100] {
        let open = opened(settings(&dir)).await;
        let lane = crate::Appender::from(open.1.appender()).lane();
        let mut deliveries = Vec::new();
        for counter in start..start + 100 {
            let batch = (0..5).map(|robot| record(robot, counter)).collect();
            deliveries.push(lane.enqueue(batch).await.unwrap());
        }
        for delivery in deliveries {
            assert_eq!(timeout(DEADLINE, delivery).await.unwrap(), Ok(Delivered::default()));
        }
        assert!(open.1.health().borrow().is_ready() && !open.1.has_seen_kafka());
        closed(open).await;
    }
    let records = held(dir.path()).await;
    for robot in 0..5 {
        assert_eq!(counters(&records, robot), (0..200).collect::<Vec<_>>());
    }
    let sent = record(3, 150);
    let found = records.iter().find(|found| found.envelope == sent.envelope).unwrap();
    assert_eq!(found.payload, sent.payload, "the envelope and the payload are as they came");
    assert_eq!(waiting_in(dir.path()).unwrap(), 1_000);
}

#[tokio::test]
async fn what_kafka_was_given_and_has_not_confirmed_is_spooled_before_what_comes_after() {
    let dir = TempDir::new().unwrap();
    let open = opened(settings(&dir)).await;
    trust(&open.1);
    let lane = crate::Appender::from(open.1.appender()).lane();
    let mut deliveries = Vec::new();
    for counter in 0..50 {
        deliveries.push(lane.enqueue(vec![record(1, counter), record(2, counter)]).await.unwrap());
    }
    assert!(deliveries.iter_mut().all(|delivery| delivery.0.try_recv().is_err()), "nobody has confirmed them");
    assert_eq!(waiting_in(dir.path()).unwrap(), 0, "Kafka was given them");
    for delivery in deliveries {
        timeout(DEADLINE, delivery).await.unwrap().unwrap();
    }
    for counter in 50..60 {
        lane.enqueue(vec![record(1, counter), record(2, counter)]).await.unwrap().await.unwrap();
    }
    closed(open).await;
    let records = held(dir.path()).await;
    for robot in [1, 2] {
        assert_eq!(counters(&records, robot), (0..60).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_full_spool_holds_publishes_and_then_refuses_them_with_its_reason() {
    let dir = TempDir::new().unwrap();
    let open = opened(SpoolSettings { bytes_max: 20_000, ..settings(&dir) }).await;
    let lane = crate::Appender::from(open.1.appender()).lane();
    let mut counter = 0;
    let refusal = loop {
        let delivery = lane.enqueue(vec![record(1, counter)]).await.unwrap();
        match timeout(DEADLINE, delivery).await.unwrap() {
            Ok(_) => counter += 1,
            Err(refusal) => break refusal,
        }
    };
    let AppendError::DiskFull { reason } = &refusal else { panic!("{refusal:?}") };
    assert!(reason.contains("log.kafka.spool.max_bytes"), "{reason}");
    assert!(matches!(lane.enqueue(vec![record(1, counter + 1)]).await, Err(AppendError::Interrupted)));
    let mut health = open.1.health();
    let failing = health.wait_for(|health| matches!(health, Health::Failing { disk_full: true, .. }));
    timeout(DEADLINE, failing).await.unwrap().unwrap();
    assert!(open.1.depth().bytes >= 20_000);
    closed(open).await;
    assert_eq!(counters(&held(dir.path()).await, 1), (0..counter).collect::<Vec<_>>(), "what was acknowledged");
}

#[tokio::test]
async fn a_disk_that_fails_refuses_and_when_it_works_again_the_robot_goes_on_in_order() {
    let dir = TempDir::new().unwrap();
    let faults = Faults::armed();
    let open = opened(SpoolSettings { faults: faults.clone(), ..settings(&dir) }).await;
    let lane = crate::Appender::from(open.1.appender()).lane();
    lane.enqueue(vec![record(1, 0)]).await.unwrap().await.unwrap();
    faults.set_disk_full(true);
    let refused = lane.enqueue(vec![record(1, 1)]).await.unwrap();
    assert!(matches!(timeout(DEADLINE, refused).await.unwrap(), Err(AppendError::DiskFull { .. })));
    let mut health = open.1.health();
    let told = |health: &Health| matches!(health, Health::Failing { reason, .. } if reason.starts_with("spool: "));
    timeout(DEADLINE, health.wait_for(told)).await.unwrap().unwrap();
    faults.set_disk_full(false);
    timeout(DEADLINE, health.wait_for(Health::is_ready)).await.unwrap().unwrap();
    assert!(matches!(lane.enqueue(vec![record(1, 2)]).await, Err(AppendError::Interrupted)), "it would overtake");
    let lane = crate::Appender::from(open.1.appender()).lane();
    for counter in 1..3 {
        lane.enqueue(vec![record(1, counter)]).await.unwrap().await.unwrap();
    }
    closed(open).await;
    assert_eq!(counters(&held(dir.path()).await, 1), [0, 1, 2]);
}

#[tokio::test]
async fn a_torn_last_batch_is_reported_and_costs_only_its_own_records_at_each_of_its_bytes() {
    let dir = TempDir::new().unwrap();
    let open = opened(settings(&dir)).await;
    let lane = crate::Appender::from(open.1.appender()).lane();
    for counter in 0..5 {
        lane.enqueue(vec![record(1, counter)]).await.unwrap().await.unwrap();
    }
    let file = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|found| found == "log")).unwrap();
    let before = std::fs::metadata(&file).unwrap().len();
    lane.enqueue(vec![record(1, 5), record(2, 0)]).await.unwrap().await.unwrap();
    let (bytes, identity) = (std::fs::read(&file).unwrap(), std::fs::read(dir.path().join("identity")).unwrap());
    closed(open).await;
    let before = usize::try_from(before).unwrap();
    assert!(bytes.len() > before);
    for length in before..bytes.len() {
        let torn = TempDir::new().unwrap();
        std::fs::write(torn.path().join(file.file_name().unwrap()), &bytes[..length]).unwrap();
        std::fs::write(torn.path().join("identity"), &identity).unwrap();
        note(torn.path(), LOG_ID, &[0, 0, 0]);
        let (log, noted) = files(&settings(&torn), 3).await.unwrap();
        assert_eq!(log.report().torn.is_some(), length > before, "{length}");
        assert_eq!(noted.unwrap().waiting(&log), 5, "{length}");
        drop(log);
        assert_eq!(counters(&held(torn.path()).await, 1), [0, 1, 2, 3, 4], "{length}");
    }
}

#[tokio::test]
async fn a_spool_of_another_log_is_refused_until_it_is_empty() {
    let dir = TempDir::new().unwrap();
    let open = opened(settings(&dir)).await;
    crate::Appender::from(open.1.appender()).append(vec![record(1, 0)]).await.unwrap();
    closed(open).await;
    let (log, noted) = files(&settings(&dir), 3).await.unwrap();
    let other = crate::LogIdentity { log_id: Uuid::from_u128(10), partitions: 3 };
    let refused = Noted::of(noted.clone(), &other, &log, dir.path()).unwrap_err().to_string();
    assert!(refused.contains("1 records") && refused.contains(&LOG_ID.to_string()), "{refused}");
    let drained = Noted { drained: log.next_offsets().to_vec(), ..noted.unwrap() };
    let next = Noted::of(Some(drained), &other, &log, dir.path()).unwrap();
    assert_eq!((next.log_id, next.waiting(&log)), (other.log_id, 0));
}

#[tokio::test]
async fn a_note_that_cannot_be_read_says_what_to_do_and_none_means_that_nothing_is_drained() {
    let dir = TempDir::new().unwrap();
    assert_eq!(waiting_in(dir.path()).unwrap(), 0, "no spool");
    let open = opened(settings(&dir)).await;
    crate::Appender::from(open.1.appender()).append(vec![record(1, 0), record(2, 0)]).await.unwrap();
    closed(open).await;
    std::fs::write(dir.path().join("drained.json"), "{\"format\":1").unwrap();
    let refused = waiting_in(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("drained.json") && refused.contains("remove it"), "{refused}");
    std::fs::remove_file(dir.path().join("drained.json")).unwrap();
    assert_eq!(waiting_in(dir.path()).unwrap(), 2);
}

#[tokio::test]
async fn a_task_that_panics_ends_the_spool_and_is_told() {
    let dir = TempDir::new().unwrap();
    let open = opened(settings(&dir)).await;
    let appender = crate::Appender::from(open.1.appender());
    let delivered = appender.enqueue(vec![record(1, 0)]).await.unwrap();
    assert_eq!(timeout(DEADLINE, delivered).await.unwrap(), Ok(Delivered::default()));
    supervised(&open.1.shared, "writer", async { panic!("on purpose") }).await.unwrap();
    // The drain goes on to look; what it tells is the same.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let health = open.1.health().borrow().clone();
    assert!(matches!(&health, Health::Ended { reason } if reason.contains("a part of it failed")), "{health:?}");
    assert_eq!(appender.enqueue(vec![record(1, 1)]).await.map(drop), Err(AppendError::Closed));
    closed(open).await;
    assert_eq!(counters(&held(dir.path()).await, 1), [0]);
}
