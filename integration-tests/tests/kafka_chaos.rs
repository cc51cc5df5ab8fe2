//! G1, G2, G3 on Kafka: what was acknowledged is in the lake once and in order, whatever of a deployment is killed, paused
//! or started again.

use std::process::Child;
use std::time::{Duration, Instant};

use tacho_integration_tests::client::{finished, simulate};
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::files::lines;
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::{Outcome, until, until_some};

/// Longer than the group's session: a process that was paused for so long is a zombie when it goes on.
const PAUSE: Duration = Duration::from_secs(5);

/// What is done to a deployment of two ingests and three processors.
struct Ordeal {
    records: usize,
    rate: u32,
    connections: u32,
    /// Rounds; in each something else is struck.
    rounds: usize,
}

/// Devices at one ingest.
struct Fleet {
    devices: Child,
    journal: std::path::PathBuf,
}

impl Ordeal {
    fn endure(&self) {
        let Some(mut broker) = Broker::started().unwrap() else { return };
        let mut cluster = Cluster::new(&broker, 12, "[anchor]\nwindow = \"2s\"").unwrap();
        let ingests = [cluster.started("ingest").unwrap(), cluster.started("ingest").unwrap()];
        let processors: Vec<usize> = (0..3).map(|_| cluster.started("process").unwrap()).collect();
        let anchor = cluster.started("anchor").unwrap();
        let mut fleets: Vec<Fleet> =
            ingests.iter().enumerate().map(|(number, ingest)| self.fleet(&cluster, number, *ingest)).collect();
        let began = Instant::now();
        for round in 1..=self.rounds {
            let due = self.records * round / (self.rounds + 2);
            until_some("records before the next blow", Duration::from_secs(600), || {
                let acknowledged: usize = fleets.iter().map(|fleet| lines(&fleet.journal)).sum();
                (acknowledged >= due).then_some(())
            });
            let victim = match round % 7 {
                0 => ("kill -9", processors[round / 7 % 3]),
                1 => ("kill -9", ingests[round / 7 % 2]),
                2 => ("pause", processors[(round / 7 + 1) % 3]),
                3 => ("broker", 0),
                4 => ("pause", ingests[(round / 7 + 1) % 2]),
                5 => ("kill -9", anchor),
                _ => ("kill -9", processors[(round / 7 + 2) % 3]),
            };
            println!("{:>6.1} s: {victim:?}", began.elapsed().as_secs_f64());
            match victim {
                ("broker", _) => {
                    broker.kill().unwrap();
                    broker.start().unwrap();
                }
                ("pause", role) => {
                    cluster.signal(role, "STOP").unwrap();
                    std::thread::sleep(PAUSE);
                    cluster.signal(role, "CONT").unwrap();
                }
                (_, role) => {
                    cluster.kill(role).unwrap();
                    cluster.start(role).unwrap();
                }
            }
        }
        for fleet in &mut fleets {
            finished(&mut fleet.devices).unwrap();
        }
        let journal: String = fleets.iter().map(|fleet| std::fs::read_to_string(&fleet.journal).unwrap()).collect();
        let lake = cluster.lake();
        let all = Some(i64::try_from(self.records).unwrap());
        until("all landed", Duration::from_secs(300), &all, || lake.try_int("select count(*) from records"));
        println!("{:>6.1} s: all landed", began.elapsed().as_secs_f64());
        assert_eq!(lake.imbalances().unwrap(), Vec::new());
        let outcome = Outcome::of(&lake, &journal).unwrap();
        let duplicates = lake.int("select sum(duplicate) from ledger").unwrap();
        println!("{outcome:?}, {duplicates} duplicates recognised");
        assert_eq!(outcome, Outcome::whole(self.records));
        assert_eq!(lake.int("select count(*) from gaps").unwrap(), 0);
        cluster.stop().unwrap();
        for role in ingests.iter().chain(&processors).chain([&anchor]) {
            assert!(!cluster.is_running(*role));
        }
    }

    fn fleet(&self, cluster: &Cluster, number: usize, ingest: usize) -> Fleet {
        let journal = cluster.path(&format!("acknowledged-{number}.csv"));
        let (records, rate) = ((self.records / 2).to_string(), (self.rate / 2).to_string());
        let connections = (self.connections / 2).to_string();
        let first = (1 + 100_000 * number).to_string();
        let args = ["--robots", &connections, "--connections", &connections, "--first", &first, "--epoch", "7"];
        let further = ["--rate", &rate, "--records", &records, "--journal", journal.to_str().unwrap()];
        let devices = simulate(&cluster.mqtt(ingest), &[&args[..], &further].concat()).unwrap();
        Fleet { devices, journal }
    }
}

#[test]
fn what_kafka_confirmed_lands_once_and_in_order_whatever_is_killed_or_paused() {
    Ordeal { records: 40_000, rate: 1_500, connections: 40, rounds: 7 }.endure();
}

/// `benches/kafka-chaos` runs it.
#[test]
#[ignore = "takes a quarter of an hour"]
fn a_million_records_over_forty_blows_land_once_and_in_order() {
    Ordeal { records: 1_000_000, rate: 4_000, connections: 100, rounds: 40 }.endure();
}
