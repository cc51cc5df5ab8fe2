//! The roster at a start: what the settings name takes the place of what is in force only if it may.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tacho_config::settings::RosterSource;
use tacho_config::{Roster, Settings};
use tacho_lake::config_store::ConfigStore;
use tacho_lake::landing::Landing;
use tracing::{info, warn};

use super::{Edition, kept, key, measure, read};
use crate::roster::Signed;
use crate::up::processing::{stored, stored_roster};

/// What whoever starts can do about a roster that is not taken.
const WAY_ON: &str =
    "bring back the one in force or a newer one, or start with --other-roster, which goes on as the settings say";

/// The roster of a configuration.
#[derive(Debug)]
pub(in crate::up) enum Chosen {
    /// Robots are judged without one.
    None,
    /// One that is in force already: the lake has its text.
    InForce(Arc<Roster>),
    /// The one that the settings name.
    Named(Signed),
}

impl Chosen {
    pub(in crate::up) fn roster(&self) -> Option<&Arc<Roster>> {
        match self {
            Self::None => None,
            Self::InForce(roster) => Some(roster),
            Self::Named(signed) => Some(&signed.roster),
        }
    }

    /// Names it.
    pub(in crate::up) fn edition(&self) -> Option<Edition> {
        self.roster().map(|roster| Edition::of(roster))
    }
}

/// The newest roster of the configurations that are in force where the lake ends.
pub(in crate::up) async fn in_force(configs: &ConfigStore, landing: &Landing) -> anyhow::Result<Option<Arc<Roster>>> {
    let progress = landing.progress();
    let digests: BTreeSet<_> =
        progress.iter().filter_map(|(partition, _)| landing.config_in_force(*partition)).collect();
    let mut newest: Option<Roster> = None;
    for digest in digests {
        let snapshot = stored(configs, digest).await?;
        if newest.as_ref().map(Roster::digest) != snapshot.roster() {
            let found = stored_roster(configs, digest, &snapshot).await?;
            newest = newest.into_iter().chain(found).max_by_key(Roster::version);
        }
    }
    Ok(newest.map(Arc::new))
}

/// What to begin with. Unless the operator wants it otherwise (`accepted`), that is no older roster than the one in force, no
/// other text of its version, and not none.
pub(in crate::up) async fn at_start(
    settings: &Settings,
    configs: &ConfigStore,
    landing: &Landing,
    accepted: bool,
) -> anyhow::Result<Chosen> {
    let named = read(settings).context("roster")?;
    let goes_by_settings = accepted && (named.is_some() || settings.processing.roster.is_none());
    let held = if goes_by_settings {
        None
    } else {
        let in_force =
            in_force(configs, landing).await.context("the roster in force; --other-roster goes on without it")?;
        newest_taken(settings, in_force)?
    };
    let chosen = decide(settings, named, held)?;
    measure(chosen.roster().map(AsRef::as_ref));
    if let Some(roster) = chosen.roster() {
        info!(version = roster.version(), robots = roster.robots(), sha256 = %roster.digest(), "robots are judged by a roster");
    }
    Ok(chosen)
}

/// The roster in force, or what was kept of a newer one that has not landed.
fn newest_taken(settings: &Settings, in_force: Option<Arc<Roster>>) -> anyhow::Result<Option<Arc<Roster>>> {
    let kept = match &settings.processing.roster {
        // It is what the settings name.
        Some(roster) if matches!(roster.source, RosterSource::Url { .. }) => None,
        Some(roster) => kept::read(&settings.data_dir, &key(roster)?).map(|signed| signed.roster),
        None if in_force.is_none() && kept::exists(&settings.data_dir) => bail!(
            "a roster is kept in {}, and the settings name none: {WAY_ON}",
            settings.data_dir.join("roster").display()
        ),
        None => None,
    };
    Ok(kept.into_iter().chain(in_force).max_by_key(|roster| roster.version()))
}

fn decide(settings: &Settings, named: Option<Signed>, held: Option<Arc<Roster>>) -> anyhow::Result<Chosen> {
    let Some(roster) = &settings.processing.roster else {
        let Some(held) = held else { return Ok(Chosen::None) };
        bail!("roster: version {} is in force, and the settings name none: {WAY_ON}", held.version());
    };
    let by_url = matches!(roster.source, RosterSource::Url { .. });
    match (named, held) {
        (None, None) => {
            warn!("robots are judged without a roster until its address answers");
            Ok(Chosen::None)
        }
        (None, Some(held)) => {
            warn!(version = held.version(), "the roster in force stays until its address has a newer one");
            Ok(Chosen::InForce(held))
        }
        (Some(signed), None) => Ok(Chosen::Named(signed)),
        (Some(signed), Some(held)) => match Edition::of(&signed.roster).may_follow(Edition::of(&held)) {
            Ok(()) => Ok(Chosen::Named(signed)),
            // What is kept of an address is a copy, and a backup may have brought an old one.
            Err(not_taken) if by_url => {
                warn!(error = %not_taken, "the kept roster is not taken: the one in force stays");
                Ok(Chosen::InForce(held))
            }
            Err(not_taken) => bail!("roster: {not_taken}; {WAY_ON}"),
        },
    }
}
