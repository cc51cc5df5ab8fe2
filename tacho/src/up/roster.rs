//! The roster of a running instance: read with the note that signs it, and read again when its files change.
//!
//! The note beside the roster (`<file>.note`) is a C2SP signed note of three lines: `tacho-roster/1`, the version, and the SHA-256
//! of the roster's text. A newer version takes effect by control records, as any configuration does; what cannot be verified
//! is told and changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, ensure};
use tacho_config::roster::ROSTER_BYTES_MAX;
use tacho_config::settings::RosterSettings;
use tacho_config::{Roster, Settings};
use tacho_lake::config_store::ConfigStore;
use tacho_log::Log;
use tacho_registry::note::{Note, VerifierKey};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::configuration;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(2);

/// First line of the note's text, and of the roster's.
const KIND: &str = "tacho-roster/1";

/// A roster with its text.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) roster: Arc<Roster>,
    pub(super) text: String,
}

/// Reads the roster and verifies its note.
pub(super) fn read(settings: &RosterSettings) -> anyhow::Result<Signed> {
    let (file, note_file) = (&settings.file, note_file(&settings.file));
    let key = std::fs::read_to_string(&settings.key_file).with_context(|| settings.key_file.display().to_string())?;
    let key: VerifierKey = key.trim().parse().with_context(|| settings.key_file.display().to_string())?;
    let note = std::fs::read(&note_file).with_context(|| note_file.display().to_string())?;
    let note = Note::parse(&note).with_context(|| note_file.display().to_string())?;
    note.verify(std::slice::from_ref(&key)).with_context(|| note_file.display().to_string())?;
    let length = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    ensure!(length <= ROSTER_BYTES_MAX as u64, "{} has more than {ROSTER_BYTES_MAX} bytes", file.display());
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let roster = Roster::parse(&text).map_err(|problems| anyhow!("{}: {problems}", file.display()))?;
    let expected = format!("{KIND}\n{}\n{}\n", roster.version(), roster.digest());
    ensure!(note.text() == expected, "{} signs another roster than {}", note_file.display(), file.display());
    Ok(Signed { roster: Arc::new(roster), text })
}

fn note_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".note");
    PathBuf::from(name)
}

/// Looks at the roster's files and puts a newer version in force.
#[derive(Debug)]
pub(super) struct Watch {
    settings: Settings,
    configs: ConfigStore,
    log: Arc<Log>,
    version: u64,
}

impl Watch {
    /// A watch over the roster of which `version` is in force; 0 if there is none.
    pub(super) fn new(settings: &Settings, configs: ConfigStore, log: Arc<Log>, version: u64) -> Self {
        Self { settings: settings.clone(), configs, log, version }
    }

    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let Some(roster) = self.settings.processing.roster.clone() else { return stop.cancelled().await };
        let mut seen = stamps(&roster);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = stamps(&roster);
            if now == seen {
                continue;
            }
            seen = now;
            if let Err(error) = self.renew(&roster).await {
                warn!(error = format!("{error:#}"), in_force = self.version, "the roster is not taken");
            }
        }
    }

    /// Takes the roster if it is newer than the one in force.
    async fn renew(&mut self, roster: &RosterSettings) -> anyhow::Result<()> {
        let signed = {
            let roster = roster.clone();
            tokio::task::spawn_blocking(move || read(&roster)).await.context("reading was cut off")??
        };
        let version = signed.roster.version();
        ensure!(version >= self.version, "version {version} is older than {}, which is in force", self.version);
        if version == self.version {
            return Ok(());
        }
        let digest = configuration::store(&self.settings, Some(signed), &self.configs).await?;
        let partitions: Vec<i32> = (0..self.log.identity().partitions).collect();
        configuration::put_in_force(&self.log.appender(), &partitions, digest).await?;
        info!(version, %digest, "a newer roster is in force");
        self.version = version;
        Ok(())
    }
}

/// Times and lengths of both files, by which a change shows.
fn stamps(roster: &RosterSettings) -> [Option<(SystemTime, u64)>; 2] {
    [roster.file.clone(), note_file(&roster.file)].map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

#[cfg(test)]
mod tests {
    use tacho_registry::note::SignerKey;

    use super::*;

    fn plant(text: &str, signed_text: &str) -> (tempfile::TempDir, RosterSettings) {
        let folder = tempfile::tempdir().unwrap();
        let (file, key_file) = (folder.path().join("roster"), folder.path().join("roster.vkey"));
        let key = SignerKey::from_seed("registry.example/roster", &[7; 32]).unwrap();
        let roster = Roster::parse(signed_text).unwrap();
        let statement = format!("{KIND}\n{}\n{}\n", roster.version(), roster.digest());
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("roster.note"), Note::sign(statement, &[&key]).unwrap().to_string()).unwrap();
        std::fs::write(&key_file, key.verifier().to_string()).unwrap();
        (folder, RosterSettings { file, key_file })
    }

    const TEXT: &str = "tacho-roster/1\nversion 3\nmanufacturer UR00\n";

    #[test]
    fn a_roster_that_its_note_signs_is_taken() {
        let (_folder, settings) = plant(TEXT, TEXT);
        assert_eq!(read(&settings).unwrap().roster.version(), 3);
    }

    #[test]
    fn another_text_than_the_signed_one_is_refused_and_so_is_another_key() {
        let (_folder, settings) = plant(&TEXT.replace("UR00", "UR01"), TEXT);
        assert!(read(&settings).unwrap_err().to_string().contains("signs another roster"));
        let (_folder, settings) = plant(TEXT, TEXT);
        let other = SignerKey::from_seed("registry.example/roster", &[8; 32]).unwrap();
        std::fs::write(&settings.key_file, other.verifier().to_string()).unwrap();
        assert!(read(&settings).is_err());
    }
}
