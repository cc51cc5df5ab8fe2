//! The log in Apache Kafka: from MQTT through the topic into the lake, anchored; what other programs read of it; and what
//! is refused.

use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub, simulated};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::kafka::{Administration, Broker};
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const LONG: Duration = Duration::from_secs(60);

fn plant(broker: &Broker, further: &str) -> Plant {
    let lines = format!("{further}\n[anchor]\nwindow = \"1s\"\n{}", broker.log_settings(8));
    Plant::new(PlantOptions::configured(&lines)).unwrap()
}

/// One broker for all of it: each start of one costs seconds of both cores.
#[test]
fn records_go_through_kafka_into_the_lake_and_are_anchored() {
    let Some(broker) = Broker::started().unwrap() else { return };
    let mut plant = plant(&broker, "data_dir = \"data\"");
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
    dead_letters_are_copied(&broker, &plant);
    dead_letters_are_retried(&broker, &plant);
    a_topic_that_is_gone_ends_the_instance(&broker, &mut plant);
    a_topic_made_anew_is_another_log(&broker, plant);
}

fn dead_letters_are_copied(broker: &Broker, plant: &Plant) {
    let lake = plant.lake();
    simulated(&plant.mqtt().unwrap(), &["--records", "500", "--rate", "0", "--faults", "poison=0.1"]).unwrap();
    until("the poison is recognised", LONG, &Some(true), || {
        lake.try_int("select count(*) from rejected").map(|letters| letters > 10)
    });
    if !installed("kcat") {
        return;
    }
    let expected =
        lake.text("select partition, \"offset\", ordinal, reason from rejected order by 1, 2, 3", "csv").unwrap();
    let copies = broker.kcat("robot.rejected", "%k|%h\n").unwrap();
    for line in expected.lines().skip(1) {
        let [partition, offset, ordinal, reason] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (key, reason) = (format!("/{partition}/{offset}/{ordinal}|"), format!("tacho-reason={reason}"));
        assert!(copies.iter().any(|copy| copy.contains(&key) && copy.contains(&reason)), "{key} {reason}: {copies:?}");
    }
}

/// Their cause is not mended: each becomes a dead letter once more, and is counted.
fn dead_letters_are_retried(broker: &Broker, plant: &Plant) {
    let lake = plant.lake();
    let count = "select sum(rejected) from ledger";
    let rejected = lake.int(count).unwrap();
    let config = plant.beside("tacho.toml");
    let args = ["dead-letters", "retry", "--reason", "syntax", "--config", config.to_str().unwrap()];
    let output = tacho(&args).unwrap();
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    let retried = report["retried"].as_i64().unwrap();
    assert!(retried > 5, "{report}");
    until("rejected again", LONG, &Some(rejected + retried), || lake.try_int(count));
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    if installed("kcat") {
        let lines = broker.kcat("robot.telemetry", "%h\n").unwrap();
        let marked = lines.iter().filter(|line| line.contains("tacho-retry-of=")).count();
        assert_eq!(i64::try_from(marked).unwrap(), retried, "{lines:?}");
    }
}

fn a_topic_that_is_gone_ends_the_instance(broker: &Broker, plant: &mut Plant) {
    broker.administer(&Administration::AddPartitions { topic: "robot.telemetry", partitions: 9 }).unwrap();
    let ended = plant.wait_for_end(LONG).unwrap();
    assert!(!ended.success());
    assert!(plant.logged().contains("has 9 partitions now, and had 8"), "{}", plant.logged());
    let refused = plant.start().unwrap_err().to_string();
    assert!(refused.contains("has 9 partitions, log.kafka.partitions says 8"), "{refused}");
}

fn a_topic_made_anew_is_another_log(broker: &Broker, mut plant: Plant) {
    let lake = plant.lake();
    broker.administer(&Administration::Delete { topic: "robot.telemetry" }).unwrap();
    until_some("a new topic in place of the old one", LONG, || {
        broker.administer(&Administration::Make { topic: "robot.telemetry", partitions: 8 }).ok()
    });
    let refused = plant.start().unwrap_err().to_string();
    assert!(refused.contains("it ends at offset 0") && refused.contains("log.kafka.generation"), "{refused}");
    let config = std::fs::read_to_string(plant.beside("tacho.toml")).unwrap();
    let config = config.replace("[log.kafka]", "[log.kafka]\ngeneration = 2");
    std::fs::write(plant.beside("tacho.toml"), config).unwrap();
    let refused = plant.start().unwrap_err().to_string();
    assert!(refused.contains("the lake follows log") && refused.contains("--new-log"), "{refused}");
    plant.spawn(&["--new-log"]).unwrap();
    plant.wait_until_up().unwrap();
    let before = lake.int("select count(*) from records").unwrap();
    simulated(&plant.mqtt().unwrap(), &["--records", "300", "--rate", "0", "--first", "5000"]).unwrap();
    until("what the new log holds landed", LONG, &Some(before + 300), || lake.try_int("select count(*) from records"));
    plant.stop().unwrap();
    println!("{}", plant.audited().unwrap());
}
