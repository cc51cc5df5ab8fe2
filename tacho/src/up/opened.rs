//! The log and the lake of a process, as far as its part needs them: held against each other before anything runs.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tacho_config::Settings;
use tacho_config::settings::LogKind;
use tacho_lake::Lake;
use tacho_lake::landing::Landing;
use tacho_log::{Log, Spool};

use super::following::{Following, follow, open_landing, open_log, open_log_to_append, require_log};
use super::roles::Part;
use super::roster::Edition;
use super::{Args, configuration, mapping};
use crate::exit::WrongUse;

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) log: Option<Arc<Log>>,
    pub(super) lake: Option<Lake>,
    pub(super) landing: Option<Landing>,
    /// The roster in force, if there is one.
    pub(super) roster: Option<Edition>,
}

impl Opened {
    pub(super) async fn open(settings: &Settings, args: &Args, part: Part) -> anyhow::Result<Self> {
        if part != Part::All && settings.log.kind != LogKind::Kafka {
            let why = "a role of its own needs a log that processes share: log.kind = \"kafka\"";
            return Err(WrongUse(why.to_owned()).into());
        }
        let none = Self { log: None, lake: None, landing: None, roster: None };
        match part {
            Part::All => {
                if !args.new_log {
                    require_log(settings).await?;
                }
                let log = open_log_to_append(settings, true).await?;
                let lake = lake(settings, args)?;
                let Following { log, landing } = Box::pin(follow(settings, &lake, log, args.new_log)).await?;
                let roster = configuration::apply(settings, &lake, &landing, &log, args.other_roster).await?;
                Ok(Self { log: Some(log), lake: Some(lake), landing: Some(landing), roster })
            }
            Part::Ingest => {
                let log = open_log_to_append(settings, false).await?;
                // What was begun when the spool was opened first is begun.
                if log.spool().is_none_or(Spool::has_seen_kafka) {
                    begun(&log, &settings.log.kafka.topic)?;
                }
                Ok(Self { log: Some(Arc::new(log)), ..none })
            }
            Part::Process => {
                let log = open_log(settings, false).await?;
                begun(&log, &settings.log.kafka.topic)?;
                let lake = lake(settings, args)?;
                // Nothing is held until the group has given a share.
                let landing = open_landing(&lake, &log, false, Some(Vec::new())).await?;
                Ok(Self { log: Some(Arc::new(log)), lake: Some(lake), landing: Some(landing), roster: None })
            }
            Part::Anchor => Ok(Self { lake: Some(lake(settings, args)?), ..none }),
        }
    }
}

/// Opens the lake for writing.
pub(super) fn lake(settings: &Settings, args: &Args) -> anyhow::Result<Lake> {
    let place = mapping::lake_place(settings)?;
    Lake::open(&place, mapping::lake(settings, &args.fault)).with_context(|| format!("lake {place}"))
}

/// Refuses a topic in which no configuration was ever put in force: what is appended before one could not be processed.
fn begun(log: &Log, topic: &str) -> anyhow::Result<()> {
    let empty = log.next_offsets().iter().filter(|next| **next == 0).count();
    ensure!(
        empty == 0,
        "{empty} partitions of topic {topic} are empty, so no configuration is in force in them: run `tacho config apply`"
    );
    Ok(())
}
