//! From a TCP connection to a session: CONNECT, login, take-over or resumption, CONNACK.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttd::protocol::{ConnAckProperties, LastWill, LastWillProperties};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use uuid::Uuid;

use super::Connection;
use super::input::Input;
use super::pipeline::{Burst, Pipeline};
use super::timers::IDLE;
use crate::mqtt::auth::Principal;
use crate::mqtt::broker::Broker;
use crate::mqtt::connect::{self, Connect};
use crate::mqtt::encode;
use crate::mqtt::frame::Version;
use crate::mqtt::link::{Flow, SessionLink, Subscriptions};
use crate::mqtt::reason::{End, Reason};
use crate::mqtt::router::Memory;
use crate::mqtt::sessions::{Attached, SessionGuard, SessionKey};
use crate::mqtt::will::Will;

/// A session that a CONNECT began or resumed.
struct Session {
    guard: SessionGuard,
    link: Option<Box<SessionLink>>,
    qos2: HashMap<u16, bool>,
    present: bool,
    expiry: Duration,
    will: Option<Box<Will>>,
    /// The client ID, if the front chose it.
    assigned: Option<String>,
}

/// Serves one TCP connection to its end; `place` is its share of the allowed connections.
pub(crate) async fn serve(broker: Arc<Broker>, mut stream: TcpStream, place: OwnedSemaphorePermit) {
    let mut buffer = BytesMut::new();
    let kick = broker.stop.child_token();
    let opening = tokio::time::timeout(broker.settings.connect_timeout, open(&broker, &mut stream, &mut buffer));
    let opened = tokio::select! {
        () = kick.cancelled() => return,
        opened = opening => opened,
    };
    let (mut connect, principal) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err((end, connack))) => {
            broker.meters.connection_refused(end.label());
            return connect::refuse(&mut stream, &connack).await;
        }
        Err(_timeout) => return broker.meters.connection_refused("connect_timeout"),
    };
    match Box::pin(establish(&broker, &mut connect, &principal, &kick)).await {
        Ok(session) => {
            let mut connection = Box::new(Connection::new(broker, stream, buffer, &connect, principal, kick, session));
            connection.broker.meters.connections.increment(1.0);
            let end = connection.run().await;
            connection.broker.meters.connections.decrement(1.0);
            debug!(connection = connection.flow.connection, reason = end.label(), "connection ended");
            connection.finish(end, place).await;
        }
        Err(reason) => {
            broker.meters.connection_refused(reason.label());
            connect::refuse(&mut stream, &encode::connack_refusal(connect.version, reason)).await;
        }
    }
}

async fn open(
    broker: &Broker,
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
) -> Result<(Connect, Principal), (End, Vec<u8>)> {
    let mut connect = connect::read(stream, buffer).await?;
    match broker.users.authenticate(connect.login.take()).await {
        Ok(principal) => Ok((connect, principal)),
        Err(reason) => Err((reason.into(), encode::connack_refusal(connect.version, reason))),
    }
}

/// Finds or begins the session.
async fn establish(
    broker: &Arc<Broker>,
    connect: &mut Connect,
    principal: &Principal,
    kick: &CancellationToken,
) -> Result<Session, Reason> {
    let will = connect.will.take().map(|(will, properties)| take_will(broker, will, properties, principal));
    let will = will.transpose()?;
    let assigned = connect.client_id.is_empty().then(|| Uuid::new_v4().simple().to_string());
    let max_expiry = broker.settings.max_session_expiry;
    let expiry = connect.session_expiry.map_or(max_expiry, |asked| asked.min(max_expiry));
    let persistent = !expiry.is_zero();
    let key = SessionKey {
        user: Arc::clone(&principal.name),
        client_id: Arc::from(assigned.as_deref().unwrap_or(&connect.client_id)),
    };
    let place = broker.links.place();
    if persistent {
        place.as_ref().map_err(|full| *full)?;
    }
    let Attached { guard, mut stored } = broker.sessions.attach(key, kick, persistent).await?;
    if connect.clean_start
        && let Some(discarded) = stored.take()
    {
        let broker = Arc::clone(broker);
        // It may have a will to publish, for which this client is not to wait.
        tokio::spawn(async move { broker.end_session(*discarded).await });
    }
    let present = stored.is_some();
    let mut qos2 = HashMap::new();
    let link = match (stored, place) {
        (Some(stored), Ok(place)) => {
            qos2.extend(stored.received.iter().map(|pkid| (*pkid, true)));
            Some(stored.subscriptions.open(Memory::Resumed, place, broker.outboxes.open(kick)).await)
        }
        (Some(stored), Err(full)) => {
            guard.detach(Some(stored));
            return Err(full);
        }
        (None, Ok(place)) if persistent => {
            let outbox = broker.outboxes.open(kick);
            Some(Subscriptions::new(broker.links.slot()).open(Memory::Fresh, place, outbox).await)
        }
        (None, _) => None,
    };
    let link = link.transpose().map_err(|_gone| Reason::RouterGone)?.map(Box::new);
    Ok(Session { guard, link, qos2, present, expiry, will, assigned })
}

fn take_will(
    broker: &Broker,
    will: LastWill,
    properties: Option<LastWillProperties>,
    principal: &Principal,
) -> Result<Box<Will>, Reason> {
    let bytes = u32::try_from(will.topic.len() + will.message.len()).unwrap_or(u32::MAX);
    let permit = Arc::clone(&broker.will_budget).try_acquire_many_owned(bytes);
    let permit = permit.map_err(|_used_up| Reason::QuotaExceeded)?;
    Will::of(will, properties, principal, permit).map(Box::new)
}

impl Connection {
    fn new(
        broker: Arc<Broker>,
        stream: TcpStream,
        buffer: BytesMut,
        connect: &Connect,
        principal: Principal,
        kick: CancellationToken,
        session: Session,
    ) -> Self {
        let mut out = BytesMut::new();
        encode::connack(&mut out, connect.version, session.present, promises(&broker, connect, &session));
        Self {
            flow: Flow {
                version: connect.version,
                connection: broker.number(),
                in_flight_max: connect.in_flight_max,
                packet_bytes_max: connect.packet_bytes_max,
            },
            lane: Arc::new(broker.outlet.lane()),
            input: Input::new(buffer, Arc::clone(&broker.budget), broker.settings.total_bytes),
            oversize: None,
            burst: Burst::default(),
            pipeline: Pipeline::default(),
            out,
            untaken: None,
            aliases: HashMap::new(),
            qos2: session.qos2,
            session: session.guard,
            link: session.link,
            linkless: false,
            session_expiry: session.expiry,
            will: session.will,
            keep_alive: connect.keep_alive,
            timer: Box::pin(tokio::time::sleep(IDLE)),
            drain_until: None,
            broker,
            stream,
            principal,
            kick,
        }
    }
}

/// What an MQTT 5 CONNACK says about this front.
fn promises(broker: &Broker, connect: &Connect, session: &Session) -> ConnAckProperties {
    let settings = &broker.settings;
    let seconds = |expiry: Duration| u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX);
    ConnAckProperties {
        session_expiry_interval: (connect.session_expiry != Some(session.expiry)).then(|| seconds(session.expiry)),
        receive_max: Some(settings.receive_maximum),
        max_packet_size: Some(u32::try_from(settings.max_packet_bytes).unwrap_or(u32::MAX)),
        topic_alias_max: Some(settings.topic_alias_maximum),
        assigned_client_identifier: session.assigned.clone().filter(|_| connect.version == Version::V5),
        shared_subscription_available: Some(0),
        ..ConnAckProperties::default()
    }
}
