//! The demo: 50 simulated robots of mixed kind, published through the real broker by real MQTT clients.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use crate::publishing::device::Broker;
use crate::publishing::tally::Tally;
use crate::simulate::{Fleet, Plan};

/// Robots of the demo.
pub(super) const ROBOTS: u32 = 50;
/// Seconds of work that a second of the demo stands for: ten hours, so that wear can be watched.
pub(super) const PACE: f64 = 36_000.0;

/// Publishes the demo fleet until `stop`: each robot once a second.
pub(super) async fn publish(broker: SocketAddr, stop: CancellationToken) {
    let plan = Plan {
        robots: ROBOTS,
        connections: ROBOTS,
        rate: f64::from(ROBOTS),
        records: None,
        seed: 1,
        pace: PACE,
        epoch: crate::clock::now_s(),
        faults: "gap=0.002,duplicate=0.002,poison=0.001,bad_id=0.001".parse().unwrap_or_default(),
    };
    let broker = Broker { host: broker.ip().to_string(), port: broker.port(), user: None };
    Fleet::new(plan).publish(broker, Tally::default(), stop).await;
}
