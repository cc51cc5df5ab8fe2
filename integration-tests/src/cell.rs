//! `tacho simulate --opcua` as a process: a robot cell behind an OPC UA server.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, ensure};

use crate::plant::program;

/// A running cell.
#[derive(Debug)]
pub struct Cell {
    process: Child,
    url: String,
}

impl Cell {
    /// Starts a cell on a free port of this machine, with further arguments.
    ///
    /// # Errors
    /// If it does not say where it listens.
    pub fn start(args: &[&str]) -> anyhow::Result<Self> {
        let mut process = Command::new(program())
            .args(["simulate", "--opcua", "--opcua-listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("tacho simulate --opcua")?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut url).context("its output")?;
        let url = url.trim_end().to_owned();
        ensure!(url.starts_with("opc.tcp://127.0.0.1:"), "{url:?} is no URL of a server");
        Ok(Self { process, url })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Interrupts it as Ctrl-C does, and waits for its end.
    ///
    /// # Errors
    /// If it cannot be interrupted.
    pub fn interrupt(mut self) -> anyhow::Result<ExitStatus> {
        let sent = Command::new("kill").arg("-INT").arg(self.process.id().to_string()).status().context("kill")?;
        ensure!(sent.success(), "kill: {sent}");
        self.process.wait().context("wait")
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _waited = self.process.wait();
    }
}
