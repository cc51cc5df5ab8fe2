//! A long run under load, with compaction, anchors, clean-up and a query every second: what it costs stays what it was.

use std::path::Path;
use std::time::{Duration, Instant};

use tacho_integration_tests::client::simulate;
use tacho_integration_tests::files::all_files;
use tacho_integration_tests::{Lake, Plant, PlantOptions, until};

/// Raw log, removed files and windows are kept for a short time, so that all that goes away later goes away here, too.
const SETTINGS: &str = "[log]\nretention_age = \"1min\"\nsegment_size = \"16 MiB\"\n[anchor]\nwindow = \"5s\"\n\
    [lake.retention]\nkeep_removed_files = \"10min\"";
/// What an operator asks all day: the newest of the fleet.
const QUERY: &str =
    "select count(*) from joints where received_at > (select max(received_at) from records) - interval '10' second";
const FRESHNESS: &str =
    "select cast((date_part('epoch', now()) - date_part('epoch', max(received_at))) * 1000 as bigint) from records";

/// What was seen in one stretch of the run.
#[derive(Debug, Default)]
struct Stretch {
    resident_mib: u64,
    lake_files: usize,
    log_files: usize,
    data_mib: u64,
    /// Rising.
    query_ms: Vec<u64>,
    /// Age of the newest record that a query sees, rising.
    fresh_ms: Vec<u64>,
}

impl Stretch {
    /// Asks every second until the stretch is over.
    fn observed(plant: &Plant, lake: &Lake, lasts: Duration) -> Self {
        let (end, mut seen) = (Instant::now() + lasts, Self::default());
        while Instant::now() < end {
            let asked = Instant::now();
            lake.int(QUERY).unwrap();
            seen.query_ms.push(u64::try_from(asked.elapsed().as_millis()).unwrap());
            seen.fresh_ms.push(lake.int(FRESHNESS).unwrap().unsigned_abs());
            std::thread::sleep(Duration::from_secs(1).saturating_sub(asked.elapsed()));
        }
        seen.query_ms.sort_unstable();
        seen.fresh_ms.sort_unstable();
        let files = all_files(&plant.data()).unwrap_or_default();
        let below = |folder: &str| files.iter().filter(|file| file.starts_with(plant.data().join(folder))).count();
        seen.resident_mib = plant.memory_mib("VmRSS:").unwrap();
        (seen.lake_files, seen.log_files) = (below("lake"), below("log"));
        seen.data_mib = files.iter().map(|file| length(file)).sum::<u64>() >> 20;
        seen
    }

    fn p50(values: &[u64]) -> u64 {
        values[values.len() / 2]
    }
}

/// 0 for a file that went away meanwhile.
fn length(file: &Path) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// Runs so many stretches; gives them when everything was counted.
fn run(rate: u32, stretches: usize, lasts: Duration) -> Vec<Stretch> {
    let mut plant = Plant::started(PlantOptions::configured(SETTINGS)).unwrap();
    let rate = rate.to_string();
    let mut devices = simulate(&plant.mqtt().unwrap(), &["--robots", "100", "--rate", &rate, "--epoch", "7"]).unwrap();
    let lake = plant.lake();
    until("the first records", Duration::from_secs(60), &true, || lake.try_int(QUERY).is_some_and(|rows| rows > 0));
    println!(
        "| stretch | records | resident MiB | files lake | files log | data MiB | query p50 / max ms | freshness p50 / max ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let stretches: Vec<Stretch> = (1..=stretches)
        .map(|number| {
            let seen = Stretch::observed(&plant, &lake, lasts);
            let records = lake.int("select count(*) from records").unwrap();
            let Stretch { resident_mib, lake_files, log_files, data_mib, query_ms, fresh_ms } = &seen;
            println!(
                "| {number} | {records} | {resident_mib} | {lake_files} | {log_files} | {data_mib} | {} / {} | {} / {} |",
                Stretch::p50(query_ms), query_ms[query_ms.len() - 1], Stretch::p50(fresh_ms), fresh_ms[fresh_ms.len() - 1]
            );
            seen
        })
        .collect();
    let ended = std::process::Command::new("kill").arg(devices.id().to_string()).status().unwrap();
    assert!(ended.success());
    let mut report = String::new();
    std::io::Read::read_to_string(&mut devices.stdout.take().unwrap(), &mut report).unwrap();
    devices.wait().unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    plant.stop().unwrap();
    let acknowledged = report["acknowledged"].as_i64().unwrap();
    let landed = lake.int("select count(*) from records").unwrap();
    assert!(acknowledged > 0 && landed >= acknowledged, "{landed} landed of {acknowledged} acknowledged");
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    assert_eq!(lake.int("select count(*) from gap_events").unwrap(), 0);
    println!("{acknowledged} acknowledged, {landed} landed; {}", plant.audited().unwrap());
    stretches
}

#[test]
fn a_run_with_compaction_anchors_and_clean_up_answers_all_the_time_and_loses_nothing() {
    let stretches = run(500, 2, Duration::from_secs(6));
    assert!(stretches.iter().all(|seen| seen.query_ms.len() > 1));
}

/// `benches/endurance` runs it, for `MINUTES` (60 unless told), at `RATE` records/s (10,000 unless told).
#[test]
#[ignore = "takes an hour in a release build"]
#[expect(clippy::disallowed_methods, reason = "a test takes no arguments")]
fn an_hour() {
    let number = |name: &str, default| {
        std::env::var(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    let (minutes, rate) = (number("MINUTES", 60), number("RATE", 10_000));
    assert!(minutes >= 6, "MINUTES of at least 6: a third is warm-up, and two more are compared");
    let stretches = run(rate, minutes.try_into().unwrap(), Duration::from_secs(60));
    // The first third is warm-up; the last is held against the second.
    let third = stretches.len() / 3;
    let median = |part: &[Stretch], of: fn(&Stretch) -> u64| {
        let mut values: Vec<u64> = part.iter().map(of).collect();
        values.sort_unstable();
        Stretch::p50(&values)
    };
    let flat = |what: &str, of: fn(&Stretch) -> u64, slack: u64| {
        let (before, after) = (median(&stretches[third..2 * third], of), median(&stretches[2 * third..], of));
        assert!(after <= before * 5 / 4 + slack, "{what}: {before}, then {after}");
    };
    flat("resident MiB", |seen| seen.resident_mib, 50);
    flat("files of the lake", |seen| seen.lake_files as u64, 200);
    flat("files of the log", |seen| seen.log_files as u64, 10);
    flat("query ms", |seen| Stretch::p50(&seen.query_ms), 50);
    flat("freshness ms", |seen| Stretch::p50(&seen.fresh_ms), 500);
}
