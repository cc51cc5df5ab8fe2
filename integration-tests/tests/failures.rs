//! Cases of the list of failures (docs/failures.md) that concern restarts, order, late data, queries and files.

use std::io::Write as _;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::device::{Bystander, Device, publish};
use tacho_integration_tests::files::{all_files, live_files};
use tacho_integration_tests::plant::tacho;
use tacho_integration_tests::{Lake, Plant, PlantOptions, until, until_some};

const LANDED: Duration = Duration::from_secs(40);
/// Commits and merges as often as they may be.
const EAGER: &str = "[anchor]\nwindow = \"1s\"\n[lake]\ncommit_interval = \"100ms\"\n\
    [lake.compaction]\ninterval = \"1s\"\nmin_files = 2";

fn started() -> Plant {
    Plant::started(PlantOptions::configured(EAGER)).unwrap()
}

/// Publishes records of an epoch all at once, and waits for the first `awaited` acknowledgements.
fn send(plant: &Plant, epoch: i64, seqs: RangeInclusive<i64>, awaited: usize) {
    let mut device = Device::connected(&plant.mqtt().unwrap(), "device", 60).unwrap();
    let packets = (1..).zip(seqs).map(|(pkid, seq)| publish(&topic(ROBOT), pkid, record(ROBOT, epoch, seq).as_bytes()));
    device.send(&packets.collect::<Vec<_>>().concat()).unwrap();
    (1..).take(awaited).for_each(|pkid| device.acknowledged(pkid).unwrap());
}

fn landed(lake: &Lake, records: i64) {
    until("all landed", LANDED, &Some(records), || lake.try_int("select count(*) from records"));
}

fn audited(plant: &Plant) {
    let data = plant.data();
    let audit = tacho(&["audit", "--data", data.to_str().unwrap()]).unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&[audit.stdout, audit.stderr].concat()));
}

#[test]
fn failure_03_a_torn_last_record_is_reported_and_nothing_else_is_lost() {
    let mut plant = started();
    send(&plant, 1, 1..=50, 50);
    plant.kill().unwrap();
    let segments = all_files(&plant.data().join("log")).unwrap();
    let newest = segments.iter().rfind(|path| path.extension().is_some_and(|extension| extension == "log")).unwrap();
    // A part of one more batch, as a power cut leaves it.
    let whole = std::fs::read(newest).unwrap();
    let mut file = std::fs::File::options().append(true).open(newest).unwrap();
    file.write_all(&whole[whole.len() - 200..whole.len() - 20]).unwrap();
    drop(file);
    plant.start().unwrap();
    assert!(plant.logged().contains("the torn end of the log is cut off"), "{}", plant.logged());
    send(&plant, 1, 51..=60, 10);
    landed(&plant.lake(), 60);
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0);
    plant.stop().unwrap();
    audited(&plant);
}

#[test]
fn failure_04_a_restart_lands_nothing_again_and_what_a_device_sends_again_is_a_duplicate() {
    let mut plant = started();
    send(&plant, 1, 1..=50, 50);
    landed(&plant.lake(), 50);
    plant.kill().unwrap();
    plant.start().unwrap();
    send(&plant, 1, 1..=51, 51);
    let lake = plant.lake();
    until("all counted", LANDED, &Some(101), || lake.try_int("select sum(received) from ledger"));
    let row = &lake.rows("select landed, duplicate, rejected from ledger").unwrap()[0];
    assert_eq!((&row["landed"], &row["duplicate"], &row["rejected"]), (&51.into(), &50.into(), &0.into()));
    assert_eq!(lake.twice().unwrap(), Vec::new());
}

#[test]
fn failure_11_late_data_across_a_day_edge_makes_one_file_and_does_not_become_the_latest() {
    let plant = started();
    let mut device = Device::connected(&plant.mqtt().unwrap(), "device", 60).unwrap();
    // Windows go back a day each, while sequence numbers fall: a device that empties its memory from the end.
    for (pkid, seq) in (1..).zip((1..=20).rev()) {
        let text = record(ROBOT, 1, seq).replace("2026-11-21", &format!("2026-11-{seq:02}"));
        device.send(&publish(&topic(ROBOT), pkid, text.as_bytes())).unwrap();
        device.acknowledged(pkid).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let lake = plant.lake();
    landed(&lake, 20);
    for view in ["fleet", "joint_wear"] {
        assert_eq!(lake.int(&format!("select seq from {view}")).unwrap(), 20, "{view}");
    }
    assert_eq!(lake.int("select count(distinct received_day) from records").unwrap(), 1);
    until("one file", LANDED, &1, || live_files(&plant.data(), "records").map_or(0, |files| files.len()));
}

#[test]
fn failure_12_order_of_a_robot_holds_through_a_kill_and_what_is_sent_again() {
    let mut plant = started();
    send(&plant, 1, 1..=400, 100);
    plant.kill().unwrap();
    plant.start().unwrap();
    // The device knows of 100 acknowledgements and sends the rest again, some of which the log has.
    send(&plant, 1, 101..=500, 400);
    let lake = plant.lake();
    landed(&lake, 500);
    let seqs = lake.text("select seq from records order by log_epoch, \"offset\", ordinal", "csv").unwrap();
    let seqs: Vec<i64> = seqs.lines().skip(1).map(|seq| seq.parse().unwrap()).collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
}

#[test]
fn failure_16_a_query_during_writes_and_merges_misses_nothing_and_counts_nothing_twice() {
    let plant = started();
    let bystander = Bystander::start(&plant.mqtt().unwrap(), ROBOT, 1).unwrap();
    let lake = plant.lake();
    until_some("a first record", LANDED, || lake.try_int("select count(*) from records").filter(|count| *count > 0));
    let (end, mut last) = (Instant::now() + Duration::from_secs(12), 0);
    while Instant::now() < end {
        let row =
            &lake.rows("select count(*) n, count(distinct seq) d, min(seq) a, max(seq) z from records").unwrap()[0];
        let [n, d, a, z] = ["n", "d", "a", "z"].map(|name| row[name].as_i64().unwrap());
        assert_eq!((n, d, a), (z, z, 1), "torn: {row:?}");
        assert!(n >= last, "{n} after {last}");
        last = n;
    }
    let published = i64::try_from(bystander.end().unwrap().latencies.len()).unwrap();
    landed(&lake, published);
    assert!(plant.logged().contains("files merged"), "merges took part:\n{}", plant.logged());
}

#[test]
fn failure_17_many_small_commits_leave_few_files_and_a_quick_query() {
    let plant = started();
    let bystander = Bystander::start(&plant.mqtt().unwrap(), ROBOT, 1).unwrap();
    let entries = || all_files(&plant.data().join("lake/records/_delta_log")).map_or(0, |files| files.len());
    until_some("a hundred commits", Duration::from_secs(90), || (entries() > 100).then_some(()));
    bystander.end().unwrap();
    let live = || live_files(&plant.data(), "records").unwrap().len();
    until_some("few live files", LANDED, || (live() <= 10).then_some(()));
    let started = Instant::now();
    plant.lake().int("select count(*) from fleet").unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}, the program's start included", started.elapsed());
}

#[test]
fn failure_18_an_empty_or_cut_parquet_file_of_a_crash_blocks_no_start() {
    let mut plant = started();
    send(&plant, 1, 1..=20, 20);
    landed(&plant.lake(), 20);
    plant.kill().unwrap();
    let live = live_files(&plant.data(), "records").unwrap();
    let (folder, whole) = (live[0].parent().unwrap(), std::fs::read(&live[0]).unwrap());
    std::fs::write(folder.join("empty.parquet"), []).unwrap();
    std::fs::write(folder.join("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    plant.start().unwrap();
    send(&plant, 1, 21..=40, 20);
    landed(&plant.lake(), 40);
    plant.stop().unwrap();
    audited(&plant);
}
