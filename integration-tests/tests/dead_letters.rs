//! Dead letters: listed, shown with their bytes, and retried once the cause is mended, beside a running instance or without.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub};
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until};
use tacho_log::{EmbeddedLog, EmbeddedSettings, ReadItem};
use tacho_schemas::{RawKind, RecordId};

const SOON: Duration = Duration::from_secs(60);
/// The counter of 1,204.5 h is wrong under the first and right under the second.
const STRICT: &str = "[anchor]\nwindow = \"1s\"\n[processing.limits.counter]\nhard_max = 1000";
const MENDED: &str =
    "profile = \"development\"\n[anchor]\nwindow = \"1s\"\n[processing.limits.counter]\nhard_max = 2000\n";

fn publish(plant: &Plant, bytes: &[u8]) {
    let file = plant.beside("publish.bin");
    std::fs::write(&file, bytes).unwrap();
    mosquitto_pub(&plant.mqtt().unwrap(), "5", &topic(ROBOT), &file).unwrap();
}

fn received(plant: &Plant, count: i64) {
    until("all counted", SOON, &Some(count), || plant.lake().try_int("select sum(received) from ledger"));
}

/// Runs `tacho dead-letters` on the plant's data directory; its exit status and what it printed.
fn dead_letters(plant: &Plant, args: &[&str]) -> (i32, Vec<u8>) {
    let data = plant.data();
    let args = [&["dead-letters"], args, &["--data", data.to_str().unwrap()]].concat();
    let output = tacho(&args).unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{args:?}: {}", text(&output));
    (output.status.code().unwrap(), output.stdout)
}

fn listed(plant: &Plant, args: &[&str]) -> Vec<BTreeMap<String, serde_json::Value>> {
    let (_, lines) = dead_letters(plant, &[&["list", "--format", "json"], args].concat());
    let lines = String::from_utf8(lines).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The counts that a retry prints: retried, landed already, repeated, kept in part, unknown.
fn retried(plant: &Plant, args: &[&str]) -> (i32, [u64; 5]) {
    let (status, report) = dead_letters(plant, &[&["retry"], args].concat());
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let names = ["retried", "landed_already", "repeated", "kept_in_part", "unknown"];
    (status, names.map(|name| report[name].as_u64().unwrap()))
}

/// The retries in the log of a plant that does not run, with the records that they repeat.
fn retries_in_log(plant: &Plant) -> Vec<Option<RecordId>> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = EmbeddedLog::open(plant.data().join("log"), EmbeddedSettings::default()).unwrap();
        let starts: Vec<(i32, i64)> = (0..).zip(log.first_offsets().iter().copied()).collect();
        let mut reader = log.reader(&starts).unwrap();
        let (mut found, mut known) = (Vec::new(), Vec::new());
        while !reader.is_caught_up() {
            for item in reader.next(1 << 20).await.unwrap() {
                let ReadItem::Records(batch) = item else { panic!("{item:?}") };
                for record in batch.records {
                    if let RawKind::Retry { of } = record.envelope.kind {
                        assert!(of.is_none_or(|of| known.contains(&of)), "it names a record of this log");
                        found.push(of);
                    }
                    known.push(record.envelope.id);
                }
            }
        }
        log.close().await;
        found
    })
}

/// Two records that pass under any limits, two that pass under the mended ones only, one that is no JSON, one too large.
fn publish_all(plant: &Plant) -> Vec<u8> {
    let passes = |seq| record(ROBOT, 1, seq).replace("1204.5", "900.5");
    let fails = record(ROBOT, 1, 2).into_bytes();
    publish(plant, passes(1).as_bytes());
    publish(plant, &fails);
    publish(plant, format!("[{},{}]", passes(3), record(ROBOT, 1, 4)).as_bytes());
    publish(plant, b"no JSON");
    publish(plant, &vec![b'x'; 2_000_000]);
    received(plant, 6);
    fails
}

#[test]
fn dead_letters_are_found_by_reason_robot_and_time_and_keep_their_bytes() {
    if !installed("mosquitto_pub") {
        return;
    }
    let plant = Plant::started(PlantOptions::configured(STRICT)).unwrap();
    let fails = publish_all(&plant);
    let all = listed(&plant, &[]);
    assert_eq!(
        all.iter().map(|letter| letter["reason"].as_str().unwrap()).collect::<Vec<_>>(),
        ["range", "range", "syntax", "too_large"]
    );
    assert_eq!(all[0]["key_landed"], false);
    assert_eq!(listed(&plant, &["--reason", "range", "--robot", ROBOT, "--since", "2026-01-01"]), all[..2]);
    assert_eq!(listed(&plant, &["--reason", "syntax", "--reason", "too_large"]), all[2..]);
    assert_eq!(listed(&plant, &["--robot", "?"]), []);
    assert_eq!(listed(&plant, &["--until", "2026-01-01T00:00:00Z"]), []);
    assert_eq!(listed(&plant, &["--limit", "1"]), all[..1]);

    let letter = all[0]["letter"].as_str().unwrap();
    assert_eq!(dead_letters(&plant, &["show", letter, "--bytes"]), (0, fails));
    let (_, shown) = dead_letters(&plant, &["show", letter, "--format", "csv"]);
    assert!(String::from_utf8(shown).unwrap().contains("/counters/power_on_h"));
    assert_eq!(dead_letters(&plant, &["show", "1:0:999:0"]).0, 1);
}

#[test]
fn what_was_mended_lands_by_a_retry_beside_the_running_instance_and_fills_its_holes() {
    if !installed("mosquitto_pub") {
        return;
    }
    let mut plant = Plant::started(PlantOptions::configured(STRICT)).unwrap();
    publish_all(&plant);
    let lake = plant.lake();
    let holes = || lake.int("select coalesce(sum(rejected_open), 0) from ledger").unwrap();
    assert_eq!(holes(), 2);

    // Nothing is mended yet: rejected again, and counted.
    assert_eq!(retried(&plant, &["--reason", "range", "--dry-run"]), (0, [2, 0, 0, 0, 0]));
    assert_eq!(retried(&plant, &["--reason", "range"]), (0, [2, 0, 0, 0, 0]));
    received(&plant, 8);
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    assert_eq!((holes(), lake.int("select sum(rejected) from ledger").unwrap()), (2, 6));

    plant.stop().unwrap();
    std::fs::write(plant.beside("tacho.toml"), MENDED).unwrap();
    plant.start().unwrap();
    assert_eq!(retried(&plant, &["--all"]), (1, [3, 0, 2, 1, 0]), "of what was too large not all bytes were kept");
    received(&plant, 11);
    assert_eq!(lake.int("select sum(landed) from ledger").unwrap(), 4);
    assert_eq!(holes(), 0);
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    let same_receipt = "select count(*) from records r join rejected d on r.seq = d.seq and r.received_at = d.received_at \
                        and r.principal = d.principal where d.offset < r.offset and r.seq = 2";
    assert_eq!(lake.int(&same_receipt.replace(".offset", ".\"offset\"")).unwrap(), 2);
    assert_eq!(retried(&plant, &["--reason", "range"]), (0, [0, 4, 0, 0, 0]));
    assert_eq!(retried(&plant, &["1:0:999:0"]), (1, [0, 0, 0, 0, 1]));

    plant.stop().unwrap();
    plant.audited().unwrap();
    let retries = retries_in_log(&plant);
    assert_eq!(retries.len(), 5);
    assert!(retries.iter().all(Option::is_some), "{retries:?}");
}

#[test]
fn a_retry_without_an_instance_lands_at_the_next_start_and_nobody_without_the_token_is_heard() {
    if !installed("mosquitto_pub") {
        return;
    }
    let mut plant = Plant::started(PlantOptions::configured(STRICT)).unwrap();
    publish_all(&plant);
    let (status, answer) = plant.post("/v1/dead-letters/retry", "Bearer 0", "[]").unwrap();
    assert_eq!(status, 401, "{answer}");
    assert!(!plant.logged().contains("dead letters are retried"));
    plant.kill().unwrap();
    std::fs::write(plant.beside("tacho.toml"), MENDED).unwrap();
    let letters = listed(&plant, &["--reason", "range"]);
    let names: Vec<&str> = letters.iter().map(|letter| letter["letter"].as_str().unwrap()).collect();
    let (status, report) = dead_letters(&plant, &[&["retry"], names.as_slice()].concat());
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((status, &report["queued"], &report["retried"]), (0, &2.into(), &0.into()));
    assert_eq!(plant.lake().int("select sum(received) from ledger").unwrap(), 6, "nobody lands it yet");
    plant.start().unwrap();
    received(&plant, 8);
    assert!(!plant.data().join("retries.json").exists());
    assert_eq!(plant.lake().int("select sum(landed) from ledger").unwrap(), 4);
    assert_eq!(plant.lake().imbalances().unwrap(), Vec::new());
    plant.stop().unwrap();
    plant.audited().unwrap();
}

#[test]
fn beside_roles_the_command_appends_once_the_mended_configuration_is_in_force() {
    let Some(broker) = Broker::started().unwrap().filter(|_| installed("mosquitto_pub")) else { return };
    let strict = "[processing.limits.counter]\nhard_max = 1000";
    let mut cluster = Cluster::new(&broker, 4, &format!("[mqtt]\nanonymous = true\n{strict}")).unwrap();
    let ingest = cluster.started("ingest").unwrap();
    cluster.started("process").unwrap();
    let file = cluster.path("publish.bin");
    std::fs::write(&file, record(ROBOT, 1, 1)).unwrap();
    mosquitto_pub(&cluster.mqtt(ingest), "5", &topic(ROBOT), &file).unwrap();
    let (lake, config) = (cluster.lake(), cluster.config());
    until("it is rejected", SOON, &Some(1), || lake.try_int("select count(*) from rejected where reason = 'range'"));

    let retry = || tacho(&["dead-letters", "retry", "--all", "--config", config.to_str().unwrap()]).unwrap();
    let mended = std::fs::read_to_string(&config).unwrap().replace("hard_max = 1000", "hard_max = 2000");
    std::fs::write(&config, mended).unwrap();
    let refused = retry();
    assert!(!refused.status.success() && text(&refused).contains("tacho config apply"), "{}", text(&refused));
    cluster.apply().unwrap();
    until("it is retried", SOON, &true, || retry().status.success());
    until("it has landed", SOON, &Some(1), || lake.try_int("select count(*) from records"));
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    assert_eq!(lake.int("select sum(rejected_open) from ledger").unwrap(), 0);
    if installed("kcat") {
        let records = broker.kcat("robot.telemetry", "%h\\n").unwrap();
        let retried = records.iter().filter(|record| record.contains("tacho-retry-of="));
        assert_eq!(retried.count(), 1, "{records:?}");
    }
    cluster.stop().unwrap();
}
