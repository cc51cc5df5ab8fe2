//! The roles of an instance: opened in the order of the data's way, run together, ended in the same order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tacho_config::Settings;
use tacho_config::settings::LogKind;
use tacho_ingest::{MqttFront, MqttListener, OpcuaBridge, Outlet};
use tacho_lake::LakePlace;
use tacho_lake::maintenance::Maintenance;
use tacho_log::{Health, Log, Spool};
use tacho_registry::AnchorerOptions;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::admin::{Admin, Retrying};
use super::anchoring::{Anchoring, Closed};
use super::board::Board;
use super::crew::{Crew, wait_until};
use super::instance::{Endpoints, Instance, Token};
use super::opened::Opened;
use super::processing::{CommitWhen, Processing};
use super::{Args, configuration, mapping, roster};
use crate::dead_letters::{Retrier, queue};

/// Time that requests to the admin endpoint have to end, after everything else.
const ADMIN_END: Duration = Duration::from_secs(1);
/// Time that the log has to write what is queued and to complete its segment; without that the next start scans it.
const LOG_END: Duration = Duration::from_secs(1);

/// What a process does of all that there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything.
    All,
    /// From MQTT into the log.
    Ingest,
    /// From the log into the lake, a share of it.
    Process,
    /// Anchors of what has landed, and the lake's upkeep.
    Anchor,
}

impl Part {
    fn ingests(self) -> bool {
        matches!(self, Self::All | Self::Ingest)
    }

    fn anchors(self) -> bool {
        matches!(self, Self::All | Self::Anchor)
    }
}

/// The roles of a process, bound and ready to run.
#[derive(Debug)]
pub(super) struct Roles {
    instance: Arc<Instance>,
    board: Board,
    /// Absent where only the lake is looked after.
    log: Option<Arc<Log>>,
    front: Option<MqttFront>,
    opcua: Option<OpcuaBridge>,
    admin: Admin,
    processing: Option<Processing>,
    anchoring: Option<Anchoring>,
    maintenance: Option<Maintenance>,
    roster: Option<roster::Watch>,
    /// Only where one process has the log and the lake.
    retrying: Option<Retrying>,
}

impl Roles {
    /// Binds the endpoints and opens everything; nothing runs yet. A port that is taken leaves no trace on the disk.
    pub(super) async fn open(settings: &Settings, args: &Args, part: Part) -> anyhow::Result<Self> {
        // What is wrong in files that the settings name is told before anything is made.
        let mqtt = if part.ingests() { Some(mapping::mqtt(settings)?) } else { None };
        configuration::check(settings)?;
        let board = Board::default();
        let metrics = super::metrics::install().context("metrics")?;
        let listener = mqtt.map(|mqtt| MqttListener::bind(settings.mqtt.listen).map(|listener| (listener, mqtt)));
        let listener = listener.transpose().context("MQTT")?;
        let admin = Admin::bind(settings.admin.listen, board.clone(), metrics).await?;
        let mut instance = Instance::open(&settings.data_dir)?;
        crate::backup::clear_abandoned(&settings.data_dir)?;
        if settings.log.kind == LogKind::Kafka {
            // The embedded log has a lock of its own.
            instance.lock()?;
        }
        let opened = Opened::open(settings, args, part).await?;
        instance.forget_endpoints()?;
        let Opened { log, lake, landing, roster: in_force } = opened;
        let place = mapping::lake_place(settings)?;
        let closed = Closed::default();
        let (mut anchoring, mut maintenance, mut processing, mut roster) = (None, None, None, None);
        if let Some(lake) = lake.as_ref().filter(|_| part.anchors()) {
            let options = anchorer_options(settings, args, &place);
            let opened = Anchoring::open(options, log.clone(), closed.clone(), board.clone());
            anchoring = Some(opened.await.context("anchors")?);
            let options = mapping::maintenance(settings);
            let opened = Maintenance::open(lake, options, Arc::new(closed)).await;
            maintenance = Some(opened.context("maintenance")?);
        }
        if let (Some(log), Some(lake), Some(landing)) = (&log, &lake, landing) {
            let commit = CommitWhen { interval: settings.lake.commit_interval, bytes: settings.lake.commit_bytes };
            processing = Some(Processing::new(log, lake.configs(), landing, commit, &board, part == Part::All)?);
        }
        let mut retrying = None;
        if let (Some(log), Some(lake), Part::All) = (&log, &lake, part) {
            let watch = roster::Watch::new(settings, lake.configs(), Arc::clone(log), in_force);
            roster = Some(if args.other_roster { watch.taking_any() } else { watch });
            let retrier = Retrier { log: Arc::clone(log), lake: place };
            queue::retry(&settings.data_dir, &retrier).await;
            retrying = Some(Retrying { retrier, token: Token::publish(&settings.data_dir)? });
        }
        let (mut front, mut opcua) = (None, None);
        if let (Some((listener, mqtt)), Some(log)) = (listener, &log) {
            front = Some(MqttFront::on(listener, mqtt, Outlet::new(log.appender())).await.context("MQTT")?);
            opcua = open_opcua(settings, args.opcua, Outlet::new(log.appender())).await?;
        }
        let instance = Arc::new(instance);
        Ok(Self { instance, board, log, front, opcua, admin, processing, anchoring, maintenance, roster, retrying })
    }

    /// Where it listens.
    pub(super) fn endpoints(&self) -> Endpoints {
        let mqtt = self.front.as_ref().map(MqttFront::local_addr);
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
        let ingest = self.front.map(|front| crew.spawn("ingest", &stop, front.run(stop.clone())));
        let opcua = self.opcua.map(|bridge| crew.spawn("opcua", &stop, bridge.run(stop.clone())));
        let processing =
            self.processing.map(|processing| crew.spawn("processing", &draining, processing.run(draining.clone())));
        let landing: Vec<_> = processing.iter().map(JoinHandle::abort_handle).collect();
        // Where there are anchors they wait for what is landed last; else it is waited for itself.
        let (anchoring, processing) = match self.anchoring {
            Some(anchoring) => {
                (Some(crew.spawn("anchors", &draining, anchoring.run(draining.clone(), processing))), None)
            }
            None => (None, processing),
        };
        let maintenance = self.maintenance.map(|role| crew.spawn("maintenance", &stop, role.run(ending.clone())));
        let roster = self.roster.map(|roster| crew.spawn("roster", &stop, roster.run(stop.clone())));
        let watching = self.log.as_ref().map(|log| {
            let watching = watch_log(Arc::clone(log), self.board.clone(), ending.clone());
            crew.spawn("log", &ending, watching)
        });
        let admin = crew.spawn("admin", &ending, self.admin.run(self.retrying, ending.clone()));

        tokio::select! {
            () = stop.cancelled() => {}
            () = crew.falls_short() => {}
        }
        let deadline = Instant::now() + drain;
        stop.cancel();
        if ingest.is_some() {
            self.board.fails("ingest", "draining: no more publishes are taken");
        }
        // A merge that is cut off is a commit that does not happen.
        maintenance.iter().for_each(JoinHandle::abort);
        let ingested = wait_for(deadline, "ingest", ingest, &[]).await;
        let bridged = wait_for(deadline, "opcua", opcua, &[]).await;
        info!("no more publishes are taken; landing what is to land");
        draining.cancel();
        wait_for(deadline, "landing", processing, &[]).await;
        wait_for(deadline, "landing and anchoring", anchoring, &landing).await;
        ending.cancel();
        let soon = Instant::now() + ADMIN_END;
        wait_for(soon, "maintenance", maintenance, &[]).await;
        wait_for(soon, "roster", roster, &[]).await;
        wait_for(soon, "log", watching, &[]).await;
        end_admin(soon, admin).await;
        if let Some(log) = self.log {
            close(log).await;
        }
        ingested.transpose().context("MQTT")?;
        bridged.transpose().context("OPC UA")?;
        crew.is_whole()
    }
}

/// Waits for a role that this process has, as [`wait_until`].
async fn wait_for<T>(
    deadline: Instant,
    role: &'static str,
    task: Option<JoinHandle<T>>,
    helpers: &[AbortHandle],
) -> Option<T> {
    wait_until(deadline, role, task?, helpers).await
}

/// A client that never finishes its request does not keep the process from ending.
async fn end_admin(soon: Instant, admin: JoinHandle<anyhow::Result<()>>) {
    if let Some(Err(error)) = wait_until(soon, "admin", admin, &[]).await {
        error!(error = format!("{error:#}"), "admin endpoint");
    }
}

async fn close(log: Arc<Log>) {
    let closed = match Arc::try_unwrap(log) {
        Ok(log) => timeout(LOG_END, log.close()).await.is_ok(),
        Err(_still_used) => false,
    };
    if !closed {
        warn!("the log is closed by the end of the process; the next start scans its newest segment");
    }
}

/// The OPC UA bridge, if there are servers.
async fn open_opcua(settings: &Settings, here: bool, outlet: Outlet) -> anyhow::Result<Option<OpcuaBridge>> {
    if settings.opcua.servers.is_empty() {
        return Ok(None);
    }
    if !here {
        info!("the bridge to OPC UA servers runs elsewhere: where `tacho ingest --opcua` does");
        return Ok(None);
    }
    let bridge = OpcuaBridge::open(&settings.data_dir.join("opcua"), &settings.opcua, outlet).await;
    Ok(Some(bridge.context("OPC UA")?))
}

fn anchorer_options(settings: &Settings, args: &Args, place: &LakePlace) -> AnchorerOptions {
    AnchorerOptions {
        data_dir: settings.data_dir.clone(),
        lake: place.clone(),
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
async fn watch_log(log: Arc<Log>, board: Board, stop: CancellationToken) {
    let mut health = log.health();
    let start: i64 = log.next_offsets().iter().sum();
    loop {
        match &*health.borrow_and_update() {
            Health::Failing { reason, .. } => board.fails("log", reason.to_string()),
            // Whoever starts the process again opens the log anew.
            Health::Ended { reason } => return board.fails("log", reason.to_string()),
            Health::Closed => return board.fails("log", "closed"),
            Health::Ready => board.works("log"),
        }
        let now: i64 = log.next_offsets().iter().sum();
        let spool = log.spool().map(Spool::depth).filter(|depth| !depth.is_empty());
        board.write(|facts| {
            facts.appended = now - start;
            facts.spool = spool;
        });
        tokio::select! {
            () = stop.cancelled() => return,
            changed = health.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
    }
}
