//! Kafka is away while devices publish: nothing is acknowledged that is not in it, and all arrives afterwards, once and in
//! order.

use std::io::Read as _;
use std::time::Duration;

use tacho_integration_tests::client::simulate;
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::{Outcome, Plant, PlantOptions, until, until_some};

const LONG: Duration = Duration::from_secs(120);
const RECORDS: usize = 12_000;
/// Several times as long as a PUBACK may be held: every session is closed meanwhile, some more than once.
const AWAY: Duration = Duration::from_secs(8);

#[test]
fn failure_02_what_waits_while_kafka_is_away_arrives_once_and_in_order() {
    let Some(mut broker) = Broker::started().unwrap() else { return };
    let lines =
        format!("[mqtt]\npuback_deadline = \"2s\"\n[log.kafka.spool]\nmode = \"hold\"\n{}", broker.log_settings(8));
    let mut plant = Plant::new(PlantOptions::configured(&lines)).unwrap();
    plant.start().unwrap();
    let journal = plant.beside("acknowledged.csv");
    let (records, file) = (RECORDS.to_string(), journal.to_str().unwrap().to_owned());
    let args = ["--robots", "30", "--connections", "30", "--rate", "1500", "--epoch", "7"];
    let further = ["--records", &records, "--journal", &file];
    let mut devices = simulate(&plant.mqtt().unwrap(), &[&args[..], &further].concat()).unwrap();
    until_some("some are acknowledged", LONG, || (lines_of(&journal) > 1_000).then_some(()));

    broker.kill().unwrap();
    until("the instance says that it takes nothing", LONG, &Some(true), || {
        let (status, body) = plant.ask("/ready").ok()?;
        Some(status == 503 && body.contains("log: kafka at 127.0.0.1"))
    });
    let before = lines_of(&journal);
    std::thread::sleep(AWAY);
    assert_eq!(lines_of(&journal), before, "nothing is acknowledged that Kafka has not confirmed");
    broker.start().unwrap();

    let mut report = String::new();
    devices.stdout.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(devices.wait().unwrap().success(), "{report}");
    let lake = plant.lake();
    let all = Some(i64::try_from(RECORDS).unwrap());
    until("all landed", LONG, &all, || lake.try_int("select count(*) from records"));
    let outcome = Outcome::of(&lake, &std::fs::read_to_string(&journal).unwrap()).unwrap();
    assert_eq!(outcome, Outcome::whole(RECORDS), "{report}");
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    let duplicates = lake.int("select sum(duplicate) from ledger").unwrap();
    println!("{outcome:?}, {duplicates} duplicates recognised\n{report}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["reconnects"].as_i64().unwrap() >= 30, "held PUBACKs close sessions: {report}");
    until("it is ready again", LONG, &Some(200), || plant.ask("/ready").ok().map(|(status, _)| status));
    plant.stop().unwrap();
}

fn lines_of(journal: &std::path::Path) -> usize {
    std::fs::read(journal).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}
