//! The program that is measured, as a process in a folder of its own that goes away with it.
//!
//! The folder lies beside the build, not in `/tmp`, which may be in memory: an fsync must cost what it costs.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::machine;

/// Longest time from the start to the endpoints.
const START: Duration = Duration::from_secs(30);
/// Between two looks for them.
const LOOK: Duration = Duration::from_millis(1);

/// A folder that is removed with everything in it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let path = beside()?.join(format!("figures-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Resident memory, MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/status", self.0.id());
        let text = machine::field(&path, "VmRSS").context("resident memory")?;
        Ok(machine::number(&text).context("resident memory")? / 1024.0)
    }

    /// Processor time used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        machine::cpu_of(self.0.id())
    }

    /// Bytes that it has had written to disks so far.
    pub(crate) fn written_bytes(&self) -> anyhow::Result<f64> {
        let text = machine::field(&format!("/proc/{}/io", self.0.id()), "write_bytes").context("bytes written")?;
        machine::number(&text).context("bytes written")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// A running `tacho up`. Fields are dropped in order: the process ends before its folder goes.
#[derive(Debug)]
pub(crate) struct Plant {
    pub(crate) process: Process,
    pub(crate) mqtt: SocketAddr,
    admin: SocketAddr,
    /// From the start of the process to its endpoints.
    pub(crate) ready_after: Duration,
    folder: Folder,
}

impl Plant {
    /// Starts on an empty folder, with the profile `development` and what `config` changes, and waits until it listens.
    pub(crate) fn start(name: &str, config: &str) -> anyhow::Result<Self> {
        Self::start_in(Folder::new(name)?, config)
    }

    /// The same in a folder in which a data directory may be already.
    pub(crate) fn start_in(folder: Folder, config: &str) -> anyhow::Result<Self> {
        fs::write(folder.join("tacho.toml"), format!("profile = \"development\"\n{config}"))
            .context("configuration")?;
        let log = File::create(folder.join("log")).context("log file")?;
        let endpoints = folder.join("data").join("endpoints.json");
        let mut command = Command::new(tacho()?);
        command.arg("up").arg("--config").arg(folder.join("tacho.toml")).arg("--data").arg(folder.join("data"));
        command.args(["--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = Instant::now();
        let mut process = Process(command.spawn().context("tacho up")?);
        while !endpoints.exists() {
            if let Some(status) = process.0.try_wait()? {
                bail!("tacho up ended with {status}: {}", fs::read_to_string(folder.join("log")).unwrap_or_default());
            }
            ensure!(started.elapsed() < START, "tacho up does not listen");
            std::thread::sleep(LOOK);
        }
        let ready_after = started.elapsed();
        let text = fs::read_to_string(&endpoints).context("endpoints.json")?;
        let told: serde_json::Value = serde_json::from_str(&text).context("endpoints.json")?;
        let address = |name: &str| told[name].as_str().context("endpoints.json")?.parse().context("endpoints.json");
        let (mqtt, admin): (anyhow::Result<_>, anyhow::Result<_>) = (address("mqtt"), address("admin"));
        Ok(Self { process, mqtt: mqtt?, admin: admin?, ready_after, folder })
    }

    /// Kills it, and starts it again on what it left.
    pub(crate) fn again(self, config: &str) -> anyhow::Result<Self> {
        let Self { process, folder, .. } = self;
        drop(process);
        Self::start_in(folder, config)
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The registry that it anchors in.
    pub(crate) fn registry(&self) -> PathBuf {
        self.folder.join("data.registry")
    }

    /// A counter or gauge, summed over its labels; zero if it has not been set yet.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let mut stream = TcpStream::connect(self.admin).context("admin endpoint")?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").context("admin endpoint")?;
        let mut text = String::new();
        stream.read_to_string(&mut text).context("admin endpoint")?;
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            (rest.starts_with(' ') || rest.starts_with('{')).then(|| rest.rsplit_once(' '))??.1.parse::<f64>().ok()
        };
        Ok(text.lines().filter_map(value).sum())
    }

    /// Waits until a metric is as large as `least`.
    pub(crate) fn wait_for(&self, name: &str, least: f64, longest: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let value = self.metric(name)?;
            if value >= least {
                return Ok(());
            }
            ensure!(started.elapsed() < longest, "{name} is {value} and not {least} after {} s", longest.as_secs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The release program beside this one.
pub(crate) fn tacho() -> anyhow::Result<PathBuf> {
    let path = beside()?.join("tacho");
    ensure!(path.exists(), "{} is missing: run benches/figures", path.display());
    Ok(path)
}

fn beside() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("this program's path")?;
    Ok(program.parent().map_or_else(|| PathBuf::from("."), Path::to_owned))
}
