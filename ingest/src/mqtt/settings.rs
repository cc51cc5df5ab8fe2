//! What the MQTT front may be told: addresses, users, deadlines and limits, each with its default.
//!
//! Plain values; the binary fills them from the configuration.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tacho_schemas::RobotId;

use crate::BindError;

/// A user who may connect with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct MqttUser {
    /// Name, as in CONNECT; becomes the principal of what the user publishes.
    pub name: String,
    /// Argon2 hash of the password in PHC form (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
    pub password_hash: String,
    /// The robots that the user speaks for; `None`: any, as a gateway of a trusted site may.
    pub robots: Option<Vec<RobotId>>,
}

impl fmt::Debug for MqttUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttUser")
            .field("name", &self.name)
            .field("password_hash", &"***")
            .field("robots", &self.robots)
            .finish()
    }
}

/// How much one robot may send: a token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RobotRate {
    /// Publishes per second in the long run.
    pub records_per_s: f64,
    /// Publishes that may come at once.
    pub burst: u32,
}

/// Settings of the MQTT front. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSettings {
    /// Address to listen on; port 0 picks a free one. Default 127.0.0.1:1883.
    pub listen: SocketAddr,
    /// Clients without a user name may connect and publish for any robot. Default off.
    pub anonymous: bool,
    /// Users with passwords.
    pub users: Vec<MqttUser>,
    /// How long a publish may wait for the log before its session is closed. Default 30 s.
    pub puback_deadline: Duration,
    /// How long a client may take from the TCP connection to its whole CONNECT, login included. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a client may take for one packet, on top of what 16 KiB/s need. Default 60 s.
    pub packet_timeout: Duration,
    /// How long a client may leave what is sent to it untouched. Default 30 s.
    pub write_timeout: Duration,
    /// How long a stop waits for deliveries that are under way. Default 10 s.
    pub drain_timeout: Duration,
    /// Payload of a publish up to which it is appended whole; of a longer one the first 64 KiB are. Default 1 MiB.
    pub max_publish_bytes: usize,
    /// Packet length beyond which the connection is closed. Default 64 MiB.
    pub max_packet_bytes: usize,
    /// Bytes that one connection may have received and not yet seen in the log, and the bytes that may wait for
    /// one subscriber. Default 4 MiB.
    pub connection_bytes: usize,
    /// The same for all connections together, and once more for all subscribers together, of whom the slowest gives way.
    /// Default 256 MiB.
    pub total_bytes: usize,
    /// Open connections. Default 20,000.
    pub max_connections: usize,
    /// Limit of telemetry publishes of one robot; beyond, they are refused. Default none.
    pub robot_rate: Option<RobotRate>,
    /// Unacknowledged QoS 1 and 2 publishes of an MQTT 5 client (receive maximum). Default 1,024.
    pub receive_maximum: u16,
    /// Topic aliases of an MQTT 5 client. Default 64.
    pub topic_alias_maximum: u16,
    /// Distinct topic filters since the start. Default 10,000.
    pub max_filters: usize,
    /// Sessions with subscriptions or with a life beyond their connection, while connected. Default 2,000.
    pub max_links: usize,
    /// Subscriptions of all sessions. Default 100,000.
    pub max_subscriptions: usize,
    /// Subscriptions of one session. Default 1,000.
    pub max_session_filters: usize,
    /// Retained messages. Default 10,000.
    pub max_retained: usize,
    /// Bytes of all retained messages. Default 64 MiB.
    pub max_retained_bytes: usize,
    /// Distinct topics, since the start, whose messages went to subscribers. Default 200,000.
    pub max_subscribed_topics: usize,
    /// Sessions that wait for their client to come back. Default 10,000.
    pub max_stored_sessions: usize,
    /// How long such a session is kept at most. Default 1 day.
    pub max_session_expiry: Duration,
    /// Bytes of the wills of all connections. Default 32 MiB.
    pub max_will_bytes: usize,
    /// Bytes of messages on their way into the router. Default 16 MiB.
    pub router_bytes: usize,
}

impl Default for MqttSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            anonymous: false,
            users: Vec::new(),
            puback_deadline: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            packet_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            max_publish_bytes: 1 << 20,
            max_packet_bytes: 64 << 20,
            connection_bytes: 4 << 20,
            total_bytes: 256 << 20,
            max_connections: 20_000,
            robot_rate: None,
            receive_maximum: 1_024,
            topic_alias_maximum: 64,
            max_filters: 10_000,
            max_links: 2_000,
            max_subscriptions: 100_000,
            max_session_filters: 1_000,
            max_retained: 10_000,
            max_retained_bytes: 64 << 20,
            max_subscribed_topics: 200_000,
            max_stored_sessions: 10_000,
            max_session_expiry: Duration::from_secs(86_400),
            max_will_bytes: 32 << 20,
            router_bytes: 16 << 20,
        }
    }
}

impl MqttSettings {
    /// Looks for settings with which nothing, or not everything, could ever be received.
    ///
    /// # Errors
    /// [`BindError::Setting`].
    pub(crate) fn check(&self) -> Result<(), BindError> {
        let at_least = |key, value: usize, least: usize, needed| match value >= least {
            true => Ok(()),
            false => Err(BindError::Setting { key, value, needed }),
        };
        let publishes = self.max_publish_bytes.saturating_mul(4);
        at_least("max_publish_bytes", self.max_publish_bytes, 1, "a publish has a byte")?;
        at_least(
            "total_bytes",
            self.total_bytes,
            publishes,
            "four times max_publish_bytes, so that one slow publish stops nobody",
        )?;
        at_least("connection_bytes", self.connection_bytes, 1, "some bytes must be in flight")?;
        at_least("max_connections", self.max_connections, 1, "somebody must be able to connect")?;
        at_least("receive_maximum", self.receive_maximum.into(), 1, "MQTT 5 has no receive maximum of 0")?;
        let packet = self.max_publish_bytes;
        at_least("max_packet_bytes", self.max_packet_bytes, packet, "at least max_publish_bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_a_user_hides_the_hash() {
        let user = MqttUser { name: "line-4".into(), password_hash: "$argon2id$v=19$secret".into(), robots: None };
        let text = format!("{user:?}");
        assert!(text.contains("line-4") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn nobody_is_anonymous_by_default() {
        assert!(!MqttSettings::default().anonymous);
    }
}
