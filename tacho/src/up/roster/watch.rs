//! The role that looks for a newer roster and puts it in force.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use tacho_config::Settings;
use tacho_config::settings::RosterSource;
use tacho_lake::config_store::ConfigStore;
use tacho_log::Log;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::address::Address;
use super::{key, read};
use crate::roster::{Signed, note_file};
use crate::up::configuration;

/// Between two looks at files.
const LOOK: Duration = Duration::from_secs(2);

/// Times and lengths of both files, by which a change shows.
type Stamps = [Option<(SystemTime, u64)>; 2];

/// Looks at the roster and puts a newer version in force.
#[derive(Debug)]
pub(in crate::up) struct Watch {
    settings: Settings,
    configs: ConfigStore,
    log: Arc<Log>,
    version: u64,
}

impl Watch {
    /// A watch over the roster of which `version` is in force; 0 if there is none.
    pub(in crate::up) fn new(settings: &Settings, configs: ConfigStore, log: Arc<Log>, version: u64) -> Self {
        Self { settings: settings.clone(), configs, log, version }
    }

    /// Runs until `stop`.
    pub(in crate::up) async fn run(mut self, stop: CancellationToken) {
        let source = self.settings.processing.roster.as_ref().map(|roster| roster.source.clone());
        match source {
            None => stop.cancelled().await,
            Some(RosterSource::File(file)) => self.watch_file(&file, &stop).await,
            Some(RosterSource::Url { url, every }) => match Address::new(&url) {
                Ok(address) => self.watch_address(address, every, &stop).await,
                Err(error) => {
                    self.not_taken(&error);
                    stop.cancelled().await;
                }
            },
        }
    }

    async fn watch_file(&mut self, file: &Path, stop: &CancellationToken) {
        let mut seen = stamps(file);
        while goes_on(stop, LOOK).await {
            let now = stamps(file);
            if now != seen {
                seen = now;
                let settings = self.settings.clone();
                let read = tokio::task::spawn_blocking(move || read(&settings)).await.context("reading was cut off");
                if let Err(error) = self.renew(read.and_then(|read| read)).await {
                    self.not_taken(&error);
                }
            }
        }
    }

    async fn watch_address(&mut self, mut address: Address, every: Duration, stop: &CancellationToken) {
        loop {
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = self.fetch(&mut address) => fetched,
            };
            if let Err(error) = self.renew(fetched).await {
                self.not_taken(&error);
            }
            if !goes_on(stop, every).await {
                return;
            }
        }
    }

    /// What an address has that is new; it is kept before it is put in force.
    async fn fetch(&self, address: &mut Address) -> anyhow::Result<Option<Signed>> {
        let Some(roster) = &self.settings.processing.roster else { return Ok(None) };
        let fetched = address.fetch(&key(roster)?).await?;
        if let Some(signed) = fetched.as_ref().filter(|signed| signed.roster.version() >= self.version) {
            address.keep(&self.settings.data_dir, signed)?;
        }
        Ok(fetched)
    }

    /// Takes the roster if it is newer than the one in force.
    async fn renew(&mut self, signed: anyhow::Result<Option<Signed>>) -> anyhow::Result<()> {
        let Some(signed) = signed? else { return Ok(()) };
        let version = signed.roster.version();
        ensure!(version >= self.version, "version {version} is older than {}, which is in force", self.version);
        if version == self.version {
            return Ok(());
        }
        let digest = configuration::store(&self.settings, Some(signed), &self.configs).await?;
        let partitions: Vec<i32> = (0..self.log.identity().partitions).collect();
        configuration::put_in_force(&self.log.appender(), &partitions, digest).await?;
        info!(version, %digest, "a newer roster is in force");
        self.version = version;
        Ok(())
    }

    fn not_taken(&self, error: &anyhow::Error) {
        warn!(error = format!("{error:#}"), in_force = self.version, "the roster is not taken");
    }
}

/// Waits; whether to look again.
async fn goes_on(stop: &CancellationToken, pause: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

fn stamps(file: &Path) -> Stamps {
    [file.to_owned(), note_file(file)].map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}
