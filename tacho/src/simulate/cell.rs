//! A cell of simulated robots behind an OPC UA server, by the types of OPC 40010-1 (Robotics), as a controller has them.
//!
//! The robots are those of the simulator; here is the server, and what it shows of them.

mod nodes;
mod system;
mod types;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use opcua::crypto::SecurityPolicy;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager_imports};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, Server, ServerBuilder, ServerEndpoint, ServerHandle, SubscriptionCache};
use opcua::types::{DataValue, MessageSecurityMode};
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::live::LiveRobot;
use crate::exit::WrongUse;
use nodes::{Nodes, Shown};

/// Time between two looks at the robots.
const TICK: Duration = Duration::from_millis(200);
/// Longest time for clients to be sent away.
const GOODBYE: Duration = Duration::from_secs(2);
/// Who the server says that it is.
const APPLICATION_URI: &str = "urn:tachograph:simulated-cell";

/// Through which clients see the robots.
struct Window {
    manager: Arc<SimpleNodeManager>,
    subscriptions: Arc<SubscriptionCache>,
    shown: Vec<Shown>,
}

/// A cell that listens and does not serve yet.
#[derive(Debug)]
pub(crate) struct Cell {
    listener: TcpListener,
    address: SocketAddr,
    pki: Option<PathBuf>,
}

impl Cell {
    /// Listens; with a folder for certificates, it also takes encrypted connections.
    ///
    /// # Errors
    /// If the address is taken, or is one of a network and there is nothing to encrypt with.
    pub(crate) async fn bind(listen: SocketAddr, pki: Option<&Path>) -> anyhow::Result<Self> {
        if pki.is_none() && !listen.ip().is_loopback() {
            let why = "is not of this machine alone, and without security anyone could read along and write: name a \
                       folder for certificates by --opcua-pki, or listen on 127.0.0.1";
            return Err(WrongUse(format!("--opcua-listen {listen} {why}")).into());
        }
        let listener = TcpListener::bind(listen).await.with_context(|| format!("OPC UA on {listen}"))?;
        let address = listener.local_addr().with_context(|| format!("OPC UA on {listen}"))?;
        Ok(Self { listener, address, pki: pki.map(Path::to_owned) })
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("opc.tcp://{}", self.address)
    }

    /// Serves the robots until `stop`.
    ///
    /// # Errors
    /// If there is no server to be had, or it ends by itself.
    pub(crate) async fn serve(self, mut robots: Vec<LiveRobot>, stop: CancellationToken) -> anyhow::Result<()> {
        // The server makes a folder of certificates also where it needs none.
        let unused = tempfile::tempdir().context("a folder of certificates")?;
        let pki = self.pki.clone().unwrap_or_else(|| unused.path().to_owned());
        let (address, secured) = (self.address, self.pki.is_some());
        let built = tokio::task::spawn_blocking(move || {
            let (server, handle) = server(address, &pki, secured)?;
            let mut shown = populate(&handle, &robots)?;
            // Whoever connects first finds values.
            shown.step(&mut robots, 0.0)?;
            anyhow::Ok((server, handle, shown, robots))
        });
        let (server, handle, shown, robots) = built.await.context("OPC UA server")??;
        let mut serving = tokio::spawn(server.run_with(self.listener));
        tokio::select! {
            () = stop.cancelled() => {}
            shown = show(robots, shown) => return shown,
            ended = &mut serving => {
                let ended = ended.context("OPC UA server")?;
                return Err(anyhow!("the OPC UA server ended by itself: {}", ended.err().unwrap_or_default()));
            }
        }
        handle.cancel();
        // Whoever does not go is left without a goodbye.
        let _gone = timeout(GOODBYE, serving).await;
        Ok(())
    }
}

/// A server with all types and no robots.
fn server(address: SocketAddr, pki: &Path, secured: bool) -> anyhow::Result<(Server, ServerHandle)> {
    let nobody = [ANONYMOUS_USER_TOKEN_ID.to_owned()];
    let mut builder = ServerBuilder::new()
        .application_name("Tachograph simulated cell")
        .application_uri(APPLICATION_URI)
        .product_uri(APPLICATION_URI)
        .pki_dir(pki)
        .host(address.ip().to_string())
        .port(address.port())
        .discovery_urls(vec!["/".to_owned()])
        .with_node_manager(simple_node_manager_imports(types::imports()?, "cell"));
    if address.ip().is_loopback() {
        builder = builder.add_endpoint("none", ServerEndpoint::new_none("/", &nobody));
    }
    if secured {
        let (policy, mode) = (SecurityPolicy::Basic256Sha256, MessageSecurityMode::SignAndEncrypt);
        let endpoint = ServerEndpoint::new("/", policy, mode, &nobody);
        builder = builder
            .create_sample_keypair(true)
            .certificate_path("own/cert.der")
            .private_key_path("private/private.pem")
            .add_endpoint("encrypted", endpoint);
    }
    builder.build().map_err(|why| anyhow!("an OPC UA server: {why}"))
}

/// Puts the robots into a server.
fn populate(handle: &ServerHandle, robots: &[LiveRobot]) -> anyhow::Result<Window> {
    let manager = handle.node_managers().get_of_type::<SimpleNodeManager>().context("the nodes of the server")?;
    let shown = {
        let mut space = manager.address_space().write();
        let mut nodes = Nodes::of(&mut space).context("the types of OPC 40010-1")?;
        for (number, robot) in robots.iter().enumerate() {
            system::add(&mut nodes, number, robot);
        }
        nodes.shown()
    };
    Ok(Window { manager, subscriptions: Arc::clone(handle.subscriptions()), shown })
}

/// Lets the robots live, and shows of them what has changed.
async fn show(mut robots: Vec<LiveRobot>, mut window: Window) -> anyhow::Result<()> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        let now = ticks.tick().await;
        window.step(&mut robots, now.saturating_duration_since(last).as_secs_f64())?;
        last = now;
    }
}

impl Window {
    /// Lets the robots live for so many seconds.
    fn step(&mut self, robots: &mut [LiveRobot], seconds: f64) -> anyhow::Result<()> {
        let moments: Vec<_> = robots.iter_mut().map(|robot| robot.live(seconds)).collect();
        let changed: Vec<_> = self.shown.iter_mut().filter_map(|shown| shown.changed(&moments)).collect();
        let values = changed.iter().map(|(node, value)| (node, None, DataValue::new_now(value.clone())));
        let set = self.manager.set_values(&self.subscriptions, values);
        set.map_err(|status| anyhow!("a value of the OPC UA server: {status}"))
    }
}
