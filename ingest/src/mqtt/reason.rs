//! Why a session is closed or a packet refused: one closed set, with its MQTT 5 code and its name in metrics.
//!
//! MQTT 3.1.1 has no such codes after CONNACK; there the connection is just closed.

/// A reason that goes to the client (MQTT 5, 2.4) and into metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The log did not take the record.
    LogFailed,
    /// The router thread has ended.
    RouterGone,
    /// Bytes that are no MQTT.
    Malformed,
    /// MQTT, but not allowed here.
    ProtocolError,
    /// CONNECT names another version.
    UnsupportedVersion,
    /// The client ID is missing or too long.
    ClientId,
    /// Unknown user or wrong password.
    BadCredentials,
    /// Not for this user.
    NotAuthorised,
    /// A deadline passed: the log, a packet or the client's own reading is too slow.
    ServerBusy,
    /// `tacho` stops.
    ShuttingDown,
    /// AUTH is not spoken here.
    BadAuthMethod,
    /// Nothing came for one and a half times the keep-alive.
    KeepAlive,
    /// The client connected again.
    TakenOver,
    /// A filter that is not accepted.
    FilterInvalid,
    /// A topic that is not accepted.
    TopicInvalid,
    /// More publishes in flight than CONNACK allowed.
    ReceiveMaximum,
    /// An alias that was not defined, or beyond the maximum.
    TopicAlias,
    /// Beyond the largest packet.
    PacketTooLarge,
    /// More publishes of a robot than its rate.
    RateTooHigh,
    /// A bound of filters, retained messages, sessions or bytes.
    QuotaExceeded,
    /// Shared subscriptions are not offered.
    SharedSubscription,
}

impl Reason {
    /// The MQTT 5 reason code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::LogFailed | Self::RouterGone => 0x80,
            Self::Malformed => 0x81,
            Self::ProtocolError => 0x82,
            Self::UnsupportedVersion => 0x84,
            Self::ClientId => 0x85,
            Self::BadCredentials => 0x86,
            Self::NotAuthorised => 0x87,
            Self::ServerBusy => 0x89,
            Self::ShuttingDown => 0x8B,
            Self::BadAuthMethod => 0x8C,
            Self::KeepAlive => 0x8D,
            Self::TakenOver => 0x8E,
            Self::FilterInvalid => 0x8F,
            Self::TopicInvalid => 0x90,
            Self::ReceiveMaximum => 0x93,
            Self::TopicAlias => 0x94,
            Self::PacketTooLarge => 0x95,
            Self::RateTooHigh => 0x96,
            Self::QuotaExceeded => 0x97,
            Self::SharedSubscription => 0x9E,
        }
    }

    /// The return code of an MQTT 3.1.1 CONNACK (3.2.2.3), where there is one.
    pub(crate) fn connack_v4(self) -> Option<u8> {
        match self {
            Self::UnsupportedVersion => Some(1),
            Self::ClientId => Some(2),
            Self::ServerBusy | Self::QuotaExceeded | Self::LogFailed | Self::RouterGone => Some(3),
            Self::BadCredentials => Some(4),
            Self::NotAuthorised | Self::TopicInvalid => Some(5),
            _ => None,
        }
    }

    /// The value of the metrics' `reason` label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::LogFailed => "log_failed",
            Self::RouterGone => "router_gone",
            Self::Malformed => "malformed",
            Self::ProtocolError => "protocol_error",
            Self::UnsupportedVersion => "unsupported_version",
            Self::ClientId => "client_id",
            Self::BadCredentials => "bad_credentials",
            Self::NotAuthorised => "not_authorised",
            Self::ServerBusy => "server_busy",
            Self::ShuttingDown => "shutting_down",
            Self::BadAuthMethod => "bad_auth_method",
            Self::KeepAlive => "keep_alive",
            Self::TakenOver => "taken_over",
            Self::FilterInvalid => "filter_invalid",
            Self::TopicInvalid => "topic_invalid",
            Self::ReceiveMaximum => "receive_maximum",
            Self::TopicAlias => "topic_alias",
            Self::PacketTooLarge => "packet_too_large",
            Self::RateTooHigh => "rate_too_high",
            Self::QuotaExceeded => "quota_exceeded",
            Self::SharedSubscription => "shared_subscription",
        }
    }
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client said DISCONNECT.
    Client {
        /// MQTT 5 reason 0x04: it wants its will published.
        with_will: bool,
    },
    /// The TCP connection is gone.
    Lost,
    /// The front closes it.
    Close(Reason),
}

impl End {
    /// The value of the metrics' `reason` label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Client { .. } => "client",
            Self::Lost => "lost",
            Self::Close(reason) => reason.label(),
        }
    }
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        Self::Close(reason)
    }
}
