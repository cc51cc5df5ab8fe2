//! The demo: 50 simulated robots of mixed kind, published through the real broker by real MQTT clients. They live on
//! over restarts: what wears never heals.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::Context as _;
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, Int64Type};
use tacho_lake::LakePlace;
use tacho_query::Session;
use tacho_schemas::RobotId;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::publishing::device::Broker;
use crate::publishing::tally::Tally;
use crate::simulate::{Fleet, Past, Plan};

/// Robots of the demo.
pub(super) const ROBOTS: u32 = 50;
/// Number of the first: above those that `tacho simulate` begins with.
const FIRST: u32 = 1_000_001;
/// Seconds of work that a second of the demo stands for: ten hours, so that wear can be watched.
pub(super) const PACE: f64 = 36_000.0;
/// Hours that pass over a restart: of a demo that was killed some records land only later.
const RESTART_H: f64 = 100.0;

/// How far each robot has come; those of a lake that others publish to, too, do no harm.
const PASTS: &str = "select robot_id, max(cast(power_on_h as double)) as power_on_h, \
                     max(coalesce(protective_stop_count, 0)) as stops from records group by robot_id";

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
            Fleet::new(plan).resumed(&pasts).publish(broker, Tally::default(), stop).await;
        }
        Err(error) => warn!(error = format!("{error:#}"), "no demo: how far its robots have come cannot be read"),
    }
}

async fn pasts(lake: &LakePlace) -> anyhow::Result<HashMap<RobotId, Past>> {
    let session = Session::open(lake, || Ok(Vec::new())).await.context("lake")?;
    let (_schema, batches) = session.query(PASTS).await.context("lake")?;
    let mut pasts = HashMap::new();
    for batch in &batches {
        let robots = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).context("robot_id")?;
        let (robots, hours) = (robots.as_string::<i32>(), batch.column(1).as_primitive::<Float64Type>());
        let stops = batch.column(2).as_primitive::<Int64Type>();
        for row in (0..batch.num_rows()).filter(|row| hours.is_valid(*row)) {
            if let Ok(robot) = robots.value(row).parse() {
                let power_on_h = hours.value(row) + RESTART_H;
                pasts.insert(robot, Past { power_on_h, protective_stops: stops.value(row) });
            }
        }
    }
    Ok(pasts)
}
