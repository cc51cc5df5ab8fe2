//! The MQTT broker's network front (3.1.1 and 5 over TCP): telemetry goes to the log and is acknowledged by its
//! delivery; everything else goes through rumqttd's router.
//!
//! rumqttd's types stay below this module.

mod auth;
mod bridge;
mod broker;
mod connect;
mod connection;
mod encode;
mod filters;
mod frame;
pub mod fuzzing;
mod link;
mod meters;
mod outboxes;
mod publish;
mod rate;
mod reason;
mod router;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;
mod topic;
mod will;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use self::auth::hash_password;
use self::broker::Broker;
pub use self::settings::{MqttSettings, MqttUser, RobotRate};
use crate::{BindError, Outlet, SourceError};

const BACKLOG: u32 = 4_096;
/// How often expired sessions and due wills are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// How often the router is nudged.
const NUDGE: Duration = Duration::from_millis(50);
/// Pause after an error of `accept`, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What a stop grants on top of the drain, for farewells.
const STOP_SLACK: Duration = Duration::from_secs(2);
/// Dead peers are found after about this long, also without an MQTT keep-alive.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A port that is taken: who connects waits until a front serves.
#[derive(Debug)]
pub struct MqttListener {
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl MqttListener {
    /// Listens on an address; port 0 picks a free one. Needs a runtime around it.
    ///
    /// # Errors
    /// [`BindError::Listen`].
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listen = || {
            let listener = listen(address)?;
            let local_addr = listener.local_addr()?;
            Ok(Self { listener, local_addr })
        };
        listen().map_err(|error| BindError::Listen { address, error })
    }
}

/// A bound front: it listens, and serves once it runs.
#[derive(Debug)]
pub struct MqttFront {
    listener: TcpListener,
    local_addr: SocketAddr,
    broker: Arc<Broker>,
}

impl MqttFront {
    /// Listens where the settings say, and makes a front of it: [`MqttListener::bind`] and [`MqttFront::on`].
    ///
    /// # Errors
    /// [`BindError`] names the address, the setting or the user that is wrong.
    pub async fn bind(settings: MqttSettings, outlet: Outlet) -> Result<Self, BindError> {
        let listener = MqttListener::bind(settings.listen)?;
        Self::on(listener, settings, outlet).await
    }

    /// Checks the settings and starts the router; the port is taken already.
    ///
    /// # Errors
    /// [`BindError`] names the setting or the user that is wrong.
    pub async fn on(listener: MqttListener, settings: MqttSettings, outlet: Outlet) -> Result<Self, BindError> {
        let MqttListener { listener, local_addr } = listener;
        // It blocks until the router's thread answers.
        let starting = tokio::task::spawn_blocking(move || Broker::start(settings, outlet));
        let broker = Arc::new(starting.await.map_err(|_panicked| BindError::Router)??);
        Ok(Self { listener, local_addr, broker })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `stop`; then accepts and reads no more, acknowledges what is delivered within the drain time, and
    /// says goodbye.
    ///
    /// # Errors
    /// [`SourceError`] if a part of it ended by itself.
    pub async fn run(self, stop: CancellationToken) -> Result<(), SourceError> {
        let Self { listener, broker, local_addr } = self;
        let places = Arc::new(Semaphore::new(broker.settings.max_connections));
        let mut connections = JoinSet::new();
        let mut background = JoinSet::new();
        background.spawn(every(SWEEP, Arc::clone(&broker), async |broker: &Broker| broker.sweep().await));
        background.spawn(every(NUDGE, Arc::clone(&broker), async |broker: &Broker| broker.bridge.nudge()));
        info!(%local_addr, "MQTT front listens");
        let gone = broker.links.gone().clone();
        let mut crippled = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = gone.cancelled() => break,
                Some(ended) = connections.join_next() => if let Err(error) = ended {
                    broker.meters.panicked();
                    error!(%error, "a connection was cut off; what was not acknowledged its client sends again");
                },
                Some(_ended) = background.join_next() => {
                    crippled = true;
                    break;
                }
                accepted = listener.accept() => match accepted {
                    Ok((stream, _peer)) => accept(&broker, &places, &mut connections, stream),
                    Err(error) => {
                        warn!(%error, "cannot accept MQTT connections");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        background.shutdown().await;
        broker.stop.cancel();
        drain(&mut connections, broker.settings.drain_timeout + STOP_SLACK).await;
        if gone.is_cancelled() && !stop.is_cancelled() {
            return Err(SourceError::RouterGone);
        }
        if crippled {
            return Err(SourceError::Crippled);
        }
        info!("MQTT front has ended");
        Ok(())
    }
}

async fn every(period: Duration, broker: Arc<Broker>, work: impl AsyncFn(&Broker)) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work(&broker).await;
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn accept(broker: &Arc<Broker>, places: &Arc<Semaphore>, connections: &mut JoinSet<()>, stream: TcpStream) {
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        broker.meters.connection_refused("max_connections");
        return;
    };
    let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE).with_interval(TCP_KEEPALIVE / 4);
    let prepared = stream.set_nodelay(true).and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = prepared {
        warn!(%error, "cannot set options of an MQTT connection");
        return;
    }
    connections.spawn(connection::serve(Arc::clone(broker), stream, place));
}

async fn drain(connections: &mut JoinSet<()>, patience: Duration) {
    let until = Instant::now() + patience;
    while let Ok(Some(_ended)) = tokio::time::timeout_at(until, connections.join_next()).await {}
    if !connections.is_empty() {
        warn!(connections = connections.len(), "connections did not end in time");
        connections.shutdown().await;
    }
}
