//! A clock of the host that jumps: Debian's libfaketime between the process and its system calls.
//!
//! Only the wall clock is moved, as by an administrator or a time server; the monotonic clock goes on as it does.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

/// Days per year, with leap years.
const SECONDS_PER_YEAR: i64 = 31_557_600;

/// The wall clock of a plant.
#[derive(Debug, Clone)]
pub struct Clock {
    file: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// A clock that is right so far, kept in a folder; `None`, with a message, where libfaketime is not installed.
    ///
    /// # Errors
    /// If the folder cannot be written.
    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    pub fn new(folder: &Path) -> anyhow::Result<Option<Self>> {
        let of_architecture = |entry: std::fs::DirEntry| entry.path().join("faketime/libfaketimeMT.so.1");
        let found = std::fs::read_dir("/usr/lib").context("/usr/lib")?.flatten().map(of_architecture);
        let Some(library) = found.into_iter().find(|library| library.exists()) else {
            eprintln!("skipped: libfaketime is not installed; ./test installs it");
            return Ok(None);
        };
        let clock = Self { file: folder.join("clock"), library };
        clock.set(0)?;
        Ok(Some(clock))
    }

    /// What the process needs in its environment to go by this clock.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Sets the clock so many seconds ahead of the true one, or behind.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set(&self, ahead_s: i64) -> anyhow::Result<()> {
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{ahead_s:+}\n")).context("clock")?;
        std::fs::rename(&next, &self.file).context("clock")
    }

    /// The same in years.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_years(&self, ahead: i64) -> anyhow::Result<()> {
        self.set(ahead * SECONDS_PER_YEAR)
    }

    /// Sets the clock to a time, Unix seconds; it goes on from there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_to(&self, unix_s: i64) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock after 1970")?;
        self.set(unix_s - i64::try_from(now.as_secs()).context("a clock in our days")?)
    }
}
