//! Wills: kept by the front, because a link cannot tell the router that a connection was lost.

use std::time::Duration;

use bytes::Bytes;
use rumqttd::protocol::{LastWill, LastWillProperties, PublishProperties};
use tokio::sync::OwnedSemaphorePermit;

use super::auth::Principal;
use super::reason::Reason;
use super::topic;

/// What is published when a connection ends without DISCONNECT.
#[derive(Debug)]
pub(crate) struct Will {
    /// Valid topic.
    pub(crate) topic: String,
    /// Message.
    pub(crate) payload: Bytes,
    /// QoS.
    pub(crate) qos: u8,
    /// Retain flag.
    pub(crate) retain: bool,
    /// MQTT 5 properties.
    pub(crate) properties: Option<Box<PublishProperties>>,
    /// How long it waits for the session to be resumed.
    pub(crate) delay: Duration,
    /// Its share of the bytes of all wills.
    pub(crate) _permit: OwnedSemaphorePermit,
}

impl Will {
    /// Takes the will of a CONNECT, if this user may publish it.
    ///
    /// # Errors
    /// The reason for CONNACK: the topic is invalid, or not for this user.
    pub(crate) fn of(
        will: LastWill,
        properties: Option<LastWillProperties>,
        principal: &Principal,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Reason> {
        let topic = topic::name(&will.topic)?;
        let allowed = match topic::telemetry_id(topic) {
            Some(id) => principal.speaks_for(&topic::robot_of(id).0),
            None => principal.may_publish(topic),
        };
        if !allowed {
            return Err(Reason::NotAuthorised);
        }
        let delay = properties.as_ref().and_then(|p| p.delay_interval).unwrap_or(0);
        Ok(Self {
            topic: topic.to_owned(),
            // A copy, so that it does not keep the whole CONNECT.
            payload: Bytes::copy_from_slice(&will.message),
            qos: will.qos as u8,
            retain: will.retain,
            properties: properties.map(|p| Box::new(of_publish(p))),
            delay: Duration::from_secs(delay.into()),
            _permit: permit,
        })
    }
}

fn of_publish(will: LastWillProperties) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: will.payload_format_indicator,
        message_expiry_interval: will.message_expiry_interval,
        response_topic: will.response_topic,
        correlation_data: will.correlation_data,
        user_properties: will.user_properties,
        content_type: will.content_type,
        ..PublishProperties::default()
    }
}
