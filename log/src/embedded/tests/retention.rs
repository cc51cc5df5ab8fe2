//! Retention: old segments go, but never what was not released, and never where the log stands.

use super::*;

fn everything(log: &EmbeddedLog) -> Vec<(i32, i64)> {
    (0..).zip(log.next_offsets().iter().copied()).collect()
}

#[tokio::test]
async fn nothing_goes_before_it_is_released() {
    let dir = TempDir::new().unwrap();
    let keep_nothing = EmbeddedSettings { retention_bytes: Some(0), retention_age: Some(Duration::ZERO), ..settings() };
    let log = open(&dir, keep_nothing);
    fill(&log, 0, 80, 300).await;
    let before = log.stats();
    assert!(before.segments > 5);
    assert_eq!(log.release(&[]).await.unwrap(), Released::default());
    assert_eq!(log.kept_by_one(), None, "all partitions keep them");
    // One partition that lags holds everything.
    let progress = everything(&log);
    assert_eq!(log.release(&progress[..2]).await.unwrap().segments, 0);
    assert_eq!(log.stats().segments, before.segments);
    let (partition, bytes) = log.kept_by_one().unwrap();
    assert!(partition == 2 && bytes < before.bytes && bytes > before.bytes / 2, "all but the newest: {bytes}");

    // Records up to here are released, so exactly the segments that end below may go.
    let middle: Vec<_> = progress.iter().map(|(partition, next)| (*partition, next / 2)).collect();
    let gone = log.release(&middle).await.unwrap().segments;
    assert!(gone > 0 && gone < before.segments - 1, "{gone}");
    for (partition, next) in &middle {
        let first = log.first_offsets()[usize::try_from(*partition).unwrap()];
        assert!(first <= *next, "partition {partition} begins at {first}, {next} was not released");
    }
    let kept = records(&read_from(&log, &middle, 1000).await);
    let expected: i64 = progress.iter().zip(&middle).map(|((_, next), (_, half))| next - half).sum();
    assert_eq!(i64::try_from(kept.len()).unwrap(), expected);
}

#[tokio::test]
async fn released_segments_go_oldest_first_until_the_bytes_fit() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { retention_bytes: Some(12_000), ..settings() });
    fill(&log, 0, 80, 300).await;
    let released = log.release(&everything(&log)).await.unwrap();
    let stats = log.stats();
    assert!(stats.bytes <= 12_000, "{stats:?}");
    assert!(stats.bytes + released.bytes / u64::try_from(released.segments).unwrap() * 2 > 12_000, "{stats:?}");
    assert_eq!(files(dir.path(), "log").len(), stats.segments);
    let first = log.first_offsets();
    assert!(first[0] > 0);
    assert!(matches!(log.reader(&[(0, first[0] - 1)]), Err(ReadError::OutOfRange { .. })));
    assert_eq!(log.held_before(0, first[0]).await.unwrap(), HeldBefore::Nothing);
    let (all, next) = (read_all(&log).await, log.next_offsets());
    log.close().await;

    let log = open(&dir, settings());
    assert_eq!(log.report(), &OpenReport::default());
    assert_eq!((log.first_offsets(), log.next_offsets()), (first, next));
    assert_eq!(read_all(&log).await, all);
}

#[tokio::test]
async fn released_segments_go_by_age_and_younger_ones_stay() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { retention_age: Some(Duration::from_secs(3600)), ..settings() });
    // Received in 2023, and now.
    fill(&log, 0, 40, 300).await;
    let appender = log.appender();
    for counter in 40..80 {
        let mut young = record(1, counter, 300);
        young.envelope.received_at_us = identity_file::now_us();
        appender.append(vec![young]).await.unwrap();
    }
    let released = log.release(&everything(&log)).await.unwrap();
    assert!(released.segments > 0);
    let kept = read_all(&log).await;
    let young = kept.iter().filter(|record| record.envelope.id.counter >= 40).count();
    assert_eq!(young, 40);
    assert!(kept.len() < 60, "{}", kept.len());
}

#[tokio::test]
async fn without_limits_everything_stays() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 40, 300).await;
    assert_eq!(log.release(&everything(&log)).await.unwrap(), Released::default());
    assert_eq!(read_all(&log).await.len(), 40);
}

#[tokio::test]
async fn the_newest_segment_stays_so_that_offsets_go_on() {
    let dir = TempDir::new().unwrap();
    let keep_nothing = EmbeddedSettings { retention_bytes: Some(0), ..settings() };
    let log = open(&dir, keep_nothing.clone());
    fill(&log, 0, 40, 300).await;
    let next = log.next_offsets();
    log.close().await;
    for round in 0..3 {
        let log = open(&dir, keep_nothing.clone());
        log.release(&everything(&log)).await.unwrap();
        assert_eq!(log.stats().segments, 1, "round {round}");
        assert_eq!(log.next_offsets(), next);
        log.close().await;
    }
    let log = open(&dir, keep_nothing);
    let delivered = log.appender().append(vec![record(1, 99, 1)]).await.unwrap();
    let partition = usize::try_from(delivered.ranges[0].partition).unwrap();
    assert_eq!(delivered.ranges[0].start, next[partition]);
}

#[tokio::test]
async fn a_segment_that_cannot_be_removed_is_tried_again() {
    let dir = TempDir::new().unwrap();
    let faults = Faults::armed();
    let log = open(&dir, EmbeddedSettings { retention_bytes: Some(0), faults: faults.clone(), ..settings() });
    fill(&log, 0, 40, 300).await;
    let segments = log.stats().segments;
    faults.order(Operation::Cut, 0, Fault::Io);
    assert!(matches!(log.release(&everything(&log)).await, Err(ReleaseError::Io { .. })));
    assert_eq!(log.stats().segments, segments);
    assert_eq!(log.release(&[]).await.unwrap().segments, segments - 1);
}
