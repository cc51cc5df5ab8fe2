//! The roster of a running instance: read with the note that signs it, and read again when it changes.
//!
//! A newer version takes effect by control records, as any configuration does; what cannot be verified is told and changes
//! nothing. Of an address the last roster that was verified is kept in the data directory, so that a start needs no network.

mod address;
mod watch;

use anyhow::Context as _;
use tacho_config::Settings;
use tacho_config::settings::{RosterSettings, RosterSource};
use tacho_registry::note::VerifierKey;
use tracing::warn;

use crate::roster::{Signed, read_file};

pub(super) use watch::Watch;

/// The roster that the settings name, verified; none if they name none, or an address of which nothing was kept yet.
pub(super) fn read(settings: &Settings) -> anyhow::Result<Option<Signed>> {
    let Some(roster) = &settings.processing.roster else { return Ok(None) };
    let key = key(roster)?;
    match &roster.source {
        RosterSource::File(file) => read_file(file, &key).map(Some),
        RosterSource::Url { url, .. } => {
            let kept = address::kept_file(&settings.data_dir);
            if !kept.exists() {
                warn!(url, "no roster was kept of this address; robots are judged without one until it answers");
                return Ok(None);
            }
            // What was kept is a copy: one that was cut off between its two files is fetched again.
            let read = read_file(&kept, &key);
            Ok(read.inspect_err(|error| warn!(error = format!("{error:#}"), "the kept roster is not taken")).ok())
        }
    }
}

/// The public key of who signs the roster.
fn key(settings: &RosterSettings) -> anyhow::Result<VerifierKey> {
    let text = std::fs::read_to_string(&settings.key_file).with_context(|| settings.key_file.display().to_string())?;
    text.trim().parse().with_context(|| settings.key_file.display().to_string())
}
