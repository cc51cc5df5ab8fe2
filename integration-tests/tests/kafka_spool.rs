//! The spool: Kafka is away, ingest acknowledges from its disk and is killed meanwhile, and all comes to the lake, once and
//! in order.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use tacho_integration_tests::client::{finished, simulate};
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::files::lines;
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::{Outcome, Plant, PlantOptions, until, until_some};

const LONG: Duration = Duration::from_secs(120);
/// For what is measured, on any machine.
const VERY_LONG: Duration = Duration::from_secs(3_600);
const SPOOL: &str = "[mqtt]\nanonymous = true\npuback_deadline = \"10s\"\n[log.kafka.spool]\nmode = \"spool\"\n";

/// An outage of Kafka while a fleet publishes to one ingest.
struct Outage {
    /// Records in all.
    records: usize,
    /// Records acknowledged while Kafka is away.
    meanwhile: usize,
    /// Records a second; 0 is as fast as they are acknowledged.
    rate: u32,
    connections: u32,
}

impl Outage {
    fn endure(&self) {
        let Some(mut broker) = Broker::started().unwrap() else { return };
        let (mut cluster, ingest) = spooling(&broker, "grace = \"500ms\"\nmax_bytes = \"64 GiB\"");
        cluster.started("process").unwrap();
        let journal = cluster.path("acknowledged.csv");
        let mut devices = self.fleet(&cluster, ingest, &journal);
        let acknowledged = |count: usize| {
            until_some("acknowledged records", VERY_LONG, || (lines(&journal) >= count).then_some(()));
        };
        let first = self.records / 10;
        acknowledged(first);

        broker.kill().unwrap();
        let away = Instant::now();
        acknowledged(lines(&journal) + self.meanwhile / 2);
        let spooled = cluster.metric(ingest, "tacho_spool_records").unwrap();
        assert!(
            spooled > 0.0 && cluster.metric(ingest, "tacho_ready").unwrap() > 0.0,
            "it spools, and takes publishes"
        );
        cluster.kill(ingest).unwrap();
        cluster.start(ingest).unwrap();
        acknowledged(lines(&journal) + self.meanwhile / 2);
        let depth = cluster.metric(ingest, "tacho_spool_records").unwrap();
        let bytes = cluster.metric(ingest, "tacho_spool_bytes").unwrap();
        assert!(depth >= spooled, "a restart keeps what waits: {depth} of {spooled}");
        println!("away for {:.1} s: {depth} records wait in {bytes} bytes", away.elapsed().as_secs_f64());

        broker.start().unwrap();
        let back = Instant::now();
        let before = cluster.metric(ingest, "tacho_spool_appended_records_total").unwrap();
        until("the spool is drained", VERY_LONG, &Some(0.0), || {
            let left = cluster.metric(ingest, "tacho_spool_records").ok()?;
            Some(left + cluster.metric(ingest, "tacho_spool_partitions").ok()?)
        });
        let took = back.elapsed().as_secs_f64();
        let meanwhile = cluster.metric(ingest, "tacho_spool_appended_records_total").unwrap() - before;
        println!("drained in {took:.1} s: {:.0} records/s", (depth + meanwhile) / took);
        println!("{}", memory(&cluster, ingest));
        finished(&mut devices).unwrap();
        self.judge(&cluster, &journal);
        cluster.stop().unwrap();
    }

    fn fleet(&self, cluster: &Cluster, ingest: usize, journal: &Path) -> Child {
        let (records, rate, connections) =
            (self.records.to_string(), self.rate.to_string(), self.connections.to_string());
        let args = ["--robots", &connections, "--connections", &connections, "--rate", &rate, "--epoch", "7"];
        let further = ["--records", &records, "--journal", journal.to_str().unwrap()];
        simulate(&cluster.mqtt(ingest), &[&args[..], &further].concat()).unwrap()
    }

    fn judge(&self, cluster: &Cluster, journal: &Path) {
        let lake = cluster.lake();
        let all = Some(i64::try_from(self.records).unwrap());
        until("all landed", VERY_LONG, &all, || lake.try_int("select count(*) from records"));
        let outcome = Outcome::of(&lake, &std::fs::read_to_string(journal).unwrap()).unwrap();
        let duplicates = lake.int("select sum(duplicate) from ledger").unwrap();
        println!("{outcome:?}, {duplicates} duplicates recognised");
        assert_eq!(outcome, Outcome::whole(self.records));
        assert_eq!(lake.imbalances().unwrap(), Vec::new());
        assert_eq!(lake.int("select count(*) from gaps").unwrap(), 0);
    }
}

/// A deployment with a spool, and its ingest, which runs.
fn spooling(broker: &Broker, lines: &str) -> (Cluster, usize) {
    let mut cluster = Cluster::new(broker, 8, &format!("{SPOOL}{lines}")).unwrap();
    let config = std::fs::read_to_string(cluster.config()).unwrap();
    let quick = config.replace("replication = 1\n", "replication = 1\nconnect_timeout = \"2s\"\n");
    std::fs::write(cluster.config(), quick).unwrap();
    let ingest = cluster.started("ingest").unwrap();
    (cluster, ingest)
}

/// The line of a process's most memory.
fn memory(cluster: &Cluster, role: usize) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", cluster.pid(role).unwrap())).unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}

#[test]
fn failure_02_what_is_acknowledged_while_kafka_is_away_comes_to_the_lake_once_and_in_order() {
    Outage { records: 30_000, meanwhile: 12_000, rate: 1_500, connections: 40 }.endure();
}

#[test]
fn a_drain_that_is_cut_short_by_kills_goes_on_in_order() {
    let Some(mut broker) = Broker::started().unwrap() else { return };
    let (mut cluster, ingest) = spooling(&broker, "grace = \"500ms\"");
    cluster.started("process").unwrap();
    let journal = cluster.path("acknowledged.csv");
    let outage = Outage { records: 40_000, meanwhile: 0, rate: 4_000, connections: 40 };
    let mut devices = outage.fleet(&cluster, ingest, &journal);
    until_some("some are acknowledged", LONG, || (lines(&journal) > 1_000).then_some(()));
    broker.kill().unwrap();
    until_some("most are acknowledged without Kafka", LONG, || (lines(&journal) > 30_000).then_some(()));
    broker.start().unwrap();
    let draining = |cluster: &Cluster| {
        until_some("it drains", LONG, || {
            let drained = cluster.metric(ingest, "tacho_spool_drained_records_total").ok()?;
            let left = cluster.metric(ingest, "tacho_spool_records").ok()?;
            (drained > 0.0 || left == 0.0).then_some(())
        });
    };
    draining(&cluster);
    cluster.kill(ingest).unwrap();
    let before = tacho_log::spool::waiting_in(&cluster.path("ingest-0/spool")).unwrap();
    cluster.start(ingest).unwrap();
    draining(&cluster);
    broker.kill().unwrap();
    broker.start().unwrap();
    draining(&cluster);
    cluster.kill(ingest).unwrap();
    let after = tacho_log::spool::waiting_in(&cluster.path("ingest-0/spool")).unwrap();
    println!("{before} records waited at the first kill, {after} at the second");
    cluster.start(ingest).unwrap();
    finished(&mut devices).unwrap();
    outage.judge(&cluster, &journal);
    cluster.stop().unwrap();
}

#[test]
fn up_spools_by_default_and_where_nobody_dies_nothing_comes_twice() {
    let Some(mut broker) = Broker::started().unwrap() else { return };
    let lines_of_config = format!("[log.kafka.spool]\ngrace = \"500ms\"\n{}", broker.log_settings(8));
    let mut plant = Plant::new(PlantOptions::configured(&lines_of_config)).unwrap();
    plant.start().unwrap();
    let journal = plant.beside("acknowledged.csv");
    let file = journal.to_str().unwrap().to_owned();
    let args = ["--robots", "20", "--connections", "20", "--rate", "1000", "--epoch", "7", "--records", "15000"];
    let mut devices = simulate(&plant.mqtt().unwrap(), &[&args[..], &["--journal", &file]].concat()).unwrap();
    until_some("some are acknowledged", LONG, || (lines(&journal) > 1_000).then_some(()));
    broker.kill().unwrap();
    let before = lines(&journal);
    until_some("more are acknowledged without Kafka", LONG, || (lines(&journal) > before + 5_000).then_some(()));
    let (status, body) = plant.ask("/ready").unwrap();
    assert!(status == 200 && body.contains("spool: ") && body.contains(" records of "), "{status} {body}");
    broker.start().unwrap();
    until("the spool is empty", LONG, &Some(true), || Some(plant.ask("/ready").ok()?.1 == "ready\n"));
    // How far it is drained is noted a moment later.
    until("nothing is noted to wait", LONG, &Some(0), || {
        tacho_log::spool::waiting_in(&plant.data().join("spool")).ok()
    });
    let report = finished(&mut devices).unwrap();
    let lake = plant.lake();
    until("all landed", LONG, &Some(15_000), || lake.try_int("select count(*) from records"));
    let outcome = Outcome::of(&lake, &std::fs::read_to_string(&journal).unwrap()).unwrap();
    assert_eq!(outcome, Outcome::whole(15_000), "{report}");
    assert_eq!(
        lake.int("select sum(duplicate) from ledger").unwrap(),
        0,
        "what was in doubt is skipped once it is confirmed: {report}"
    );
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    plant.stop().unwrap();
}

/// `benches/kafka-spool` runs it.
#[test]
#[ignore = "takes a long time"]
fn an_outage_of_many_records_is_drained() {
    let count = std::env::var_os("TACHO_SPOOL_RECORDS").and_then(|count| count.into_string().ok());
    let meanwhile = count.map_or(5_000_000, |count| count.parse().unwrap());
    Outage { records: meanwhile + meanwhile / 4, meanwhile, rate: 0, connections: 100 }.endure();
}

#[test]
fn a_spool_that_is_full_holds_and_then_refuses_and_what_was_acknowledged_comes() {
    let Some(mut broker) = Broker::started().unwrap() else { return };
    let (mut cluster, ingest) = spooling(&broker, "grace = \"500ms\"\nmax_bytes = \"64 MiB\"");
    cluster.started("process").unwrap();
    let journal = cluster.path("acknowledged.csv");
    let outage = Outage { records: 120_000, meanwhile: 0, rate: 0, connections: 20 };
    let mut devices = outage.fleet(&cluster, ingest, &journal);
    until_some("some are acknowledged", LONG, || (lines(&journal) > 1_000).then_some(()));
    broker.kill().unwrap();
    until("it is not ready", LONG, &Some(0.0), || cluster.metric(ingest, "tacho_ready").ok());
    let full = cluster.metric(ingest, "tacho_spool_bytes").unwrap();
    assert!(full < f64::from(80 << 20), "{full} bytes of 64 MiB and a commit");
    assert!(cluster.logged(ingest).contains("the spool is full"), "{}", cluster.logged(ingest));
    broker.start().unwrap();
    finished(&mut devices).unwrap();
    outage.judge(&cluster, &journal);
    until("it is ready again", LONG, &Some(1.0), || cluster.metric(ingest, "tacho_ready").ok());
    cluster.stop().unwrap();
}
