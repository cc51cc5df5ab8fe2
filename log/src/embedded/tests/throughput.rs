//! A first figure for the budget of appends; run it with `--ignored --nocapture` on an optimised build.

use std::time::Instant;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn appends_of_300_bytes_per_second() {
    const CALLERS: u32 = 50;
    const BATCHES: u64 = 200;
    const RECORDS: u64 = 100;
    let dir = TempDir::new().unwrap();
    let log = open(&dir, EmbeddedSettings::default());
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let lane = log.appender().lane();
            tokio::spawn(async move {
                let mut deliveries = VecDeque::new();
                for batch in 0..BATCHES {
                    let batch = (0..RECORDS).map(|at| record(n, batch * RECORDS + at, 300)).collect();
                    deliveries.push_back(lane.enqueue(batch).await.unwrap());
                    if deliveries.len() > 8 {
                        deliveries.pop_front().unwrap().await.unwrap();
                    }
                }
                for delivery in deliveries {
                    delivery.await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let took = began.elapsed();
    let stats = log.stats();
    let rate = stats.records as f64 / took.as_secs_f64();
    println!(
        "appended {} records in {took:.2?}: {rate:.0}/s in {} groups, {:?} in write and fsync",
        stats.records, stats.groups, stats.sync_time
    );
    log.close().await;

    let began = Instant::now();
    let log = open(&dir, EmbeddedSettings::default());
    println!("opened {} bytes in {:.2?}", log.stats().bytes, began.elapsed());
    let began = Instant::now();
    let mut reader = log.reader(&[0, 1, 2, 3, 4, 5, 6, 7].map(|partition| (partition, 0))).unwrap();
    let mut read = 0;
    while !reader.is_caught_up() {
        for item in reader.next(4 << 20).await.unwrap() {
            read += item.range().end - item.range().start;
        }
    }
    println!("read {read} records from files: {:.0}/s", read as f64 / began.elapsed().as_secs_f64());
}
