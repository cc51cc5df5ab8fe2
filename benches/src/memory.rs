//! Resident memory with many idle connections.

use std::net::SocketAddr;

use crate::machine;
use crate::mosquitto::Mosquitto;
use crate::number::grouped;
use crate::plant::{Plant, Process};
use crate::table::Figure;
use crate::wire::Connection;

/// Connections, where the limit of open files allows them; else [`FEWER`].
const MANY: usize = 10_000;
const FEWER: usize = 2_000;
/// Files that a process has open besides its connections, at most.
const OTHER_FILES: usize = 500;

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let count = if machine::open_files_max() > MANY + OTHER_FILES { MANY } else { FEWER };
    let plant = Plant::start("memory", "")?;
    let (before, ours) = connected(&plant.process, plant.mqtt, count)?;
    drop(plant);
    let mut row = Figure::alone(
        format!("memory, {} idle MQTT connections", grouped(count as f64)),
        "≤ 150 MB resident in ingest, with 10,000",
        format!("{ours:.0} MB resident in the whole process ({before:.0} before)"),
    );
    "mosquitto is not installed".clone_into(&mut row.reference);
    if let Some(mosquitto) = Mosquitto::start()? {
        let (before, theirs) = connected(&mosquitto.process, mosquitto.address, count)?;
        row.reference = format!("mosquitto: {theirs:.0} MB ({before:.0} before)");
        row.ratio = format!("{:.2}", theirs / ours);
    }
    Ok(vec![row])
}

/// Resident memory before and with `count` connections, MB.
fn connected(process: &Process, broker: SocketAddr, count: usize) -> anyhow::Result<(f64, f64)> {
    let before = process.resident_mib()?;
    let connections = (0..count)
        .map(|number| Connection::open(broker, &format!("idle-{number}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let after = process.resident_mib()?;
    drop(connections);
    Ok((before * 1.048_576, after * 1.048_576))
}
