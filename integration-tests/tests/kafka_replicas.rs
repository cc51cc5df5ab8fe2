//! Three brokers with a copy of everything each, of which two must have a record before it is acknowledged: one may die, and
//! another be cut off, and nobody notices but the log lines.

use std::io::Read as _;
use std::time::Duration;

use tacho_integration_tests::client::simulate;
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::{Outcome, until, until_some};

const LONG: Duration = Duration::from_secs(120);
const RECORDS: usize = 30_000;

#[test]
fn a_broker_that_dies_and_one_that_is_cut_off_lose_nothing_and_reorder_nothing() {
    let Some(mut brokers) = Broker::started_together(3).unwrap() else { return };
    let mut cluster = Cluster::new(&brokers[0], 6, "").unwrap();
    let ingest = cluster.started("ingest").unwrap();
    let processors = [cluster.started("process").unwrap(), cluster.started("process").unwrap()];
    let journal = cluster.path("acknowledged.csv");
    let (records, file) = (RECORDS.to_string(), journal.to_str().unwrap().to_owned());
    let fleet = ["--robots", "30", "--connections", "30", "--rate", "1000", "--epoch", "7"];
    let further = ["--records", &records, "--journal", &file];
    let mut devices = simulate(&cluster.mqtt(ingest), &[&fleet[..], &further].concat()).unwrap();
    let acknowledged = |count: usize| {
        until_some("acknowledged records", LONG, || {
            let bytes = std::fs::read(&journal).unwrap_or_default();
            (bytes.iter().filter(|byte| **byte == b'\n').count() >= count).then_some(())
        });
    };

    acknowledged(4_000);
    brokers[0].kill().unwrap();
    acknowledged(10_000);
    brokers[0].start().unwrap();
    // Each partition has all three copies again, or the next blow would leave one.
    until("all copies are in step", LONG, &Some(true), || brokers[1].copies_in_step("robot.telemetry").ok());
    brokers[1].signal("STOP").unwrap();
    acknowledged(20_000);
    brokers[1].signal("CONT").unwrap();

    let mut report = String::new();
    devices.stdout.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(devices.wait().unwrap().success(), "{report}");
    let lake = cluster.lake();
    let all = Some(i64::try_from(RECORDS).unwrap());
    until("all landed", LONG, &all, || lake.try_int("select count(*) from records"));
    let outcome = Outcome::of(&lake, &std::fs::read_to_string(&journal).unwrap()).unwrap();
    println!("{outcome:?}\n{report}");
    assert_eq!(outcome, Outcome::whole(RECORDS), "{report}");
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    assert_eq!(lake.int("select count(*) from gaps").unwrap(), 0);
    cluster.stop().unwrap();
    for role in [ingest, processors[0], processors[1]] {
        assert!(!cluster.is_running(role));
    }
}
