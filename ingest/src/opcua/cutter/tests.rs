//! Tests of the cutter: what records come of samples, and that a restart anywhere comes to the same.

mod history;
mod tables;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::opcua::journal::Gap;
use crate::opcua::value::Value;

const MINUTE_US: i64 = 60_000_000;
/// 2026-11-21T08:00:00Z.
const START_US: i64 = 1_795_248_000_000_000;
const ROBOT: &str = "CNAB12HX00010000000000000042A";

fn signal(field: &str) -> SignalEntry {
    let of_seconds = if field.ends_with("_h") { 1.0 / 3600.0 } else { 0.0 };
    SignalEntry { robot: 0, field: field.to_owned(), factor: 1.0, offset: 0.0, of_seconds }
}

fn table(power_on_h_start: Option<f64>, fields: &[&str]) -> Table {
    let joint = JointEntry {
        name: "J1".to_owned(),
        gear_ratio: Some(100.0),
        rated_torque_nm: Some(50.0),
        load_exponent: 3.0,
        ..JointEntry::default()
    };
    let robot =
        RobotEntry { robot_id: ROBOT.to_owned(), robot_kind: "arm".to_owned(), power_on_h_start, joints: vec![joint] };
    Table { robots: vec![robot], signals: fields.iter().map(|field| signal(field)).collect() }
}

/// A journal as it grows: entries with the times at which they were received.
struct Bench {
    entries: Vec<(i64, Entry)>,
    sequence: u32,
}

impl Bench {
    fn of(power_on_h_start: Option<f64>, fields: &[&str]) -> Self {
        Self { entries: vec![(START_US, Entry::Table(table(power_on_h_start, fields)))], sequence: 0 }
    }

    /// Samples that came at a second after the start, with source times of that second.
    fn at(&mut self, second: f64, values: &[(u32, Value)]) -> &mut Self {
        let samples = values.iter().map(|(signal, value)| sample(*signal, second, value.clone())).collect();
        self.data(second, samples)
    }

    fn data(&mut self, second: f64, samples: Vec<Sample>) -> &mut Self {
        self.sequence += 1;
        let data = Data { subscription: 7, sequence: self.sequence, samples, ..Data::default() };
        self.entries.push((us(second), Entry::Data(data)));
        self
    }

    /// Samples that a server sent at one second by its clock, and that came at another by ours.
    fn sent(&mut self, second: f64, received: f64, samples: Vec<Sample>) -> &mut Self {
        self.sequence += 1;
        let (sequence, published_us) = (self.sequence, Some(us(second)));
        let data = Data { subscription: 7, sequence, published_us, samples, ..Data::default() };
        self.entries.push((us(received), Entry::Data(data)));
        self
    }

    fn tick(&mut self, second: f64) -> &mut Self {
        self.entries.push((us(second), Entry::Tick));
        self
    }

    fn gap(&mut self, from: f64, to: f64) -> &mut Self {
        let gap = Gap { from_us: us(from), to_us: us(to), cause: "away".to_owned(), signals: None };
        self.entries.push((us(to), Entry::Gap(gap)));
        self
    }

    /// The records that are cut.
    fn records(&self) -> Vec<Json> {
        let mut cutter = cutter();
        self.cut(&mut cutter, 0).iter().map(|cut| serde_json::from_slice(&cut.record).unwrap()).collect()
    }

    fn cut(&self, cutter: &mut Cutter, from: usize) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for (offset, (received_us, entry)) in (0..).zip(&self.entries).skip(from) {
            cuts.extend(cutter.apply(At { offset, server: "s", received_us: *received_us }, entry.clone()));
        }
        cuts
    }
}

fn cutter() -> Cutter {
    Cutter::new(Duration::from_secs(60), Duration::from_secs(3600))
}

#[expect(clippy::cast_possible_truncation, reason = "times of tests are small")]
fn us(second: f64) -> i64 {
    START_US + (second * 1e6) as i64
}

fn sample(signal: u32, second: f64, value: Value) -> Sample {
    Sample { signal, status: 0, value, source_us: Some(us(second)), server_us: Some(us(second)) }
}

fn number(value: f64) -> Value {
    Value::Number(value)
}

#[test]
fn a_window_becomes_a_record_with_its_statistics_and_counters() {
    let mut bench = Bench::of(None, &["counters.power_on_h", "joints.J1.speed_rad_s", "joints.J1.torque_nm"]);
    bench.at(10.0, &[(0, Value::Text("PT1204H30M".to_owned())), (1, number(2.0)), (2, number(-30.0))]);
    bench.at(20.0, &[(1, number(-1.0))]).at(50.0, &[(1, number(0.0))]).tick(60.1);
    let records = bench.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["robot_id"], ROBOT);
    assert_eq!((&record["stream_epoch"], &record["seq"]), (&Json::from(START_US / 1_000_000), &Json::from(0)));
    assert_eq!(record["window_start"], START_US / 1000);
    assert_eq!(record["window_end"], START_US / 1000 + 60_000);
    assert_eq!(record["counters"]["power_on_h"], 1204.5);
    let joint = &record["joints"][0];
    assert_eq!(joint["speed_absmax_rad_s"], 2.0);
    // 2 rad/s held for 10 s, then -1 rad/s for 30 s, then none until the window ended.
    let rms = joint["speed_rms_rad_s"].as_f64().unwrap();
    assert!((rms - (70.0_f64 / 50.0).sqrt()).abs() < 1e-9, "{rms}");
    let rev = joint["input_rev"].as_f64().unwrap();
    assert!((rev - 50.0 / std::f64::consts::TAU * 100.0).abs() < 1e-6, "{rev}");
    assert_eq!(joint["torque_rms_nm"], 30.0);
    assert_eq!(joint["load_hist_rev"][4], joint["input_rev"], "|T|/T_N is 0.6");
}

#[test]
fn what_did_not_come_in_a_window_is_absent_and_counters_go_on() {
    let mut bench = Bench::of(None, &["counters.power_on_h", "joints.J1.temp_motor_c", "joints.J1.speed_rad_s"]);
    bench.at(1.0, &[(0, number(10.0)), (1, number(41.0)), (2, number(1.0))]).at(70.0, &[(2, number(1.5))]).tick(130.0);
    let records = bench.records();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["joints"][0]["temp_motor_c"], 41.0);
    assert_eq!(records[1]["joints"][0].get("temp_motor_c"), None);
    assert_eq!(records[1]["counters"]["power_on_h"], 10.0);
    assert_eq!(records[1]["seq"], 1);
    // Between the samples lie 69 s, of which the second window has had 10 s; all of them turned.
    let rms = records[1]["joints"][0]["speed_rms_rad_s"].as_f64().unwrap();
    assert!((rms - ((10.0 + 50.0 * 1.5 * 1.5) / 60.0_f64).sqrt()).abs() < 1e-9, "{rms}");
    let rev = records[1]["joints"][0]["input_rev"].as_f64().unwrap();
    assert!((rev - 69.0 / std::f64::consts::TAU * 100.0).abs() < 1e-6, "{rev}");
    // Without a sample there is no record.
    bench.tick(190.0).tick(250.0);
    assert_eq!(bench.records().len(), 2);
}

#[test]
fn nothing_is_counted_over_a_gap_and_the_gap_is_told() {
    let mut bench = Bench::of(None, &["counters.power_on_h", "joints.J1.speed_rad_s"]);
    bench.at(1.0, &[(0, number(10.0)), (1, number(1.0))]).at(2.0, &[(1, number(1.1))]);
    bench.gap(2.0, 30.0);
    // The value that a new subscription begins with may be old; it is true since the server looked.
    let first = Sample { source_us: Some(us(2.0)), ..sample(1, 30.0, number(1.1)) };
    bench.data(30.0, vec![first]).at(31.0, &[(1, number(0.0))]).tick(61.0);
    let record = &bench.records()[0];
    let rev = record["joints"][0]["input_rev"].as_f64().unwrap();
    assert!((rev - 2.1 / std::f64::consts::TAU * 100.0).abs() < 1e-6, "{rev}");
    let gap = &record["gaps"][0];
    assert_eq!((&gap["from"], &gap["to"]), (&Json::from(us(2.0) / 1000), &Json::from(us(30.0) / 1000)));
    assert_eq!(gap["cause"], "away");
}

#[test]
fn what_a_value_held_before_a_gap_is_counted_until_the_server_was_last_heard() {
    let fields = &["counters.servo_on_h", "joints.J1.speed_rad_s", "batteries.P1.current_a"];
    let mut bench = Bench::of(Some(0.0), fields);
    bench.at(1.0, &[(0, Value::Bool(true)), (1, number(1.0)), (2, number(-36.0))]);
    for minute in 1..=300 {
        bench.data(f64::from(minute) * 60.0, Vec::new());
    }
    bench
        .gap(18_000.0, 20_000.0)
        .at(20_010.0, &[(0, Value::Bool(false)), (1, number(0.0)), (2, number(0.0))])
        .tick(20_100.0);
    let records = bench.records();
    let record = records.last().unwrap();
    let near = |value: &Json, wanted: f64| {
        let value = value.as_f64().unwrap();
        assert!((value - wanted).abs() < 1e-6 * wanted, "{value}, wanted {wanted}");
    };
    near(&record["counters"]["servo_on_h"], 17_999.0 / 3600.0);
    near(&record["joints"][0]["input_rev"], 17_999.0 / std::f64::consts::TAU * 100.0);
    near(&record["batteries"][0]["discharged_ah"], 179.99);
}

#[test]
fn a_value_holds_until_its_window_ends_or_until_a_gap() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.speed_rad_s"]);
    bench.at(10.0, &[(0, number(4.0))]).at(20.0, &[(0, number(0.0))]).gap(30.0, 40.0).at(40.0, &[(0, number(2.0))]);
    bench.tick(60.0);
    // 4 rad/s for 10 s, none for 10 s, then nothing is known for 10 s, then 2 rad/s for 20 s.
    let rms = bench.records()[0]["joints"][0]["speed_rms_rad_s"].as_f64().unwrap();
    assert!((rms - ((160.0 + 80.0) / 40.0_f64).sqrt()).abs() < 1e-9, "{rms}");
}

#[test]
fn loads_go_by_the_torque_that_held_while_the_revolutions_were_made() {
    for (signal, values) in [("speed_rad_s", [1.0, 1.0, 0.0]), ("position_rad", [0.0, 10.0, 40.0])] {
        let signal = format!("joints.J1.{signal}");
        let mut bench = Bench::of(Some(0.0), &[signal.as_str(), "joints.J1.torque_nm"]);
        bench.at(10.0, &[(1, number(100.0)), (0, number(values[0]))]).at(20.0, &[(0, number(values[1]))]);
        bench.at(30.0, &[(1, number(0.0))]).at(50.0, &[(0, number(values[2])), (1, number(200.0))]).tick(60.0);
        let joint = bench.records()[0]["joints"][0].clone();
        let (hist, rev) = (joint["load_hist_rev"].as_array().unwrap().clone(), joint["input_rev"].as_f64().unwrap());
        let share = |bin: usize| hist[bin].as_f64().unwrap() / rev;
        // |T|/T_N is 2 for 20 s, then 0 for 20 s.
        assert!((share(9) - 0.5).abs() < 1e-9 && (share(0) - 0.5).abs() < 1e-9, "{signal}: {hist:?}");
        let load = joint["input_rev_load"].as_f64().unwrap();
        assert!((load - rev * 4.0).abs() < 1e-6, "{signal}: {load}");
    }
}

#[test]
fn a_correction_of_our_clock_is_no_time_of_operation() {
    let fields = &["joints.J1.speed_rad_s", "counters.servo_on_h"];
    for step in [86_400.0, -86_400.0] {
        let mut bench = Bench::of(Some(100.0), fields);
        for second in [10.0, 20.0, 30.0, 40.0, 50.0] {
            let received = if second < 25.0 { second } else { second + step };
            let samples = vec![sample(0, second, number(second)), sample(1, second, Value::Bool(true))];
            bench.sent(second, received, samples);
        }
        bench.tick(step + 70.0);
        let records = bench.records();
        let counters = &records.last().unwrap()["counters"];
        let seconds = |name: &str, start: f64| (counters[name].as_f64().unwrap() - start) * 3600.0;
        // The span over a step back is nobody's: it is shorter by our clock.
        let wanted = if step > 0.0 { 40.0 } else { 30.0 };
        assert!((seconds("power_on_h", 100.0) - wanted).abs() < 1e-6, "{counters}");
        assert!((seconds("servo_on_h", 0.0) - wanted).abs() < 10.1, "{counters}");
    }
}

#[test]
fn what_is_mapped_in_another_way_holds_nothing_of_before_and_the_others_do() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.speed_rad_s", "joints.J2.speed_rad_s", "counters.servo_on_h"]);
    bench.at(10.0, &[(0, number(1.0)), (2, Value::Bool(true))]);
    let mut other = table(Some(0.0), &["joints.J1.speed_rad_s", "joints.J2.speed_rad_s", "counters.servo_on_h"]);
    other.signals[0].factor = 0.5;
    bench.entries.push((us(20.0), Entry::Table(other)));
    bench.at(30.0, &[(0, number(1.0)), (2, Value::Bool(false))]).at(40.0, &[(0, number(0.0))]).tick(60.0);
    let record = &bench.records()[0];
    assert!((record["counters"]["servo_on_h"].as_f64().unwrap() - 20.0 / 3600.0).abs() < 1e-9);
    let rev = record["joints"][0]["input_rev"].as_f64().unwrap();
    assert!((rev - 5.0 / std::f64::consts::TAU * 100.0).abs() < 1e-6, "{rev}: 0.5 rad/s for the last 10 s");
}

#[test]
fn an_overflow_is_a_gap_of_its_signal() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.speed_rad_s"]);
    bench.at(1.0, &[(0, number(1.0))]);
    let late = Sample { status: 0x480, ..sample(0, 9.0, number(2.0)) };
    bench.data(9.5, vec![late]).tick(60.0);
    let record = &bench.records()[0];
    let gap = &record["gaps"][0];
    assert_eq!(gap["pointer"], "/joints/J1/speed_rad_s");
    assert_eq!((&gap["from"], &gap["to"]), (&Json::from(us(1.0) / 1000), &Json::from(us(9.0) / 1000)));
    assert_eq!(record["joints"][0].get("input_rev"), None, "what was held while the queue overflowed is not known");
}

#[test]
fn a_bad_value_is_told_and_not_computed_with_and_an_uncertain_one_is_both() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.temp_motor_c"]);
    let with = |second, status, value| Sample { status, ..sample(0, second, number(value)) };
    bench.data(1.0, vec![with(1.0, 0x8034_0000, 999.0)]).data(5.0, vec![with(5.0, 0x4000_0000, 40.0)]);
    bench.data(9.0, vec![with(9.0, 0, 41.0)]).data(12.0, vec![with(12.0, 0x8034_0000, 0.0)]).tick(60.0);
    let record = &bench.records()[0];
    assert_eq!(record["joints"][0]["temp_motor_c"], 41.0);
    let quality = record["quality"].as_array().unwrap();
    assert_eq!(quality.len(), 3);
    assert_eq!(quality[0]["status_code"], "BadNodeIdUnknown");
    assert_eq!((&quality[0]["from"], &quality[0]["to"]), (&Json::from(us(1.0) / 1000), &Json::from(us(5.0) / 1000)));
    assert_eq!(quality[1]["status_code"], "Uncertain");
    assert_eq!(quality[2].get("to"), None, "it is bad still");
}

#[test]
fn what_no_field_holds_is_told_as_a_value_of_another_type() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.temp_motor_c"]);
    bench.at(1.0, &[(0, Value::Unusable)]).tick(60.0);
    assert_eq!(bench.records()[0]["quality"][0]["status_code"], "BadTypeMismatch");
}

#[test]
fn a_message_that_comes_twice_counts_once() {
    let fields = &["counters.estop_count", "events.error.FAULT", "joints.J1.speed_rad_s"];
    let samples = |second| {
        vec![
            sample(0, second, Value::Bool(second > 1.0)),
            sample(1, second, number(second)),
            sample(2, second, number(1.0)),
        ]
    };
    let mut once = Bench::of(Some(0.0), fields);
    once.data(1.0, samples(1.0)).data(2.0, samples(2.0)).tick(60.0);
    let mut twice = Bench::of(Some(0.0), fields);
    twice.data(1.0, samples(1.0)).data(2.0, samples(2.0)).data(2.0, samples(2.0)).tick(60.0);
    assert_eq!(once.records(), twice.records());
    let record = &once.records()[0];
    assert_eq!(record["counters"]["estop_count"], 1.0);
    assert_eq!(record["events"].as_array().unwrap().len(), 1);
}

#[test]
fn a_backlog_of_more_events_than_a_record_holds_becomes_several_records() {
    let mut bench = Bench::of(Some(0.0), &["events.info.COUNT"]);
    bench.at(0.5, &[(0, number(0.0))]);
    for message in 0..5 {
        let first = message * 150;
        let samples = (first..first + 150).map(|n| sample(0, 1.0 + f64::from(n) / 100.0, number(f64::from(n + 1))));
        bench.data(20.0, samples.collect());
    }
    bench.tick(60.0);
    let records = bench.records();
    let told = |record: &Json| record["events"].as_array().unwrap().len();
    assert_eq!(records.iter().map(told).sum::<usize>(), 750);
    assert!(records.iter().all(|record| told(record) <= 256 && record["window_start"] == START_US / 1000));
}

#[test]
fn a_truth_is_counted_by_its_rising_edges_or_by_its_hours() {
    let mut bench = Bench::of(Some(100.0), &["counters.estop_count", "counters.servo_on_h"]);
    for (second, truth) in [(1.0, false), (11.0, true), (21.0, true), (31.0, false), (41.0, true)] {
        bench.at(second, &[(0, Value::Bool(truth)), (1, Value::Bool(truth))]);
    }
    bench.tick(60.0);
    let counters = &bench.records()[0]["counters"];
    assert_eq!(counters["estop_count"], 2.0);
    assert!((counters["servo_on_h"].as_f64().unwrap() - 20.0 / 3600.0).abs() < 1e-12);
    // From the first sign of life to the last.
    assert!((counters["power_on_h"].as_f64().unwrap() - (100.0 + 40.0 / 3600.0)).abs() < 1e-9);
}

#[test]
fn a_clock_that_is_a_year_off_does_not_move_records() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.speed_rad_s"]);
    let year_us = 365 * 24 * 60 * MINUTE_US;
    for second in [1.0, 2.0, 3.0] {
        let off = |time: Option<i64>| time.map(|time| time - year_us);
        let right = sample(0, second, number(second));
        bench.data(second, vec![Sample { source_us: off(right.source_us), server_us: off(right.server_us), ..right }]);
    }
    bench.tick(60.0);
    let record = &bench.records()[0];
    assert_eq!(record["window_start"], START_US / 1000);
    let rev = record["joints"][0]["input_rev"].as_f64().unwrap();
    assert!((rev - 3.0 / std::f64::consts::TAU * 100.0).abs() < 1e-6, "the times of receipt count: {rev}");
}

#[test]
fn our_own_clock_may_be_set_back() {
    let mut bench = Bench::of(Some(0.0), &["joints.J1.speed_rad_s"]);
    bench.at(7200.0, &[(0, number(1.0))]).at(5.0, &[(0, number(2.0))]).at(65.0, &[(0, number(3.0))]).tick(130.0);
    let records = bench.records();
    let starts: Vec<_> =
        records.iter().map(|record| record["window_start"].as_i64().unwrap() - START_US / 1000).collect();
    assert_eq!(starts, [7_200_000, 0, 60_000]);
    assert_eq!(records.iter().map(|record| record["seq"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
}

proptest! {
    /// A start that goes on after the last cut comes to the very same records, wherever the one before ended.
    #[test]
    fn a_restart_at_any_entry_cuts_the_same_records(
        steps in proptest::collection::vec((0.1_f64..40.0, 0_u32..4, -5.0_f64..5.0, 0_u8..12), 1..60),
        cut_at in 0_usize..60,
    ) {
        let mut bench = Bench::of(
            Some(3.0),
            &["joints.J1.speed_rad_s", "joints.J1.torque_nm", "counters.estop_count", "joints.J1.temp_motor_c"],
        );
        let mut second = 0.0;
        for (step, signal, value, kind) in steps {
            second += step;
            match kind {
                0 => bench.gap(second - step, second),
                1 => bench.tick(second),
                2 => bench.data(second, vec![Sample { status: 0x8034_0000, ..sample(signal, second, number(value)) }]),
                _ if signal == 2 => bench.at(second, &[(2, Value::Bool(value > 0.0))]),
                _ => bench.at(second, &[(signal, number(value))]),
            };
        }
        bench.tick(second + 61.0);
        let whole = bench.cut(&mut cutter(), 0);

        let ended = cut_at.min(bench.entries.len());
        let before = Bench { entries: bench.entries[..ended].to_vec(), sequence: 0 };
        let mut cuts = before.cut(&mut cutter(), 0);
        let mut restarted = cutter();
        let start = match cuts.last() {
            // As it comes out of the journal.
            Some(cut) => {
                let encoded = Entry::Cut(Box::new(cut.clone())).encode().unwrap();
                let Ok(Entry::Cut(cut)) = Entry::decode(&encoded) else { panic!("no cut") };
                restarted.restore(*cut.clone());
                let (received_us, table) = bench.entries[0].clone();
                restarted.apply(At { offset: 0, server: "s", received_us }, table);
                usize::try_from(cut.until).unwrap()
            }
            None => 0,
        };
        cuts.extend(bench.cut(&mut restarted, start));
        let records = |cuts: &[Cut]| cuts.iter().map(|cut| cut.record.clone()).collect::<Vec<_>>();
        prop_assert_eq!(records(&cuts), records(&whole));
    }
}
