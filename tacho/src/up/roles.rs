//! The roles of an instance: opened in the order of the data's way, run together, ended in the same order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusBuilder;
use tacho_config::Settings;
use tacho_ingest::{MqttFront, Outlet};
use tacho_lake::Lake;
use tacho_lake::landing::{self, Landing, LandingOptions};
use tacho_lake::maintenance::Maintenance;
use tacho_log::{EmbeddedLog, EmbeddedSettings, Health};
use tacho_registry::{Anchorer, AnchorerOptions};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::admin::Admin;
use super::anchoring::{Anchoring, Closed};
use super::board::Board;
use super::instance::{Endpoints, Instance};
use super::processing::{CommitWhen, Processing};
use super::{Args, configuration, mapping, roster};

/// Time that requests to the admin endpoint have to end.
const ADMIN_END: Duration = Duration::from_secs(1);

/// All roles, bound and ready to run.
#[derive(Debug)]
pub(super) struct Roles {
    instance: Arc<Instance>,
    board: Board,
    log: Arc<EmbeddedLog>,
    front: MqttFront,
    admin: Admin,
    processing: Processing,
    anchoring: Anchoring,
    maintenance: Maintenance,
    roster: roster::Watch,
}

impl Roles {
    /// Opens everything and binds the endpoints; nothing runs yet.
    pub(super) async fn open(settings: &Settings, args: &Args) -> anyhow::Result<Self> {
        let instance = Instance::open(&settings.data_dir)?;
        let board = Board::default();
        let log = Arc::new(open_log(settings).await?);
        instance.forget_endpoints()?;
        let lake_dir = settings.data_dir.join("lake");
        let lake = Lake::open(&lake_dir, mapping::lake(settings, &args.fault));
        let lake = lake.with_context(|| format!("lake {}", lake_dir.display()))?;
        let landing = open_landing(args, &lake, &log).await?;
        let roster_version = configuration::apply(settings, &lake, &landing, &log).await?;
        let closed = Closed::default();
        let anchorer = Anchorer::open(anchorer_options(settings, args)).await.context("anchors")?;
        let maintenance = mapping::maintenance(settings);
        let maintenance =
            Maintenance::open(&lake, maintenance, Arc::new(closed.clone())).await.context("maintenance")?;
        let metrics = PrometheusBuilder::new().install_recorder().context("metrics")?;
        let outlet = Outlet::new(log.appender());
        let front = MqttFront::bind(mapping::mqtt(settings)?, outlet).await.context("MQTT")?;
        let admin = Admin::bind(settings.admin.listen, board.clone(), metrics).await?;
        let commit = CommitWhen { interval: settings.lake.commit_interval, bytes: settings.lake.commit_bytes };
        let configs = lake.configs().context("configuration store")?;
        let roster = roster::Watch::new(settings, configs.clone(), Arc::clone(&log), roster_version);
        let processing =
            Processing { log: Arc::clone(&log), configs, landing, commit, board: board.clone(), commits: 0 };
        let anchoring = Anchoring { anchorer, log: Arc::clone(&log), closed, board: board.clone() };
        Ok(Self { instance: Arc::new(instance), board, log, front, admin, processing, anchoring, maintenance, roster })
    }

    /// Where it listens.
    pub(super) fn endpoints(&self) -> Endpoints {
        let mqtt: SocketAddr = self.front.local_addr();
        Endpoints { pid: std::process::id(), mqtt, admin: self.admin.address() }
    }

    /// The data directory.
    pub(super) fn instance(&self) -> Arc<Instance> {
        Arc::clone(&self.instance)
    }

    /// The board that all roles write on.
    pub(super) fn board(&self) -> Board {
        self.board.clone()
    }

    /// Runs until `stop`; then lands and anchors for at most `drain`, and leaves the rest in the log.
    pub(super) async fn run(self, stop: CancellationToken, drain: Duration) -> anyhow::Result<()> {
        let (draining, ending) = (CancellationToken::new(), CancellationToken::new());
        let ingest = tokio::spawn(self.front.run(stop.clone()));
        let processing = tokio::spawn(self.processing.run(draining.clone()));
        let anchoring = tokio::spawn(self.anchoring.run(draining.clone(), processing));
        let maintenance = tokio::spawn(self.maintenance.run(ending.clone()));
        let roster = tokio::spawn(self.roster.run(stop.clone()));
        let health = tokio::spawn(watch_log(Arc::clone(&self.log), self.board.clone(), ending.clone()));
        let admin = tokio::spawn(self.admin.run(ending.clone()));

        let ingested = ingest.await.context("the MQTT front was cut off")?.context("MQTT");
        stop.cancel();
        self.board.fails("ingest", "draining: no more publishes are taken");
        info!("no more publishes are taken; landing what the log holds");
        draining.cancel();
        match tokio::time::timeout(drain, anchoring).await {
            Ok(done) => done.context("anchoring was cut off")?,
            Err(_elapsed) => {
                warn!(drain_seconds = drain.as_secs(), "not all is landed and anchored; the rest stays in the log")
            }
        }
        ending.cancel();
        for (part, task) in [("maintenance", maintenance), ("health", health), ("roster", roster)] {
            task.await.with_context(|| format!("{part} was cut off"))?;
        }
        // A client that never finishes its request does not keep the process from ending.
        let abort = admin.abort_handle();
        match tokio::time::timeout(ADMIN_END, admin).await {
            Ok(Ok(Err(error))) => error!(error = format!("{error:#}"), "admin endpoint"),
            Ok(_ended) => {}
            Err(_elapsed) => abort.abort(),
        }
        match Arc::try_unwrap(self.log) {
            Ok(log) => log.close().await,
            Err(_still_used) => warn!("the log is closed by the end of the process"),
        }
        ingested
    }
}

async fn open_log(settings: &Settings) -> anyhow::Result<EmbeddedLog> {
    let (dir, settings) = (settings.data_dir.join("log"), mapping::log(settings));
    let open = move || -> anyhow::Result<EmbeddedLog> {
        let settings: EmbeddedSettings = settings;
        let log = EmbeddedLog::open(&dir, settings).with_context(|| format!("log {}", dir.display()))?;
        for damage in &log.report().damage {
            error!(?damage, "the log is damaged; the lake records what is lost as a gap");
        }
        Ok(log)
    };
    tokio::task::spawn_blocking(open).await.context("opening the log was cut off")?
}

/// Opens the landing and makes sure that the lake follows this very log.
async fn open_landing(args: &Args, lake: &Lake, log: &EmbeddedLog) -> anyhow::Result<Landing> {
    let identity = landing::LogIdentity { log_id: log.identity().log_id, partitions: log.identity().partitions };
    let options = LandingOptions { new_log: args.new_log, ..LandingOptions::default() };
    let landing = Landing::open(lake, identity, options).await.context("lake")?;
    for (partition, next) in landing.progress() {
        let Some(expected) = landing.record_before(partition) else { continue };
        let found = log.record_id_before(partition, next).await;
        match found {
            Ok(None) if log.first_offsets().get(usize::try_from(partition)?).is_some_and(|first| *first >= next) => {}
            Ok(Some(found)) if found == expected => {}
            Ok(found) => bail!(
                "the log is not the one that the lake follows: before offset {next} of partition {partition} the lake \
                 has record {expected}, the log has {found:?}; bring the right log back, or accept this one with --new-log"
            ),
            Err(error) => bail!(
                "the log ends below what the lake has landed ({error}): bring the whole log back, or move it away and \
                 start with --new-log, which begins a new one"
            ),
        }
    }
    Ok(landing)
}

fn anchorer_options(settings: &Settings, args: &Args) -> AnchorerOptions {
    AnchorerOptions {
        data_dir: settings.data_dir.clone(),
        lake_dir: settings.data_dir.join("lake"),
        file_registry_dir: settings.registry_dir(),
        origin: settings.anchor.origin.clone(),
        new_origin: args.new_origin,
        window: settings.anchor.window,
        max_rows: settings.anchor.max_rows,
        faults: args.fault.clone(),
    }
}

/// Writes the log's health on the board, and how much it has taken.
async fn watch_log(log: Arc<EmbeddedLog>, board: Board, stop: CancellationToken) {
    let (mut health, head) = (log.health(), log.head());
    let start: i64 = head.borrow().next_offsets.iter().sum();
    loop {
        match &*health.borrow_and_update() {
            Health::Failing { reason, .. } => board.fails("log", reason.to_string()),
            Health::Closed => board.fails("log", "closed"),
            Health::Ready => board.works("log"),
        }
        let now: i64 = head.borrow().next_offsets.iter().sum();
        board.write(|facts| facts.appended = now - start);
        tokio::select! {
            () = stop.cancelled() => return,
            changed = health.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
    }
}
