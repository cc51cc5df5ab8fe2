//! G5 under fire: whatever one sender does, memory stays bounded and a device that behaves is acknowledged in time.
//!
//! Each attack here lasts seconds; `benches/hostile` runs them at full size and prints the table.

use std::time::{Duration, Instant};

use tacho_integration_tests::data::ROBOT;
use tacho_integration_tests::device::{Bystander, Met};
use tacho_integration_tests::hostile::Attack;
use tacho_integration_tests::{Plant, PlantOptions, until};

/// Clients have a second for their CONNECT; small windows of anchors, so that anchoring takes part.
const SETTINGS: &str = "[mqtt]\nconnect_timeout = \"1s\"\n[anchor]\nwindow = \"2s\"";
const EPOCH: i64 = 1;
/// What an attack may add to the resident memory: batches of up to 64 MB in each stage from the log to the lake, as
/// bytes, as rows and as files. A sender at full speed reaches 1.2 GiB after seconds and stays there.
const GROWTH_MIB_MAX: u64 = 1_536;
/// Longest time to a PUBACK for 99 of 100 publishes of a device that behaves, in a build without optimisation.
const P99_MAX: Duration = Duration::from_secs(2);

type Tally = anyhow::Result<usize>;

/// An attack with its sizes.
struct Case {
    name: &'static str,
    attack: fn(&Attack<'_>) -> Tally,
    /// Connections in a test, and at full size.
    connections: [usize; 2],
    /// What the attack's number counts.
    counts: &'static str,
}

const CASES: [Case; 11] = [
    Case { name: "nobody", attack: |_| Ok(0), connections: [0, 0], counts: "" },
    Case { name: "slow-loris", attack: |attack| attack.slow_loris(), connections: [50, 2_000], counts: "cut off" },
    Case { name: "half-open", attack: |attack| attack.half_open(), connections: [50, 2_000], counts: "cut off" },
    Case { name: "idle", attack: |attack| attack.idle(), connections: [200, 10_000], counts: "still connected" },
    Case {
        name: "never reads",
        attack: |attack| attack.never_reads(),
        connections: [1, 10],
        counts: "publishes of 60 kB to it",
    },
    Case { name: "1 MiB", attack: |attack| attack.large(1 << 20), connections: [2, 16], counts: "acknowledged" },
    Case { name: "10 MB", attack: |attack| attack.large(10_000_000), connections: [2, 16], counts: "acknowledged" },
    Case {
        name: "one client ID",
        attack: |attack| attack.one_client_id(),
        connections: [100, 100],
        counts: "connections",
    },
    Case {
        name: "malformed IDs",
        attack: |attack| attack.malformed_ids(),
        connections: [1, 4],
        counts: "acknowledged",
    },
    Case { name: "streams", attack: |attack| attack.streams(), connections: [1, 4], counts: "acknowledged" },
    Case { name: "holes", attack: |attack| attack.holes(), connections: [1, 4], counts: "acknowledged" },
];

struct Outcome {
    tally: usize,
    met: Met,
    before_mib: u64,
    peak_mib: u64,
}

/// A line of `/proc/PID/status` in MiB.
fn memory_mib(plant: &Plant, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", plant.pid().unwrap())).unwrap();
    let kib = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    kib.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() / 1024
}

/// Runs an attack beside a device that behaves, and holds that nothing of that device's is missing.
fn suffered(case: &Case, connections: usize, lasts: Duration) -> Outcome {
    let options = PlantOptions::configured(SETTINGS);
    let plant = Plant::started(options).unwrap();
    let mqtt = plant.mqtt().unwrap();
    let bystander = Bystander::start(&mqtt, ROBOT, EPOCH).unwrap();
    let before_mib = memory_mib(&plant, "VmRSS:");
    let attack = Attack { mqtt: &mqtt, until: Instant::now() + lasts, connections };
    let tally = (case.attack)(&attack).unwrap_or_else(|error| panic!("{}: {error:#}\n{}", case.name, plant.logged()));
    // Also an attack that could do nothing lasts as long.
    std::thread::sleep(attack.until.saturating_duration_since(Instant::now()));
    let met = bystander.end().unwrap_or_else(|error| panic!("{}: {error:#}\n{}", case.name, plant.logged()));
    let lake = plant.lake();
    let landed = format!("select count(*) from records where robot_id = '{ROBOT}' and stream_epoch = {EPOCH}");
    let published = i64::try_from(met.latencies.len()).unwrap();
    until("all of the device's records", lasts * 10, &Some(published), || lake.try_int(&landed));
    assert_eq!(lake.imbalances().unwrap(), Vec::new(), "{}", case.name);
    Outcome { tally, met, before_mib, peak_mib: memory_mib(&plant, "VmHWM:") }
}

fn holds(name: &str) -> usize {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let Outcome { tally, met, before_mib, peak_mib } = suffered(case, case.connections[0], Duration::from_secs(6));
    assert!(met.latencies.len() > 10, "{name}: {} publishes acknowledged", met.latencies.len());
    assert!(met.p99() < P99_MAX, "{name}: p99 {:?}", met.p99());
    assert!(peak_mib - before_mib < GROWTH_MIB_MAX, "{name}: {before_mib} to {peak_mib} MiB");
    tally
}

#[test]
fn failure_22_who_sends_its_connect_byte_by_byte_is_cut_off_and_harms_nobody() {
    assert!(holds("slow-loris") >= 50);
}

#[test]
fn failure_22_who_falls_silent_within_a_publish_is_cut_off_and_harms_nobody() {
    assert_eq!(holds("half-open"), 50);
}

#[test]
fn idle_connections_stay_and_harm_nobody() {
    assert_eq!(holds("idle"), 200);
}

#[test]
fn failure_05_who_never_reads_costs_bounded_memory_and_harms_nobody() {
    assert!(holds("never reads") > 0);
}

#[test]
fn failure_22_publishes_of_a_mebibyte_are_taken_and_harm_nobody() {
    assert!(holds("1 MiB") > 0);
}

#[test]
fn failure_22_publishes_of_ten_megabytes_are_taken_and_harm_nobody() {
    assert!(holds("10 MB") > 0);
}

#[test]
fn a_hundred_connections_in_one_client_id_harm_nobody() {
    assert!(holds("one client ID") >= 100);
}

#[test]
fn a_flood_of_malformed_ids_harms_nobody() {
    assert!(holds("malformed IDs") > 0);
}

#[test]
fn a_flood_of_streams_harms_nobody() {
    assert!(holds("streams") > 0);
}

#[test]
fn a_flood_of_holes_harms_nobody() {
    assert!(holds("holes") > 0);
}

/// Prints the table of all attacks at full size; `benches/hostile` asks for it.
#[test]
#[ignore = "takes minutes, and wants the machine for itself"]
fn figures() {
    println!(
        "| attack | connections | what it got | p50 / p99 to PUBACK of a device that behaves | resident before → peak |"
    );
    println!("|---|---|---|---|---|");
    for case in &CASES {
        let Outcome { tally, met, before_mib, peak_mib } = suffered(case, case.connections[1], Duration::from_secs(20));
        println!(
            "| {} | {} | {tally} {} | {:.1} / {:.1} ms ({} publishes) | {before_mib} → {peak_mib} MiB |",
            case.name,
            case.connections[1],
            case.counts,
            met.p50().as_secs_f64() * 1e3,
            met.p99().as_secs_f64() * 1e3,
            met.latencies.len(),
        );
    }
}
