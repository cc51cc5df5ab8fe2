//! The log in Apache Kafka: from MQTT through the topic into the lake, anchored; what other programs read of it; and what
//! is refused.

use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub, simulated};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::{Plant, PlantOptions, until};

const LONG: Duration = Duration::from_secs(60);

fn plant(broker: &Broker, further: &str) -> Plant {
    let lines = format!("{further}\n[anchor]\nwindow = \"1s\"\n{}", broker.log_settings(8));
    Plant::new(PlantOptions::configured(&lines)).unwrap()
}

/// One broker for all of it: each start of one costs seconds of both cores.
#[test]
fn records_go_through_kafka_into_the_lake_and_are_anchored() {
    let Some(broker) = Broker::started().unwrap() else { return };
    let mut plant = plant(&broker, "");
    plant.start().unwrap();
    let file = plant.beside("record.json");
    std::fs::write(&file, record(ROBOT, 1, 1)).unwrap();
    if installed("mosquitto_pub") {
        mosquitto_pub(&plant.mqtt().unwrap(), "5", &topic(ROBOT), &file).unwrap();
        let lake = plant.lake();
        until("the first record landed", LONG, &Some(1), || lake.try_int("select count(*) from records"));
        if installed("kcat") {
            let lines = broker.kcat("robot.telemetry", "%k|%h|%s\n").unwrap();
            let line = lines.iter().find(|line| line.starts_with(ROBOT)).unwrap();
            for part in ["ce_specversion=1.0", "ce_type=tachograph.telemetry", "content-type=application/json"] {
                assert!(line.contains(part), "{part}: {line}");
            }
            assert!(line.contains(&format!("ce_subject={ROBOT}")) && line.ends_with(&record(ROBOT, 1, 1)), "{line}");
            assert_eq!(lines.iter().filter(|line| line.contains("tacho-config=")).count(), 8, "{lines:?}");
        }
    }
    let report = simulated(&plant.mqtt().unwrap(), &["--robots", "20", "--records", "4000", "--rate", "4000"]).unwrap();
    let lake = plant.lake();
    let all = Some(4_000);
    let count = format!("select count(*) from records where robot_id <> '{ROBOT}'");
    until("all landed", LONG, &all, || lake.try_int(&count));
    assert_eq!(lake.imbalances().unwrap(), Vec::new(), "{report}");
    assert_eq!(lake.twice().unwrap(), Vec::new());
    plant.stop().unwrap();
    println!("{}", plant.audited().unwrap());
    assert!(lake.int("select count(*) from anchors").unwrap() > 0);

    plant.start().unwrap();
    assert_eq!(lake.int(&count).unwrap(), 4_000, "a restart goes on where the lake says");
    plant.kill().unwrap();
}
