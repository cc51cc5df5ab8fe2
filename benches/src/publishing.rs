//! Publishes acknowledged after the fsync, as fast as they go, and then the landing of what they left in the log.

use std::time::{Duration, Instant};

use crate::load::{Load, ROBOTS};
use crate::mosquitto::Mosquitto;
use crate::number::grouped;
use crate::plant::Plant;
use crate::table::Figure;

const CONNECTIONS: usize = 50;
const DURATION: Duration = Duration::from_secs(10);
/// How long the landing is watched while nobody publishes.
const CATCH_UP: Duration = Duration::from_secs(10);

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let plant = Plant::start("publishing", "")?;
    let load = Load { broker: plant.mqtt, connections: CONNECTIONS, robots: ROBOTS, duration: DURATION, rate: None };
    let ours = load.run()?;
    let landed = plant.metric("tacho_lake_landed_total")?;
    let cpu_us = plant.process.cpu()?.as_secs_f64() * 1e6 / ours.records as f64;
    let catch_up = catch_up(&plant)?;
    drop(plant);
    let mut row = Figure::alone(
        "MQTT QoS 1, valid records of 300 B, 50 connections, acknowledged after the embedded log's fsync; processors run meanwhile",
        "≥ 400,000 publishes/s, ≤ 2 µs of CPU each in ingest",
        format!(
            "{}/s; {cpu_us:.1} µs of CPU each with processing ({} landed meanwhile)",
            grouped(ours.rate()),
            grouped(landed)
        ),
    );
    "mosquitto is not installed".clone_into(&mut row.reference);
    if let Some(mosquitto) = Mosquitto::start()? {
        let theirs = Load { broker: mosquitto.address, ..load }.run()?;
        let cpu_us = mosquitto.process.cpu()?.as_secs_f64() * 1e6 / theirs.records as f64;
        row.reference = format!("mosquitto, in memory: {}/s, {cpu_us:.1} µs of CPU each", grouped(theirs.rate()));
        row.ratio = format!("{:.2}", ours.rate() / theirs.rate());
    }
    Ok(vec![row, catch_up])
}

/// Records that land in a second while nothing else is to be done.
fn catch_up(plant: &Plant) -> anyhow::Result<Figure> {
    let landed = || plant.metric("tacho_lake_landed_total");
    let (before, started) = (landed()?, Instant::now());
    std::thread::sleep(CATCH_UP);
    let rate = (landed()? - before) / started.elapsed().as_secs_f64();
    let left = plant.metric("tacho_process_lag_records")?;
    let figure = format!("{} records/s over {} s, {} still to land", grouped(rate), CATCH_UP.as_secs(), grouped(left));
    Ok(Figure::alone("catch-up from the embedded log, nobody publishing", "—", figure))
}
