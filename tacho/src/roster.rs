//! `tacho roster`: rosters are signed and checked; also how a running instance verifies one.
//!
//! The note beside a roster (`<file>.note`, `<url>.note`) is a C2SP signed note of three lines: `tacho-roster/1`, the version,
//! and the SHA-256 of the roster's text.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use clap::Subcommand;
use tacho_config::Roster;
use tacho_config::roster::ROSTER_BYTES_MAX;
use tacho_registry::durable::{self, Access};
use tacho_registry::key::{self, VKEY_FILE};
use tacho_registry::note::{Note, VerifierKey};
use tacho_schemas::chain;

use crate::exit::Answer;

/// First line of the note's text, and of the roster's.
const KIND: &str = "tacho-roster/1";

/// Signs and checks rosters of robots.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Signs a roster, as its registry does: writes FILE.note.
    #[command(after_help = "Example: tacho roster sign roster --keys roster-keys --name registry.example/roster")]
    Sign {
        /// The roster.
        file: PathBuf,
        /// Folder of the registry's keys, log.key and log.vkey; made if there is none.
        #[arg(long, overrides_with = "keys")]
        keys: PathBuf,
        /// Name of the key: who signs.
        #[arg(long, overrides_with = "name")]
        name: String,
    },
    /// Checks a roster and the note beside it.
    #[command(after_help = "Example: tacho roster check roster --key roster-keys/log.vkey")]
    Check {
        /// The roster.
        file: PathBuf,
        /// The registry's public key: a file, or the key itself.
        #[arg(long, overrides_with = "key")]
        key: String,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Action::Sign { file, keys, name } => sign(file, keys, name),
        Action::Check { file, key } => check(file, &key::verifier_from(key)?),
    }
}

fn sign(file: &Path, keys: &Path, name: &str) -> anyhow::Result<Answer> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let roster = Roster::parse(&text).map_err(|problems| anyhow!("{}: {problems}", file.display()))?;
    let key = key::open_or_create(keys, name)?;
    let note = Note::sign(statement(&roster), &[&key]).context("signing")?;
    let note_file = note_file(file);
    let written = durable::replace(&note_file, note.to_string().as_bytes(), Access::Shared);
    written.with_context(|| note_file.display().to_string())?;
    let (vkey, note) = (keys.join(VKEY_FILE), note_file.display());
    crate::output::print(&format!("{note} signs {}\nwhoever checks it needs {}\n", told(&roster), vkey.display()))?;
    Ok(Answer::Yes)
}

fn check(file: &Path, key: &VerifierKey) -> anyhow::Result<Answer> {
    match read_file(file, key) {
        Ok(signed) => {
            crate::output::print(&format!(
                "{} is signed by {}: {}\n",
                file.display(),
                key.name(),
                told(&signed.roster)
            ))?;
            Ok(Answer::Yes)
        }
        Err(error) if error.downcast_ref::<std::io::Error>().is_some() => Err(error),
        Err(error) => {
            crate::output::print(&format!("refused: {}\n", chain(error.as_ref())))?;
            Ok(Answer::No)
        }
    }
}

fn told(roster: &Roster) -> String {
    format!("version {}, {} robots, SHA-256 {}", roster.version(), roster.robots(), roster.digest())
}

/// What the note of a roster says.
fn statement(roster: &Roster) -> String {
    format!("{KIND}\n{}\n{}\n", roster.version(), roster.digest())
}

/// A roster with its text and the note that signs it.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) roster: Arc<Roster>,
    pub(crate) text: String,
    pub(crate) note: Vec<u8>,
}

/// Reads a roster and its note from files, and verifies them.
pub(crate) fn read_file(file: &Path, key: &VerifierKey) -> anyhow::Result<Signed> {
    let note_file = note_file(file);
    let note = std::fs::read(&note_file).with_context(|| note_file.display().to_string())?;
    let length = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    ensure!(length <= ROSTER_BYTES_MAX as u64, "{} has more than {ROSTER_BYTES_MAX} bytes", file.display());
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    verified((&text, &file.display().to_string()), (&note, &note_file.display().to_string()), key)
}

/// A roster and its note, each with its place: what the key has signed.
pub(crate) fn verified(roster: (&str, &str), note: (&[u8], &str), key: &VerifierKey) -> anyhow::Result<Signed> {
    let ((text, place), (note_bytes, note_place)) = (roster, note);
    let note = Note::parse(note_bytes).with_context(|| note_place.to_owned())?;
    note.verify(std::slice::from_ref(key)).with_context(|| note_place.to_owned())?;
    let roster = Roster::parse(text).map_err(|problems| anyhow!("{place}: {problems}"))?;
    ensure!(note.text() == statement(&roster), "{note_place} signs another roster than {place}");
    Ok(Signed { roster: Arc::new(roster), text: text.to_owned(), note: note_bytes.to_owned() })
}

/// The file of the note that signs a roster.
pub(crate) fn note_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".note");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "tacho-roster/1\nversion 3\nissued 2026-11-21T00:00:00Z\nmanufacturer UR00\n";

    fn signed() -> (tempfile::TempDir, PathBuf, VerifierKey) {
        let folder = tempfile::tempdir().unwrap();
        let (file, keys) = (folder.path().join("roster"), folder.path().join("keys"));
        std::fs::write(&file, TEXT).unwrap();
        assert_eq!(sign(&file, &keys, "registry.example/roster").unwrap(), Answer::Yes);
        let key = key::verifier_from(keys.join(VKEY_FILE).to_str().unwrap()).unwrap();
        (folder, file, key)
    }

    #[test]
    fn a_roster_that_its_note_signs_is_taken() {
        let (_folder, file, key) = signed();
        assert_eq!(read_file(&file, &key).unwrap().roster.version(), 3);
        assert_eq!(check(&file, &key).unwrap(), Answer::Yes);
    }

    #[test]
    fn another_text_than_the_signed_one_is_refused_and_so_is_another_key() {
        let (folder, file, key) = signed();
        let other = key::open_or_create(&folder.path().join("others"), "registry.example/roster").unwrap();
        assert_eq!(check(&file, other.verifier()).unwrap(), Answer::No);
        std::fs::write(&file, TEXT.replace("UR00", "UR01")).unwrap();
        assert!(read_file(&file, &key).unwrap_err().to_string().contains("signs another roster"));
        assert_eq!(check(&file, &key).unwrap(), Answer::No);
        std::fs::remove_file(&file).unwrap();
        assert!(check(&file, &key).is_err(), "what cannot be read is no answer");
    }
}
