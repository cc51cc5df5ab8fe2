//! A simulated arm behind an OPC UA server that nobody here wrote, as a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::tool;

/// Namespace of the arm's nodes.
pub const NAMESPACE: &str = "http://tachograph.example/arm";
/// The arm's robot ID.
pub const ROBOT: &str = "CNAB12HX00010000000000000042A";

/// Answers that may wait.
const ANSWERS_MAX: usize = 1000;
/// Longest time for the server to start or to answer.
const ANSWER: Duration = Duration::from_secs(60);

/// Who wrote the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// FreeOpcUa, in Python.
    Asyncua,
    /// Sterfive, in JavaScript.
    NodeOpcua,
}

/// A running server.
#[derive(Debug)]
pub struct Arm {
    process: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    port: u16,
    /// Files that the server needs for as long as it runs.
    _own: Option<TempDir>,
}

impl Arm {
    /// Starts the arm by a maker's server on a port, with options that `opcua/asyncua_arm.py` and `opcua/node_opcua_arm.js`
    /// have; `None` where it is not installed, which is told. Each start makes the server another certificate.
    ///
    /// # Errors
    /// If it does not come up; what it says is on standard error.
    pub fn behind(maker: Maker, port: u16, options: &[&str]) -> anyhow::Result<Option<Self>> {
        match maker {
            Maker::Asyncua => tool("TACHO_PYTHON").map(|python| Self::start(&python, port, options)).transpose(),
            Maker::NodeOpcua => {
                let Some(modules) = tool("TACHO_NODE_MODULES") else { return Ok(None) };
                let own = TempDir::new().context("a folder for the server")?;
                let mut command = Command::new("node");
                command.env("NODE_PATH", modules).arg("opcua/node_opcua_arm.js").arg(port.to_string());
                command.arg(own.path()).args(options);
                Self::of(command, port, Some(own)).map(Some)
            }
        }
    }

    /// Starts the arm by a Python with `asyncua` on a port, with options of `opcua/asyncua_arm.py`.
    ///
    /// # Errors
    /// If it does not come up; what it says is on standard error.
    pub fn start(python: &str, port: u16, options: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(python);
        command.arg("opcua/asyncua_arm.py").arg(port.to_string()).args(options);
        Self::of(command, port, None)
    }

    /// Starts a robot by the types of the nodesets in a folder, by a Python with `asyncua`.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn asyncua_robot(python: &str, port: u16, nodesets: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(python);
        command.arg("opcua/asyncua_robot.py").arg(port.to_string()).arg(nodesets).args(options);
        Self::of(command, port, None)
    }

    /// The same by Node.js, with `node-opcua` in its folder of modules, and a folder for its certificates; with further
    /// arguments of `opcua/node_opcua_robot.js`.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn node_opcua_robot(
        modules: &str,
        port: u16,
        nodesets: &Path,
        own: &Path,
        asset_id: &str,
        further: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("node");
        command.env("NODE_PATH", modules).arg("opcua/node_opcua_robot.js").arg(port.to_string());
        command.arg(nodesets).arg(own).arg(asset_id).args(further);
        Self::of(command, port, None)
    }

    fn of(mut command: Command, port: u16, own: Option<TempDir>) -> anyhow::Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("an OPC UA server")?;
        let input = process.stdin.take().context("input of the arm")?;
        let output = process.stdout.take().context("output of the arm")?;
        let (lines, answers) = sync_channel(ANSWERS_MAX);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let arm = Self { process, input, answers, port, _own: own };
        arm.answer().context("the arm did not come up")?;
        Ok(arm)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Sends a command without waiting for its answer.
    ///
    /// # Errors
    /// If the arm is gone.
    pub fn tell(&mut self, command: &Value) -> anyhow::Result<()> {
        writeln!(self.input, "{command}").context("the arm is gone")
    }

    /// Waits for the answer to the oldest command that has none.
    ///
    /// # Errors
    /// If the arm says that it could not, or nothing.
    pub fn answer(&self) -> anyhow::Result<Value> {
        let line = self.answers.recv_timeout(ANSWER).context("the arm does not answer")?;
        let answer: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        if let Some(error) = answer.get("error") {
            bail!("the arm could not: {error}");
        }
        Ok(answer)
    }

    /// Does something, and waits until it is done.
    ///
    /// # Errors
    /// If it could not.
    pub fn does(&mut self, command: &Value) -> anyhow::Result<Value> {
        self.tell(command)?;
        self.answer()
    }

    /// Sets one of its values.
    ///
    /// # Errors
    /// If it could not.
    pub fn writes(&mut self, node: &str, value: &Value) -> anyhow::Result<Value> {
        self.does(&json!({ "do": "write", "node": node, "value": value }))
    }

    /// Begins to count from one number to another, one each `every_ms`.
    ///
    /// # Errors
    /// If the arm is gone.
    pub fn counts(&mut self, from: u32, to: u32, every_ms: u32) -> anyhow::Result<()> {
        self.tell(&json!({ "do": "count", "node": "Count", "from": from, "to": to, "every_ms": every_ms }))
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If there is nothing to kill.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill().context("kill")?;
        self.process.wait().context("wait")?;
        Ok(())
    }
}

impl Drop for Arm {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _waited = self.process.wait();
    }
}

/// URL of an arm, or of a proxy before it.
pub fn url(port: u16) -> String {
    format!("opc.tcp://127.0.0.1:{port}/arm")
}

/// Settings of a bridge to the arm, with further lines for the server.
pub fn bridge(url: &str, server: &str) -> String {
    let signals: String = [
        ("PowerOn", "counters.power_on_h"),
        ("Speed", "joints.J1.speed_rad_s"),
        ("Torque", "joints.J1.torque_nm"),
        ("Temp", "joints.J1.temp_motor_c"),
        ("EStop", "counters.estop_count"),
        ("Count", "events.info.COUNT"),
    ]
    .map(|(node, field)| {
        format!("[[opcua.servers.robots.signals]]\nnode = \"nsu={NAMESPACE};s={node}\"\nfield = \"{field}\"\n")
    })
    .concat();
    format!(
        "[opcua]\nwindow = \"1s\"\n[[opcua.servers]]\nname = \"arm\"\nurl = \"{url}\"\npublishing_interval = \"100ms\"\n\
         sampling_interval = \"10ms\"\n{server}\n[[opcua.servers.robots]]\nrobot_id = \"{ROBOT}\"\nrobot_kind = \"arm\"\n\
         [[opcua.servers.robots.joints]]\nname = \"J1\"\ngear_ratio = 100\nrated_torque_nm = 50\n{signals}"
    )
}

/// Settings for many nodes of a server, whose names are the prefix and a number: robots of fifty joints, each with a
/// temperature and a torque. The first robot's ID ends with `first`.
pub fn mapped(prefix: &str, first: usize, nodes: usize) -> String {
    let mut lines = String::new();
    for number in 0..nodes {
        if number % 100 == 0 {
            lines += &format!(
                "[[opcua.servers.robots]]\nrobot_id = \"CNAB12HX0001{:017}\"\nrobot_kind = \"arm\"\npower_on_h_start = 0\n",
                first + number
            );
        }
        let (joint, field) = (number % 100 / 2, if number % 2 == 0 { "temp_motor_c" } else { "torque_nm" });
        lines += &format!(
            "[[opcua.servers.robots.signals]]\nnode = \"{prefix}{number}\"\nfield = \"joints.J{joint}.{field}\"\n"
        );
    }
    lines
}
