//! The data directory of an instance: its format, and `endpoints.json`, by which others find it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tacho_registry::durable::{self, Access};

/// Version of the layout of a data directory; a newer one is refused.
const FORMAT: u32 = 1;

/// A data directory that this process may use.
#[derive(Debug)]
pub(crate) struct Instance {
    dir: PathBuf,
}

/// Where a running instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// Process of the instance.
    pub(crate) pid: u32,
    /// MQTT over TCP.
    pub(crate) mqtt: SocketAddr,
    /// Liveness, readiness and metrics over HTTP.
    pub(crate) admin: SocketAddr,
}

impl Instance {
    /// Makes the directory if it is absent, and checks its format.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("data directory {}", dir.display()))?;
        match format_of(dir)? {
            None => write_synced(&dir.join("format"), format!("{FORMAT}\n").as_bytes())?,
            Some(FORMAT) => {}
            Some(other) => refuse(dir, other)?,
        }
        Ok(Self { dir: dir.to_owned() })
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

    fn endpoints_path(&self) -> PathBuf {
        self.dir.join("endpoints.json")
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

fn refuse(dir: &Path, format: u32) -> anyhow::Result<()> {
    let file = dir.join("format");
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
    let path = dir.join("format");
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
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
        fs::write(data.join("format"), "2\n").unwrap();
        let error = Instance::open(&data).unwrap_err().to_string();
        assert!(error.contains("format 2") && error.contains("newer release"), "{error}");
        fs::write(data.join("format"), "0\n").unwrap();
        let error = Instance::open(&data).unwrap_err().to_string();
        assert!(error.contains("no release has written") && !error.contains("newer"), "{error}");
    }
}
