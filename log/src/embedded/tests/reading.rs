//! Reading: from any place, from memory and files alike, and waiting for more.

use super::*;

#[tokio::test]
async fn memory_and_files_give_the_same() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 60, 300).await;
    let batch = (60..160).map(|counter| record(3, counter, 100)).collect();
    log.appender().append(batch).await.unwrap();
    let from_memory = read_all(&log).await;
    assert_eq!(from_memory.len(), 160);
    log.close().await;

    let log = open(&dir, EmbeddedSettings { feed_bytes: 0, ..settings() });
    for max_bytes in [1, 1000, 1 << 20] {
        assert_eq!(records(&read_items(&log, max_bytes).await), from_memory, "{max_bytes}");
    }
    // The segment that is being written, too.
    fill(&log, 160, 5, 10).await;
    assert_eq!(read_all(&log).await.len(), 165);
}

#[tokio::test]
async fn a_read_is_bounded_by_its_bytes_even_within_a_batch() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let batch = (0..50).map(|counter| record(1, counter, 800)).collect();
    log.appender().append(batch).await.unwrap();
    let partition = log.appender().partition_of(&robot(1));
    let mut reader = log.reader(&[(partition, 0)]).unwrap();
    let mut sizes = Vec::new();
    while !reader.is_caught_up() {
        sizes.push(records(&reader.next(3000).await.unwrap()).len());
    }
    assert_eq!(sizes.iter().sum::<usize>(), 50);
    assert!(sizes.iter().all(|size| *size <= 3), "{sizes:?}");
}

#[tokio::test]
async fn a_reader_can_begin_at_every_offset_of_every_partition() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { feed_bytes: 2000, ..settings() });
    fill(&log, 0, 80, 200).await;
    assert!(log.stats().segments > 4);
    let all = read_all(&log).await;
    for partition in 0..3 {
        let next = log.next_offsets()[usize::try_from(partition).unwrap()];
        for start in 0..=next {
            let read = records(&read_from(&log, &[(partition, start)], 2000).await);
            let expected = all.iter().filter(|r| r.partition == partition && r.offset >= start);
            assert!(read.iter().eq(expected), "partition {partition} from {start}");
        }
    }
}

#[tokio::test]
async fn partitions_can_begin_at_different_places() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { feed_bytes: 0, ..settings() });
    fill(&log, 0, 80, 200).await;
    let next = log.next_offsets();
    let starts = [(0, next[0] - 1), (2, 1)];
    let read = records(&read_from(&log, &starts, 500).await);
    assert_eq!(read.iter().filter(|r| r.partition == 0).count(), 1);
    assert_eq!(read.iter().filter(|r| r.partition == 1).count(), 0);
    assert_eq!(i64::try_from(read.iter().filter(|r| r.partition == 2).count()).unwrap(), next[2] - 1);
}

#[tokio::test]
async fn a_long_segment_is_sought_by_its_index() {
    let dir = TempDir::new().unwrap();
    let big = EmbeddedSettings { segment_bytes: 8 << 20, feed_bytes: 0, ..settings() };
    let log = open(&dir, big.clone());
    fill(&log, 0, 60, 30_000).await;
    let all = read_all(&log).await;
    let check = async |log: &EmbeddedLog| {
        for record in all.iter().step_by(7) {
            let starts = [(record.partition, record.offset)];
            let mut reader = log.reader(&starts).unwrap();
            let items = timeout(DEADLINE, reader.next(1)).await.unwrap().unwrap();
            assert_eq!(records(&items)[0], *record);
        }
    };
    check(&log).await;
    log.close().await;
    let log = open(&dir, big);
    assert_eq!(log.stats().segments, 1);
    check(&log).await;
}

#[tokio::test]
async fn a_reader_waits_for_the_next_record_and_wakes() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let mut reader = log.reader(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    for counter in 0..5 {
        assert!(reader.is_caught_up());
        timeout(Duration::from_millis(5), reader.next(1000)).await.unwrap_err();
        log.appender().append(vec![record(1, counter, 10)]).await.unwrap();
        assert_eq!(reader.lag_records(), 1);
        let items = timeout(DEADLINE, reader.next(1000)).await.unwrap().unwrap();
        assert_eq!(records(&items)[0].envelope.id.counter, counter);
    }
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_the_append_itself() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let mut reader = log.reader(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    let waiting = tokio::spawn(async move { reader.next(1000).await });
    log.appender().append(vec![record(1, 0, 10)]).await.unwrap();
    let items = timeout(DEADLINE, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(records(&items).len(), 1);
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { feed_bytes: 0, ..settings() });
    fill(&log, 0, 40, 300).await;
    let mut reader = log.reader(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    let mut items = Vec::new();
    while !reader.is_caught_up() {
        // Half of the calls are dropped at their first wait.
        if let Ok(read) = timeout(Duration::ZERO, reader.next(500)).await {
            items.extend(read.unwrap());
        }
        if let Ok(read) = timeout(DEADLINE, reader.next(500)).await {
            items.extend(read.unwrap());
        }
    }
    assert_eq!(records(&items), read_all(&log).await);
}

#[tokio::test]
async fn what_the_log_does_not_hold_is_refused_with_what_it_holds() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 10, 10).await;
    let next = log.next_offsets()[0];
    let beyond = log.reader(&[(0, next + 1)]).unwrap_err();
    assert!(matches!(beyond, ReadError::OutOfRange { partition: 0, first: 0, next: n, .. } if n == next));
    assert!(matches!(log.reader(&[(0, -1)]), Err(ReadError::OutOfRange { .. })));
    assert!(matches!(log.reader(&[(3, 0)]), Err(ReadError::NoSuchPartition { partition: 3, partitions: 3 })));
    assert!(matches!(log.reader(&[(-1, 0)]), Err(ReadError::NoSuchPartition { .. })));
}

#[tokio::test]
async fn the_id_of_the_record_before_an_offset_is_told() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 40, 300).await;
    for record in read_all(&log).await {
        let held = log.held_before(record.partition, record.offset + 1).await.unwrap();
        assert_eq!(held, HeldBefore::Record(record.envelope.id));
    }
    assert_eq!(log.held_before(0, 0).await.unwrap(), HeldBefore::Nothing);
    let next = log.next_offsets()[0];
    assert!(matches!(log.held_before(0, next + 1).await, Err(ReadError::OutOfRange { .. })));
    assert!(matches!(log.held_before(9, 0).await, Err(ReadError::NoSuchPartition { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_falls_behind_memory_goes_on_in_files_and_back() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings { feed_bytes: 3000, ..settings() });
    let appender = log.appender();
    let writing = tokio::spawn(async move {
        for counter in 0..300 {
            appender.append(vec![record(u32::try_from(counter % 5).unwrap(), counter, 200)]).await.unwrap();
        }
    });
    let mut reader = log.reader(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    let mut items = Vec::new();
    while records(&items).len() < 300 {
        items.extend(timeout(DEADLINE, reader.next(700)).await.unwrap().unwrap());
    }
    writing.await.unwrap();
    assert_eq!(records(&items), read_all(&log).await);
}
