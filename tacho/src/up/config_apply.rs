//! `tacho config apply`: puts the configuration of a file in force for all processors of a deployment on Kafka.
//!
//! It makes the topics and the lake if they are not there, so it is the first command of a new deployment.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use tacho_config::settings::LogKind;
use tacho_lake::{Faults, Lake};
use tracing::warn;

use super::following::{Following, follow, open_log};
use super::roster::Watch;
use super::{configuration, mapping};
use crate::exit::{Answer, WrongUse};

/// Works on the configuration that processors follow.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Puts models, limits and roster of a configuration file in force from now on; makes topics and lake if need be.
    #[command(after_help = "Example: tacho config apply --config tacho.toml")]
    Apply {
        /// Configuration file.
        #[arg(long, overrides_with = "config")]
        config: PathBuf,
        /// Goes on although the log is another one than before: what had not landed of the old one is given up.
        #[arg(long)]
        new_log: bool,
        /// Puts the roster that the file names in force although it is older than the one in force, or has its version and
        /// another text; or none, if the file names none.
        #[arg(long)]
        other_roster: bool,
        /// Goes on, and puts newer rosters in force as they come, until it is told to end: one does so in a deployment.
        #[arg(long)]
        watch: bool,
    },
}

impl ConfigArgs {
    /// Whether it runs until it is told to end.
    pub(crate) fn goes_on(&self) -> bool {
        let ConfigCommand::Apply { watch, .. } = self.command;
        watch
    }
}

/// Runs the command.
pub(crate) async fn run(args: ConfigArgs) -> anyhow::Result<Answer> {
    let ConfigCommand::Apply { config, new_log, other_roster, watch } = args.command;
    let settings = crate::settings::load(Some(&config), None)?;
    if settings.log.kind != LogKind::Kafka {
        let why =
            "`tacho up` puts the configuration of an embedded log in force itself; this is for log.kind = \"kafka\"";
        return Err(WrongUse(why.to_owned()).into());
    }
    configuration::check(&settings)?;
    let log = open_log(&settings, true).await?;
    let place = mapping::lake_place(&settings)?;
    let lake = Lake::open(&place, mapping::lake(&settings, &Faults::none()));
    let lake = lake.with_context(|| format!("lake {place}"))?;
    let Following { log, landing } = Box::pin(follow(&settings, &lake, log, new_log)).await?;
    let in_force = configuration::apply(&settings, &lake, &landing, &log, other_roster).await?;
    drop(landing);
    let mut roster = Watch::new(&settings, lake.configs(), log, in_force);
    if other_roster {
        roster = roster.taking_any();
    }
    crate::output::print("the configuration is in force in all partitions\n")?;
    if watch {
        roster.run(crate::signals::cancel_on_interrupt()).await;
        return Ok(Answer::Yes);
    }
    match roster.fetch_once().await {
        Err(error) if in_force.is_none() => return Err(error.context("no roster is in force")),
        Err(error) => warn!(error = format!("{error:#}"), "the roster in force stays"),
        Ok(()) => {}
    }
    Ok(Answer::Yes)
}
