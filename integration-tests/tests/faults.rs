//! A walk through every fault that can be set: the process dies at the step, starts again, and nothing is lost,
//! twice or forked.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tacho_integration_tests::client::{installed, simulate};
use tacho_integration_tests::data::topic;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const RECORDS: i64 = 600;

/// What only maintenance reaches, after times longer than a test: `tacho-lake` walks these itself.
const OF_LONG_TIMES: [&str; 2] = ["lake.vacuum.", "lake.log_cleanup."];

/// Windows, checkpoints and merges come often enough for a test to meet them.
const OFTEN: &str = "[anchor]\nwindow = \"1s\"\n[lake]\ncheckpoint_every = 2\n\
                     [lake.compaction]\ninterval = \"1s\"\nmin_files = 2";

/// A robot that measures vibration and was greased: the simulated ones do neither.
const GREASED: &str = "CNAB12HX00010000000000000042A";

fn steps() -> Vec<String> {
    let output = tacho(&["up", "--fault-steps"]).unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let steps = String::from_utf8(output.stdout).unwrap();
    let (long, walked): (Vec<String>, Vec<String>) = steps
        .lines()
        .map(str::to_owned)
        .partition(|step| OF_LONG_TIMES.iter().any(|beginning| step.starts_with(beginning)));
    assert_eq!(long.len(), 4, "{long:?}");
    walked
}

/// Publishes records with rows of the two tables that the simulated fleet leaves empty, one after the other.
fn greased(plant: &Plant) -> Child {
    let (window, more) = (r#""window_start":"2026-11-21T08:00:00Z","window_end":"2026-11-21T08:15:00Z""#, plant.mqtt());
    let components = r#""vibration":[{"location":"gearbox J2","velocity_rms_mm_s":1.4}],
        "maintenance":[{"time":"2026-11-21T08:01:00Z","kind":"grease","component_id":"J2"}]"#;
    let records: String = (1..=40)
        .map(|seq| {
            let record = format!(
                r#"{{"schema_version":1,"robot_id":"{GREASED}","stream_epoch":7,"seq":{seq},{window},
                "robot_kind":"arm","counters":{{"power_on_h":1204.5}},"joints":[],{components}}}"#
            );
            record.replace('\n', " ") + "\n"
        })
        .collect();
    let file = plant.beside("greased.json");
    std::fs::write(&file, records).unwrap();
    let mqtt = more.unwrap();
    let (host, port) = mqtt.rsplit_once(':').unwrap();
    Command::new("mosquitto_pub")
        .args(["-h", host, "-p", port, "-q", "1", "-l", "-t", &topic(GREASED)])
        .stdin(std::fs::File::open(file).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether the fault at a step has struck.
fn struck(plant: &Plant, step: &str) -> bool {
    plant.logged().lines().any(|line| line.contains("tacho_lake::fault") && line.contains(&format!("\"{step}\"")))
}

/// Dies at the step, starts again, and holds every promise.
fn survives(step: &str) {
    let mut plant = Plant::new(PlantOptions::configured(OFTEN)).unwrap();
    plant.spawn(&["--fault", &format!("{step}=kill")]).unwrap();
    let came_up = until_some("the plant to come up or die", Duration::from_secs(60), || {
        let up = plant.data().join("endpoints.json").exists();
        let died = !plant.is_running();
        (up || died).then_some(up && !died)
    });
    let mut devices = Vec::new();
    let journal = plant.beside("acknowledged.csv");
    if came_up && let Ok(mqtt) = plant.mqtt() {
        let records = RECORDS.to_string();
        // Every table gets rows: gaps, dead letters and duplicates are among them.
        let args = ["--robots", "20", "--rate", "150", "--records", &records, "--epoch", "7", "--faults"];
        let faults = ["gap=0.05,duplicate=0.05,poison=0.05", "--journal", journal.to_str().unwrap()];
        devices.push(greased(&plant));
        devices.push(simulate(&mqtt, &[&args[..], &faults[..]].concat()).unwrap());
        until_some(&format!("{step}: the fault"), Duration::from_secs(60), || (!plant.is_running()).then_some(()));
    }
    for mut device in devices {
        let _killed = device.kill();
        let _waited = device.wait();
    }
    plant.wait_for_end(Duration::from_secs(30)).unwrap();
    assert!(struck(&plant, step), "{step}: the process died, and not of the fault:\n{}", plant.logged());
    plant.start().unwrap();
    holds(&mut plant, step, &journal);
}

fn holds(plant: &mut Plant, step: &str, journal: &std::path::Path) {
    let lake = plant.lake();
    let acknowledged = std::fs::read_to_string(journal).unwrap_or_default();
    let good = acknowledged.lines().filter(|line| line.ends_with(",good")).count();
    until(&format!("{step}: what was acknowledged is landed"), Duration::from_secs(60), &true, || {
        let landed = lake.try_int("select count(*) from records").unwrap_or(-1);
        usize::try_from(landed).is_ok_and(|landed| landed >= good)
    });
    plant.stop().unwrap_or_else(|error| panic!("{step}: {error:#}"));
    assert_eq!(lake.twice().unwrap(), Vec::new(), "{step}");
    assert_eq!(lake.imbalances().unwrap(), Vec::new(), "{step}");
    let windows = lake.rows("select count(*) n, count(distinct window) d, max(window) m from anchors").unwrap();
    let (n, d, m) = (&windows[0]["n"], &windows[0]["d"], windows[0]["m"].as_i64().unwrap_or(-1));
    assert!(n == d && n.as_i64() == Some(m + 1), "{step}: one statement per window: {windows:?}");
    let audit = plant.audit().unwrap();
    assert!(audit.status.success(), "{step}: {}", text(&audit));
}

/// Every third step, so that the walk runs in three tests beside each other.
fn walk(third: usize) {
    if !installed("mosquitto_pub") {
        return;
    }
    let steps = steps();
    assert!(steps.len() >= 60, "{steps:?}");
    for step in steps.iter().skip(third).step_by(3) {
        survives(step);
    }
}

#[test]
fn nothing_is_lost_twice_or_forked_by_a_death_at_any_first_step() {
    walk(0);
}

#[test]
fn nothing_is_lost_twice_or_forked_by_a_death_at_any_second_step() {
    walk(1);
}

#[test]
fn nothing_is_lost_twice_or_forked_by_a_death_at_any_third_step() {
    walk(2);
}
