//! Debian's mosquitto as a reference: another broker on the same machine, under the same load.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::plant::{Folder, Process};

/// Where the daemon lies; not on everybody's path.
const PROGRAM: &str = "/usr/sbin/mosquitto";
/// Longest time until it listens.
const START: Duration = Duration::from_secs(10);

/// A running mosquitto, in memory and without limits on what is in flight.
#[derive(Debug)]
pub(crate) struct Mosquitto {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// Holds its configuration, and goes with it.
    _folder: Folder,
}

impl Mosquitto {
    /// Starts it; `None` if it is not installed.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        if !Path::new(PROGRAM).exists() {
            return Ok(None);
        }
        let folder = Folder::new("mosquitto")?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("free port")?;
        let address = free.local_addr().context("free port")?;
        drop(free);
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\npersistence false\nlog_dest none\n",
            address.port()
        );
        let path = folder.join("mosquitto.conf");
        fs::write(&path, config).context("configuration of mosquitto")?;
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(command.spawn().context("mosquitto")?);
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(started.elapsed() < START, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(Self { process, address, _folder: folder }))
    }
}
