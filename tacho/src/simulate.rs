//! `tacho simulate`: a seeded fleet that publishes over real MQTT connections, with faults if asked for.

pub(crate) mod blueprint;
pub(crate) mod device;
mod faults;
mod fleet;
mod robot;
pub(crate) mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::exit::{Answer, WrongUse};
use device::Broker;
pub(crate) use fleet::{Fleet, Plan};
use tally::{Counts, Tally};

/// Publishes a simulated fleet: `tacho simulate --to mqtt://127.0.0.1:1883 --robots 200 --rate 1000 --records 20000`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Broker to publish to.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883", overrides_with = "to")]
    pub(crate) to: String,
    /// Robots in the fleet.
    #[arg(long, default_value_t = 50, overrides_with = "robots", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    robots: u32,
    /// Records per second of the whole fleet; 0 is as fast as the broker acknowledges.
    #[arg(long, default_value_t = 50.0, overrides_with = "rate")]
    rate: f64,
    /// Records to publish in all; without it, until interrupted.
    #[arg(long, overrides_with = "records")]
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
    #[command(flatten)]
    login: Login,
    /// Write the key of each acknowledged record to this file: robot,epoch,seq,what.
    #[arg(long)]
    journal: Option<PathBuf>,
}

/// As whom to connect.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Login {
    /// User name for the broker.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// File that holds the password.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

/// What the command prints.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Records by what was done to them.
    pub(crate) records: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    pub(crate) acknowledged_per_second: f64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let stop = crate::signals::cancel_on_interrupt();
    let broker = broker(&args.to, &args.login)?;
    let tally = tally(args.journal.as_deref())?;
    let plan = Plan {
        robots: args.robots,
        connections: args.connections,
        rate: args.rate,
        records: args.records,
        seed: args.seed,
        pace: args.pace,
        epoch: args.epoch.unwrap_or_else(crate::clock::now_s),
        faults: args.faults,
    };
    let started = Instant::now();
    let records = Fleet::new(plan).publish(broker, tally.clone(), stop).await;
    crate::output::print_json(&report(&tally, records, started.elapsed())?)?;
    let counts = tally.counts();
    anyhow::ensure!(tally.connections() > 0, "{} cannot be reached, or does not let this client in", args.to);
    Ok(if counts.acknowledged == counts.sent { Answer::Yes } else { Answer::No })
}

/// A tally, with a journal if one is asked for.
pub(crate) fn tally(journal: Option<&std::path::Path>) -> anyhow::Result<Tally> {
    journal.map_or_else(|| Ok(Tally::default()), Tally::with_journal)
}

/// What was done, for people and scripts.
pub(crate) fn report(tally: &Tally, records: BTreeMap<String, u64>, took: Duration) -> anyhow::Result<Report> {
    tally.flush().context("journal not written")?;
    let counts = tally.counts();
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let acknowledged_per_second = (counts.acknowledged as f64 / seconds.max(1e-9)).round();
    Ok(Report { counts, records, seconds: (seconds * 1000.0).round() / 1000.0, acknowledged_per_second })
}

/// The broker that a URL and a login name.
pub(crate) fn broker(url: &str, login: &Login) -> anyhow::Result<Broker> {
    let no_url = || WrongUse(format!("{url:?} is no mqtt://HOST:PORT"));
    let address = url.strip_prefix("mqtt://").ok_or_else(no_url)?;
    let address = address.trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "1883"));
    let port = port.parse().map_err(|_no_number| no_url())?;
    let user = match (&login.user, &login.password_file) {
        (Some(user), Some(path)) => {
            let password =
                std::fs::read_to_string(path).with_context(|| format!("password file {}", path.display()))?;
            Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned()))
        }
        _ => None,
    };
    Ok(Broker { host: host.trim_matches(['[', ']']).to_owned(), port, user })
}

/// Resolves when the run shall end: after its records, or when it is cancelled.
pub(crate) type Stop = CancellationToken;
