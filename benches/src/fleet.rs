//! A fleet of 28,000 robots with a record every 15 minutes: what a maintenance team asks of it, as its history grows.
//!
//! A year of it is 982 million records. Six hours, twelve and a day of the whole fleet are made, so that growth can be read
//! off; and a year of a hundred of its robots, so that each has the history that it would have.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tacho_query::Session;

use crate::number::{grouped, short};
use crate::plant::{Plant, tacho};
use crate::table::{Figure, say};

/// Robots, as many as a registry of today lists.
const ROBOTS: u32 = 28_000;
/// Records of a robot in a year.
const YEAR: u32 = 35_064;
/// Seconds of work that a record stands for.
const RECORD_S: f64 = 900.0;
/// Records per second that are published.
const RATE: f64 = 12_000.0;
/// Records of each robot of the whole fleet at the three looks.
const LOOKS: [u32; 3] = [24, 48, 96];
/// Robots of which a whole year is made.
const OF_A_YEAR: u32 = 100;
/// Longest time until what was published has landed.
const LAST: Duration = Duration::from_secs(600);
/// Of the files that a year leaves, most are merged: so are these.
const CONFIG: &str = "[lake.compaction]\ninterval = \"5s\"\nmin_files = 4\n";
/// What is asked, and the name that it has in the table.
const QUESTIONS: [(&str, &str); 4] = [
    ("`joint_rul` of the fleet", "select count(*), min(rul_h) from joint_rul"),
    ("`maintenance_due`", "select count(*) from maintenance_due"),
    (
        "wear ranking",
        "select robot_id, joint, reducer_damage from joint_wear order by reducer_damage desc nulls last limit 20",
    ),
    (
        "one robot's history",
        "select window_end, joint, temp_motor_c, reducer_damage from joints \
         where robot_id = (select min(robot_id) from records) order by window_end",
    ),
];

/// The whole fleet, for a part of a year.
pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let mut rows = Vec::new();
    for each in LOOKS {
        rows.extend(looked_at((ROBOTS, each))?);
    }
    Ok(rows)
}

/// A part of the fleet, for a whole year.
pub(crate) fn year() -> anyhow::Result<Vec<Figure>> {
    looked_at((OF_A_YEAR, YEAR))
}

/// What is asked of so many robots with so many records each.
fn looked_at((robots, each): (u32, u32)) -> anyhow::Result<Vec<Figure>> {
    let records = robots * each;
    say(&format!("fleet: {} robots, {} records", grouped(f64::from(robots)), grouped(f64::from(records))));
    // A fleet of its own each time: a later part would be a later life, with counters that begin anew.
    let plant = Plant::start("fleet", CONFIG)?;
    work(&plant, robots, records)?;
    plant.wait_for("tacho_lake_landed_total", f64::from(records), LAST)?;
    asked(&plant.data().join("lake"), robots, records)
}

/// Lets robots make so many records together.
fn work(plant: &Plant, robots: u32, records: u32) -> anyhow::Result<()> {
    let pace = RECORD_S * RATE / f64::from(robots);
    let to = format!("mqtt://{}", plant.mqtt);
    let mut command = Command::new(tacho()?);
    command.args(["simulate", "--to", &to, "--robots", &robots.to_string(), "--records", &records.to_string()]);
    command.args(["--rate", &RATE.to_string(), "--pace", &pace.to_string()]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().context("tacho simulate")?;
    ensure!(status.success(), "tacho simulate ended with {status}");
    Ok(())
}

/// Asks each question in a new session, as a person does.
fn asked(lake: &Path, robots: u32, records: u32) -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new().context("async runtime")?;
    let of = format!("{} robots, {} records", grouped(f64::from(robots)), grouped(f64::from(records)));
    let ask = |(name, sql): &(&str, &str)| {
        let (took, scanned) = runtime.block_on(answered(lake, sql)).with_context(|| (*name).to_owned())?;
        let what = format!("fleet: {of} ({} of its year): {name}", share(records));
        Ok(Figure::alone(what, "—", format!("{}, {scanned}", short(took))))
    };
    QUESTIONS.iter().map(ask).collect()
}

/// How long the answer takes, and what is read for it.
async fn answered(lake: &Path, sql: &str) -> anyhow::Result<(Duration, String)> {
    let asked = Instant::now();
    let session = Session::open(lake, || Ok(Vec::new())).await.context("lake")?;
    session.query(sql).await.context("query")?;
    let took = asked.elapsed();
    let (_, explained) = session.query(&format!("explain analyze {sql}")).await.context("explain")?;
    let text = arrow::util::pretty::pretty_format_batches(&explained).context("explain")?.to_string();
    let scans: Vec<&str> = text.lines().filter(|line| line.contains("DataSourceExec")).collect();
    let bytes: f64 = scans.iter().filter_map(|line| metric(line, "bytes_scanned=")).sum();
    let rows: f64 = scans.iter().filter_map(|line| metric(line, "output_rows=")).sum();
    Ok((took, format!("scans {} rows, {:.1} MB", grouped(rows), bytes / 1e6)))
}

/// A number of a line of metrics, with its unit (`K`, `M`, `G`, also of bytes) counted in.
fn metric(line: &str, name: &str) -> Option<f64> {
    let text = line.split_once(name)?.1;
    let end = text.find([',', ']']).unwrap_or(text.len());
    let text = text[..end].trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let scale = match text[digits..].trim().chars().next() {
        Some('K') => 1e3,
        Some('M') => 1e6,
        Some('G') => 1e9,
        _ => 1.0,
    };
    Some(number * scale)
}

/// Part of a year of the whole fleet.
fn share(records: u32) -> String {
    let year = f64::from(ROBOTS) * f64::from(YEAR);
    format!("{:.2} %", f64::from(records) / year * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_their_units() {
        let line = "DataSourceExec: file_groups={2}, metrics=[output_rows=1.5 K, bytes_scanned=62.3 MB, x=1]";
        assert_eq!(metric(line, "output_rows="), Some(1_500.0));
        assert_eq!(metric(line, "bytes_scanned="), Some(62_300_000.0));
        assert_eq!(metric(line, "nothing="), None);
    }
}
