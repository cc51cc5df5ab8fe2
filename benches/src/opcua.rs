//! The OPC UA bridge: data changes of a server until they are in the log, beside asyncua's client on the same server, and
//! memory with many items of many servers.

mod server;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tacho_integration_tests::arm::mapped;

use crate::number::grouped;
use crate::plant::Plant;
use crate::table::Figure;
use server::{Changing, NODE};

/// Items of the server whose changes are counted, and how often all of them change.
const ITEMS: usize = 5_000;
const EVERY: Duration = Duration::from_millis(100);
/// How long changes are counted, once they come evenly.
const COUNTED: Duration = Duration::from_secs(20);
const SETTLED: Duration = Duration::from_secs(5);
/// Servers whose items are only held, the items of each, and how often all of them change.
const SERVERS: usize = 20;
const ITEMS_EACH: usize = 5_000;
const EVERY_HELD: Duration = Duration::from_secs(5);
/// Longest time until all items are there.
const THERE: Duration = Duration::from_secs(120);
/// Subscribes to as many nodes, counts for as long, and prints changes and seconds of its processor time.
const CLIENT: &str = include_str!("opcua/asyncua_client.py");

/// What changes cost.
struct Cost {
    per_s: f64,
    cpu_us: f64,
}

/// Data changes per second, and what each costs.
pub(crate) fn changes() -> anyhow::Result<Vec<Figure>> {
    let server = Changing::start(ITEMS, EVERY)?;
    let plant = Plant::start("opcua", &config(&[&server], ITEMS, "100ms"))?;
    let cost = of_bridge(&plant)?;
    drop(plant);
    let what = format!(
        "OPC UA: {} items that change every {} ms, to the fsynced journal and the log",
        grouped(ITEMS as f64),
        EVERY.as_millis()
    );
    let figure = format!("{} data changes/s; {:.1} µs of CPU each", grouped(cost.per_s), cost.cpu_us);
    let mut row = Figure::alone(what, "—", figure);
    "asyncua is not installed: TACHO_PYTHON names no Python".clone_into(&mut row.reference);
    if let Some(theirs) = of_asyncua(&server)? {
        row.reference = format!(
            "asyncua's client, which only counts them: {}/s, {:.1} µs of CPU each",
            grouped(theirs.per_s),
            theirs.cpu_us
        );
        row.ratio = format!("{:.2}", theirs.cpu_us / cost.cpu_us);
    }
    Ok(vec![row])
}

/// Resident memory with many items of many servers.
pub(crate) fn memory() -> anyhow::Result<Vec<Figure>> {
    let servers = (0..SERVERS).map(|_| Changing::start(ITEMS_EACH, EVERY_HELD)).collect::<anyhow::Result<Vec<_>>>()?;
    let before = Plant::start("opcua-empty", "")?.process.resident_mib()?;
    let plant = Plant::start("opcua-many", &config(&servers.iter().collect::<Vec<_>>(), ITEMS_EACH, "1s"))?;
    let items = (SERVERS * ITEMS_EACH) as f64;
    plant.wait_for("tacho_opcua_samples_total", items, THERE)?;
    sleep(COUNTED);
    let resident = plant.process.resident_mib()?;
    let what = format!("memory, {} monitored items over {SERVERS} OPC UA servers", grouped(items));
    let figure = format!("{resident:.0} MiB resident in the whole process ({before:.0} without)");
    Ok(vec![Figure::alone(what, "—", figure)])
}

/// Settings with all nodes of some servers.
fn config(servers: &[&Changing], items: usize, sampling: &str) -> String {
    let mut lines = "[opcua]\nwindow = \"10s\"\n".to_owned();
    for (number, server) in servers.iter().enumerate() {
        lines += &format!(
            "[[opcua.servers]]\nname = \"server-{number}\"\nurl = \"{}\"\nsecurity = \"none\"\n\
             publishing_interval = \"100ms\"\nsampling_interval = \"{sampling}\"\n{}",
            server.url(),
            mapped(NODE, number * items, items)
        );
    }
    lines
}

fn of_bridge(plant: &Plant) -> anyhow::Result<Cost> {
    plant.wait_for("tacho_opcua_samples_total", ITEMS as f64, THERE)?;
    sleep(SETTLED);
    let (began, cpu) = (Instant::now(), plant.process.cpu()?);
    let samples = plant.metric("tacho_opcua_samples_total")?;
    sleep(COUNTED);
    let changes = plant.metric("tacho_opcua_samples_total")? - samples;
    let cost = Cost {
        per_s: changes / began.elapsed().as_secs_f64(),
        cpu_us: (plant.process.cpu()? - cpu).as_secs_f64() * 1e6 / changes,
    };
    let gaps = plant.metric("tacho_opcua_gaps_total")?;
    ensure!(gaps == 0.0, "{gaps} gaps: more than the server or the bridge can do");
    Ok(cost)
}

/// What asyncua's client gets of the same server, and what it costs; `None` where it is not installed.
fn of_asyncua(server: &Changing) -> anyhow::Result<Option<Cost>> {
    let Some(python) = std::env::var_os("TACHO_PYTHON").map(PathBuf::from) else { return Ok(None) };
    let seconds = COUNTED.as_secs().to_string();
    let output = Command::new(python)
        .args(["-c", CLIENT, &server.url(), NODE, &ITEMS.to_string(), &EVERY.as_millis().to_string(), &seconds])
        .stdin(Stdio::null())
        .output()
        .context("asyncua")?;
    ensure!(output.status.success(), "asyncua: {}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = told.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(changes)), Some(Ok(elapsed)), Some(Ok(cpu))) = (numbers.next(), numbers.next(), numbers.next()) else {
        anyhow::bail!("asyncua's client says {told:?}");
    };
    Ok(Some(Cost { per_s: changes / elapsed, cpu_us: cpu * 1e6 / changes }))
}
