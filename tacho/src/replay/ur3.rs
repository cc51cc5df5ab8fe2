//! The UR3 CobotOps data set: a real UR3 at about 1 Hz, as records.
//!
//! Source: UCI Machine Learning Repository, "UR3 CobotOps" (doi 10.24432/C5J891). Its traps: the temperature of
//! joint 0 is in `Temperature_T0`, `cycle ` may end in a blank, some times are quoted twice, and in 54 rows
//! measurements are null. A null is left out of the record, so it is null in the lake, not zero.

use std::path::Path;

use anyhow::{Context as _, bail};
use csv::StringRecord;
use tacho_schemas::RobotId;
use tacho_schemas::record::{Extra, Joint, JointSamples, Record, RobotKind};

/// The robot that the data set is published for: the shipped `ur3` model with a serial number of zeros and one.
pub(super) const ROBOT_ID: &str = "DKUR00UR300000000000000000001";

/// Joints of a UR3.
const JOINTS: usize = 6;
/// Columns whose values the record has no field for; they travel as unknown fields.
const EXTRA: [&str; 3] = ["Tool_current", "cycle", "grip_lost"];

/// Where the columns stand.
struct Columns {
    time: usize,
    current: [usize; JOINTS],
    temperature: [usize; JOINTS],
    speed: [usize; JOINTS],
    protective_stop: usize,
    extra: [usize; EXTRA.len()],
}

impl Columns {
    fn find(header: &StringRecord) -> anyhow::Result<Self> {
        let column = |name: &str| {
            let found = header.iter().position(|column| column.trim() == name);
            found.with_context(|| format!("column {name:?} is missing: this is not the UR3 CobotOps data set"))
        };
        let each = |make: fn(usize) -> String| -> anyhow::Result<[usize; JOINTS]> {
            let mut columns = [0; JOINTS];
            for (joint, place) in columns.iter_mut().enumerate() {
                *place = column(&make(joint))?;
            }
            Ok(columns)
        };
        let mut extra = [0; EXTRA.len()];
        for (place, name) in extra.iter_mut().zip(EXTRA) {
            *place = column(name)?;
        }
        Ok(Self {
            time: column("Timestamp")?,
            current: each(|joint| format!("Current_J{joint}"))?,
            temperature: each(
                |joint| if joint == 0 { "Temperature_T0".to_owned() } else { format!("Temperature_J{joint}") },
            )?,
            speed: each(|joint| format!("Speed_J{joint}"))?,
            protective_stop: column("Robot_ProtectiveStop")?,
            extra,
        })
    }
}

/// Reads the whole file. One row is one record, an instant; `seq` counts the rows from 1.
pub(super) fn read(path: &Path, robot: RobotId) -> anyhow::Result<Vec<Record>> {
    let mut rows = csv::Reader::from_path(path).context("unreadable")?;
    let columns = Columns::find(rows.headers().context("header unreadable")?)?;
    let mut records: Vec<Record> = Vec::new();
    let mut stops = Stops::default();
    for (index, row) in rows.records().enumerate() {
        let row = row.with_context(|| format!("row {} unreadable", index + 1))?;
        let first_us = records.first().map(|record| record.window_end_us);
        let mut record = record(&columns, &row, robot, first_us).with_context(|| format!("row {}", index + 1))?;
        record.seq = i64::try_from(index).context("too many rows")? + 1;
        record.counters.protective_stop_count = Some(stops.after(row[columns.protective_stop].trim() == "True"));
        records.push(record);
    }
    if records.is_empty() {
        bail!("no rows");
    }
    Ok(records)
}

/// Counts rising edges of the protective stop.
#[derive(Default)]
struct Stops {
    count: i64,
    stopped: bool,
}

impl Stops {
    fn after(&mut self, stopped: bool) -> i64 {
        self.count += i64::from(stopped && !self.stopped);
        self.stopped = stopped;
        self.count
    }
}

fn record(columns: &Columns, row: &StringRecord, robot: RobotId, first_us: Option<i64>) -> anyhow::Result<Record> {
    let time = row[columns.time].trim_matches(['"', ' ']);
    let time_us =
        chrono::DateTime::parse_from_rfc3339(time).with_context(|| format!("time {time:?}"))?.timestamp_micros();
    let first_us = first_us.unwrap_or(time_us);
    let mut record = Record::new(robot, RobotKind::Arm);
    record.stream_epoch = first_us / 1_000_000;
    (record.window_start_us, record.window_end_us) = (time_us, time_us);
    #[expect(clippy::cast_precision_loss, reason = "hours of one day")]
    let hours = (time_us - first_us) as f64 / 3.6e9;
    record.counters.power_on_h = (hours * 1e4).round() / 1e4;
    for joint in 0..JOINTS {
        record.joints.push(joint_of(columns, row, joint)?);
    }
    let mut extra = Extra::default();
    for (name, column) in EXTRA.into_iter().zip(columns.extra) {
        let value = row[column].trim();
        if !value.is_empty() {
            extra.put(format!("/{name}"), value.to_ascii_lowercase().as_str());
        }
    }
    record.extra = extra;
    Ok(record)
}

/// One joint at one instant: a window of no length, so root mean square and greatest magnitude are the value's
/// magnitude; its sign stays in the samples.
fn joint_of(columns: &Columns, row: &StringRecord, joint: usize) -> anyhow::Result<Joint> {
    let current = number(row, columns.current[joint])?;
    let speed = number(row, columns.speed[joint])?;
    let one = |value: Option<f64>| value.map(|value| Box::from([value]));
    let samples = JointSamples { velocity_rad_s: one(speed), current_a: one(current), ..JointSamples::default() };
    Ok(Joint {
        index: u32::try_from(joint).context("joint index")?,
        name: format!("J{joint}").into(),
        current_rms_a: current.map(f64::abs),
        current_absmax_a: current.map(f64::abs),
        speed_rms_rad_s: speed.map(f64::abs),
        speed_absmax_rad_s: speed.map(f64::abs),
        temp_motor_c: number(row, columns.temperature[joint])?,
        samples: (current.is_some() || speed.is_some()).then(|| Box::new(samples)),
        ..Joint::default()
    })
}

fn number(row: &StringRecord, column: usize) -> anyhow::Result<Option<f64>> {
    match row[column].trim() {
        "" => Ok(None),
        text => text.parse().map(Some).with_context(|| format!("{text:?} is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_file_gives_a_record_per_row_with_nulls_left_out() {
        let path = Path::new("../../shared/data/ur3_cobotops.csv");
        if !path.exists() {
            eprintln!("skipped: {} is absent", path.display());
            return;
        }
        let records = read(path, ROBOT_ID.parse().unwrap()).unwrap();
        assert_eq!(records.len(), 7409);
        assert_eq!(records[0].joints[0].temp_motor_c, Some(27.875));
        assert_eq!(records[0].joints[1].current_rms_a, Some(2.024_668_693_542_48));
        let without = records.iter().filter(|record| record.joints[0].temp_motor_c.is_none()).count();
        assert_eq!(without, 54);
        assert_eq!(records.last().unwrap().seq, 7409);
    }

    #[test]
    fn another_file_is_refused_with_the_missing_column() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"a,b\n1,2\n").unwrap();
        let error = read(file.path(), ROBOT_ID.parse().unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("this is not the UR3 CobotOps data set"), "{error:#}");
    }
}
