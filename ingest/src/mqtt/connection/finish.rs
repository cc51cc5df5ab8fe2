//! The end of a connection: what was received is still appended, the session is stored or forgotten, the client is
//! told why, and the will goes out.

use std::collections::HashMap;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::debug;

use super::Connection;
use crate::mqtt::auth::Principal;
use crate::mqtt::encode;
use crate::mqtt::link::Subscriptions;
use crate::mqtt::reason::{End, Reason};
use crate::mqtt::sessions::Stored;
use crate::mqtt::will::Will;

/// How long a client has to read why it was disconnected.
const FAREWELL: Duration = Duration::from_secs(1);

impl Connection {
    /// Ends the connection; `place` becomes free when the socket is closed.
    pub(super) async fn finish(mut self: Box<Self>, end: End, place: OwnedSemaphorePermit) {
        self.broker.meters.closed(end);
        if !self.pipeline.is_entering() && self.submit().is_err() {
            debug!(connection = self.flow.connection, "the last publishes were not appended, nor acknowledged");
        }
        let publishes_will = match end {
            End::Client { with_will } => with_will,
            End::Lost => true,
            End::Close(reason) => reason != Reason::ShuttingDown,
        };
        let will = self.will.take().filter(|_| publishes_will);
        let Self {
            broker,
            mut stream,
            flow,
            principal,
            mut pipeline,
            mut out,
            qos2,
            session,
            link,
            session_expiry,
            ..
        } = *self;

        let subscriptions = match link {
            Some(link) => Some(link.close().await),
            None => None,
        };
        let (stored, will) = match subscriptions {
            Some(subscriptions) if !session_expiry.is_zero() => {
                store(subscriptions, qos2, session_expiry, will, &principal)
            }
            Some(subscriptions) => {
                broker.forget(subscriptions.filters());
                (None, will)
            }
            None => (None, will),
        };
        session.detach(stored);

        match end {
            End::Lost => {}
            // It does not wait for answers, but may like to have them.
            End::Client { .. } => drop(stream.try_write(&out)),
            End::Close(reason) => {
                encode::disconnect(&mut out, flow.version, reason);
                say_farewell(&mut stream, &out).await;
            }
        }
        drop((stream, place));
        if let Some(will) = will {
            broker.publish_will(*will, &principal).await;
        }
        while !pipeline.is_empty() {
            match pipeline.next().await {
                Ok(Some((burst, _))) => broker.distribute(burst.copies),
                Ok(None) => {}
                Err(_trouble) => {}
            }
        }
    }
}

/// What waits for the client to come back, and the will if it has no delay.
fn store(
    subscriptions: Subscriptions,
    qos2: HashMap<u16, bool>,
    session_expiry: Duration,
    will: Option<Box<Will>>,
    principal: &Principal,
) -> (Option<Box<Stored>>, Option<Box<Will>>) {
    let now = Instant::now();
    let (later, will) = match will {
        Some(will) if !will.delay.is_zero() => {
            (Some((now + will.delay.min(session_expiry), will, principal.clone())), None)
        }
        will => (None, will),
    };
    let stored = Stored {
        subscriptions,
        // What is not delivered yet is re-sent and appended again: better twice than never.
        received: qos2.into_iter().filter_map(|(pkid, delivered)| delivered.then_some(pkid)).collect(),
        expires_at: now + session_expiry,
        will: later,
    };
    (Some(Box::new(stored)), will)
}

/// Writes the last packets and waits shortly for the client to close: closing with unread bytes would reset the
/// connection, and the client would not see the reason.
async fn say_farewell(stream: &mut TcpStream, out: &[u8]) {
    let farewell = async {
        stream.write_all(out).await?;
        stream.shutdown().await?;
        let mut rest = BytesMut::with_capacity(4 << 10);
        while stream.read_buf(&mut rest).await? > 0 {
            rest.clear();
        }
        Ok::<(), std::io::Error>(())
    };
    // A client that does not listen just loses the connection.
    drop(tokio::time::timeout(FAREWELL, farewell).await);
}
