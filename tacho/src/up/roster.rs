//! The roster of a running instance: read with the note that signs it, and read again when it changes.
//!
//! A newer version takes effect by control records, as any configuration does; what cannot be verified, is older, or has the
//! version in force with another text is told and changes nothing. What was taken is kept in the data directory.

mod address;
mod edition;
mod kept;
mod start;
mod watch;

use anyhow::Context as _;
use metrics::gauge;
use tacho_config::settings::{RosterSettings, RosterSource};
use tacho_config::{Roster, Settings};
use tacho_registry::note::VerifierKey;
use tracing::warn;

use crate::roster::{Signed, read_file};

pub(super) use edition::Edition;
pub(super) use kept::{forget, keep};
pub(super) use start::{Chosen, at_start, in_force};
pub(super) use watch::Watch;

/// The roster that the settings name, verified; none if they name none, or an address of which nothing was kept yet.
pub(super) fn read(settings: &Settings) -> anyhow::Result<Option<Signed>> {
    let Some(roster) = &settings.processing.roster else { return Ok(None) };
    let key = key(roster)?;
    match &roster.source {
        RosterSource::File(file) => read_file(file, &key).map(Some),
        RosterSource::Url { url, .. } => {
            let kept = kept::read(&settings.data_dir, &key);
            if kept.is_none() {
                warn!(url, "no roster is kept of this address");
            }
            Ok(kept)
        }
    }
}

/// The public key of who signs the roster.
fn key(settings: &RosterSettings) -> anyhow::Result<VerifierKey> {
    let text = std::fs::read_to_string(&settings.key_file).with_context(|| settings.key_file.display().to_string())?;
    text.trim().parse().with_context(|| settings.key_file.display().to_string())
}

/// Tells which roster is in force.
#[expect(clippy::cast_precision_loss, reason = "gauges for people")]
fn measure(roster: Option<&Roster>) {
    gauge!("tacho_roster_version").set(roster.map_or(0, Roster::version) as f64);
    if let Some(roster) = roster {
        gauge!("tacho_roster_issued_seconds").set((roster.issued_us() / 1_000_000) as f64);
    }
}
