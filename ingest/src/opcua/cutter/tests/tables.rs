//! Tests of tables that change: what a robot's signals fed before and feed no more.

use super::*;

#[test]
fn a_counter_that_nothing_feeds_any_more_is_not_told_beside_others_that_went_on() {
    let mut bench = Bench::of(Some(0.0), &["counters.servo_on_h", "joints.J1.speed_rad_s"]);
    bench.at(1.0, &[(0, Value::Bool(true)), (1, number(1.0))]).at(50.0, &[(1, number(2.0))]).tick(60.0);
    let fields = ["counters.motion_h", "joints.J1.speed_rad_s"];
    bench.entries.push((us(61.0), Entry::Table(table(Some(0.0), &fields))));
    bench.at(70.0, &[(0, number(900.0)), (1, number(1.0))]).tick(120.0);
    let records = bench.records();
    let names = |record: &Json| record["counters"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&records[0]), ["power_on_h", "servo_on_h"]);
    assert_eq!(names(&records[1]), ["motion_h", "power_on_h"]);
}
