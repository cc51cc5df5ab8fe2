//! Settings of processing: robot models beside the built-in ones, and the ranges that values are held against.
//!
//! Models and ranges change rows, so a process puts them into a [`crate::Snapshot`]; a change takes effect by a control record.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::written_path;
use crate::ids::CheckScheme;
use crate::limits::Limits;
use crate::section::Section;

/// What records are checked against.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessingSettings {
    /// A folder of robot models that are added to the built-in ones; see [`crate::Models::with_dir`].
    pub models_dir: Option<PathBuf>,
    /// Rules of maintenance instead of the built-in ones; they change no rows.
    pub rules_file: Option<PathBuf>,
    /// A roster of robots, and the public key of who signs its note (`<file>.note`).
    pub roster: Option<RosterSettings>,
    /// Scheme of the last character of robot IDs, if one is to be held against them.
    pub check_character: Option<CheckScheme>,
    /// Ranges of values, for all robots.
    pub limits: Limits,
}

/// A roster and how it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterSettings {
    /// The roster's text.
    pub file: PathBuf,
    /// A file with the public key (C2SP vkey) of the registry that signs it.
    pub key_file: PathBuf,
}

impl ProcessingSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let mut limits = Limits::builtin();
        s.section("limits", |changes| limits.read_changes(changes));
        Self {
            models_dir: s.optional_path("models_dir", base_dir),
            rules_file: s.optional_path("rules_file", base_dir),
            roster: read_roster(s, base_dir),
            check_character: read_check_character(s),
            limits,
        }
    }

    pub(super) fn written(&self) -> Table {
        let mut table = Table::new();
        if let Some(folder) = &self.models_dir {
            table.insert("models_dir".to_owned(), written_path(folder));
        }
        if let Some(file) = &self.rules_file {
            table.insert("rules_file".to_owned(), written_path(file));
        }
        if let Some(roster) = &self.roster {
            table.insert("roster_file".to_owned(), written_path(&roster.file));
            table.insert("roster_key_file".to_owned(), written_path(&roster.key_file));
        }
        if let Some(scheme) = self.check_character {
            table.insert("check_character".to_owned(), scheme.as_str().into());
        }
        table.insert("limits".to_owned(), Value::Table(self.limits.written()));
        table
    }
}

fn read_roster(s: &mut Section<'_>, base_dir: &Path) -> Option<RosterSettings> {
    let file = s.optional_path("roster_file", base_dir);
    let key_file = s.optional_path("roster_key_file", base_dir);
    match (file, key_file) {
        (Some(file), Some(key_file)) => Some(RosterSettings { file, key_file }),
        (Some(_), None) => {
            s.missing("roster_key_file", "a file with the public key of who signs the roster");
            None
        }
        (None, Some(_)) => {
            s.missing("roster_file", "the roster that this key signs");
            None
        }
        (None, None) => None,
    }
}

/// `"none"`, or the word of a scheme.
fn read_check_character(s: &mut Section<'_>) -> Option<CheckScheme> {
    let words = CheckScheme::WORDS.map(|(word, _)| word).join("\", \"");
    let expected = format!("\"none\", \"{words}\"");
    s.optional("check_character", &expected, |value| match value.as_str()? {
        "none" => Some(None),
        word => CheckScheme::WORDS.iter().find(|(known, _)| *known == word).map(|(_, scheme)| Some(*scheme)),
    })
    .flatten()
}
