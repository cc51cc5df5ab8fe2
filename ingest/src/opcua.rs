//! The OPC UA bridge: subscribes to controllers, journals what they report, and cuts records of it.
//!
//! async-opcua is the transport: its types stay in this folder. A notification is acknowledged to its server when it is
//! durable in the [`journal`]; the [`cutter`] makes records of the journal, and they take the way of any publish.

pub mod browse;
pub mod cutter;
pub mod fuzzing;
pub mod journal;
mod link;
mod needed;
mod outbox;
mod recovery;
pub mod trust;
pub mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_config::settings::OpcuaSettings;
use tacho_log::OpenError;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Outlet;
use cutter::Cutter;
use journal::{Entry, Journal, JournalError, JournalWriter, now_us};
use link::{Before, Claims, Link};
use outbox::Outbox;
use recovery::Recovery;

pub use trust::{TrustError, TrustStore};

/// The end of a window is told this much after it, so that what was received in it is there.
const GRACE: Duration = Duration::from_millis(200);

/// The bridge, open and not running yet.
pub struct OpcuaBridge {
    links: Vec<Link>,
    outbox: Outbox,
    ticker: JournalWriter,
    window: Duration,
}

/// Why the bridge does not start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The folder of certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The journal cannot be opened.
    #[error("journal {}", path.display())]
    Journal {
        /// Its folder.
        path: PathBuf,
        /// What is in the way.
        #[source]
        error: OpenError,
    },
    /// The journal cannot be read.
    #[error("journal of the OPC UA bridge")]
    Read(#[from] JournalError),
}

/// Why a running bridge ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum BridgeEnd {
    /// The journal.
    #[error("journal of the OPC UA bridge")]
    Journal(#[from] JournalError),
    /// A part of it panicked.
    #[error("a part of the OPC UA bridge has ended unexpectedly")]
    Part(#[from] JoinError),
}

/// The folder of certificates in the bridge's folder.
pub fn trust_dir(bridge_dir: &Path) -> PathBuf {
    bridge_dir.join("pki")
}

impl OpcuaBridge {
    /// Opens the bridge in a folder of its own: certificates and journal.
    ///
    /// # Errors
    /// [`BridgeError`] names what is in the way.
    pub async fn open(dir: &Path, settings: &OpcuaSettings, outlet: Outlet) -> Result<Self, BridgeError> {
        let trust = TrustStore::open(&trust_dir(dir))?;
        let path = dir.join("journal");
        let opened = Journal::open(&path, settings.journal_bytes_max);
        let journal = opened.map_err(|error| BridgeError::Journal { path, error })?;
        let recovery = Recovery::read(&journal).await?;
        let claims = Claims::of(settings);
        let link = |server: &tacho_config::settings::opcua::ServerSettings| {
            let heard = recovery.needed.heard().find(|(name, _)| **name == server.name).map(|(_, heard)| heard.clone());
            let before = Before { heard, robots: recovery.needed.robots_of(&server.name) };
            Link::new(server.clone(), trust.clone(), journal.writer(&server.name), before, claims.clone())
        };
        let links = settings.servers.iter().map(link).collect();
        let ticker = journal.writer("");
        let cutter = Cutter::new(settings.window, settings.skew_max);
        let outbox = Outbox::open(journal, cutter, recovery, outlet).map_err(JournalError::from)?;
        Ok(Self { links, outbox, ticker, window: settings.window })
    }

    /// Runs until `stop`, or until a part of it cannot go on. What is in the journal and not in the log stays there.
    ///
    /// # Errors
    /// [`BridgeEnd`] names the part.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BridgeEnd> {
        let links_stop = stop.child_token();
        let mut parts = JoinSet::new();
        for link in self.links {
            parts.spawn(link.run(links_stop.clone()));
        }
        parts.spawn(tick(self.ticker, self.window, links_stop.clone()));
        let outbox_stop = CancellationToken::new();
        let mut outbox = tokio::spawn(self.outbox.run(outbox_stop.clone()));
        let ended = tokio::select! {
            Some(part) = parts.join_next() => part.map_err(BridgeEnd::from).and_then(|part| Ok(part?)),
            cut = &mut outbox => {
                links_stop.cancel();
                while parts.join_next().await.is_some() {}
                return Err(cut.map_err(BridgeEnd::from)?.err().map_or(JournalError::Closed, |error| error).into());
            }
        };
        links_stop.cancel();
        while parts.join_next().await.is_some() {}
        outbox_stop.cancel();
        let journal = outbox.await??;
        journal.close().await;
        ended
    }
}

impl std::fmt::Debug for OpcuaBridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpcuaBridge").field("links", &self.links.len()).finish_non_exhaustive()
    }
}

/// Notes in the journal that windows are over, also when no server says anything.
async fn tick(writer: JournalWriter, window: Duration, stop: CancellationToken) -> Result<(), JournalError> {
    let window_us = i64::try_from(window.as_micros()).unwrap_or(i64::MAX).max(1);
    loop {
        writer.append(&[Entry::Tick]).await?;
        let left_us = window_us - now_us().rem_euclid(window_us);
        let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0)) + GRACE;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(left) => {}
        }
    }
}
