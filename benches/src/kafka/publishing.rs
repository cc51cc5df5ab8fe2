//! Publishes over MQTT, acknowledged after Kafka's delivery report, beside a bare rdkafka producer of the same records.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use tacho_integration_tests::kafka::Broker;

use super::{NO_KAFKA, PARTITIONS, TOPIC, deployment};
use crate::load::{Acknowledged, Load, ROBOTS};
use crate::machine::cpu_of;
use crate::number::grouped;
use crate::record::{FIRST_SEQ, robot_id, small};
use crate::table::Figure;

const CONNECTIONS: usize = 50;
const DURATION: Duration = Duration::from_secs(10);
/// Longest time until what was published has landed.
const LANDING: Duration = Duration::from_secs(120);
const BUDGET: &str = "≥ 150,000 publishes/s";
const WHAT: &str =
    "MQTT QoS 1, records of 300 B, 50 connections, acknowledged after Kafka's delivery report (`acks=all`)";

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let Some((broker, mut cluster)) = deployment()? else {
        return Ok(vec![Figure::missing(WHAT, BUDGET, NO_KAFKA)]);
    };
    let ingest = cluster.started("ingest")?;
    let address = cluster.mqtt(ingest).parse().context("address of the ingest")?;
    let load = Load { broker: address, connections: CONNECTIONS, robots: ROBOTS, duration: DURATION, rate: None };
    let ours = load.run()?;
    let ingest_us = cpu_of(cluster.pid(ingest)?)?.as_secs_f64() * 1e6 / ours.records as f64;

    let (process, started) = (cluster.started("process")?, Instant::now());
    let all = ours.records as f64;
    while cluster.metric(process, "tacho_lake_landed_total")? < all && started.elapsed() < LANDING {
        std::thread::sleep(Duration::from_millis(100));
    }
    let landed = cluster.metric(process, "tacho_lake_landed_total")?;
    let process_us = cpu_of(cluster.pid(process)?)?.as_secs_f64() * 1e6 / landed;
    let took = started.elapsed().as_secs_f64();
    cluster.stop()?;
    drop(cluster);
    let theirs = bare(&broker)?;

    let published = Figure {
        what: WHAT.to_owned(),
        budget: BUDGET,
        figure: format!("{}/s; {ingest_us:.1} µs of CPU each in ingest", grouped(ours.rate())),
        reference: format!("bare rdkafka, the same records and settings: {}/s", grouped(theirs.rate())),
        ratio: format!("{:.2}", ours.rate() / theirs.rate()),
    };
    let caught_up = Figure::alone(
        "the same, landed afterwards by one `tacho process`, without anchors",
        "—",
        format!("{} records/s from its start; {process_us:.1} µs of CPU each", grouped(landed / took)),
    );
    Ok(vec![published, caught_up])
}

/// The same records, produced as fast as they are confirmed, with no headers and nothing around it.
fn bare(broker: &Broker) -> anyhow::Result<Acknowledged> {
    let mut client = ClientConfig::new();
    for (key, value) in [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("linger.ms", "5"),
        ("batch.size", "262144"),
        ("batch.num.messages", "10000"),
        ("queue.buffering.max.messages", "0"),
        ("queue.buffering.max.kbytes", "65536"),
        ("socket.nagle.disable", "true"),
    ] {
        client.set(key, value);
    }
    let producer: ThreadedProducer<_> =
        client.set("bootstrap.servers", broker.address()).create().context("producer")?;
    let robots: Vec<(String, String)> = (1..=CONNECTIONS * ROBOTS)
        .map(|number| {
            let robot = robot_id(number);
            let record = small(&robot, FIRST_SEQ);
            (robot, record)
        })
        .collect();
    let (started, mut records) = (Instant::now(), 0);
    while started.elapsed() < DURATION {
        let (robot, record) = &robots[records % robots.len()];
        let partition = tacho_schemas::partition::partition_of(robot.as_bytes(), i32::try_from(PARTITIONS)?);
        let record = BaseRecord::to(TOPIC).key(robot.as_str()).payload(record.as_str()).partition(partition);
        match producer.send(record) {
            Ok(()) => records += 1,
            // The queue is full: that is the pace.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    producer.flush(LANDING).context("flush")?;
    Ok(Acknowledged { records, took: started.elapsed() })
}
