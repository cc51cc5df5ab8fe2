//! How a process runs: TOML as written → settings as meant, in which nothing can be wrong.
//!
//! A file is laid over its profile (`profile = "production"` or `"development"`), and that over `profiles/production.toml`,
//! which holds every default. Command-line options are set on the public fields afterwards; [`Settings::check`] then
//! looks again at what must fit together. Nothing here opens a port, a folder or a secret.

mod admin;
mod anchor;
mod conflicts;
mod lake;
mod log;
mod mqtt;
pub mod opcua;
mod processing;
mod store;
mod warnings;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::problem::{Problem, Problems, Warning};
use crate::section::{Section, parse_toml};

pub use admin::AdminSettings;
pub use anchor::AnchorSettings;
pub use lake::{CompactionSettings, LakeSettings, RetentionSettings};
pub use log::{KafkaSettings, LogKind, LogSettings, SpoolMode, SpoolSettings, TooLarge};
pub use mqtt::{MqttSettings, RateLimit};
pub use opcua::OpcuaSettings;
pub use processing::{ProcessingSettings, RosterSettings, RosterSource};
pub use store::{LakeUrl, StoreSettings};

const PRODUCTION: &str = include_str!("../profiles/production.toml");
const DEVELOPMENT: &str = include_str!("../profiles/development.toml");

/// A configuration file is refused above this size, in bytes. A mapped node of an OPC UA server takes about a hundred.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The named set of defaults that a file is laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The default of a file: nobody gets in without a name.
    Production,
    /// The default without a file: anonymous clients, windows of 10 s.
    Development,
}

/// How a process runs. What stands here has been checked; see [`Settings::check`] for fields set later.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The profile underneath.
    pub profile: Profile,
    /// Folder of the log, the lake, the keys and our own transparency log.
    pub data_dir: PathBuf,
    /// The MQTT front.
    pub mqtt: MqttSettings,
    /// The OPC UA bridge.
    pub opcua: OpcuaSettings,
    /// The log.
    pub log: LogSettings,
    /// The lake.
    pub lake: LakeSettings,
    /// Anchors and the file registry.
    pub anchor: AnchorSettings,
    /// The admin endpoint.
    pub admin: AdminSettings,
    /// What records are checked against.
    pub processing: ProcessingSettings,
}

impl Settings {
    /// The settings without a file: profile `development`, data in `./tacho-data` of the working directory.
    pub fn development() -> Self {
        Self::parse("profile = \"development\"", Path::new(""))
            .expect("the shipped profile is sound, which a test of this crate checks")
    }

    /// Reads a configuration file; relative paths in it are taken from its folder.
    ///
    /// # Errors
    /// All [`Problems`] of the file at once, or the one that it cannot be read.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let text = read_bounded(path, FILE_BYTES_MAX)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads the text of a configuration; relative paths in it are taken from `base_dir`.
    ///
    /// # Errors
    /// All [`Problems`] of the text at once.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, Problems> {
        let written = parse_toml(text).map_err(|problem| Problems(vec![problem]))?;
        let mut problems = Vec::new();
        let whole = over_its_profile(&written);
        let settings = Section::read("", &whole, &mut problems, |root| Self::read(root, base_dir));
        let wrong_keys: Vec<_> = problems.iter().map(|problem| problem.key.clone()).collect();
        let conflicts = conflicts::of(&settings).into_iter();
        // A conflict with a value that is wrong by itself would only repeat it.
        let news = conflicts.filter(|conflict| !conflict.touches(&wrong_keys));
        problems.extend(news.map(|conflict| conflict.problem));
        Problems::unless_none(problems, settings)
    }

    /// Looks again at what must fit together, after fields were set (by command-line options, say).
    ///
    /// # Errors
    /// All [`Problems`] found.
    pub fn check(&self) -> Result<(), Problems> {
        let conflicts = conflicts::of(self).into_iter();
        Problems::unless_none(conflicts.map(|conflict| conflict.problem).collect(), ())
    }

    /// What is allowed and likely to hurt.
    pub fn warnings(&self) -> Vec<Warning> {
        warnings::of(self)
    }

    /// Folder of the file registry: the setting, or `<data_dir>.registry`. Never inside of `data_dir`, because a
    /// restored backup must meet a registry that is ahead of it.
    pub fn registry_dir(&self) -> PathBuf {
        self.anchor.registry_dir.clone().unwrap_or_else(|| {
            // Collecting the components drops a trailing slash.
            let data_dir: PathBuf = self.data_dir.components().collect();
            // By whatever name the data directory is opened, its registry is the same.
            let real = data_dir.is_symlink().then(|| data_dir.canonicalize().ok()).flatten();
            let mut folder: OsString = real.unwrap_or(data_dir).into();
            folder.push(".registry");
            folder.into()
        })
    }

    /// Where the lake lies: as set, or in the folder `lake` of the data directory.
    pub fn lake_url(&self) -> LakeUrl {
        self.lake.url.clone().unwrap_or_else(|| LakeUrl::Folder(self.data_dir.join("lake")))
    }

    /// The settings as a file: every key, with its present value. [`Settings::parse`] reads it back to the same.
    pub fn to_toml(&self) -> String {
        let mut root = Table::new();
        let profile = match self.profile {
            Profile::Production => "production",
            Profile::Development => "development",
        };
        root.insert("profile".to_owned(), Value::from(profile));
        root.insert("data_dir".to_owned(), written_path(&self.data_dir));
        let sections = [
            ("mqtt", self.mqtt.written()),
            ("opcua", self.opcua.written()),
            ("log", self.log.written()),
            ("lake", self.lake.written()),
            ("anchor", self.anchor.written()),
            ("admin", self.admin.written()),
            ("processing", self.processing.written()),
        ];
        for (name, table) in sections {
            root.insert(name.to_owned(), Value::Table(table));
        }
        root.to_string()
    }

    fn read(root: &mut Section<'_>, base_dir: &Path) -> Self {
        let profile =
            root.choice("profile", &[("production", Profile::Production), ("development", Profile::Development)]);
        let data_dir = root.optional_path("data_dir", base_dir);
        Self {
            profile: profile.unwrap_or(Profile::Production),
            data_dir: data_dir.unwrap_or_default(),
            mqtt: section(root, "mqtt", |s| MqttSettings::read(s, base_dir)),
            opcua: section(root, "opcua", |s| OpcuaSettings::read(s, base_dir)),
            log: section(root, "log", |s| LogSettings::read(s, base_dir)),
            lake: section(root, "lake", |s| LakeSettings::read(s, base_dir)),
            anchor: section(root, "anchor", |s| AnchorSettings::read(s, base_dir)),
            admin: section(root, "admin", AdminSettings::read),
            processing: section(root, "processing", |s| ProcessingSettings::read(s, base_dir)),
        }
    }
}

/// Reads a section that every profile has. If the file put something else in its place, that is one problem, and
/// the placeholders come from an empty table whose own problems nobody needs.
fn section<T>(root: &mut Section<'_>, key: &'static str, read: impl Fn(&mut Section<'_>) -> T) -> T {
    root.section(key, &read).unwrap_or_else(|| Section::read(key, &Table::new(), &mut Vec::new(), &read))
}

/// What was written, over the profile that it names, over production.
fn over_its_profile(written: &Table) -> Table {
    let mut whole = shipped(PRODUCTION);
    let name = written.get("profile").and_then(Value::as_str);
    if name == Some("development") {
        lay_over(&mut whole, &shipped(DEVELOPMENT));
    }
    whole.insert("profile".to_owned(), Value::from("production"));
    lay_over(&mut whole, written);
    whole
}

fn shipped(text: &str) -> Table {
    parse_toml(text).expect("a shipped profile is TOML, which a test of this crate checks")
}

fn lay_over(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => lay_over(inner, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A whole file of at most `bytes_max` bytes, UTF-8.
pub(crate) fn read_bounded(path: &Path, bytes_max: u64) -> Result<String, Problems> {
    let unreadable = |error: std::io::Error| Problems::unreadable(path, &error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let read = file.take(bytes_max + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > bytes_max {
        let file = path.display().to_string();
        let expected = format!("a file of at most {bytes_max} bytes");
        return Err(Problems(vec![Problem::new(file, "", expected)]));
    }
    Ok(text)
}

/// A path as TOML; one that is not UTF-8 is written with replacement characters.
fn written_path(path: &Path) -> Value {
    Value::from(path.to_string_lossy().into_owned())
}

/// A count as TOML; every count here has a bound far below `i64::MAX`.
fn written_count(count: usize) -> Value {
    Value::from(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
