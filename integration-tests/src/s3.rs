//! A real S3 server on loopback, and a proxy before it that loses answers.
//!
//! The server is versitygw over a folder: it keeps conditional puts (`If-None-Match`) apart by the file system's own exclusive
//! link, so of many creators one wins.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::wait::until;

/// Bucket that the server has from its start.
pub const BUCKET: &str = "lake";
/// Name of its access key.
pub const KEY_ID: &str = "tacho-test";
/// Secret of its access key.
pub const SECRET: &str = "tacho-test-secret";
/// Environment variable that names the server's program; `./test` sets it.
const PROGRAM: &str = "TACHO_S3_SERVER";

/// A running server with an empty bucket; it ends with the value.
#[derive(Debug)]
pub struct S3Server {
    folder: TempDir,
    address: SocketAddr,
    process: Child,
}

impl S3Server {
    /// Starts a server; `None`, with a message, where there is no program for it.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn started() -> anyhow::Result<Option<Self>> {
        let Some(program) = std::env::var_os(PROGRAM).map(PathBuf::from).filter(|program| program.exists()) else {
            eprintln!("skipped: {PROGRAM} names no S3 server; ./test installs one");
            return Ok(None);
        };
        let folder = tempfile::tempdir().context("temporary folder")?;
        // A bucket is a folder.
        std::fs::create_dir_all(folder.path().join("buckets").join(BUCKET)).context("bucket")?;
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).context("free port")?;
        let log = std::fs::File::create(folder.path().join("server.log")).context("log file")?;
        let process = Command::new(program)
            .args(["--port", &address.to_string(), "--access", KEY_ID, "--secret", SECRET, "--quiet", "posix"])
            .arg(folder.path().join("buckets"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("log file")?)
            .stderr(log)
            .spawn()
            .context("S3 server")?;
        let server = Self { folder, address, process };
        until("the S3 server listens", Duration::from_secs(30), &true, || TcpStream::connect(address).is_ok());
        Ok(Some(server))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The section `lake` of a configuration whose lake lies in the bucket, reached by way of `address`.
    ///
    /// # Errors
    /// If the credentials file cannot be written.
    pub fn lake_section(&self, address: SocketAddr) -> anyhow::Result<String> {
        let credentials = self.folder.path().join("s3.key");
        std::fs::write(&credentials, format!("{KEY_ID}\n{SECRET}\n")).context("credentials")?;
        Ok(format!(
            "[lake]\nurl = \"s3://{BUCKET}/plant/7\"\nendpoint = \"http://{address}\"\ncredentials_file = {credentials:?}\n"
        ))
    }

    /// Objects below a prefix of the bucket, as files of the server.
    ///
    /// # Errors
    /// If its folder cannot be read.
    pub fn objects(&self, prefix: &str) -> anyhow::Result<usize> {
        let mut folders = vec![self.folder.path().join("buckets").join(BUCKET).join(prefix)];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                if path.is_dir() { folders.push(path) } else { found += 1 }
            }
        }
        Ok(found)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _waited = self.process.wait();
    }
}

/// A proxy that hands requests on and, of every so many puts, cuts the connection in place of the answer: the server has
/// done what was asked, and nobody is told.
#[derive(Debug)]
pub struct LosingProxy {
    address: SocketAddr,
    lost: Arc<AtomicUsize>,
    /// Answers that are to be lost next, whichever their number.
    next: Arc<AtomicUsize>,
}

impl LosingProxy {
    /// A proxy before `server` that loses the answer of each `every`-th put whose path contains `of`, and those that it is
    /// told to lose.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn before(server: SocketAddr, every: usize, of: &'static str) -> anyhow::Result<Self> {
        ensure!(every > 0, "every 0th put");
        let listener = TcpListener::bind("127.0.0.1:0").context("proxy")?;
        let address = listener.local_addr().context("proxy")?;
        let [puts, lost, next] = [0; 3].map(|_| Arc::new(AtomicUsize::new(0)));
        let (counted, told) = (Arc::clone(&lost), Arc::clone(&next));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (puts, lost, told) = (Arc::clone(&puts), Arc::clone(&counted), Arc::clone(&told));
                let chosen = move |head: &str| {
                    let is_one = head.starts_with("PUT ") && head.contains(of);
                    let less_one = |left: usize| left.checked_sub(1);
                    is_one
                        && ((puts.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(every)
                            || told.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less_one).is_ok())
                };
                if let Ok(server) = TcpStream::connect(server) {
                    std::thread::spawn(move || serve(&client, &server, chosen, &lost));
                }
            }
        });
        Ok(Self { address, lost, next })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loses the answers of the next `count` such puts.
    pub fn lose_next(&self, count: usize) {
        self.next.store(count, Ordering::SeqCst);
    }

    /// Answers that were lost.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Hands on what both sides say. A client waits for an answer before it asks again, so what it sends after an answer begins
/// with the head of a request.
fn serve(client: &TcpStream, server: &TcpStream, chosen: impl Fn(&str) -> bool + Sync, lost: &AtomicUsize) {
    let (answered, doomed) = (AtomicBool::new(true), AtomicBool::new(false));
    let requests = || -> std::io::Result<()> {
        let (mut from, mut to, mut bytes) = (client, server, vec![0; 64 << 10]);
        loop {
            let count = from.read(&mut bytes)?;
            if count == 0 {
                return server.shutdown(Shutdown::Write);
            }
            if answered.swap(false, Ordering::SeqCst) {
                let line = bytes[..count].split(|byte| *byte == b'\r').next().unwrap_or_default();
                doomed.store(chosen(&String::from_utf8_lossy(line)), Ordering::SeqCst);
            }
            to.write_all(&bytes[..count])?;
        }
    };
    let answers = || -> std::io::Result<()> {
        let (mut from, mut to, mut bytes) = (server, client, vec![0; 64 << 10]);
        loop {
            let count = from.read(&mut bytes)?;
            if count > 0 && doomed.load(Ordering::SeqCst) {
                lost.fetch_add(1, Ordering::SeqCst);
                client.shutdown(Shutdown::Both)?;
                return server.shutdown(Shutdown::Both);
            }
            if count == 0 {
                return client.shutdown(Shutdown::Write);
            }
            answered.store(true, Ordering::SeqCst);
            to.write_all(&bytes[..count])?;
        }
    };
    std::thread::scope(|scope| {
        // A connection that breaks off is what the test is about.
        scope.spawn(|| drop(requests()));
        drop(answers());
    });
}
