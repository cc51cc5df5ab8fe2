//! The role that looks for a newer roster and puts it in force.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use metrics::gauge;
use tacho_config::Settings;
use tacho_config::settings::RosterSource;
use tacho_lake::config_store::ConfigStore;
use tacho_log::Log;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::address::Address;
use super::{Chosen, Edition, keep, key, measure, read};
use crate::roster::{Signed, note_file};
use crate::up::configuration;

/// Between two looks at files.
const LOOK: Duration = Duration::from_secs(2);
/// Until files that were not taken are tried again although they have not changed.
const RETRY: Duration = Duration::from_secs(10);

/// Times and lengths of both files, by which a change shows.
type Stamps = [Option<(SystemTime, u64)>; 2];

/// Looks at the roster and puts a newer version in force.
#[derive(Debug)]
pub(in crate::up) struct Watch {
    settings: Settings,
    configs: ConfigStore,
    log: Arc<Log>,
    in_force: Option<Edition>,
    /// Whether the next one that is verified is taken, whatever its version.
    any: bool,
    /// Note of the roster that was taken last.
    note: Option<Vec<u8>>,
    /// What was told last of one that was not taken.
    told: Option<String>,
}

impl Watch {
    /// A watch over the roster of which this one is in force.
    pub(in crate::up) fn new(
        settings: &Settings,
        configs: ConfigStore,
        log: Arc<Log>,
        in_force: Option<Edition>,
    ) -> Self {
        Self { settings: settings.clone(), configs, log, in_force, any: false, note: None, told: None }
    }

    /// The same watch, which takes the first roster that is verified, also an older one.
    pub(in crate::up) fn taking_any(self) -> Self {
        Self { any: true, ..self }
    }

    /// Runs until `stop`.
    pub(in crate::up) async fn run(mut self, stop: CancellationToken) {
        match self.source() {
            None => stop.cancelled().await,
            Some(RosterSource::File(file)) => self.watch_file(&file, &stop).await,
            Some(RosterSource::Url { url, every }) => match Address::new(&url) {
                Ok(address) => self.watch_address(address, every, &stop).await,
                Err(error) => {
                    self.is_taken(Err(error));
                    stop.cancelled().await;
                }
            },
        }
    }

    /// Puts in force what an address has, if the settings name one.
    pub(in crate::up) async fn fetch_once(&mut self) -> anyhow::Result<()> {
        let Some(RosterSource::Url { url, .. }) = self.source() else { return Ok(()) };
        let fetched = self.fetch(&Address::new(&url)?).await;
        self.renew(fetched).await
    }

    fn source(&self) -> Option<RosterSource> {
        self.settings.processing.roster.as_ref().map(|roster| roster.source.clone())
    }

    async fn watch_file(&mut self, file: &Path, stop: &CancellationToken) {
        let (mut taken, mut failed) = (None, None);
        loop {
            let now = stamps(file);
            let due = failed.is_none_or(|(stamps, at): (Stamps, Instant)| stamps != now || at.elapsed() >= RETRY);
            if taken != Some(now) && due {
                let settings = self.settings.clone();
                let read = tokio::task::spawn_blocking(move || read(&settings)).await.context("reading was cut off");
                let renewed = self.renew(read.and_then(|read| read)).await;
                (taken, failed) =
                    if self.is_taken(renewed) { (Some(now), None) } else { (None, Some((now, Instant::now()))) };
            }
            if !goes_on(stop, LOOK).await {
                return;
            }
        }
    }

    async fn watch_address(&mut self, address: Address, every: Duration, stop: &CancellationToken) {
        loop {
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = self.fetch(&address) => fetched,
            };
            let renewed = self.renew(fetched).await;
            self.is_taken(renewed);
            if !goes_on(stop, every).await {
                return;
            }
        }
    }

    /// What an address has that was not taken yet.
    async fn fetch(&self, address: &Address) -> anyhow::Result<Option<Signed>> {
        let Some(roster) = &self.settings.processing.roster else { return Ok(None) };
        address.fetch(&key(roster)?, self.note.as_deref()).await
    }

    /// Takes the roster if it is newer than the one in force; it is kept before it is put in force.
    async fn renew(&mut self, signed: anyhow::Result<Option<Signed>>) -> anyhow::Result<()> {
        let Some(signed) = signed? else { return Ok(()) };
        let (next, roster, note) = (Edition::of(&signed.roster), Arc::clone(&signed.roster), signed.note.clone());
        if let Some(in_force) = self.in_force.filter(|_| !self.any) {
            next.may_follow(in_force)?;
        }
        keep(&self.settings.data_dir, &signed).context("keeping the roster")?;
        if self.in_force != Some(next) {
            let digest = configuration::store(&self.settings, &Chosen::Named(signed), &self.configs).await?;
            let partitions: Vec<i32> = (0..self.log.identity().partitions).collect();
            configuration::put_in_force(&self.log.appender(), &partitions, digest).await?;
            info!(version = next.version(), sha256 = %roster.digest(), configuration = %digest, "another roster is in force");
            measure(Some(&roster));
        }
        self.in_force = Some(next);
        self.any = false;
        self.note = Some(note);
        Ok(())
    }

    /// Whether what was looked at is what is in force; if not that is told, once for each reason.
    fn is_taken(&mut self, renewed: anyhow::Result<()>) -> bool {
        gauge!("tacho_roster_failing").set(if renewed.is_ok() { 0.0 } else { 1.0 });
        let error = renewed.err().map(|error| format!("{error:#}"));
        if let Some(error) = error.as_ref().filter(|error| self.told.as_ref() != Some(error)) {
            warn!(error, in_force = self.in_force.map(Edition::version), "the roster is not taken");
        }
        self.told = error;
        self.told.is_none()
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
