//! Tests of what a server's history heals: as if it had come in time, and nothing twice.

use std::f64::consts::TAU;
use std::ops::RangeInclusive;

use super::*;

const FIELDS: [&str; 3] = ["joints.J1.speed_rad_s", "events.info.COUNT", "counters.estop_count"];

/// What the three signals say each second.
fn said(seconds: RangeInclusive<u32>) -> Vec<Sample> {
    let at = |second: u32| {
        let (time, pressed) = (f64::from(second), second % 10 == 5);
        let speed = TAU * f64::from(1 + second % 3);
        [sample(0, time, number(speed)), sample(1, time, number(time)), sample(2, time, Value::Bool(pressed))]
    };
    seconds.flat_map(at).collect()
}

fn bench() -> Bench {
    let mut bench = Bench::of(Some(0.0), &FIELDS);
    for second in 1..=10 {
        bench.data(f64::from(second), said(second..=second));
    }
    bench
}

impl Bench {
    fn of_history(&mut self, received: f64, samples: Vec<Sample>) -> &mut Self {
        let data = Data { of_history: true, published_us: Some(us(received)), samples, ..Data::default() };
        self.entries.push((us(received), Entry::Data(data)));
        self
    }

    fn lacks(&mut self, received: f64, signals: Vec<u32>) -> &mut Self {
        let (from_us, to_us, cause) = (us(10.0), us(received), "away".to_owned());
        self.entries.push((us(received), Entry::Gap(Gap { from_us, to_us, cause, signals: Some(signals) })));
        self
    }
}

#[test]
fn what_a_history_tells_counts_once_and_as_if_it_had_come_in_time() {
    let mut in_time = bench();
    for second in 11..=50 {
        in_time.data(f64::from(second), said(second..=second));
    }
    let mut healed = bench();
    // It begins before what is missing, and ends after what the subscription begins with.
    healed.of_history(40.0, said(6..=40)).data(41.0, said(38..=50));
    // A run that ended before it had all of it in the journal asks again.
    let mut again = bench();
    again.of_history(35.0, said(6..=20)).of_history(40.0, said(6..=40)).data(41.0, said(38..=50));
    let [in_time, healed, again] = [in_time, healed, again].map(|mut bench| {
        bench.tick(60.0);
        bench.records()
    });
    for records in [&healed, &again] {
        for pointer in ["/joints/0/input_rev", "/counters/estop_count", "/joints/0/speed_absmax_rad_s"] {
            assert_eq!(records[0].pointer(pointer), in_time[0].pointer(pointer), "{pointer}");
        }
        let told = |record: &Json| record["events"].as_array().unwrap().len();
        assert_eq!((told(&records[0]), told(&in_time[0])), (49, 49));
        assert_eq!((records.len(), records[0].get("gaps")), (1, None));
    }
}

#[test]
fn a_signal_without_a_history_has_a_gap_of_its_own_and_nothing_holds_over_it() {
    let mut bench = bench();
    let counts = said(6..=40).into_iter().filter(|sample| sample.signal == 1).collect();
    bench.lacks(40.0, vec![0, 2]).of_history(40.0, counts).data(41.0, said(41..=50)).tick(60.0);
    let record = &bench.records()[0];
    let gaps = record["gaps"].as_array().unwrap();
    let pointers: Vec<_> = gaps.iter().map(|gap| gap["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/joints/J1/speed_rad_s", "/counters/estop_count"]);
    assert_eq!(record["events"].as_array().unwrap().len(), 49);
    // 9 s before the gap and 9 s after it, at a mean of two turns a second, through a gear of 100; held on, it would be more.
    let turned = record["joints"][0]["input_rev"].as_f64().unwrap();
    assert!((3_000.0..4_500.0).contains(&turned), "{turned}");
}

#[test]
fn a_gap_of_all_signals_of_a_robot_is_one_of_the_robot() {
    let mut bench = bench();
    bench.lacks(40.0, vec![0, 1, 2]).data(41.0, said(41..=50)).tick(60.0);
    let record = &bench.records()[0];
    let gaps = record["gaps"].as_array().unwrap();
    assert_eq!((gaps.len(), gaps[0].get("pointer")), (1, None));
}

#[test]
fn a_source_whose_clock_is_set_back_after_a_history_is_heard() {
    let mut bench = bench();
    bench.of_history(40.0, said(11..=40)).data(41.0, said(41..=41)).data(42.0, said(30..=32)).tick(60.0);
    let events = bench.records()[0]["events"].as_array().unwrap().len();
    assert_eq!(events, 43, "40 of 41 values follow another, and three more come");
}
