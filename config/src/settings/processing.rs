//! Settings of processing: robot models beside the built-in ones, and the ranges that values are held against.
//!
//! Models and ranges change rows, so a process puts them into a [`crate::Snapshot`]; a change takes effect by a control record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::written_path;
use crate::ids::{CheckScheme, Countries, IdPolicy, SerialPattern};
use crate::limits::Limits;
use crate::section::{Section, shown};
use crate::units::format_duration;

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
    /// A list of countries in place of ISO 3166-1.
    pub countries: Option<Countries>,
    /// What serials look like, by manufacturer segment.
    pub serials: BTreeMap<String, SerialPattern>,
    /// Ranges of values, for all robots.
    pub limits: Limits,
}

/// A roster and how it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterSettings {
    /// Where the roster's text is, and beside it the note that signs it.
    pub source: RosterSource,
    /// A file with the public key (C2SP vkey) of the registry that signs it.
    pub key_file: PathBuf,
}

/// Where a roster comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RosterSource {
    /// A file; the note is in `<file>.note`.
    File(PathBuf),
    /// An address of HTTP or HTTPS; the note is at `<url>.note`. The last one that was verified is kept in the data directory.
    Url {
        /// The address.
        url: String,
        /// Between two looks for a newer one.
        every: Duration,
    },
}

/// Between two looks for a newer roster, unless settings say otherwise.
const ROSTER_EVERY: Duration = Duration::from_secs(300);

impl ProcessingSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let mut limits = Limits::builtin();
        s.section("limits", |changes| limits.read_changes(changes));
        Self {
            models_dir: s.optional_path("models_dir", base_dir),
            rules_file: s.optional_path("rules_file", base_dir),
            roster: read_roster(s, base_dir),
            check_character: read_check_character(s),
            countries: s.section("countries", read_countries),
            serials: s.section("serials", read_serials).unwrap_or_default(),
            limits,
        }
    }

    /// What is held against robot IDs.
    pub(crate) fn id_policy(&self) -> IdPolicy {
        let policy =
            IdPolicy { check_character: self.check_character, serials: self.serials.clone(), ..IdPolicy::builtin() };
        match &self.countries {
            Some(countries) => policy.with_countries(countries),
            None => policy,
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
            match &roster.source {
                RosterSource::File(file) => {
                    table.insert("roster_file".to_owned(), written_path(file));
                }
                RosterSource::Url { url, every } => {
                    table.insert("roster_url".to_owned(), url.as_str().into());
                    table.insert("roster_every".to_owned(), format_duration(*every).into());
                }
            }
            table.insert("roster_key_file".to_owned(), written_path(&roster.key_file));
        }
        if let Some(scheme) = self.check_character {
            table.insert("check_character".to_owned(), scheme.as_str().into());
        }
        if let Some(countries) = &self.countries {
            table.insert("countries".to_owned(), Value::Table(written_countries(countries)));
        }
        if !self.serials.is_empty() {
            let serials = self.serials.iter().map(|(maker, pattern)| (maker.clone(), pattern.to_string().into()));
            table.insert("serials".to_owned(), Value::Table(serials.collect()));
        }
        table.insert("limits".to_owned(), Value::Table(self.limits.written()));
        table
    }
}

fn read_roster(s: &mut Section<'_>, base_dir: &Path) -> Option<RosterSettings> {
    let file = s.optional_path("roster_file", base_dir).map(RosterSource::File);
    let url = s.optional("roster_url", "an address that begins with http:// or https://", |value| {
        let url = value.as_str()?;
        (url.starts_with("http://") || url.starts_with("https://")).then(|| url.to_owned())
    });
    let every = s.optional_duration("roster_every", Duration::from_secs(1)..=Duration::from_secs(86_400));
    let key_file = s.optional_path("roster_key_file", base_dir);
    if file.is_some() && url.is_some() {
        s.problem("roster_url", "", "either roster_file or roster_url");
    }
    let by_url = url.map(|url| RosterSource::Url { url, every: every.unwrap_or(ROSTER_EVERY) });
    match (file.or(by_url), key_file) {
        (Some(source), Some(key_file)) => Some(RosterSettings { source, key_file }),
        (Some(_), None) => {
            s.missing("roster_key_file", "a file with the public key of who signs the roster");
            None
        }
        (None, Some(_)) => {
            s.missing("roster_file", "the roster that this key signs, or roster_url");
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

fn read_countries(s: &mut Section<'_>) -> Countries {
    let codes = |value: &Value| {
        let code = |code: &Value| code.as_str().filter(|code| is_segment(code, 2)).map(str::to_owned);
        value.as_array()?.iter().map(code).collect::<Option<Vec<String>>>()
    };
    let expected = "a list of codes, two characters of 0-9 and A-Z each";
    Countries {
        version: s.required("version", "name and version of the list", String::new(), |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        }),
        assigned: s.required("assigned", expected, Vec::new(), codes),
        reserved: s.optional("reserved", expected, codes).unwrap_or_default(),
    }
}

fn written_countries(countries: &Countries) -> Table {
    let codes = |codes: &[String]| Value::Array(codes.iter().map(|code| code.as_str().into()).collect());
    let pairs = [
        ("version", countries.version.as_str().into()),
        ("assigned", codes(&countries.assigned)),
        ("reserved", codes(&countries.reserved)),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A pattern for each manufacturer.
fn read_serials(s: &mut Section<'_>) -> BTreeMap<String, SerialPattern> {
    let mut serials = BTreeMap::new();
    for (maker, value) in s.entries() {
        let pattern = value.as_str().ok_or_else(|| "a regular expression in quotes".to_owned());
        let pattern = pattern.and_then(|text| SerialPattern::try_from(text.to_owned()));
        match pattern {
            Ok(pattern) if is_segment(maker, 4) => {
                serials.insert(maker.clone(), pattern);
            }
            Ok(_) => s.problem(maker, &shown(value), "as a key the 4 characters of a manufacturer, 0-9 and A-Z"),
            Err(expected) => s.problem(maker, &shown(value), expected),
        }
    }
    serials
}

fn is_segment(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}
