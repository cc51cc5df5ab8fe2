//! An instance of `tacho up` as a process of its own: started, found by its `endpoints.json`, killed, ended.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::lake::Lake;
use crate::wait::until_some;

/// Longest time from the start of the process to its endpoints, in a build without optimisation on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longest time from SIGTERM to the end, as it is promised.
const END: Duration = Duration::from_secs(25);

/// What differs between instances.
#[derive(Debug, Clone, Default)]
pub struct PlantOptions {
    /// Further arguments of `tacho up`.
    pub args: Vec<String>,
    /// Text of a configuration file; without it the profile `development` holds.
    pub config: Option<String>,
    /// Further environment variables of the process.
    pub env: Vec<(String, String)>,
}

impl PlantOptions {
    /// With a configuration of these lines over the profile `development`.
    pub fn configured(lines: &str) -> Self {
        Self { config: Some(format!("profile = \"development\"\n{lines}\n")), ..Self::default() }
    }

    /// Small windows and eager compaction, so that a test sees both.
    pub fn eager() -> Self {
        Self::configured("[anchor]\nwindow = \"1s\"\n[lake.compaction]\ninterval = \"1s\"\nmin_files = 2")
    }
}

/// An instance with a data directory of its own, running or not.
#[derive(Debug)]
pub struct Plant {
    folder: TempDir,
    options: PlantOptions,
    process: Option<Child>,
}

/// The program under test, as `cargo build` left it beside the tests.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().expect("a program lies in a folder");
    // Tests lie in target/<profile>/deps, a program of the workspace beside ours.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join("tacho");
    assert!(program.exists(), "{} is missing: run `cargo build --workspace` first, as ./test does", program.display());
    program
}

/// Runs `tacho` with arguments and waits for its end.
///
/// # Errors
/// If it cannot be started.
pub fn tacho(args: &[&str]) -> anyhow::Result<Output> {
    Command::new(program()).args(args).stdin(Stdio::null()).output().context("tacho cannot be started")
}

/// What a command wrote, on both its outputs.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Plant {
    /// A plant that does not run yet.
    ///
    /// # Errors
    /// If there is no temporary folder to be had.
    pub fn new(options: PlantOptions) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("temporary folder")?;
        if let Some(config) = &options.config {
            std::fs::write(folder.path().join("tacho.toml"), config).context("configuration")?;
        }
        Ok(Self { folder, options, process: None })
    }

    /// A plant that runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn started(options: PlantOptions) -> anyhow::Result<Self> {
        let mut plant = Self::new(options)?;
        plant.start()?;
        Ok(plant)
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Sets the further environment variables of the processes that are started from now on.
    pub fn set_env(&mut self, env: Vec<(String, String)>) {
        self.options.env = env;
    }

    /// A path beside the data directory, for what a test wants to keep.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it logged, over all its starts.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.beside("tacho.log")).unwrap_or_default()
    }

    /// The lake, read by `tacho sql`.
    pub fn lake(&self) -> Lake {
        Lake::new(self.data())
    }

    /// What `tacho audit` says of it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn audit(&self) -> anyhow::Result<Output> {
        tacho(&["audit", "--data", self.data().to_str().context("path")?])
    }

    /// What `tacho audit` says of it, if it finds nothing wrong.
    ///
    /// # Errors
    /// If it finds something; the error has what it says.
    pub fn audited(&self) -> anyhow::Result<String> {
        let audit = self.audit()?;
        ensure!(audit.status.success(), "tacho audit: {}", text(&audit));
        Ok(text(&audit))
    }

    /// Starts the process without waiting for it, with further arguments.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(&mut self, further: &[&str]) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "the plant runs already");
        let log = File::options().create(true).append(true).open(self.beside("tacho.log")).context("log file")?;
        let mut command = Command::new(program());
        command.arg("up").arg("--data").arg(self.data());
        command.args(["--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        if self.options.config.is_some() {
            command.arg("--config").arg(self.beside("tacho.toml"));
        }
        command.args(&self.options.args).args(further).envs(self.options.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().context("tacho up cannot be started")?);
        Ok(())
    }

    /// Starts the process and waits until it listens.
    ///
    /// # Errors
    /// If it ends instead; the error has what it logged.
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.spawn(&[])?;
        self.wait_until_up()
    }

    /// Waits until the process listens.
    ///
    /// # Errors
    /// If it ends instead.
    pub fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let pid = self.process.as_ref().map(Child::id).context("the plant does not run")?;
        let endpoints = self.data().join("endpoints.json");
        let up = until_some("endpoints of the plant", START, || {
            if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
                return Some(Err(status));
            }
            let of_this_start = |text: &String| text.contains(&format!("\"pid\": {pid},"));
            std::fs::read_to_string(&endpoints).ok().filter(of_this_start).map(Ok)
        });
        if let Err(status) = up {
            self.process = None;
            anyhow::bail!("tacho up ended with {status} instead of listening; it logged:\n{}", self.logged());
        }
        Ok(())
    }

    fn endpoint(&self, name: &str) -> anyhow::Result<String> {
        let text = std::fs::read_to_string(self.data().join("endpoints.json")).context("endpoints.json")?;
        let endpoints: serde_json::Value = serde_json::from_str(&text).context("endpoints.json")?;
        Ok(endpoints[name].as_str().with_context(|| format!("{name} in {text}"))?.to_owned())
    }

    /// Address of its MQTT broker.
    ///
    /// # Errors
    /// If it does not run.
    pub fn mqtt(&self) -> anyhow::Result<String> {
        self.endpoint("mqtt")
    }

    /// Address of its admin endpoint.
    ///
    /// # Errors
    /// If it does not run.
    pub fn admin(&self) -> anyhow::Result<String> {
        self.endpoint("admin")
    }

    /// What its admin endpoint answers: status and body.
    ///
    /// # Errors
    /// If it does not answer in HTTP.
    pub fn ask(&self, path: &str) -> anyhow::Result<(u16, String)> {
        self.request(&format!("GET {path} HTTP/1.0\r\n\r\n"))
    }

    /// What its admin endpoint answers to a post with an `Authorization`.
    ///
    /// # Errors
    /// If it does not answer in HTTP.
    pub fn post(&self, path: &str, authorization: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let length = body.len();
        self.request(&format!(
            "POST {path} HTTP/1.0\r\nAuthorization: {authorization}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn request(&self, request: &str) -> anyhow::Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin()?).context("admin endpoint")?;
        stream.set_read_timeout(Some(END)).context("admin endpoint")?;
        stream.write_all(request.as_bytes()).context("admin endpoint")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("admin endpoint")?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer without an empty line")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status")?;
        Ok((status, body.to_owned()))
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// A line of `/proc/PID/status`, in MiB: `VmRSS:` is the memory it has now, `VmHWM:` the most that it had.
    ///
    /// # Errors
    /// If it does not run.
    pub fn memory_mib(&self, line: &str) -> anyhow::Result<u64> {
        let pid = self.pid().context("the plant does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("status of the process")?;
        let kib = status.lines().find_map(|text| text.strip_prefix(line)).with_context(|| line.to_owned())?;
        Ok(kib.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().context("memory")? / 1024)
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If there is nothing to kill.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut process = self.process.take().context("the plant does not run")?;
        process.kill().context("kill")?;
        process.wait().context("wait")?;
        Ok(())
    }

    /// SIGTERM, and waits for a clean end.
    ///
    /// # Errors
    /// If it does not end in time or not with success.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the plant does not run")?;
        let status = Command::new("kill").arg(process.id().to_string()).status().context("kill")?;
        ensure!(status.success(), "kill failed");
        let status = self.wait_for_end(END)?;
        ensure!(status.success(), "tacho up ended with {status}; it logged:\n{}", self.logged());
        Ok(())
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// If it does not run.
    pub fn wait_for_end(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let mut process = self.process.take().context("the plant does not run")?;
        Ok(until_some("end of the plant", deadline, || process.try_wait().ok().flatten()))
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _killed = process.kill();
            let _waited = process.wait();
        }
    }
}

/// Copies a folder with everything in it, as a backup or an attacker would.
///
/// # Errors
/// If something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
