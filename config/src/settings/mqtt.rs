//! Settings of the MQTT front: who may come in, how much may wait, how long.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::{written_count, written_path};
use crate::section::Section;
use crate::units::{format_bytes, format_duration};

/// The MQTT front.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSettings {
    /// Where it listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Whether a client without a name is let in. One with a name must be in the users file all the same, if there is one.
    pub anonymous: bool,
    /// Names and argon2id hashes; see [`crate::users`].
    pub users_file: Option<PathBuf>,
    /// Longest time from TCP accept to a whole CONNECT.
    pub connect_timeout: Duration,
    /// Longest time from a publish to its delivery report; then the session is closed with a reason.
    pub puback_deadline: Duration,
    /// Largest publish that is kept whole, in bytes.
    pub max_publish_bytes: usize,
    /// Unacknowledged bytes of one connection.
    pub max_bytes_connection: usize,
    /// Unacknowledged bytes of all connections together.
    pub max_bytes_total: usize,
    /// Connections at a time.
    pub max_connections: usize,
    /// Limit of records per robot; `None`: none.
    pub robot_rate: Option<RateLimit>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Records per second in the long run.
    pub records_per_s: f64,
    /// Records that may come at once.
    pub burst: u32,
}

impl MqttSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let seconds = Duration::from_secs;
        let anonymous = s.flag("anonymous");
        Self {
            listen: s.address("listen"),
            anonymous,
            users_file: s.optional_path("users_file", base_dir),
            connect_timeout: s.duration("connect_timeout", seconds(1)..=seconds(120)),
            puback_deadline: s.duration("puback_deadline", seconds(1)..=seconds(600)),
            max_publish_bytes: s.memory("max_publish", 1 << 10..=1 << 20),
            max_bytes_connection: s.memory("max_bytes_connection", 64 << 10..=1 << 30),
            max_bytes_total: s.memory("max_bytes_total", 1 << 20..=64 << 30),
            max_connections: s.integer("max_connections", 1..=1_000_000),
            robot_rate: read_rate(s),
        }
    }

    pub(super) fn written(&self) -> Table {
        let bytes = |bytes: usize| Value::from(format_bytes(bytes as u64));
        let mut table = Table::from_iter([
            ("listen".to_owned(), Value::from(self.listen.to_string())),
            ("anonymous".to_owned(), Value::from(self.anonymous)),
            ("connect_timeout".to_owned(), Value::from(format_duration(self.connect_timeout))),
            ("puback_deadline".to_owned(), Value::from(format_duration(self.puback_deadline))),
            ("max_publish".to_owned(), bytes(self.max_publish_bytes)),
            ("max_bytes_connection".to_owned(), bytes(self.max_bytes_connection)),
            ("max_bytes_total".to_owned(), bytes(self.max_bytes_total)),
            ("max_connections".to_owned(), written_count(self.max_connections)),
        ]);
        if let Some(path) = &self.users_file {
            table.insert("users_file".to_owned(), written_path(path));
        }
        if let Some(rate) = self.robot_rate {
            table.insert("robot_rate_per_s".to_owned(), Value::from(rate.records_per_s));
            table.insert("robot_burst".to_owned(), Value::from(rate.burst));
        }
        table
    }
}

/// The rate switches the limit on; without a burst, a robot may send what it could in ten seconds.
fn read_rate(s: &mut Section<'_>) -> Option<RateLimit> {
    let burst = s.optional_integer("robot_burst", 1_u32..=1_000_000);
    let rate = s.optional_number("robot_rate_per_s", 0.001..=100_000.0);
    match (rate, burst) {
        (Some(records_per_s), Some(burst)) => Some(RateLimit { records_per_s, burst }),
        (Some(records_per_s), None) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "1 to 1,000,000 by the range above"
            )]
            let burst = (records_per_s * 10.0).ceil().max(1.0) as u32;
            Some(RateLimit { records_per_s, burst })
        }
        (None, _) => None,
    }
}
