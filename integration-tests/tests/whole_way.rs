//! One record's way: from an MQTT client that we did not write to a SQL answer, with every way in which it can be refused.

use std::io::Read as _;
use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub, mosquitto_sub};
use tacho_integration_tests::data::{ROBOT, record, recorded, topic};
use tacho_integration_tests::{Plant, PlantOptions, until};

/// The issue allows 3 s on an idle machine; tests run beside each other.
const LANDED: Duration = Duration::from_secs(30);

#[test]
fn a_record_published_by_mosquitto_pub_is_in_sql_and_reaches_subscribers() {
    let Some(full) = recorded("record-full.json").filter(|_| installed("mosquitto_pub")) else { return };
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let (lake, mqtt) = (plant.lake(), plant.mqtt().unwrap());
    let mut subscriber = mosquitto_sub(&mqtt, "robots/#", 1).unwrap();
    let mut seen = String::new();
    let mut out = subscriber.stdout.take().unwrap();
    // The debug lines of mosquitto_sub say when the subscription stands.
    let mut byte = [0];
    while !seen.contains("Subscribed (mid") && out.read(&mut byte).unwrap() == 1 {
        seen.push(char::from(byte[0]));
    }

    mosquitto_pub(&mqtt, "311", &topic(ROBOT), &full).unwrap();
    until("record 1024", LANDED, &Some(1), || lake.try_int("select count(*) from records where seq = 1024"));
    assert_eq!(lake.int("select count(*) from joints where seq = 1024").unwrap(), 6);
    assert_eq!(lake.int("select count(*) from batteries where seq = 1024").unwrap(), 1);
    assert_eq!(lake.int("select count(*) from events where seq = 1024 and code = 'C153A1'").unwrap(), 1);
    let rows = lake
        .rows(
            "select model, reducer_damage from joint_wear w join fleet f on w.robot_id = f.robot_id where joint = 'J1'",
        )
        .unwrap();
    // 6.4e6 revolutions at load over R_N = 60 · 10 000 h · 2000 rpm.
    assert_eq!(rows[0]["reducer_damage"].to_string(), "0.005333333");
    assert_eq!(rows[0]["model"], "example-arm-6");

    assert!(subscriber.wait().unwrap().success());
    out.read_to_string(&mut seen).unwrap();
    assert!(seen.contains("SHG25-100-7001"), "the subscriber saw: {seen}");

    let text = std::fs::read_to_string(&full).unwrap().replace("\"seq\":1024", "\"seq\":1025");
    let next = plant.beside("next.json");
    std::fs::write(&next, text).unwrap();
    mosquitto_pub(&mqtt, "5", &topic(ROBOT), &next).unwrap();
    until("record 1025", LANDED, &Some(2), || lake.try_int("select count(*) from records"));
}

#[test]
fn a_bad_id_a_duplicate_and_a_conflict_are_each_told_apart() {
    if !installed("mosquitto_pub") {
        return;
    }
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let (lake, mqtt) = (plant.lake(), plant.mqtt().unwrap());
    let publish = |robot: &str, text: &str| {
        let file = plant.beside("record.json");
        std::fs::write(&file, text).unwrap();
        mosquitto_pub(&mqtt, "5", &topic(robot), &file).unwrap();
    };
    let good = record(ROBOT, 1, 7);
    let bad_id = good.replace(ROBOT, "CNAB12HX00010000000000000042a");
    publish(ROBOT, &good);
    publish(ROBOT, &good);
    publish(ROBOT, &good.replace("1204.5", "1300.5"));
    publish(ROBOT, &bad_id);
    publish("cnab12", &good);
    until("all counted", LANDED, &Some(5), || lake.try_int("select sum(received) from ledger"));

    let rows = lake.rows(&format!("select * from ledger where robot_id = '{ROBOT}'")).unwrap();
    let count = |name: &str| rows[0][name].as_i64().unwrap();
    assert_eq!((count("received"), count("landed"), count("duplicate"), count("rejected")), (4, 1, 1, 2));
    let letters = lake
        .rows("select robot_id, topic_id, reason, pointer, value, payload_bytes, payload_sha256 from rejections order by \"offset\", partition")
        .unwrap();
    let of = |reason: &str, robot: &str| {
        let found = letters.iter().find(|row| row["reason"] == reason && row["robot_id"] == robot);
        found.unwrap_or_else(|| panic!("{reason} of {robot} in {letters:?}")).clone()
    };
    let malformed = of("id_malformed", ROBOT);
    assert_eq!(malformed["pointer"], "/robot_id");
    assert_eq!(malformed["payload_bytes"], bad_id.len());
    let payload =
        lake.rows("select encode(payload, 'hex') as bytes from rejections where pointer = '/robot_id'").unwrap();
    let bytes: String = bad_id.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(payload[0]["bytes"], bytes);
    assert_eq!(of("sequence_conflict", ROBOT)["pointer"], "/seq");
    assert_eq!(of("id_malformed", "?")["topic_id"], "cnab12");
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
}
