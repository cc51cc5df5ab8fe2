//! A deployment on Kafka: roles as processes of their own that share a broker and a lake, each killed, paused and started
//! again at will.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::kafka::Broker;
use crate::lake::Lake;
use crate::plant::{program, tacho, text};
use crate::port::free_port;
use crate::wait::until_some;

/// Longest time from the start of a process to its endpoints.
const START: Duration = Duration::from_secs(60);
/// Longest time from SIGTERM to the end, as it is promised.
const END: Duration = Duration::from_secs(25);

/// The configuration and the processes of a deployment.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    roles: Vec<Role>,
}

/// One process.
#[derive(Debug)]
struct Role {
    command: &'static str,
    name: String,
    args: Vec<String>,
    process: Option<Child>,
}

impl Cluster {
    /// A deployment on a broker, whose topics are made and whose configuration is in force; no role runs yet.
    ///
    /// # Errors
    /// If `tacho config apply` does not end with success.
    pub fn new(broker: &Broker, partitions: u32, lines: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("temporary folder")?;
        let config = format!(
            "profile = \"development\"\ndata_dir = \"data\"\n{lines}\n[lake]\nurl = \"lake\"\n{}",
            broker.log_settings(partitions)
        );
        let cluster = Self { folder, roles: Vec::new() };
        std::fs::write(cluster.config(), config).context("configuration")?;
        cluster.apply()?;
        Ok(cluster)
    }

    /// `tacho config apply`.
    ///
    /// # Errors
    /// If it does not end with success; the error has what it says.
    pub fn apply(&self) -> anyhow::Result<()> {
        let applied = tacho(&["config", "apply", "--config", self.config().to_str().context("path")?])?;
        ensure!(applied.status.success(), "tacho config apply: {}", text(&applied));
        Ok(())
    }

    /// The configuration file that all roles share.
    pub fn config(&self) -> PathBuf {
        self.path("tacho.toml")
    }

    /// A path in the deployment's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lake that all roles share.
    pub fn lake(&self) -> Lake {
        Lake::of_config(self.config())
    }

    /// Adds a role (`ingest`, `process` or `anchor`) that does not run yet; its number.
    ///
    /// # Errors
    /// If there is no free port to be had.
    pub fn add(&mut self, command: &'static str) -> anyhow::Result<usize> {
        let number = self.roles.len();
        let mut args = vec!["--admin".to_owned(), "127.0.0.1:0".to_owned()];
        if command == "ingest" {
            // One port for all starts, so that devices find it again.
            args.extend(["--mqtt".to_owned(), format!("127.0.0.1:{}", free_port()?)]);
        }
        self.roles.push(Role { command, name: format!("{command}-{number}"), args, process: None });
        Ok(number)
    }

    /// Adds a role and starts it.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn started(&mut self, command: &'static str) -> anyhow::Result<usize> {
        let role = self.add(command)?;
        self.start(role)?;
        Ok(role)
    }

    /// Where an ingest takes publishes.
    pub fn mqtt(&self, role: usize) -> String {
        self.roles[role].args.last().cloned().unwrap_or_default()
    }

    /// What a role logged, over all its starts.
    pub fn logged(&self, role: usize) -> String {
        std::fs::read_to_string(self.path(&format!("{}.log", self.roles[role].name))).unwrap_or_default()
    }

    /// The process of a role.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pid(&self, role: usize) -> anyhow::Result<u32> {
        self.roles[role].process.as_ref().map(Child::id).context("the role does not run")
    }

    /// A metric of a role, summed over its labels; zero if it has not been set yet.
    ///
    /// # Errors
    /// If its admin endpoint does not answer.
    pub fn metric(&self, role: usize, name: &str) -> anyhow::Result<f64> {
        let endpoints = std::fs::read(self.path(&self.roles[role].name).join("endpoints.json")).context("endpoints")?;
        let endpoints: serde_json::Value = serde_json::from_slice(&endpoints).context("endpoints.json")?;
        let admin = endpoints["admin"].as_str().context("endpoints.json")?;
        let mut stream = TcpStream::connect(admin).context("admin endpoint")?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").context("admin endpoint")?;
        let mut text = String::new();
        stream.read_to_string(&mut text).context("admin endpoint")?;
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            (rest.starts_with(' ') || rest.starts_with('{')).then(|| rest.rsplit_once(' '))??.1.parse::<f64>().ok()
        };
        Ok(text.lines().filter_map(value).sum())
    }

    /// Whether the process of a role runs.
    pub fn is_running(&mut self, role: usize) -> bool {
        self.roles[role].process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// Starts a role and waits until it listens.
    ///
    /// # Errors
    /// If it ends instead; the error has what it logged.
    pub fn start(&mut self, role: usize) -> anyhow::Result<()> {
        let folder = self.folder.path().to_owned();
        let Role { command, name, args, process } = &mut self.roles[role];
        let log = File::options().create(true).append(true).open(folder.join(format!("{name}.log")));
        let data = folder.join(name.as_str());
        let child = Command::new(program())
            .args([command, "--config"])
            .arg(folder.join("tacho.toml"))
            .arg("--data")
            .arg(&data)
            .args(args.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.context("log file")?)
            .spawn()
            .context("a role cannot be started")?;
        let pid = child.id();
        *process = Some(child);
        let up = until_some("endpoints of a role", START, || {
            if let Some(Ok(Some(status))) = process.as_mut().map(Child::try_wait) {
                return Some(Err(status));
            }
            is_up(&data, pid).then_some(Ok(()))
        });
        if let Err(status) = up {
            self.roles[role].process = None;
            anyhow::bail!("{} ended with {status}; it logged:\n{}", self.roles[role].name, self.logged(role));
        }
        Ok(())
    }

    /// `kill -9`, also of a role that is paused.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self, role: usize) -> anyhow::Result<()> {
        let mut process = self.roles[role].process.take().context("the role does not run")?;
        process.kill().context("kill")?;
        process.wait().context("wait")?;
        Ok(())
    }

    /// Sends a signal by its name: `STOP` pauses, `CONT` goes on.
    ///
    /// # Errors
    /// If the role does not run.
    pub fn signal(&self, role: usize, signal: &str) -> anyhow::Result<()> {
        let process = self.roles[role].process.as_ref().context("the role does not run")?;
        let sent = Command::new("kill").args([&format!("-{signal}"), &process.id().to_string()]).status();
        ensure!(sent.context("kill")?.success(), "kill -{signal} failed");
        Ok(())
    }

    /// SIGTERM to all that run, and waits for clean ends.
    ///
    /// # Errors
    /// If one does not end in time or not with success.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let running: Vec<usize> = (0..self.roles.len()).filter(|role| self.roles[*role].process.is_some()).collect();
        for role in &running {
            self.signal(*role, "TERM")?;
        }
        for role in running {
            let mut process = self.roles[role].process.take().context("the role does not run")?;
            let status = until_some("end of a role", END, || process.try_wait().ok().flatten());
            ensure!(status.success(), "{} ended with {status}:\n{}", self.roles[role].name, self.logged(role));
        }
        Ok(())
    }
}

fn is_up(data: &Path, pid: u32) -> bool {
    let endpoints = std::fs::read_to_string(data.join("endpoints.json")).unwrap_or_default();
    endpoints.contains(&format!("\"pid\": {pid},"))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for role in &mut self.roles {
            if let Some(mut process) = role.process.take() {
                let _killed = process.kill();
                let _waited = process.wait();
            }
        }
    }
}
