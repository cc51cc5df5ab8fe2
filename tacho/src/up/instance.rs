//! The data directory of an instance: its format, and `endpoints.json`, by which others find it.

mod asked;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use tacho_config::Rules;
use tacho_registry::durable::{self, Access};

use crate::backup::manifest::MANIFEST;

pub(crate) use asked::{Asked, Token};

/// Version of the layout of a data directory; a newer one is refused.
const FORMAT: u32 = 1;
/// The file that says it.
pub(crate) const FORMAT_FILE: &str = "format";
/// The file that says where a running instance listens.
const ENDPOINTS_FILE: &str = "endpoints.json";
/// The rules of maintenance that the instance was started with, if they are not the built-in ones.
const RULES_FILE: &str = "rules.toml";
/// What it says while a backup is being restored, or a log replayed: no program takes that for a version.
const UNFINISHED: &str = "restoring\n";

/// A data directory that this process may use.
#[derive(Debug)]
pub(crate) struct Instance {
    dir: PathBuf,
    /// The folder, locked for as long as the process lives.
    lock: Option<fs::File>,
}

/// Where a running instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// Process of the instance.
    pub(crate) pid: u32,
    /// MQTT over TCP, if this process takes publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mqtt: Option<SocketAddr>,
    /// Liveness, readiness and metrics over HTTP.
    pub(crate) admin: SocketAddr,
}

impl Instance {
    /// Makes the directory if it is absent, and checks its format.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        if dir.join(MANIFEST).exists() {
            bail!("{0} is a backup: `tacho restore --from {0} --data DIR` makes a data directory of it", dir.display());
        }
        fs::create_dir_all(dir).with_context(|| format!("data directory {}", dir.display()))?;
        match format_of(dir)? {
            None => write_synced(&dir.join(FORMAT_FILE), format!("{FORMAT}\n").as_bytes())?,
            Some(FORMAT) => {}
            Some(other) => refuse(dir, other)?,
        }
        Ok(Self { dir: dir.to_owned(), lock: None })
    }

    /// Makes sure that no other process has this directory, for the life of this one.
    pub(crate) fn lock(&mut self) -> anyhow::Result<()> {
        let shown = self.dir.display();
        let folder = fs::File::open(&self.dir).with_context(|| shown.to_string())?;
        match folder.try_lock() {
            Ok(()) => self.lock = Some(folder),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("data directory {shown} is in use by another process: each process has one of its own")
            }
            Err(fs::TryLockError::Error(error)) => return Err(error).with_context(|| format!("locking {shown}")),
        }
        Ok(())
    }

    /// Removes the endpoints of a process that is gone, before anything is bound.
    pub(crate) fn forget_endpoints(&self) -> anyhow::Result<()> {
        match fs::remove_file(self.endpoints_path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| self.endpoints_path().display().to_string())
            }
            _ => Ok(()),
        }
    }

    /// Tells others where to connect; to be called once everything listens.
    pub(crate) fn publish_endpoints(&self, endpoints: &Endpoints) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(endpoints).context("endpoints as JSON")?;
        write_synced(&self.endpoints_path(), &text)
    }

    /// Keeps the rules of maintenance for whoever asks this directory, or that they are the built-in ones.
    pub(crate) fn keep_rules(&self, file: Option<&Path>) -> anyhow::Result<()> {
        let kept = self.dir.join(RULES_FILE);
        let Some(file) = file else {
            return match fs::remove_file(&kept) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(error).with_context(|| kept.display().to_string())
                }
                _ => Ok(()),
            };
        };
        Rules::load(file).map_err(|problems| anyhow!("{problems}")).context("rules of maintenance")?;
        let bytes = fs::read(file).with_context(|| file.display().to_string())?;
        write_synced(&kept, &bytes)
    }

    fn endpoints_path(&self) -> PathBuf {
        self.dir.join(ENDPOINTS_FILE)
    }
}

/// Checks that a directory holds an instance of a known format, for commands that only read.
pub(crate) fn require(dir: &Path) -> anyhow::Result<()> {
    match format_of(dir)? {
        Some(FORMAT) => Ok(()),
        Some(other) => refuse(dir, other),
        None => bail!(
            "{} is no data directory of tacho: start one with `tacho up --data {0}`, or name another with --data",
            dir.display()
        ),
    }
}

/// Whether a process on Kafka has this directory.
pub(crate) fn is_held(dir: &Path) -> bool {
    let folder = fs::File::open(dir);
    folder.is_ok_and(|folder| matches!(folder.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// The rules of maintenance that an instance was last started with, if they are not the built-in ones.
pub(crate) fn rules_file(dir: &Path) -> Option<PathBuf> {
    Some(dir.join(RULES_FILE)).filter(|file| file.exists())
}

/// A data directory that is being made, of a backup or by a replay. Unless it comes to its end, the directory is refused.
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    /// Marks an empty folder.
    pub(crate) fn begin(dir: &Path) -> anyhow::Result<Self> {
        let format = dir.join(FORMAT_FILE);
        write_synced(&format, UNFINISHED.as_bytes())?;
        Ok(Self(format))
    }

    /// Nothing was brought: the folder is empty again.
    pub(crate) fn give_up(self) -> anyhow::Result<()> {
        fs::remove_file(&self.0).with_context(|| self.0.display().to_string())
    }

    /// The folder is whole: it gets the format of what it was made of.
    pub(crate) fn end(self, format: &Path) -> anyhow::Result<()> {
        let bytes = fs::read(format).with_context(|| format.display().to_string())?;
        write_synced(&self.0, &bytes)
    }
}

fn refuse(dir: &Path, format: u32) -> anyhow::Result<()> {
    let file = dir.join(FORMAT_FILE);
    if format > FORMAT {
        bail!("{} says format {format}, this program knows format {FORMAT}: use a newer release", file.display());
    }
    bail!(
        "{} says format {format}, which no release has written ({FORMAT} would be right): the file is damaged, or this is \
         no data directory of tacho",
        file.display()
    )
}

fn format_of(dir: &Path) -> anyhow::Result<Option<u32>> {
    let path = dir.join(FORMAT_FILE);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
        Ok(text) if text == UNFINISHED => {
            bail!(
                "a restore or replay into {} was cut off, or is under way: remove the folder, and begin again",
                dir.display()
            )
        }
        Ok(text) => {
            let format =
                text.trim().parse().with_context(|| format!("{} holds {text:?}, no version", path.display()))?;
            Ok(Some(format))
        }
    }
}

/// Writes a file so that after a crash there is the old one or the new one, whole.
fn write_synced(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    durable::replace(path, bytes, Access::Shared).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_gets_a_format_and_a_newer_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert!(require(&data).is_err());
        Instance::open(&data).unwrap();
        require(&data).unwrap();
        let mut instance = Instance::open(&data).unwrap();
        assert!(!is_held(&data));
        instance.lock().unwrap();
        assert!(is_held(&data));
        let other = Instance::open(&data).unwrap().lock().unwrap_err().to_string();
        assert!(other.contains("in use by another process"), "{other}");
        fs::write(data.join("format"), "2\n").unwrap();
        let error = Instance::open(&data).unwrap_err().to_string();
        assert!(error.contains("format 2") && error.contains("newer release"), "{error}");
        fs::write(data.join("format"), "0\n").unwrap();
        let error = Instance::open(&data).unwrap_err().to_string();
        assert!(error.contains("no release has written") && !error.contains("newer"), "{error}");
    }

    #[test]
    fn a_directory_is_refused_until_it_is_restored_whole_and_a_backup_always() {
        let dir = tempfile::tempdir().unwrap();
        let format = dir.path().join("of-backup");
        fs::write(&format, "1\n").unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let restoring = Unfinished::begin(&data).unwrap();
        for refused in [require(&data).unwrap_err(), Instance::open(&data).unwrap_err()] {
            assert!(refused.to_string().contains("was cut off, or is under way"), "{refused}");
        }
        restoring.end(&format).unwrap();
        require(&data).unwrap();
        fs::write(data.join(MANIFEST), "{}").unwrap();
        let refused = Instance::open(&data).unwrap_err().to_string();
        assert!(refused.contains("is a backup") && refused.contains("tacho restore"), "{refused}");
    }
}
