//! Appending: what goes in comes out, in order, in few groups, within bounds.

use tacho_schemas::Digest;
use tacho_schemas::partition::partition_of;

use super::*;

#[tokio::test]
async fn every_envelope_comes_back_as_it_went_in_from_memory_and_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let mut batch = vec![record(1, 0, 10), record(1, 1, 0), record(2, 2, 3000)];
    batch[1].envelope.kind = RawKind::Oversize { bytes: 10 << 20, sha256: Digest::of(b"all of it") };
    batch[1].payload = Bytes::new();
    batch[2].envelope.robot = RobotKey::Unreadable;
    batch[2].envelope.topic_id = Some(Arc::from("no robot/é"));
    batch[2].envelope.principal = Arc::from("");
    batch[2].envelope.id.session = Uuid::from_u128(6);
    let delivered = log.appender().append(batch.clone()).await.unwrap();

    let partitions = batch.iter().map(|append| log.appender().partition_of(&append.envelope.robot));
    let mut expected: Vec<_> = delivered
        .places(partitions)
        .into_iter()
        .zip(batch)
        .map(|(place, append)| RawRecord {
            partition: place.partition,
            offset: place.offset,
            envelope: append.envelope,
            payload: append.payload,
        })
        .collect();
    expected.sort_by_key(|record| (record.partition, record.offset));
    assert_eq!(read_all(&log).await, expected);
    log.close().await;
    assert_eq!(read_all(&open(&dir, settings())).await, expected);
}

#[tokio::test]
async fn a_control_record_stands_on_the_partition_that_was_asked_for() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let digest = Digest::of(b"configuration");
    let id = RecordId { session: Uuid::from_u128(1), counter: 0 };
    for partition in 0..3 {
        let delivered = log.appender().append_control(partition, id, 7, digest).await.unwrap();
        assert_eq!(delivered.ranges, [OffsetRange { partition, start: 0, end: 1 }]);
    }
    let read = read_all(&log).await;
    assert_eq!(read.len(), 3);
    assert!(read.iter().all(|record| record.envelope.kind == RawKind::Config(digest)));

    let none = log.appender().append_control(3, id, 7, digest).await;
    assert_eq!(none, Err(AppendError::NoSuchPartition { partition: 3, partitions: 3 }));
    let mut publish = record(1, 1, 1);
    publish.envelope.kind = RawKind::Config(digest);
    let refused = log.appender().append(vec![publish]).await;
    assert_eq!(refused, Err(AppendError::ControlWithoutPartition));
}

#[tokio::test]
async fn a_robot_is_on_the_partition_that_kafka_gives_it() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    for n in 0..20 {
        let key = robot(n);
        let delivered = log.appender().append(vec![record(n, u64::from(n), 1)]).await.unwrap();
        assert_eq!(delivered.ranges[0].partition, partition_of(key.as_str().as_bytes(), 3));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_appenders_share_groups_and_each_keeps_its_order() {
    const TASKS: u32 = 64;
    const EACH: u64 = 40;
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { segment_bytes: 64 * 1024, ..settings() });
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let appender = log.appender();
            tokio::spawn(async move {
                for counter in 0..EACH {
                    appender.append(vec![record(n, counter, 100)]).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        timeout(DEADLINE, task).await.unwrap().unwrap();
    }
    let stats = log.stats();
    assert_eq!(stats.records, u64::from(TASKS) * EACH);
    assert!(stats.groups < stats.records, "{stats:?}");
    assert_eq!(stats.pending_bytes, 0);
    let read = read_all(&log).await;
    for n in 0..TASKS {
        let of_robot = read.iter().filter(|record| record.envelope.robot == robot(n));
        assert!(of_robot.map(|record| record.envelope.id.counter).eq(0..EACH), "robot {n}");
    }
}

#[tokio::test]
async fn pipelined_deliveries_name_rising_places() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let lane = log.appender().lane();
    let mut deliveries = Vec::new();
    for counter in 0..100 {
        deliveries.push(lane.enqueue(vec![record(1, counter, 50), record(1, counter, 50)]).await.unwrap());
    }
    for (n, delivery) in (0..).zip(deliveries) {
        let range = timeout(DEADLINE, delivery).await.unwrap().unwrap().ranges[0];
        assert_eq!((range.start, range.end), (2 * n, 2 * n + 2));
    }
}

#[tokio::test]
async fn an_empty_batch_is_delivered_at_nothing() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    assert_eq!(log.appender().append(Vec::new()).await, Ok(Delivered::default()));
    assert_eq!(log.stats().groups, 0);
}

#[tokio::test]
async fn a_batch_over_the_group_limit_is_refused_with_both_sizes() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let refused = log.appender().append(vec![record(1, 0, 70_000)]).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { bytes, limit: 65_536 }) if bytes > 70_000), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_bounded_in_bytes() {
    let dir = TempDir::new().unwrap();
    let bound = 64 * 1024;
    let log = open(&dir, EmbeddedSettings { max_pending_bytes: bound, segment_bytes: 1 << 20, ..settings() });
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let appender = log.appender();
            tokio::spawn(async move {
                for counter in 0..10 {
                    appender.append(vec![record(n, counter, 20_000)]).await.unwrap();
                }
            })
        })
        .collect();
    while !tasks.iter().all(task::JoinHandle::is_finished) {
        assert!(log.stats().pending_bytes <= bound);
        task::yield_now().await;
    }
    assert_eq!(log.stats().records, 200);
    // Three records of 20 kB fit the bound, so no group can have had more.
    assert!(log.stats().groups >= 67, "{:?}", log.stats());
}

#[tokio::test]
async fn a_closed_log_has_written_what_was_queued_and_takes_no_more() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let appender = log.appender();
    let mut reader = log.reader(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    let mut deliveries = Vec::new();
    for counter in 0..50 {
        deliveries.push(appender.enqueue(vec![record(1, counter, 100)]).await.unwrap());
    }
    log.close().await;
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(appender.append(vec![record(1, 50, 1)]).await, Err(AppendError::Closed));
    let mut read = 0;
    let ended = loop {
        match timeout(DEADLINE, reader.next(1000)).await.unwrap() {
            Ok(items) => read += records(&items).len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(ended, ReadError::Closed));
    assert_eq!(read, 50);
}
