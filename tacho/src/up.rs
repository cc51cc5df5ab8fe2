//! `tacho up`: all roles in one process, from binding to a clean end; and the commands that play one of them.
//!
//! Everything is bound before anything runs, and left in the order in which the data flows: no more publishes,
//! then what the log holds is landed, then what is landed is anchored.

mod admin;
mod anchoring;
pub(crate) mod beside;
mod board;
pub(crate) mod config_apply;
pub(crate) mod configuration;
mod crew;
mod demo;
mod following;
pub(crate) mod instance;
pub(crate) mod mapping;
mod metrics;
mod named;
mod opened;
pub(crate) mod processing;
pub(crate) mod role_args;
mod roles;
mod roster;
mod status;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tacho_config::Settings;
use tracing::{info, warn};

use crate::exit::{Answer, WrongUse};
use crate::simulate::Cell;
use roles::Roles;

pub(crate) use roles::Part;

/// Longest time from the moment when the end was asked for until all is acknowledged, landed and anchored; the rest
/// stays in the log.
const DRAIN: Duration = Duration::from_secs(20);

/// Runs all roles in one process: MQTT broker, log, processors, lake, anchors.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration file; without one the profile `development` holds.
    #[arg(long, overrides_with = "config")]
    config: Option<PathBuf>,
    /// Data directory [default: ./tacho-data, or what the configuration says].
    #[arg(long, overrides_with = "data")]
    data: Option<PathBuf>,
    /// Where MQTT listens; port 0 picks a free one.
    #[arg(long, overrides_with = "mqtt")]
    mqtt: Option<SocketAddr>,
    /// Where liveness, readiness and metrics are served; port 0 picks a free one.
    #[arg(long, overrides_with = "admin")]
    admin: Option<SocketAddr>,
    /// Also publishes a simulated fleet of 50 robots that wear out at demo speed, and bridges a simulated OPC UA server of
    /// two more.
    #[arg(long)]
    demo: bool,
    /// Goes on although the log is another one than before, or is damaged: what can be read of it and the lake lacks
    /// lands, what is lost is recorded.
    #[arg(long)]
    new_log: bool,
    /// Puts the roster that the configuration names in force although it is older than the one in force, or has its version
    /// and another text; or none, if the configuration names none.
    #[arg(long)]
    other_roster: bool,
    /// Starts a new transparency log, naming the evidence that the registry is ahead of this data directory.
    #[arg(long)]
    new_origin: bool,
    /// Gives a registry that has lost what was lodged with it the transparency log again, and records that it was so.
    #[arg(long)]
    lodge_anew: bool,
    /// Dies or fails at a step, for tests: STEP[:N]=kill|error.
    #[arg(long, hide = true, default_value = "", overrides_with = "fault")]
    fault: tacho_lake::Faults,
    /// Lists the steps at which a fault can be set, for tests.
    #[arg(long, hide = true)]
    fault_steps: bool,
    /// Whether the bridge to OPC UA servers runs here.
    #[arg(skip = true)]
    opcua: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    if args.fault_steps {
        let of_anchors = tacho_registry::anchorer::FAULT_STEPS.map(str::to_owned);
        let steps: String = tacho_lake::fault::steps().into_iter().chain(of_anchors).map(|step| step + "\n").collect();
        crate::output::print(&steps)?;
        return Ok(Answer::Yes);
    }
    Box::pin(play(Part::All, args)).await
}

/// Plays a part until it is told to end.
pub(crate) async fn play(part: Part, args: Args) -> anyhow::Result<Answer> {
    let interrupted = crate::signals::cancel_on_interrupt();
    let mut settings = settings(&args)?;
    let cell = if args.demo { Some(demo::cell_of(&mut settings).await?) } else { None };
    let roles = Box::pin(Roles::open(&settings, &args, part)).await?;
    let endpoints = roles.endpoints();
    let instance = roles.instance();
    instance.keep_rules(settings.processing.rules_file.as_deref())?;
    instance.publish_endpoints(&endpoints)?;
    match part {
        Part::All => status::greet(&endpoints, &settings, args.config.as_deref(), cell.as_ref().map(Cell::url)),
        _ => status::greet_role(part, &endpoints),
    }
    let stop = interrupted.child_token();
    let watching = tokio::spawn(status::run(roles.board(), stop.clone()));
    let place = mapping::lake_place(&settings)?;
    let demo = endpoints.mqtt.filter(|_| args.demo);
    let demo = demo.map(|mqtt| tokio::spawn(demo::publish(mqtt, place.clone(), stop.clone())));
    let cell = cell.map(|cell| tokio::spawn(demo::serve(cell, place, stop.clone())));
    let ended = Box::pin(roles.run(stop.clone(), DRAIN)).await;
    stop.cancel();
    for task in demo.into_iter().chain(cell).chain([watching]) {
        task.await.context("a task of the terminal was cut off")?;
    }
    ended?;
    instance.forget_endpoints()?;
    info!("a clean end");
    Ok(Answer::Yes)
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    let mut settings = crate::settings::load(args.config.as_deref(), args.data.as_deref())?;
    if let Some(address) = args.mqtt {
        settings.mqtt.listen = address;
    }
    if let Some(address) = args.admin {
        settings.admin.listen = address;
    }
    settings.check().map_err(|problems| WrongUse(problems.to_string()))?;
    for warning in settings.warnings() {
        warn!(%warning, "setting");
    }
    Ok(settings)
}
