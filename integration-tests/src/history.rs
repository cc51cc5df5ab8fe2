//! Histories of robots: records of hours and days ago, and what the views make of them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::client::{installed, mosquitto_pub_lines};
use crate::data::topic;
use crate::{Lake, Plant, PlantOptions, Row, until};

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;
/// Turns of the load that spend the life of the model's reducers: 60 · 10,000 h · 2,000 rpm.
pub const LIFE_REV: f64 = 1.2e9;

/// Now, in Unix milliseconds.
pub fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// A robot of the model example-arm-6.
pub fn robot(number: u32) -> String {
    format!("CNAB12HX0001{number:016}A")
}

/// A record whose window ended so many hours ago, with members of its own.
///
/// # Panics
/// If `more` is no object.
pub fn record(robot: &str, seq: i64, hours_ago: f64, more: &Value) -> Value {
    let ago = i64::try_from(Duration::from_secs_f64(hours_ago.abs() * 3600.0).as_millis()).unwrap();
    let end = if hours_ago < 0.0 { now_ms() + ago } else { now_ms() - ago };
    let mut record = json!({
        "schema_version": 1, "robot_id": robot, "stream_epoch": 1, "seq": seq, "window_start": end - HOUR_MS / 4,
        "window_end": end, "robot_kind": "arm", "counters": {"power_on_h": 10_000.0 - hours_ago},
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

/// Publishes records of one robot in their order and waits until they have landed.
///
/// # Panics
/// If they do not.
pub fn land(plant: &Plant, records: &[Value]) -> Lake {
    let robot = records[0]["robot_id"].as_str().unwrap();
    let mut lines = String::new();
    for record in records {
        writeln!(lines, "{record}").unwrap();
    }
    let file = plant.beside(&format!("{robot}.ndjson"));
    std::fs::write(&file, lines).unwrap();
    mosquitto_pub_lines(&plant.mqtt().unwrap(), &topic(robot), &file).unwrap();
    let lake = plant.lake();
    let (all, last) = (Some(1), &records[records.len() - 1]);
    let (epoch, seq) = (&last["stream_epoch"], &last["seq"]);
    let sql =
        format!("select count(*) from records where robot_id = '{robot}' and stream_epoch = {epoch} and seq = {seq}");
    until("all landed", Duration::from_secs(60), &all, || lake.try_int(&sql));
    lake
}

/// A running instance; none where nothing can publish.
pub fn plant() -> Option<Plant> {
    installed("mosquitto_pub").then(|| Plant::started(PlantOptions::default()).unwrap())
}

/// The rows of a view that are of a robot.
pub fn of(lake: &Lake, view: &str, robot: &str) -> Vec<Row> {
    lake.rows(&format!("select * from {view} where robot_id = '{robot}'")).unwrap()
}

/// What is due for a robot: rule, component and record, in order.
pub fn due(lake: &Lake, robot: &str) -> Vec<String> {
    let told = |row: Row| format!("{} {} {}", row["rule"].as_str().unwrap(), row["component"], row["seq"]);
    let mut due: Vec<String> = of(lake, "maintenance_due", robot).into_iter().map(told).collect();
    due.sort();
    due
}

/// Kinds of the identity alerts of a robot, in order.
pub fn alerts(lake: &Lake, id: &str) -> Vec<String> {
    let kinds = of(lake, "identity_alerts", id).into_iter();
    let mut kinds: Vec<String> = kinds.map(|row| row["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

/// Whether a column has a value, to a millionth.
///
/// # Panics
/// If not.
pub fn near(row: &Row, column: &str, expected: f64) {
    let value = row[column].as_f64().unwrap_or_else(|| panic!("{column} of {row:?}"));
    assert!((value - expected).abs() <= 1e-6 * expected.abs(), "{column} is {value}, not {expected}: {row:?}");
}
