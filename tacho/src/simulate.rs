//! `tacho simulate`: a seeded fleet that publishes over real MQTT connections, with faults if asked for; or a cell of the
//! same robots behind an OPC UA server.

pub(crate) mod blueprint;
mod cell;
mod checks;
mod faults;
mod fleet;
mod joint;
mod live;
mod pack;
mod robot;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::exit::{Answer, WrongUse};
use crate::publishing::{Target, publish};
pub(crate) use cell::Cell;
pub(crate) use fleet::{Fleet, Plan};
pub(crate) use live::arms;
pub(crate) use robot::Past;

/// Robots of a fleet, if nothing is said.
const ROBOTS: u32 = 50;
/// Robots of a cell, if nothing is said, and at most: each is some 150 nodes.
const CELL_ROBOTS: u32 = 2;
const CELL_ROBOTS_MAX: u32 = 200;
/// Number of the first robot of a cell, if nothing is said: above those of fleets.
const CELL_FIRST: u32 = 2_000_001;

/// Publishes a simulated fleet: `tacho simulate --to mqtt://127.0.0.1:1883 --robots 200 --rate 1000 --records 20000`;
/// or serves a simulated robot cell over OPC UA: `tacho simulate --opcua --robots 2`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Serves arms over OPC UA instead, by the types of OPC 40010-1 (Robotics), until interrupted; prints its URL.
    #[arg(long, conflicts_with_all = ["to", "user", "password_file", "journal", "rate", "records", "faults", "connections", "epoch", "pace"])]
    opcua: bool,
    /// Where OPC UA listens; port 0 picks a free one. Without --opcua-pki only on this machine, without security.
    #[arg(long, default_value = "127.0.0.1:4840", requires = "opcua", overrides_with = "opcua_listen")]
    opcua_listen: SocketAddr,
    /// Folder of OPC UA certificates: also takes connections by Basic256Sha256, of clients whose certificates are in
    /// its folder `trusted`; those that were refused are in `rejected`, its own is own/cert.der.
    #[arg(long, requires = "opcua", overrides_with = "opcua_pki")]
    opcua_pki: Option<PathBuf>,
    /// Robots in the fleet or cell [default: 50; 2 with --opcua, at most 200].
    #[arg(long, overrides_with = "robots", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    robots: Option<u32>,
    /// Number of the first robot, the end of its ID [default: 1; 2000001 with --opcua]; the robots of `up --demo` begin
    /// at 1000001, those of its cell at 3000001.
    #[arg(long, overrides_with = "first", value_parser = clap::value_parser!(u32).range(1..))]
    first: Option<u32>,
    /// Records per second of the whole fleet; 0 is as fast as the broker acknowledges.
    #[arg(long, default_value_t = 50.0, overrides_with = "rate")]
    rate: f64,
    /// Records to publish in all; without it, until interrupted.
    #[arg(long, overrides_with = "records", value_parser = clap::value_parser!(u64).range(1..))]
    records: Option<u64>,
    /// Seed of the fleet: the same seed gives the same values.
    #[arg(long, default_value_t = 1, overrides_with = "seed")]
    seed: u64,
    /// Faults and their rates: bad_id, gap, duplicate, reorder, clock_skew, poison, conflict; e.g. `gap=0.01,poison=0.001`.
    #[arg(long, default_value = "", overrides_with = "faults")]
    faults: faults::Faults,
    /// MQTT connections; robots share them as behind a gateway.
    #[arg(long, default_value_t = 200, overrides_with = "connections", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Stream epoch of the records; by default the Unix second of the start, as after a boot.
    #[arg(long, overrides_with = "epoch")]
    epoch: Option<i64>,
    /// Seconds of work that a second of window stands for.
    #[arg(long, default_value_t = 1.0, overrides_with = "pace")]
    pace: f64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    if args.opcua {
        return serve(&args).await;
    }
    let plan = Plan {
        robots: args.robots.unwrap_or(ROBOTS),
        first: args.first.unwrap_or(1),
        connections: args.connections,
        rate: args.rate,
        records: args.records,
        seed: args.seed,
        pace: args.pace,
        epoch: args.epoch.unwrap_or_else(crate::clock::now_s),
        faults: args.faults,
    };
    publish(&args.target, async |broker, tally, stop| Ok(Fleet::new(plan).publish(broker, tally, stop).await)).await
}

/// Serves a cell until it is interrupted.
async fn serve(args: &Args) -> anyhow::Result<Answer> {
    let stop = crate::signals::cancel_on_interrupt();
    let robots = args.robots.unwrap_or(CELL_ROBOTS);
    if robots > CELL_ROBOTS_MAX {
        return Err(WrongUse(format!("--robots {robots} is more than a cell has: at most {CELL_ROBOTS_MAX}")).into());
    }
    let cell = Cell::bind(args.opcua_listen, args.opcua_pki.as_deref()).await?;
    let robots = arms(robots, args.first.unwrap_or(CELL_FIRST), args.seed);
    crate::output::print(&format!("{}\n", cell.url()))?;
    for robot in &robots {
        crate::output::tell(&format!("robot {} is {}\n", robot.number(), robot.id()));
    }
    Box::pin(cell.serve(robots, stop)).await?;
    Ok(Answer::Yes)
}
