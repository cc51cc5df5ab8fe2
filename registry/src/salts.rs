//! The secrets that salts are made from: 32 random bytes per robot and UTC month of receipt, in one append-only
//! file a month. How a file is framed is in [`frames`].
//!
//! Without them no leaf can be computed again, so a key is on disk before it is used, and a damaged file is reported,
//! never mended by new keys. One writer; readers may read beside it.

pub mod frames;
pub mod month;

pub use month::Month;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::durable::{self, Access};
use crate::leaf::SaltKey;
use frames::{Entry, MAX_ROBOT_BYTES};

/// Months held in memory; another one takes the place of the one that was not asked for the longest.
const MAX_LOADED: usize = 4;

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SaltError {
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A damaged place with good keys behind it: restore the file from a backup.
    #[error("{path} is damaged at byte {at}, with good keys behind it", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        at: usize,
    },
    /// There is no such key, and this store makes none.
    #[error("no salt key of robot {robot} for {month}")]
    Missing {
        /// The robot.
        robot: String,
        /// The month of receipt.
        month: Month,
    },
    /// A robot text that is too long.
    #[error("a robot text of {0} bytes, more than {MAX_ROBOT_BYTES}")]
    RobotText(usize),
    /// The system has no random bytes.
    #[error("no random bytes for new salt keys: {0}")]
    Random(getrandom::Error),
    /// An earlier write failed: whether its keys are on disk is unknown until the store is opened again.
    #[error("the salt keys are closed since a write failed")]
    Closed,
}

/// The salt keys of a lake.
#[derive(Debug)]
pub struct SaltStore {
    dir: PathBuf,
    writes: bool,
    closed: bool,
    /// The one that was asked for last stands last.
    loaded: Vec<(Month, MonthKeys)>,
}

#[derive(Default)]
struct MonthKeys {
    keys: HashMap<Box<str>, [u8; 32]>,
    file: Option<File>,
}

impl std::fmt::Debug for MonthKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.keys.len())
    }
}

impl SaltStore {
    /// Opens the folder, or makes it; keys that are missing are made.
    ///
    /// # Errors
    /// [`SaltError::Io`].
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, SaltError> {
        let dir = dir.into();
        durable::create_dir_all(&dir).map_err(at(&dir))?;
        Ok(Self { dir, writes: true, closed: false, loaded: Vec::new() })
    }

    /// Reads the keys of a folder; nothing is written, also no torn tail cut off.
    pub fn read_only(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), writes: false, closed: false, loaded: Vec::new() }
    }

    /// The keys of these robots (an ID, or `?`) and months, in the same order. What is missing is made and synced
    /// first, with one fsync a month.
    ///
    /// # Errors
    /// [`SaltError`]; after a failed write every further call is [`SaltError::Closed`].
    pub fn keys_for(&mut self, wanted: &[(&str, Month)]) -> Result<Vec<SaltKey>, SaltError> {
        if self.closed {
            return Err(SaltError::Closed);
        }
        let mut months: Vec<Month> = wanted.iter().map(|(_, month)| *month).collect();
        months.sort_unstable();
        months.dedup();
        let mut keys: Vec<Option<SaltKey>> = vec![None; wanted.len()];
        for month in months {
            let robots: Vec<&str> = wanted.iter().filter(|(_, of)| *of == month).map(|(robot, _)| *robot).collect();
            self.complete(month, &robots)?;
            let there = &self.load(month)?.keys;
            for (key, (robot, _)) in keys.iter_mut().zip(wanted).filter(|(_, (_, of))| *of == month) {
                *key = there.get(*robot).map(SaltKey::new);
            }
        }
        keys.into_iter()
            .zip(wanted)
            .map(|(key, (robot, month))| {
                key.ok_or_else(|| SaltError::Missing { robot: (*robot).to_owned(), month: *month })
            })
            .collect()
    }

    /// Makes what is missing of a month; a reader looks once more for what a writer has made since.
    fn complete(&mut self, month: Month, robots: &[&str]) -> Result<(), SaltError> {
        let there = &self.load(month)?.keys;
        let mut missing: Vec<&str> = robots.iter().copied().filter(|robot| !there.contains_key(*robot)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if !self.writes {
            self.loaded.retain(|(loaded, _)| *loaded != month);
            return self.load(month).map(drop);
        }
        missing.sort_unstable();
        missing.dedup();
        if let Some(long) = missing.iter().find(|robot| robot.len() > MAX_ROBOT_BYTES) {
            return Err(SaltError::RobotText(long.len()));
        }
        let mut secrets = vec![[0; 32]; missing.len()];
        getrandom::fill(secrets.as_flattened_mut()).map_err(SaltError::Random)?;
        let entries: Vec<Entry> =
            missing.into_iter().zip(secrets).map(|(robot, secret)| Entry { robot: robot.into(), secret }).collect();
        let appended = self.append(month, &entries);
        self.closed = appended.is_err();
        appended
    }

    fn append(&mut self, month: Month, entries: &[Entry]) -> Result<(), SaltError> {
        let path = self.path(month);
        let dir = self.dir.clone();
        let keys = self.load(month)?;
        let is_new = keys.file.is_none();
        let file = match &mut keys.file {
            Some(file) => file,
            none => none.insert(open_append(&path).map_err(at(&path))?),
        };
        file.write_all(&frames::encode(entries)).map_err(at(&path))?;
        file.sync_all().map_err(at(&path))?;
        if is_new {
            durable::sync_dir(&dir).map_err(at(&dir))?;
        }
        keys.keys.extend(entries.iter().map(|entry| (entry.robot.clone(), entry.secret)));
        Ok(())
    }

    fn path(&self, month: Month) -> PathBuf {
        self.dir.join(month.to_string())
    }

    /// The keys of a month, from memory or from its file.
    fn load(&mut self, month: Month) -> Result<&mut MonthKeys, SaltError> {
        let place = match self.loaded.iter().position(|(loaded, _)| *loaded == month) {
            Some(place) => place,
            None => {
                let keys = read_month(&self.path(month), self.writes)?;
                if self.loaded.len() == MAX_LOADED {
                    self.loaded.remove(0);
                }
                self.loaded.push((month, keys));
                self.loaded.len() - 1
            }
        };
        self.loaded[place..].rotate_left(1);
        let last = self.loaded.last_mut().expect("the month was found or put there");
        Ok(&mut last.1)
    }
}

fn read_month(path: &Path, writes: bool) -> Result<MonthKeys, SaltError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(MonthKeys::default()),
        Err(error) => return Err(at(path)(error)),
    };
    let content =
        frames::decode(&bytes).map_err(|damage| SaltError::Damaged { path: path.to_owned(), at: damage.at })?;
    let mut file = None;
    if writes {
        let opened = open_append(path).map_err(at(path))?;
        if content.end < bytes.len() {
            cut_tail(path, &opened, &bytes, content.end).map_err(at(path))?;
        }
        // What was read may be in the page cache only, if the process that wrote it died before its fsync.
        opened.sync_all().map_err(at(path))?;
        file = Some(opened);
    }
    let keys = content.entries.into_iter().map(|entry| (entry.robot, entry.secret)).collect();
    Ok(MonthKeys { keys, file })
}

/// Cuts off what a crash left of a group that was never used; the bytes are kept beside the file.
fn cut_tail(path: &Path, file: &File, bytes: &[u8], end: usize) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".torn-{end}"));
    durable::replace(Path::new(&aside), &bytes[end..], Access::Owner)?;
    tracing::warn!(path = %path.display(), end, bytes = bytes.len() - end, "cut a torn tail off the salt keys");
    file.set_len(end as u64)
}

fn open_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    durable::restrict(&mut options, Access::Owner);
    options.open(path)
}

fn at(path: &Path) -> impl Fn(io::Error) -> SaltError + '_ {
    |source| SaltError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
