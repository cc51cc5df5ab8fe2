//! Faults of the storage: nothing that was delivered is lost, no offset is ever given to two records.

use std::collections::BTreeMap;

use super::*;

fn faulty(faults: &Faults) -> EmbeddedSettings {
    EmbeddedSettings { faults: faults.clone(), ..settings() }
}

async fn until_ready(log: &EmbeddedLog) {
    let mut health = log.health();
    timeout(DEADLINE, health.wait_for(Health::is_ready)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_appends_is_told_and_recovers_by_itself() {
    let dir = TempDir::new().unwrap();
    let faults = Faults::armed();
    let log = open(&dir, faulty(&faults));
    fill(&log, 0, 10, 300).await;
    let before = read_all(&log).await;
    faults.set_disk_full(true);
    for counter in 10..15 {
        let refused = log.appender().append(vec![record(1, counter, 300)]).await.unwrap_err();
        assert!(matches!(&refused, AppendError::DiskFull { reason } if reason.contains("writing")), "{refused}");
        assert_eq!(refused.verdict(), crate::Verdict::Retry);
    }
    let health = log.health().borrow().clone();
    assert!(matches!(health, Health::Failing { disk_full: true, .. }), "{health:?}");
    assert_eq!(log.stats().refused, 5);
    assert_eq!(read_all(&log).await, before);

    faults.set_disk_full(false);
    until_ready(&log).await;
    fill(&log, 10, 10, 300).await;
    let all = read_all(&log).await;
    assert_eq!(all.len(), 20);
    let crashed = copy(&dir);
    log.close().await;
    assert_eq!(read_all(&open(&dir, settings())).await, all);
    assert_eq!(read_all(&open(&crashed, settings())).await, all);
}

#[tokio::test]
async fn a_log_opens_and_reads_on_a_full_disk() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    fill(&log, 0, 5, 100).await;
    let crashed = copy(&dir);
    let faults = Faults::armed();
    faults.set_disk_full(true);
    let log = open(&crashed, faulty(&faults));
    assert_eq!(read_all(&log).await.len(), 5);
    log.appender().append(vec![record(1, 5, 1)]).await.unwrap_err();
}

#[tokio::test]
async fn a_group_whose_sync_failed_is_never_read() {
    let dir = TempDir::new().unwrap();
    let faults = Faults::armed();
    let log = open(&dir, EmbeddedSettings { faults: faults.clone(), ..one_segment() });
    let mut reader = log.reader(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    log.appender().append(vec![record(1, 0, 10)]).await.unwrap();
    assert_eq!(records(&reader.next(1000).await.unwrap()).len(), 1);

    // Neither the sync nor cutting off what may be on the disk works.
    faults.order(Operation::Sync, 0, Fault::Io);
    faults.order(Operation::Cut, 0, Fault::Io);
    let refused = log.appender().append(vec![record(1, 1, 10)]).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Storage { reason } if reason.contains("syncing")), "{refused}");
    timeout(Duration::from_millis(10), reader.next(1000)).await.unwrap_err();
    until_ready(&log).await;

    let delivered = log.appender().append(vec![record(1, 2, 10)]).await.unwrap();
    assert_eq!(delivered.ranges[0].start, 1);
    let after = records(&timeout(DEADLINE, reader.next(1000)).await.unwrap().unwrap());
    assert_eq!((after.len(), after[0].envelope.id.counter), (1, 2));

    // The void group is still behind the first segment's end; nothing brings it back.
    assert_eq!(batch_positions(&log, &files(dir.path(), "log")[0]).len(), 3);
    let crashed = copy(&dir);
    for index in files(crashed.path(), "index") {
        fs::remove_file(index).unwrap();
    }
    for dir in [copy(&dir), crashed] {
        let log = open(&dir, one_segment());
        assert_eq!((&log.report().torn, &log.report().damage), (&None, &Vec::new()));
        let counters: Vec<_> = read_all(&log).await.iter().map(|r| r.envelope.id.counter).collect();
        assert_eq!(counters, [0, 2]);
    }
}

#[tokio::test]
async fn after_a_refusal_a_lane_takes_nothing_more_and_a_new_one_does() {
    let dir = TempDir::new().unwrap();
    let faults = Faults::armed();
    let log = open(&dir, faulty(&faults));
    let lane = log.appender().lane();
    lane.append(vec![record(1, 0, 10)]).await.unwrap();
    faults.order(Operation::Sync, 0, Fault::Io);
    lane.append(vec![record(1, 1, 10)]).await.unwrap_err();
    until_ready(&log).await;
    assert_eq!(lane.append(vec![record(1, 2, 10)]).await, Err(AppendError::Interrupted));
    let lane = log.appender().lane();
    lane.append(vec![record(1, 1, 10)]).await.unwrap();
    lane.append(vec![record(1, 2, 10)]).await.unwrap();
    let texts: Vec<_> = read_all(&log).await.iter().map(|r| payload_text(&r.payload)).collect();
    assert!(texts.iter().zip(["0|", "1|", "2|"]).all(|(text, start)| text.starts_with(start)), "{texts:?}");
}

type Delivery = BTreeMap<(i32, i64), u64>;

/// Appends 10 records, each tried again until it is delivered; gives the place of each.
async fn append_stubbornly(log: &EmbeddedLog) -> Delivery {
    let mut delivered = BTreeMap::new();
    for counter in 0..10 {
        let ranges = loop {
            match log.appender().append(vec![record(1, counter, 900)]).await {
                Ok(delivered) => break delivered.ranges,
                Err(_) => until_ready(log).await,
            }
        };
        let place = (ranges[0].partition, ranges[0].start);
        assert_eq!(delivered.insert(place, counter), None, "a place was given twice");
    }
    delivered
}

async fn places(log: &EmbeddedLog) -> Delivery {
    let read = read_all(log).await;
    read.iter().map(|r| ((r.partition, r.offset), r.envelope.id.counter)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_at_whichever_step_what_was_delivered_stays_where_it_was() {
    let plans: [(Operation, Fault, u64); 6] = [
        (Operation::Write, Fault::ShortWrite, 13),
        (Operation::Write, Fault::DiskFull, 13),
        (Operation::Sync, Fault::Io, 17),
        (Operation::Create, Fault::Io, 5),
        (Operation::Create, Fault::DiskFull, 5),
        (Operation::Sync, Fault::DiskFull, 3),
    ];
    for (operation, fault, steps) in plans {
        for step in 0..steps {
            for cut_fails in [false, true] {
                let context = format!("{fault:?} at {operation:?} {step}, cut fails: {cut_fails}");
                let dir = TempDir::new().unwrap();
                let faults = Faults::armed();
                let log = open(&dir, faulty(&faults));
                faults.order(operation, step, fault);
                if cut_fails {
                    (0..4).for_each(|nth| faults.order(Operation::Cut, nth, Fault::Io));
                }
                let delivered = timeout(DEADLINE, append_stubbornly(&log)).await.unwrap();
                assert_eq!(places(&log).await, delivered, "{context}");
                let crashed = copy(&dir);
                log.close().await;
                for dir in [dir, crashed] {
                    let log = open(&dir, settings());
                    assert_eq!(log.report().damage, [], "{context}");
                    assert_eq!(places(&log).await, delivered, "{context}");
                }
            }
        }
    }
}
