//! Notification messages: each in its order, each durable before it is acknowledged, what is missing asked for again.

use std::sync::Arc;

use opcua::client::services::Republish;
use opcua::client::{Session, UARequest as _};
use opcua::types::{
    DataChangeNotification, NotificationMessage, StatusChangeNotification, StatusCode, SubscriptionAcknowledgement,
    match_extension_object_owned,
};
use tracing::{debug, warn};

use super::{Pump, PumpError};
use crate::opcua::journal::{Data, Entry, Gap, now_us};
use crate::opcua::value::Sample;

/// A republish goes on for at most this many messages; no server keeps more.
const REPUBLISH_MAX: usize = 10_000;

/// Samples of one entry of the journal, so that each fits into a record together with all that it may tell.
const SAMPLES_MAX: usize = 200;

impl Pump {
    /// Fetches again what the server has sent and did not arrive, from the expected message on, up to one that has.
    pub(super) async fn republish(
        &mut self,
        session: &Arc<Session>,
        id: u32,
        until: Option<u32>,
    ) -> Result<(), PumpError> {
        for _ in 0..REPUBLISH_MAX {
            if until == Some(self.expected) {
                return Ok(());
            }
            let answer = Republish::new(id, self.expected, session).send(session.channel()).await;
            let message = match answer {
                Ok(answer) => answer.notification_message,
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
            let has_data = message.notification_data.as_ref().is_some_and(|data| !data.is_empty());
            // Some servers answer with an empty message instead of saying that there is none.
            if message.sequence_number != self.expected || !has_data {
                break;
            }
            self.meters.republished();
            self.store(session, id, message).await?;
        }
        let Some(until) = until.filter(|until| *until != self.expected) else { return Ok(()) };
        let cause = format!("messages {} to {} are not on the server any more", self.expected, before(until));
        warn!(server = self.meters.server(), cause, "values are lost");
        let from_us = self.heard_us.unwrap_or_else(now_us);
        self.meters.gap();
        self.journal(&[Entry::Gap(Gap { from_us, to_us: now_us(), cause })]).await?;
        self.expected = until;
        Ok(())
    }

    pub(super) async fn message(
        &mut self,
        session: &Arc<Session>,
        id: u32,
        message: NotificationMessage,
    ) -> Result<(), PumpError> {
        let sequence = message.sequence_number;
        let has_data = message.notification_data.as_ref().is_some_and(|data| !data.is_empty());
        let is_old = sequence != self.expected && self.expected.wrapping_sub(sequence) < 1 << 31;
        if is_old {
            // It is in the journal already; the server has not heard that.
            if has_data {
                self.acknowledgements
                    .push(SubscriptionAcknowledgement { subscription_id: id, sequence_number: sequence });
            }
            return Ok(());
        }
        if sequence != self.expected {
            self.republish(session, id, Some(sequence)).await?;
        }
        if has_data {
            return self.store(session, id, message).await;
        }
        // A keep-alive.
        self.journal(&[Entry::Data(Data { subscription: id, ..Data::default() })]).await
    }

    /// Makes a message durable; then it may be acknowledged.
    pub(super) async fn store(
        &mut self,
        session: &Arc<Session>,
        id: u32,
        message: NotificationMessage,
    ) -> Result<(), PumpError> {
        let sequence = message.sequence_number;
        let (mut samples, mut ended) = (Vec::new(), None);
        for object in message.notification_data.unwrap_or_default() {
            match_extension_object_owned!(object,
                change: DataChangeNotification => {
                    let items = change.monitored_items.unwrap_or_default().into_iter();
                    samples.extend(items.map(|item| Sample::of(item.client_handle.wrapping_sub(1), item.value)));
                },
                status: StatusChangeNotification => ended = Some(status.status),
            );
        }
        if self.backlog {
            self.items.mark_full(&mut samples);
        }
        let gone: Vec<_> =
            samples.iter().filter(|sample| is_gone(sample.status)).map(|s| (s.signal, s.status)).collect();
        self.meters.samples(samples.len());
        let entry = |samples: &[Sample]| Entry::Data(Data { subscription: id, sequence, samples: samples.to_vec() });
        let mut entries: Vec<_> = samples.chunks(SAMPLES_MAX).map(entry).collect();
        if entries.is_empty() {
            entries.push(entry(&[]));
        }
        self.journal(&entries).await?;
        self.acknowledgements.push(SubscriptionAcknowledgement { subscription_id: id, sequence_number: sequence });
        self.expected = after(sequence);
        for (signal, status) in gone {
            self.items.lost(session, id, signal, StatusCode::from(status)).await;
        }
        match ended {
            Some(status) if status.is_bad() || status == StatusCode::GoodSubscriptionTransferred => {
                let cause = format!("the server ended the subscription: {status}");
                Box::pin(self.subscribe(session, &cause)).await
            }
            _ => Ok(()),
        }
    }
}

/// The sequence number after another; there is no 0.
pub(super) fn after(sequence: u32) -> u32 {
    sequence.checked_add(1).unwrap_or(1)
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
