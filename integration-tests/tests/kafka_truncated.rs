//! A partition whose records Kafka has deleted before they landed halts alone: the others land, and a person is told.

use std::time::Duration;

use tacho_integration_tests::client::{installed, simulated};
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::kafka::{Administration, Broker};
use tacho_integration_tests::until;

const LONG: Duration = Duration::from_secs(60);
const TOPIC: &str = "robot.telemetry";
/// The partition that is emptied.
const EMPTIED: i32 = 2;

fn publish(cluster: &Cluster, ingest: usize, first: &str) {
    let fleet = ["--robots", "40", "--records", "400", "--rate", "0", "--first", first];
    simulated(&cluster.mqtt(ingest), &fleet).unwrap();
}

#[test]
fn a_partition_that_lost_what_had_not_landed_halts_and_the_others_go_on() {
    let Some(broker) = Broker::started().unwrap() else { return };
    if !installed("kcat") {
        return;
    }
    let mut cluster = Cluster::new(&broker, 4, "").unwrap();
    let ingest = cluster.started("ingest").unwrap();
    let process = cluster.started("process").unwrap();
    publish(&cluster, ingest, "1");
    let lake = cluster.lake();
    until("the first fleet landed", LONG, &Some(400), || lake.try_int("select count(*) from records"));
    let of_emptied = format!("select count(*) from records where partition = {EMPTIED}");
    let landed_before = lake.int(&of_emptied).unwrap();
    assert!(landed_before > 0);

    cluster.kill(process).unwrap();
    publish(&cluster, ingest, "1001");
    // What stands in the other partitions, without the control record that each begins with.
    let partitions = broker.kcat(TOPIC, "%p|%h\n").unwrap();
    let others =
        partitions.iter().filter(|line| !line.starts_with(&format!("{EMPTIED}|")) && !line.contains("tacho-config="));
    let expected = i64::try_from(others.count()).unwrap() + landed_before;
    assert!(expected < 800, "{expected}");
    broker.administer(&Administration::Empty { topic: TOPIC, partition: EMPTIED }).unwrap();

    cluster.start(process).unwrap();
    until("the others landed", LONG, &Some(expected), || lake.try_int("select count(*) from records"));
    until("somebody is told", LONG, &Some(1.0), || cluster.metric(process, "tacho_part_failing").ok());
    let told = cluster.logged(process);
    assert!(
        told.contains("a partition halts") && told.contains("what lies between was deleted before it landed"),
        "{told}"
    );
    assert_eq!(lake.int(&of_emptied).unwrap(), landed_before);
    assert_eq!(lake.imbalances().unwrap(), Vec::new());

    let landed = lake.int("select count(*) from records").unwrap();
    publish(&cluster, ingest, "2001");
    until("the others land what comes", LONG, &Some(true), || {
        lake.try_int("select count(*) from records").map(|records| records > landed)
    });
    cluster.stop().unwrap();
}
