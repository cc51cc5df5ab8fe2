//! The spool where Kafka refuses a record for good: its partition waits or goes on without it, the others drain, and the
//! order of each robot stays.

use std::time::Duration;

use tacho_integration_tests::client::{finished, simulate};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::device::{Device, publish};
use tacho_integration_tests::kafka::{Administration, Broker};
use tacho_integration_tests::{Lake, Plant, PlantOptions, until, until_some};

const LONG: Duration = Duration::from_secs(120);
/// Records of the fleet.
const FLEET: i64 = 6_000;
/// Bytes that the topic takes while it refuses, and those of the publish that it refuses.
const LIMIT: usize = 300_000;
const LARGE: usize = 420_000;

/// Lowers the limit of the topic.
fn limit(broker: &Broker, bytes: usize) {
    broker.administer(&Administration::Limit { topic: "robot.telemetry", bytes }).unwrap();
}

/// Publishes a record of the robot, and waits for its PUBACK.
fn acknowledged(device: &mut Device, seq: u16) {
    publish_text(device, seq, &record(ROBOT, 1, i64::from(seq)));
}

fn publish_text(device: &mut Device, id: u16, text: &str) {
    device.send(&publish(&topic(ROBOT), id, text.as_bytes())).unwrap();
    device.acknowledged(id).unwrap();
}

/// The records 2 to 4 of the robot in one publish that is larger than what the topic takes.
fn large() -> String {
    let note = format!("{{\"note\":\"{}\",", "x".repeat(LARGE / 3));
    let records = (2..5).map(|seq| record(ROBOT, 1, seq).replacen('{', &note, 1));
    format!("[{}]", records.collect::<Vec<_>>().join(","))
}

/// A broker that has come back with a lower limit; and a plant that has spooled meanwhile, of a fleet and of one robot three
/// publishes, the second of which is too large now.
fn refused(lines: &str) -> Option<(Broker, Plant, Device)> {
    let mut broker = Broker::started().unwrap()?;
    let config = format!("[log.kafka.spool]\ngrace = \"500ms\"\n{lines}\n{}", broker.log_settings(8));
    let mut plant = Plant::new(PlantOptions::configured(&config)).unwrap();
    plant.start().unwrap();
    limit(&broker, LIMIT);
    broker.kill().unwrap();
    let mqtt = plant.mqtt().unwrap();
    let mut device = Device::connected(&mqtt, "large", 0).unwrap();
    let records = FLEET.to_string();
    let args = ["--robots", "40", "--connections", "40", "--rate", "3000", "--epoch", "7", "--records", &records];
    finished(&mut simulate(&mqtt, &args).unwrap()).unwrap();
    acknowledged(&mut device, 1);
    publish_text(&mut device, 2, &large());
    acknowledged(&mut device, 5);
    broker.start().unwrap();
    Some((broker, plant, device))
}

/// The robot's records in the order of the log.
fn seqs(lake: &Lake) -> Vec<i64> {
    let rows =
        lake.rows(&format!("select seq from records where robot_id = '{ROBOT}' order by \"offset\", seq")).unwrap();
    rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect()
}

fn is_empty(plant: &Plant) -> bool {
    plant.ask("/ready").is_ok_and(|(_, body)| body == "ready\n")
}

#[test]
fn a_record_that_kafka_refuses_holds_up_its_partition_alone_and_follows_in_order_once_it_is_taken() {
    let Some((broker, mut plant, mut device)) = refused("") else { return };
    let told = |body: &str| body.contains(" records of 1 partitions") && body.contains("1 partitions wait");
    let body = until_some("the others are drained, and what is refused is told", LONG, || {
        plant.ask("/ready").ok().filter(|(status, body)| *status == 200 && told(body)).map(|(_, body)| body)
    });
    assert!(body.contains(ROBOT) && body.contains("MessageSizeTooLarge"), "{body}");
    let (_, metrics) = plant.ask("/metrics").unwrap();
    assert!(metrics.contains("\ntacho_spool_refused_partitions 1\n"), "{metrics}");
    acknowledged(&mut device, 6);

    limit(&broker, 2 << 20);
    until("it goes on unaided", LONG, &true, || is_empty(&plant));
    let lake = plant.lake();
    until("all landed", LONG, &Some(FLEET + 6), || lake.try_int("select count(*) from records"));
    assert_eq!(seqs(&lake), [1, 2, 3, 4, 5, 6], "nothing overtook it");
    let back = "select * from (select robot_id, partition, \"offset\", seq, \
                lag(seq) over (partition by robot_id order by \"offset\", seq) as before from records) where seq <= before";
    assert_eq!(lake.rows(back).unwrap(), Vec::new(), "nor among the fleet");
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    assert_eq!(lake.int("select count(*) from gap_events").unwrap(), 0);
    plant.stop().unwrap();
}

#[test]
fn a_record_that_is_too_large_for_the_topic_becomes_a_dead_letter_if_the_operator_says_so() {
    let Some((_broker, mut plant, _device)) = refused("too_large = \"dead_letter\"") else { return };
    until("the spool is empty", LONG, &true, || is_empty(&plant));
    let lake = plant.lake();
    until("all landed", LONG, &Some(FLEET + 2), || lake.try_int("select count(*) from records"));
    assert_eq!(seqs(&lake), [1, 5]);
    let letters = lake.rows("select robot_id, reason, payload_bytes from rejections").unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((letters[0]["robot_id"].as_str(), letters[0]["reason"].as_str()), (Some(ROBOT), Some("too_large")));
    assert!(letters[0]["payload_bytes"].as_u64().unwrap() >= LARGE as u64);
    assert_eq!(lake.int(&format!("select count(*) from gaps where robot_id = '{ROBOT}'")).unwrap(), 1, "it is missed");
    assert!(plant.logged().contains("it went as a dead letter"), "{}", plant.logged());
    plant.stop().unwrap();
}
