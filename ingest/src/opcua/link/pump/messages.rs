//! Notification messages: each in its order, each durable before it is acknowledged, what is missing asked for again.

use std::sync::Arc;

use opcua::client::services::Republish;
use opcua::client::{Session, UARequest as _};
use opcua::types::{StatusCode, SubscriptionAcknowledgement};
use tracing::{debug, warn};

use super::notification::Notification;
use super::order::Place;
use super::{Pump, PumpError};
use crate::opcua::journal::now_us;

/// A republish goes on for at most this many messages; no server keeps more.
const REPUBLISH_MAX: usize = 10_000;

impl Pump {
    /// Fetches again what the server has sent and did not arrive, from the expected message on, up to one that has.
    pub(super) async fn republish(
        &mut self,
        session: &Arc<Session>,
        id: u32,
        until: Option<u32>,
    ) -> Result<(), PumpError> {
        for _ in 0..REPUBLISH_MAX {
            if until == Some(self.order.expected()) {
                return Ok(());
            }
            let answer = Republish::new(id, self.order.expected(), session).send(session.channel()).await;
            let message = match answer {
                Ok(answer) => Notification::of(answer.notification_message),
                // It is asked for again once there is a connection.
                Err(error) if is_of_connection(error.status()) => {
                    return Err(PumpError::Server { doing: "asking for a message again", error });
                }
                // Not available any more, or a server that gives none again: what follows must not wait for it.
                Err(error) => {
                    debug!(server = self.meters.server(), status = %error.status(), "a message is not given again");
                    break;
                }
            };
            // Some servers answer with an empty message instead of saying that there is none.
            if message.sequence != self.order.expected() || !message.has_data {
                break;
            }
            self.meters.republished();
            self.store(session, id, message).await?;
        }
        let Some(until) = until.filter(|until| *until != self.order.expected()) else { return Ok(()) };
        let cause = format!("messages {} to {} are not on the server any more", self.order.expected(), before(until));
        warn!(server = self.meters.server(), cause, "values are lost");
        let from_us = self.heard_us.unwrap_or_else(now_us);
        let missed = self.missed(session, from_us, &cause).await;
        self.journal(&missed).await?;
        self.order.skip_to(until);
        Ok(())
    }

    pub(super) async fn message(
        &mut self,
        session: &Arc<Session>,
        id: u32,
        message: Notification,
    ) -> Result<(), PumpError> {
        let sequence = message.sequence;
        let place = match message.has_data {
            true => self.order.place(sequence, &message.samples),
            false => self.order.place_of_keep_alive(sequence),
        };
        match place {
            // It is in the journal already; the server has not heard that.
            Place::Again if message.has_data => {
                self.acknowledge(id, sequence);
                return Ok(());
            }
            Place::Alien => return self.alien(session, id, sequence).await,
            Place::Ahead => self.republish(session, id, Some(sequence)).await?,
            Place::Next | Place::Again => {}
        }
        if message.has_data {
            return self.store(session, id, message).await;
        }
        self.journal(&message.entries(id, 0)).await
    }

    /// Makes a message durable; then it may be acknowledged.
    async fn store(&mut self, session: &Arc<Session>, id: u32, mut message: Notification) -> Result<(), PumpError> {
        if self.backlog {
            self.items.mark_full(&mut message.samples);
        }
        let mut entries = self.refilled(session, &mut message).await;
        entries.extend(message.entries(id, self.order.part()));
        let Notification { sequence, samples, status, .. } = message;
        self.meters.samples(samples.len());
        self.journal(&entries).await?;
        self.acknowledge(id, sequence);
        self.order.stored(sequence, &samples);
        for sample in samples.iter().filter(|sample| is_gone(sample.status)) {
            self.items.lost(session, id, sample.signal, StatusCode::from(sample.status)).await;
        }
        match status {
            Some(status) if status.is_bad() || status == StatusCode::GoodSubscriptionTransferred => {
                let cause = format!("the server ended the subscription: {status}");
                Box::pin(self.subscribe(session, &cause)).await
            }
            _ => Ok(()),
        }
    }

    /// The subscription is not ours, though it has its number: the server numbers anew, or it is another client's.
    async fn alien(&mut self, session: &Arc<Session>, id: u32, sequence: u32) -> Result<(), PumpError> {
        let expected = self.order.expected();
        let cause = format!("the server gives message {sequence} of another subscription where {expected} is the next");
        warn!(server = self.meters.server(), subscription = id, cause, "the subscription is made anew");
        self.delete(session, id).await;
        Box::pin(self.subscribe(session, &cause)).await
    }

    fn acknowledge(&mut self, id: u32, sequence: u32) {
        self.acknowledgements.push(SubscriptionAcknowledgement { subscription_id: id, sequence_number: sequence });
    }
}

/// The sequence number before another.
fn before(sequence: u32) -> u32 {
    if sequence > 1 { sequence - 1 } else { u32::MAX }
}

/// Whether a status says that the request or its answer was lost on the way, and not what the server thinks of it.
fn is_of_connection(status: StatusCode) -> bool {
    [
        StatusCode::BadTimeout,
        StatusCode::BadRequestTimeout,
        StatusCode::BadConnectionClosed,
        StatusCode::BadCommunicationError,
        StatusCode::BadNotConnected,
        StatusCode::BadServerNotConnected,
        StatusCode::BadNoCommunication,
        StatusCode::BadSecureChannelClosed,
        StatusCode::BadSecureChannelIdInvalid,
        StatusCode::BadSessionClosed,
        StatusCode::BadSessionIdInvalid,
        StatusCode::BadSessionNotActivated,
        StatusCode::BadShutdown,
        StatusCode::BadServerHalted,
    ]
    .contains(&status)
}

/// Whether a status says that the node itself is not there any more.
fn is_gone(status: u32) -> bool {
    let status = StatusCode::from(status & 0xffff_0000);
    status == StatusCode::BadNodeIdUnknown || status == StatusCode::BadNodeIdInvalid
}
