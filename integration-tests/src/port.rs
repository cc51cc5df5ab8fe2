//! Ports for servers that must be found again after a restart; all others listen on port 0.

use std::net::TcpListener;

use anyhow::Context as _;

/// A port of loopback that was free a moment ago.
///
/// # Errors
/// If there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).context("a free port")?.port())
}
