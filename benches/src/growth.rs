//! What a record, a start and a query cost while history, fleet and partitions grow: each a hundredfold and more.
//!
//! The least of each row is the reference of the others. A steady load, well below what the machine can land, is looked
//! at for a while; what is paid per commit and per window is part of it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use tacho_query::Session;

use crate::load::{Load, ROBOTS};
use crate::number::{grouped, short};
use crate::plant::Plant;
use crate::table::{Figure, say};

/// What is asked of it.
pub(crate) const BUDGET: &str = "flat";
const CONNECTIONS: usize = 50;
/// Records per second while costs are taken.
const OFFERED: f64 = 15_000.0;
/// Records per second while a history is made.
const FILLED: f64 = 45_000.0;
/// How long they are taken: two windows of anchors at least.
const LOOKED_AT: Duration = Duration::from_secs(20);
/// Longest time until what was published has landed.
const LAST: Duration = Duration::from_secs(300);
/// What a maintenance team begins with.
const QUERY: &str = "explain select robot_id, joint, reducer_damage from joint_wear";

/// What it costs to go on from where a plant stands.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Records that have landed before.
    landed: f64,
    /// Processor time of the plant for a record.
    cpu_us: f64,
    /// Bytes that the plant writes for a record: log, lake, ledger, anchors.
    written: f64,
    resident_mib: f64,
    /// From the start of the process to its endpoints, after a kill.
    start: Duration,
    /// To open the lake and to plan a query.
    plan: Duration,
}

/// Costs after 1, 10 and 100 times as many records of one fleet.
pub(crate) fn history() -> anyhow::Result<Vec<Figure>> {
    let mut plant = Plant::start("history", "")?;
    let mut costs = Vec::new();
    for records in [100_000.0, 1_000_000.0, 10_000_000.0] {
        let missing = records - costs.last().map_or(0.0, |(_, cost): &(String, Cost)| cost.landed);
        load(&plant, ROBOTS, Some(FILLED), Duration::from_secs_f64(missing / FILLED))?;
        say(&format!("growth: {} records", grouped(records)));
        let (again, cost) = Cost::of(plant, ROBOTS, "")?;
        plant = again;
        costs.push((format!("{} records landed before", grouped(cost.landed)), cost));
    }
    Ok(rows("history", &costs))
}

/// Costs with a fleet of 100 to 100,000 robots.
pub(crate) fn robots() -> anyhow::Result<Vec<Figure>> {
    let mut costs = Vec::new();
    for robots in [2, 20, 200, 2_000] {
        let fleet = robots * CONNECTIONS;
        say(&format!("growth: {fleet} robots"));
        let plant = Plant::start(&format!("robots-{fleet}"), "")?;
        let each_once = Duration::from_secs_f64(fleet as f64 / OFFERED + 1.0);
        load(&plant, robots, Some(OFFERED), each_once)?;
        let (_plant, cost) = Cost::of(plant, robots, "")?;
        costs.push((format!("{} robots", grouped(fleet as f64)), cost));
    }
    Ok(rows("fleet", &costs))
}

/// Costs with 1 to 256 partitions of the log.
pub(crate) fn partitions() -> anyhow::Result<Vec<Figure>> {
    let mut costs = Vec::new();
    for partitions in [1, 8, 64, 256] {
        say(&format!("growth: {partitions} partitions"));
        let config = format!("[log]\npartitions = {partitions}\n");
        let plant = Plant::start(&format!("partitions-{partitions}"), &config)?;
        load(&plant, ROBOTS, Some(OFFERED), Duration::from_secs(2))?;
        let (_plant, cost) = Cost::of(plant, ROBOTS, &config)?;
        costs.push((format!("{partitions} partitions"), cost));
    }
    Ok(rows("partitions", &costs))
}

impl Cost {
    /// Waits until everything has landed, starts the plant anew, and looks at it under load.
    fn of(plant: Plant, robots: usize, config: &str) -> anyhow::Result<(Plant, Self)> {
        all_landed(&plant)?;
        let plant = plant.again(config)?;
        let (landed, plan) = planned(&plant.data().join("lake"))?;
        let (cpu, written) = (plant.process.cpu()?, plant.process.written_bytes()?);
        load(&plant, robots, Some(OFFERED), LOOKED_AT)?;
        all_landed(&plant)?;
        let records = plant.metric("tacho_lake_landed_total")?;
        let cpu = plant.process.cpu()? - cpu;
        let cost = Self {
            landed,
            cpu_us: cpu.as_secs_f64() * 1e6 / records,
            written: (plant.process.written_bytes()? - written) / records,
            resident_mib: plant.process.resident_mib()?,
            start: plant.ready_after,
            plan,
        };
        Ok((plant, cost))
    }
}

fn load(plant: &Plant, robots: usize, rate: Option<f64>, duration: Duration) -> anyhow::Result<()> {
    Load { broker: plant.mqtt, connections: CONNECTIONS, robots, duration, rate }.run().map(drop)
}

fn all_landed(plant: &Plant) -> anyhow::Result<()> {
    let appended = plant.metric("tacho_log_appended_records_total")?;
    plant.wait_for("tacho_lake_landed_total", appended, LAST)
}

/// Records in the lake, and how long a query takes until it could begin.
fn planned(lake: &Path) -> anyhow::Result<(f64, Duration)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("async runtime")?;
    runtime.block_on(async {
        let asked = Instant::now();
        let session = Session::open(lake, || Ok(Vec::new())).await.context("lake")?;
        session.query(QUERY).await.context("plan")?;
        let plan = asked.elapsed();
        let (_, counted) = session.query("select cast(count(*) as double) from records").await.context("records")?;
        let column = counted.first().map(|batch| batch.column(0));
        let values = column.and_then(arrow::array::AsArray::as_primitive_opt::<arrow::datatypes::Float64Type>);
        Ok((values.ok_or_else(|| anyhow!("records are not counted"))?.value(0), plan))
    })
}

fn rows(what: &str, costs: &[(String, Cost)]) -> Vec<Figure> {
    let Some((least, first)) = costs.first() else { return Vec::new() };
    let row = |(state, cost): &(String, Cost)| Figure {
        what: format!("growth of {what}: {state}, {} records/s", grouped(OFFERED)),
        budget: BUDGET,
        figure: cost.told(),
        reference: format!("{least}: {:.1} µs", first.cpu_us),
        ratio: format!("{:.2}", first.cpu_us / cost.cpu_us),
    };
    costs.iter().map(row).collect()
}

impl Cost {
    fn told(&self) -> String {
        let Self { cpu_us, written, resident_mib, start, plan, .. } = self;
        format!(
            "{cpu_us:.1} µs of CPU and {written:.0} B written a record; {resident_mib:.0} MiB resident; start {}; lake opened and query planned {}",
            short(*start),
            short(*plan)
        )
    }
}
