//! `tacho simulate`: a seeded fleet that publishes over real MQTT connections, with faults if asked for.

pub(crate) mod blueprint;
mod checks;
mod faults;
mod fleet;
mod joint;
mod pack;
mod robot;

use crate::exit::Answer;
use crate::publishing::{Target, publish};
pub(crate) use fleet::{Fleet, Plan};
pub(crate) use robot::Past;

/// Publishes a simulated fleet: `tacho simulate --to mqtt://127.0.0.1:1883 --robots 200 --rate 1000 --records 20000`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Robots in the fleet.
    #[arg(long, default_value_t = 50, overrides_with = "robots", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    robots: u32,
    /// Number of the first robot, the end of its ID; the robots of `up --demo` begin at 1000001.
    #[arg(long, default_value_t = 1, overrides_with = "first", value_parser = clap::value_parser!(u32).range(1..))]
    first: u32,
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
    let plan = Plan {
        robots: args.robots,
        first: args.first,
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
