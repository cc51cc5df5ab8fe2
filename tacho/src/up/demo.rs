//! The demo: 50 simulated robots of mixed kind, published through the real broker by real MQTT clients; and a cell of
//! robots behind an OPC UA server, which the bridge finds by their types. They live on over restarts: what wears never
//! heals.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, Int64Type};
use tacho_config::Settings;
use tacho_config::settings::opcua::ServerSettings;
use tacho_lake::LakePlace;
use tacho_query::Session;
use tacho_schemas::RobotId;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::publishing::device::Broker;
use crate::publishing::tally::Tally;
use crate::simulate::{Cell, Fleet, Past, Plan, arms};

/// Robots of the demo.
pub(super) const ROBOTS: u32 = 50;
/// Number of the first: above those that `tacho simulate` begins with.
const FIRST: u32 = 1_000_001;
/// Seconds of work that a second of the demo stands for: ten hours, so that wear can be watched.
pub(super) const PACE: f64 = 36_000.0;
/// Hours that pass over a restart: of a demo that was killed some records land only later.
const RESTART_H: f64 = 100.0;

/// Robots of the cell.
pub(super) const CELL_ROBOTS: u32 = 2;
/// Number of the first: above those that `tacho simulate --opcua` begins with.
const CELL_FIRST: u32 = 3_000_001;
/// Name of the cell's server among those of the settings.
const CELL: &str = "demo-cell";
/// Window of the bridge, if the settings have no servers of their own: a minute is long for someone who looks on.
const CELL_WINDOW: Duration = Duration::from_secs(5);

/// How far each robot has come, and how long ago; those of a lake that others publish to, too, do no harm.
const PASTS: &str = "select robot_id, max(cast(power_on_h as double)) as power_on_h, \
                     max(coalesce(protective_stop_count, 0)) as stops, \
                     extract(epoch from now() - max(window_end)) / 3600 as away_h from records group by robot_id";

/// What is known of a robot of a lake.
#[derive(Debug, Clone, Copy)]
struct Known {
    past: Past,
    /// Hours since it was heard last.
    away_h: f64,
}

/// Listens for the bridge, and has the settings name the server, with nothing but the profile of its robots.
///
/// # Errors
/// If nothing can listen, or the settings have a server of the same name.
pub(super) async fn cell_of(settings: &mut Settings) -> anyhow::Result<Cell> {
    let taken = settings.opcua.servers.iter().any(|server| server.name == CELL);
    ensure!(!taken, "opcua.servers: the demo has a server {CELL:?} of its own: call the other one something else");
    let cell = Cell::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None).await?;
    if settings.opcua.servers.is_empty() {
        settings.opcua.window = settings.opcua.window.min(CELL_WINDOW);
    }
    settings.opcua.servers.push(server(&cell.url())?);
    Ok(cell)
}

/// The server as a file would name it.
fn server(url: &str) -> anyhow::Result<ServerSettings> {
    let written = format!(
        "profile = \"development\"\n[[opcua.servers]]\nname = \"{CELL}\"\nurl = \"{url}\"\nsecurity = \"none\"\n\
         [[opcua.servers.robots]]\nprofile = \"robotics\"\n"
    );
    let read = Settings::parse(&written, Path::new(""));
    let settings = read.map_err(|problems| anyhow!("{problems}")).context("settings of the demo's cell")?;
    settings.opcua.servers.into_iter().next().context("settings of the demo's cell")
}

/// Serves the cell until `stop`; its robots were powered on while nobody looked.
pub(super) async fn serve(cell: Cell, lake: LakePlace, stop: CancellationToken) {
    let served = async {
        let pasts = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            pasts = pasts(&lake) => pasts?,
        };
        let mut robots = arms(CELL_ROBOTS, CELL_FIRST, 1);
        for robot in &mut robots {
            if let Some(Known { past, away_h }) = pasts.get(&robot.id()) {
                robot.resume(&Past { power_on_h: past.power_on_h + away_h.max(0.0), ..*past });
            }
        }
        Box::pin(cell.serve(robots, stop.clone())).await
    };
    if let Err(error) = served.await {
        warn!(error = format!("{error:#}"), "no OPC UA cell in the demo");
    }
}

/// Publishes the demo fleet until `stop`: each robot once a second.
pub(super) async fn publish(broker: SocketAddr, lake: LakePlace, stop: CancellationToken) {
    let plan = Plan {
        robots: ROBOTS,
        first: FIRST,
        connections: ROBOTS,
        rate: f64::from(ROBOTS),
        records: None,
        seed: 1,
        pace: PACE,
        epoch: crate::clock::now_s(),
        faults: "gap=0.002,duplicate=0.002,poison=0.001,bad_id=0.001".parse().unwrap_or_default(),
    };
    let broker = Broker { host: broker.ip().to_string(), port: broker.port(), user: None };
    let pasts = tokio::select! {
        () = stop.cancelled() => return,
        pasts = pasts(&lake) => pasts,
    };
    match pasts {
        Ok(pasts) => {
            let later = |known: &Known| Past { power_on_h: known.past.power_on_h + RESTART_H, ..known.past };
            let pasts = pasts.iter().map(|(robot, known)| (*robot, later(known))).collect();
            Fleet::new(plan).resumed(&pasts).publish(broker, Tally::default(), stop).await;
        }
        Err(error) => warn!(error = format!("{error:#}"), "no demo: how far its robots have come cannot be read"),
    }
}

async fn pasts(lake: &LakePlace) -> anyhow::Result<HashMap<RobotId, Known>> {
    let session = Session::open(lake, || Ok(Vec::new())).await.context("lake")?;
    let (_schema, batches) = session.query(PASTS).await.context("lake")?;
    let mut pasts = HashMap::new();
    for batch in &batches {
        let robots = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).context("robot_id")?;
        let (robots, hours) = (robots.as_string::<i32>(), batch.column(1).as_primitive::<Float64Type>());
        let stops = batch.column(2).as_primitive::<Int64Type>();
        let away = batch.column(3).as_primitive::<Float64Type>();
        for row in (0..batch.num_rows()).filter(|row| hours.is_valid(*row)) {
            if let Ok(robot) = robots.value(row).parse() {
                let past = Past { power_on_h: hours.value(row), protective_stops: stops.value(row) };
                pasts.insert(robot, Known { past, away_h: away.value(row) });
            }
        }
    }
    Ok(pasts)
}
