//! Cases 7 to 10 of the list of failures: poison, flipped types, unknown fields, foreign clocks.

use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub};
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::files::live_files;
use tacho_integration_tests::{Lake, Plant, PlantOptions, until};

const LANDED: Duration = Duration::from_secs(30);

fn publish(plant: &Plant, text: &[u8]) {
    let file = plant.beside("publish.bin");
    std::fs::write(&file, text).unwrap();
    mosquitto_pub(&plant.mqtt().unwrap(), "5", &topic(ROBOT), &file).unwrap();
}

fn received(lake: &Lake, count: i64) {
    until("all counted", LANDED, &Some(count), || lake.try_int("select sum(received) from ledger"));
}

#[test]
fn failure_07_each_poison_is_a_dead_letter_with_its_bytes_and_the_pipeline_flows() {
    if !installed("mosquitto_pub") {
        return;
    }
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let lake = plant.lake();
    let good = |seq| record(ROBOT, 1, seq);
    let large = vec![b'x'; 10_000_000];
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
    let poison: [(&str, Vec<u8>); 7] = [
        ("encoding", good(2).into_bytes().iter().map(|byte| if *byte == b'7' { 0xff } else { *byte }).collect()),
        ("out_of_range", good(3).replace("1204.5", "1e400").into_bytes()),
        ("range", good(4).replace("1204.5", "1e308").into_bytes()),
        ("syntax", good(5).replace("1204.5", "NaN").into_bytes()),
        ("too_large", large.clone()),
        ("depth", deep),
        ("syntax", good(8).as_bytes()[..200].to_vec()),
    ];
    publish(&plant, good(1).as_bytes());
    for (_, bytes) in &poison {
        publish(&plant, bytes);
    }
    publish(&plant, good(9).as_bytes());
    received(&lake, 9);

    assert_eq!(lake.int("select count(*) from records").unwrap(), 2);
    let letters = lake
        .rows("select reason, payload_bytes, payload_sha256, octet_length(encode(payload, 'hex')) / 2 as kept from rejections order by \"offset\"")
        .unwrap();
    let reasons: Vec<&str> = letters.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, poison.each_ref().map(|(reason, _)| *reason));
    for (row, (reason, bytes)) in letters.iter().zip(&poison) {
        assert_eq!(row["payload_bytes"], bytes.len(), "{reason}");
        let kept = if *reason == "too_large" { 65_536 } else { bytes.len() };
        assert_eq!(row["kept"], kept, "{reason}");
    }
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
}

#[test]
fn failure_08_types_that_flip_are_stored_and_an_id_of_digits_is_kept_as_it_is() {
    if !installed("mosquitto_pub") {
        return;
    }
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let lake = plant.lake();
    publish(&plant, record(ROBOT, 1, 1).replace("1204.5", "1204").as_bytes());
    publish(&plant, record(ROBOT, 1, 2).replace("\"seq\":2", "\"seq\":2.0").as_bytes());
    received(&lake, 2);
    assert_eq!(lake.int("select count(*) from records where power_on_h in (1204, 1204.5)").unwrap(), 2);

    let digits = "00000000000000000000000000042";
    let file = plant.beside("digits.json");
    std::fs::write(&file, record(digits, 1, 1)).unwrap();
    mosquitto_pub(&plant.mqtt().unwrap(), "5", &topic(digits), &file).unwrap();
    received(&lake, 3);
    assert_eq!(lake.int(&format!("select count(*) from records where robot_id = '{digits}'")).unwrap(), 1);
}

#[test]
fn failure_09_unknown_fields_are_kept_and_another_version_between_them_makes_no_small_files() {
    if !installed("mosquitto_pub") {
        return;
    }
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let lake = plant.lake();
    let unknown = |seq| {
        let joint = record(ROBOT, 1, seq).replace("\"name\":\"J1\"", "\"name\":\"J1\",\"colour\":\"red\"");
        joint.replace("\"robot_kind\"", "\"shift\":{\"no\":7},\"robot_kind\"")
    };
    let newer = |seq| record(ROBOT, 1, seq).replace("\"schema_version\":1", "\"schema_version\":2");
    let mixed: Vec<String> =
        (1..=30).flat_map(|n| [record(ROBOT, 1, 3 * n), unknown(3 * n + 1), newer(3 * n + 2)]).collect();
    publish(&plant, format!("[{}]", mixed.join(",")).as_bytes());
    received(&lake, 90);

    let extra = lake.rows("select distinct extra from records where extra is not null").unwrap();
    assert_eq!((extra.len(), &extra[0]["extra"]), (1, &r#"{"/shift":{"no":7}}"#.into()));
    let extra = lake.rows("select distinct extra from joints where extra is not null").unwrap();
    assert_eq!((extra.len(), &extra[0]["extra"]), (1, &r#"{"/joints/0/colour":"red"}"#.into()));
    assert_eq!(lake.int("select count(*) from rejections where reason = 'schema_version'").unwrap(), 30);
    for table in ["records", "joints", "rejected"] {
        assert_eq!(live_files(&plant.data(), table).unwrap().len(), 1, "{table}: one commit, one file");
    }
}

#[test]
fn failure_10_a_clock_a_year_off_is_stored_flagged_and_partitions_by_receipt() {
    if !installed("mosquitto_pub") {
        return;
    }
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let lake = plant.lake();
    for (seq, year) in [(1, "2126"), (2, "1999")] {
        publish(&plant, record(ROBOT, 1, seq).replace("2026-", &format!("{year}-")).as_bytes());
    }
    received(&lake, 2);
    assert_eq!(lake.int("select count(*) from records where flags like '%clock_suspect%'").unwrap(), 2);
    let days = lake.rows("select distinct received_day from records").unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(lake.int("select count(*) from records where window_end > timestamp '2126-01-01'").unwrap(), 1);
}
