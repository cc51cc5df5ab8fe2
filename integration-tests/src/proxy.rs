//! A TCP proxy between a client and a server, which can cut connections, refuse new ones, or swallow what is sent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

const PASS: u8 = 0;
const CUT: u8 = 1;
const SWALLOW: u8 = 2;
const POLL: Duration = Duration::from_millis(20);

/// A proxy on a port of its own; it ends with the process.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A proxy before the server on a port of this machine.
    ///
    /// # Errors
    /// If there is no port to be had.
    pub fn before(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("port of the proxy")?;
        let proxy = Self { port: listener.local_addr()?.port(), mode: Arc::default(), open: Arc::default() };
        let (mode, open) = (Arc::clone(&proxy.mode), Arc::clone(&proxy.open));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if mode.load(Ordering::Relaxed) == CUT {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(from), Ok(to), Ok(kept)) = (from.try_clone(), to.try_clone(), from.try_clone()) else {
                        continue;
                    };
                    open.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
                    let mode = Arc::clone(&mode);
                    std::thread::spawn(move || pass_on(from, to, &mode));
                }
            }
        });
        Ok(proxy)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections, and takes none.
    pub fn cut(&self) {
        self.mode.store(CUT, Ordering::Relaxed);
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _gone_already = stream.shutdown(Shutdown::Both);
        }
    }

    /// Connections stay, and nothing comes through them: as if a cable were pulled.
    pub fn swallow(&self) {
        self.mode.store(SWALLOW, Ordering::Relaxed);
    }

    /// Everything passes again. What was swallowed is lost, and its connections with it.
    pub fn pass(&self) {
        if self.mode.load(Ordering::Relaxed) == SWALLOW {
            self.cut();
        }
        self.mode.store(PASS, Ordering::Relaxed);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8) {
    let mut bytes = [0; 65_536];
    if from.set_read_timeout(Some(POLL)).is_err() {
        return;
    }
    loop {
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => {
                if mode.load(Ordering::Relaxed) == PASS && to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_broken) => break,
        }
    }
    let _gone_already = to.shutdown(Shutdown::Both);
}
