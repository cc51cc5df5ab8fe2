//! Clients that we did not write: Debian's mosquitto tools, and the simulator as a process.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::plant::{program, tacho};

/// Whether a program can be run here; says so if not.
pub fn installed(name: &str) -> bool {
    let found = Command::new(name).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {name} is not installed; ./test installs it");
    }
    found
}

/// A path that `./test` hands over in the environment; says so where it is not set.
#[expect(clippy::disallowed_methods, reason = "a test's tools come from the environment, not from a configuration")]
pub fn tool(name: &str) -> Option<String> {
    let found = std::env::var(name).ok();
    if found.is_none() {
        eprintln!("skipped: {name} is not set; ./test sets it");
    }
    found
}

fn address(mqtt: &str) -> anyhow::Result<(&str, &str)> {
    mqtt.rsplit_once(':').context("HOST:PORT")
}

/// Publishes a file with `mosquitto_pub` at QoS 1; `version` is `311` or `5`.
///
/// # Errors
/// If it is not acknowledged.
pub fn mosquitto_pub(mqtt: &str, version: &str, topic: &str, file: &Path) -> anyhow::Result<()> {
    let (host, port) = address(mqtt)?;
    let output = Command::new("mosquitto_pub")
        .args(["-h", host, "-p", port, "-V", version, "-q", "1", "-t", topic, "-f"])
        .arg(file)
        .output()
        .context("mosquitto_pub")?;
    ensure!(output.status.success(), "mosquitto_pub: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Starts `mosquitto_sub`, which ends after `count` messages or 30 s and prints topic and payload.
///
/// # Errors
/// If it cannot be started.
pub fn mosquitto_sub(mqtt: &str, filter: &str, count: u32) -> anyhow::Result<Child> {
    let (host, port) = address(mqtt)?;
    // Line-buffered, so that its debug lines tell when the subscription stands.
    Command::new("stdbuf")
        .args([
            "-oL",
            "mosquitto_sub",
            "-h",
            host,
            "-p",
            port,
            "-q",
            "1",
            "-v",
            "-W",
            "30",
            "-d",
            "-C",
            &count.to_string(),
            "-t",
            filter,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("mosquitto_sub")
}

/// Starts `tacho simulate` against a plant; what it reports comes on its standard output.
///
/// # Errors
/// If it cannot be started.
pub fn simulate(mqtt: &str, args: &[&str]) -> anyhow::Result<Child> {
    Command::new(program())
        .args(["simulate", "--to", &format!("mqtt://{mqtt}")])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("tacho simulate")
}

/// Waits for devices that [`simulate`] started, and gives their report.
///
/// # Errors
/// If not everything was acknowledged.
pub fn finished(devices: &mut Child) -> anyhow::Result<String> {
    let mut report = String::new();
    devices.stdout.take().context("its report was read before")?.read_to_string(&mut report)?;
    ensure!(devices.wait()?.success(), "tacho simulate: {report}");
    Ok(report)
}

/// Runs `tacho simulate` to its end and gives its report.
///
/// # Errors
/// If not everything was acknowledged.
pub fn simulated(mqtt: &str, args: &[&str]) -> anyhow::Result<serde_json::Value> {
    let to = format!("mqtt://{mqtt}");
    let output = tacho(&[&["simulate", "--to", to.as_str()], args].concat())?;
    ensure!(output.status.success(), "tacho simulate: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("report of tacho simulate")
}

/// Publishes each line of a file as one message, with `mosquitto_pub` at QoS 1.
///
/// # Errors
/// If one is not acknowledged.
pub fn mosquitto_pub_lines(mqtt: &str, topic: &str, file: &Path) -> anyhow::Result<()> {
    let (host, port) = address(mqtt)?;
    let lines = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    let output = Command::new("mosquitto_pub")
        .args(["-h", host, "-p", port, "-V", "311", "-q", "1", "-t", topic, "-l"])
        .stdin(lines)
        .output()
        .context("mosquitto_pub")?;
    ensure!(output.status.success(), "mosquitto_pub: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
