//! The roles of an instance: opened in the order of the data's way, run together, ended in the same order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use tacho_config::Settings;
use tacho_ingest::{MqttFront, MqttListener, OpcuaBridge, Outlet};
use tacho_lake::Lake;
use tacho_lake::maintenance::Maintenance;
use tacho_log::{EmbeddedLog, Health};
use tacho_registry::AnchorerOptions;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::admin::Admin;
use super::anchoring::{Anchoring, Closed};
use super::board::Board;
use super::crew::{Crew, wait_until};
use super::following::{Following, follow, open_log, require_log};
use super::instance::{Endpoints, Instance};
use super::processing::{CommitWhen, Processing};
use super::{Args, configuration, mapping, roster};

/// Time that requests to the admin endpoint have to end, after everything else.
const ADMIN_END: Duration = Duration::from_secs(1);
/// Time that the log has to write what is queued and to complete its segment; without that the next start scans it.
const LOG_END: Duration = Duration::from_secs(1);

/// All roles, bound and ready to run.
#[derive(Debug)]
pub(super) struct Roles {
    instance: Arc<Instance>,
    board: Board,
    log: Arc<EmbeddedLog>,
    front: MqttFront,
    opcua: Option<OpcuaBridge>,
    admin: Admin,
    processing: Processing,
    anchoring: Anchoring,
    maintenance: Maintenance,
    roster: roster::Watch,
}

impl Roles {
    /// Binds the endpoints and opens everything; nothing runs yet. A port that is taken leaves no trace on the disk.
    pub(super) async fn open(settings: &Settings, args: &Args) -> anyhow::Result<Self> {
        // What is wrong in files that the settings name is told before anything is made.
        let mqtt = mapping::mqtt(settings)?;
        configuration::check(settings)?;
        let board = Board::default();
        let metrics = PrometheusBuilder::new().install_recorder().context("metrics")?;
        let listener = MqttListener::bind(settings.mqtt.listen).context("MQTT")?;
        let admin = Admin::bind(settings.admin.listen, board.clone(), metrics).await?;
        let instance = Instance::open(&settings.data_dir)?;
        crate::backup::clear_abandoned(&settings.data_dir)?;
        if !args.new_log {
            require_log(settings).await?;
        }
        let log = open_log(settings).await?;
        instance.forget_endpoints()?;
        let lake_dir = settings.data_dir.join("lake");
        let lake = Lake::open(&lake_dir, mapping::lake(settings, &args.fault));
        let lake = lake.with_context(|| format!("lake {}", lake_dir.display()))?;
        let Following { log, landing } = Box::pin(follow(settings, &lake, log, args.new_log)).await?;
        let roster_version = configuration::apply(settings, &lake, &landing, &log).await?;
        let closed = Closed::default();
        let anchoring = anchorer_options(settings, args);
        let anchoring = Anchoring::open(anchoring, Arc::clone(&log), closed.clone(), board.clone());
        let anchoring = anchoring.await.context("anchors")?;
        let maintenance = mapping::maintenance(settings);
        let maintenance = Maintenance::open(&lake, maintenance, Arc::new(closed)).await.context("maintenance")?;
        let front = MqttFront::on(listener, mqtt, Outlet::new(log.appender()));
        let front = front.await.context("MQTT")?;
        let opcua = open_opcua(settings, Outlet::new(log.appender())).await?;
        let commit = CommitWhen { interval: settings.lake.commit_interval, bytes: settings.lake.commit_bytes };
        let configs = lake.configs();
        let roster = roster::Watch::new(settings, configs.clone(), Arc::clone(&log), roster_version);
        let processing =
            Processing { log: Arc::clone(&log), configs, landing, commit, board: board.clone(), commits: 0 };
        Ok(Self {
            instance: Arc::new(instance),
            board,
            log,
            front,
            opcua,
            admin,
            processing,
            anchoring,
            maintenance,
            roster,
        })
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

    /// Runs until `stop`, or until a role is lost; then everything has `drain` together: publishes that came are
    /// acknowledged, landed and anchored as far as the time goes, and the rest stays in the log.
    pub(super) async fn run(self, stop: CancellationToken, drain: Duration) -> anyhow::Result<()> {
        let crew = Crew::new(self.board.clone());
        let (draining, ending) = (CancellationToken::new(), CancellationToken::new());
        let ingest = crew.spawn("ingest", &stop, self.front.run(stop.clone()));
        let opcua = self.opcua.map(|bridge| crew.spawn("opcua", &stop, bridge.run(stop.clone())));
        let processing = crew.spawn("processing", &draining, self.processing.run(draining.clone()));
        let landing = processing.abort_handle();
        let anchoring = crew.spawn("anchors", &draining, self.anchoring.run(draining.clone(), processing));
        let maintenance = crew.spawn("maintenance", &stop, self.maintenance.run(ending.clone()));
        let roster = crew.spawn("roster", &stop, self.roster.run(stop.clone()));
        let watching = watch_log(Arc::clone(&self.log), self.board.clone(), ending.clone());
        let watching = crew.spawn("log", &ending, watching);
        let admin = crew.spawn("admin", &ending, self.admin.run(ending.clone()));

        tokio::select! {
            () = stop.cancelled() => {}
            () = crew.falls_short() => {}
        }
        let deadline = Instant::now() + drain;
        stop.cancel();
        self.board.fails("ingest", "draining: no more publishes are taken");
        // A merge that is cut off is a commit that does not happen.
        maintenance.abort();
        let ingested = wait_until(deadline, "ingest", ingest, &[]).await;
        let bridged = match opcua {
            Some(bridge) => wait_until(deadline, "opcua", bridge, &[]).await,
            None => None,
        };
        info!("no more publishes are taken; landing what the log holds");
        draining.cancel();
        wait_until(deadline, "landing and anchoring", anchoring, &[landing]).await;
        ending.cancel();
        let (soon, cut_off) = (Instant::now() + ADMIN_END, maintenance);
        wait_until(soon, "maintenance", cut_off, &[]).await;
        wait_until(soon, "roster", roster, &[]).await;
        wait_until(soon, "log", watching, &[]).await;
        end_admin(soon, admin).await;
        close(self.log).await;
        ingested.transpose().context("MQTT")?;
        bridged.transpose().context("OPC UA")?;
        crew.is_whole()
    }
}

/// A client that never finishes its request does not keep the process from ending.
async fn end_admin(soon: Instant, admin: JoinHandle<anyhow::Result<()>>) {
    if let Some(Err(error)) = wait_until(soon, "admin", admin, &[]).await {
        error!(error = format!("{error:#}"), "admin endpoint");
    }
}

async fn close(log: Arc<EmbeddedLog>) {
    let closed = match Arc::try_unwrap(log) {
        Ok(log) => timeout(LOG_END, log.close()).await.is_ok(),
        Err(_still_used) => false,
    };
    if !closed {
        warn!("the log is closed by the end of the process; the next start scans its newest segment");
    }
}

/// The OPC UA bridge, if there are servers.
async fn open_opcua(settings: &Settings, outlet: Outlet) -> anyhow::Result<Option<OpcuaBridge>> {
    if settings.opcua.servers.is_empty() {
        return Ok(None);
    }
    let bridge = OpcuaBridge::open(&settings.data_dir.join("opcua"), &settings.opcua, outlet).await;
    Ok(Some(bridge.context("OPC UA")?))
}

fn anchorer_options(settings: &Settings, args: &Args) -> AnchorerOptions {
    AnchorerOptions {
        data_dir: settings.data_dir.clone(),
        lake_dir: settings.data_dir.join("lake"),
        file_registry_dir: settings.registry_dir(),
        origin: settings.anchor.origin.clone(),
        new_origin: args.new_origin,
        lodge_anew: args.lodge_anew,
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
            Health::Closed => return board.fails("log", "closed"),
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
