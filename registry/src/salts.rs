//! The secrets that salts are made from: 32 random bytes per robot and UTC month of receipt, in one append-only
//! file a month. How a file is framed is in [`frames`].
//!
//! Without them no leaf can be computed again, so a key is on disk before it is used, and a damaged file is reported,
//! never mended by new keys: the log's lock file records how far each file was used, and a file that lacks any of that
//! is refused. One writer; readers may read beside it.

pub mod frames;
mod keys;
pub mod month;

pub use month::Month;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tacho_schemas::Digest;

use crate::durable;
use crate::leaf::SaltKey;
use frames::{Entry, MAX_ROBOT_BYTES};
use keys::MonthKeys;

/// Months held in memory; another one takes the place of the one that was not asked for the longest.
const MAX_LOADED: usize = 4;

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SaltError {
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A damaged place with good keys behind it.
    #[error("{path} is damaged at byte {at}, with good keys behind it: restore it from a backup", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        at: usize,
    },
    /// Keys that were used are not in the file any more.
    #[error("{path} has {found} bytes, anchored rows have used {used}: restore it from a backup", path = path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// Its length, bytes.
        found: u64,
        /// The length that was used, bytes.
        used: u64,
    },
    /// Keys that were used are not those in the file.
    #[error("the first {used} bytes of {path} are not those that anchored rows have used: restore it from a backup", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The length that was used, bytes.
        used: u64,
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
}

impl SaltError {
    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Random(_))
    }
}

/// How much of a month's file is on disk for sure, and may so have been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// Length, bytes.
    pub bytes: u64,
    /// SHA-256 of so much of it.
    pub sha256: Digest,
}

/// By month, how much of its file is on disk for sure.
pub type SyncedMonths = BTreeMap<Month, Synced>;

/// The salt keys of a lake.
#[derive(Debug)]
pub struct SaltStore {
    dir: PathBuf,
    writes: bool,
    synced: SyncedMonths,
    /// Months whose last write failed: what lies behind the synced part of their files was never used.
    unsure: BTreeSet<Month>,
    /// The one that was asked for last stands last.
    loaded: Vec<(Month, MonthKeys)>,
}

impl SaltStore {
    /// Opens the folder, or makes it; keys that are missing are made. `used` is what the log's lock file records.
    ///
    /// # Errors
    /// [`SaltError::Cut`] for a file that is shorter than what was used of it, or missing; [`SaltError::Io`].
    pub fn open(dir: impl Into<PathBuf>, used: SyncedMonths) -> Result<Self, SaltError> {
        let store = Self { writes: true, ..Self::read_only(dir, used) };
        durable::create_dir_all(&store.dir).map_err(at(&store.dir))?;
        for (month, used) in &store.synced {
            keys::check_length(&store.path(*month), used)?;
        }
        Ok(store)
    }

    /// Reads the keys of a folder; nothing is written, also no torn tail cut off.
    pub fn read_only(dir: impl Into<PathBuf>, used: SyncedMonths) -> Self {
        Self { dir: dir.into(), writes: false, synced: used, unsure: BTreeSet::new(), loaded: Vec::new() }
    }

    /// By month, how much of its file is on disk for sure: more than all keys that were given.
    pub fn synced(&self) -> &SyncedMonths {
        &self.synced
    }

    /// The keys of these robots (an ID, or `?`) and months, in the same order. What is missing is made and synced
    /// first, with one fsync a month.
    ///
    /// # Errors
    /// [`SaltError`]; after a failed write the next call reads the file again, and cuts off what it has left.
    pub fn keys_for(&mut self, wanted: &[(&str, Month)]) -> Result<Vec<SaltKey>, SaltError> {
        let mut months: Vec<Month> = wanted.iter().map(|(_, month)| *month).collect();
        months.sort_unstable();
        months.dedup();
        let mut keys: Vec<Option<SaltKey>> = vec![None; wanted.len()];
        for month in months {
            let robots: Vec<&str> = wanted.iter().filter(|(_, of)| *of == month).map(|(robot, _)| *robot).collect();
            self.complete(month, &robots)?;
            let there = self.load(month)?;
            for (key, (robot, _)) in keys.iter_mut().zip(wanted).filter(|(_, (_, of))| *of == month) {
                *key = there.secret(robot).map(SaltKey::new);
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
        let there = self.load(month)?;
        let mut missing: Vec<&str> = robots.iter().copied().filter(|robot| there.secret(robot).is_none()).collect();
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
        let keys = self.load(month)?;
        let appended = keys.append(&entries);
        let synced = keys.synced();
        if appended.is_err() {
            // Whether these keys are on disk is unknown, and would be also after a later fsync.
            self.loaded.retain(|(loaded, _)| *loaded != month);
            self.unsure.insert(month);
            return appended;
        }
        self.synced.extend(synced.map(|synced| (month, synced)));
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
                let (path, used) = (self.path(month), self.synced.get(&month).copied());
                if self.unsure.contains(&month) {
                    keys::cut(&path, used.map_or(0, |used| used.bytes))?;
                    self.unsure.remove(&month);
                }
                let keys = MonthKeys::read(path, self.writes, used)?;
                self.synced.extend(keys.synced().map(|synced| (month, synced)));
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

fn at(path: &Path) -> impl Fn(io::Error) -> SaltError + '_ {
    |source| SaltError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
