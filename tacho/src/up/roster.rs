//! The roster of a running instance: read with the note that signs it, and read again when it changes.
//!
//! The note beside the roster (`<file>.note`, `<url>.note`) is a C2SP signed note of three lines: `tacho-roster/1`, the version,
//! and the SHA-256 of the roster's text. A newer version takes effect by control records, as any configuration does; what
//! cannot be verified is told and changes nothing. Of an address the last roster that was verified is kept in the data
//! directory, so that a start needs no network.

mod address;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use tacho_config::roster::ROSTER_BYTES_MAX;
use tacho_config::settings::{RosterSettings, RosterSource};
use tacho_config::{Roster, Settings};
use tacho_registry::note::{Note, VerifierKey};
use tracing::warn;

pub(super) use watch::Watch;

/// First line of the note's text, and of the roster's.
const KIND: &str = "tacho-roster/1";

/// A roster with its text.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) roster: Arc<Roster>,
    pub(super) text: String,
}

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

fn read_file(file: &Path, key: &VerifierKey) -> anyhow::Result<Signed> {
    let note_file = note_file(file);
    let note = std::fs::read(&note_file).with_context(|| note_file.display().to_string())?;
    let length = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    ensure!(length <= ROSTER_BYTES_MAX as u64, "{} has more than {ROSTER_BYTES_MAX} bytes", file.display());
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    verified((&text, &file.display().to_string()), (&note, &note_file.display().to_string()), key)
}

/// A roster and its note, each with its place: what the key has signed.
fn verified(roster: (&str, &str), note: (&[u8], &str), key: &VerifierKey) -> anyhow::Result<Signed> {
    let ((text, place), (note, note_place)) = (roster, note);
    let note = Note::parse(note).with_context(|| note_place.to_owned())?;
    note.verify(std::slice::from_ref(key)).with_context(|| note_place.to_owned())?;
    let roster = Roster::parse(text).map_err(|problems| anyhow!("{place}: {problems}"))?;
    let expected = format!("{KIND}\n{}\n{}\n", roster.version(), roster.digest());
    ensure!(note.text() == expected, "{note_place} signs another roster than {place}");
    Ok(Signed { roster: Arc::new(roster), text: text.to_owned() })
}

fn note_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".note");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use tacho_registry::note::SignerKey;

    use super::*;

    fn plant(text: &str, signed_text: &str) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let (file, key_file) = (folder.path().join("roster"), folder.path().join("roster.vkey"));
        let key = SignerKey::from_seed("registry.example/roster", &[7; 32]).unwrap();
        let roster = Roster::parse(signed_text).unwrap();
        let statement = format!("{KIND}\n{}\n{}\n", roster.version(), roster.digest());
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("roster.note"), Note::sign(statement, &[&key]).unwrap().to_string()).unwrap();
        std::fs::write(&key_file, key.verifier().to_string()).unwrap();
        let mut settings = Settings::development();
        settings.processing.roster = Some(RosterSettings { source: RosterSource::File(file), key_file });
        (folder, settings)
    }

    const TEXT: &str = "tacho-roster/1\nversion 3\nmanufacturer UR00\n";

    #[test]
    fn a_roster_that_its_note_signs_is_taken() {
        let (_folder, settings) = plant(TEXT, TEXT);
        assert_eq!(read(&settings).unwrap().unwrap().roster.version(), 3);
    }

    #[test]
    fn another_text_than_the_signed_one_is_refused_and_so_is_another_key() {
        let (_folder, settings) = plant(&TEXT.replace("UR00", "UR01"), TEXT);
        assert!(read(&settings).unwrap_err().to_string().contains("signs another roster"));
        let (_folder, settings) = plant(TEXT, TEXT);
        let other = SignerKey::from_seed("registry.example/roster", &[8; 32]).unwrap();
        let key_file = &settings.processing.roster.as_ref().unwrap().key_file;
        std::fs::write(key_file, other.verifier().to_string()).unwrap();
        assert!(read(&settings).is_err());
    }
}
