//! Settings that are certain to hurt together, each sound by itself.

use std::path::{Path, PathBuf};

use super::log::spool::PARTITIONS_MAX;
use super::{LogKind, Settings, SpoolMode};
use crate::problem::Problem;
use crate::units::{format_bytes, format_duration};

/// A commit of the log must hold what one read of a connection brings: a publish of 1 MiB, and what came around it.
const COMMIT_BYTES_MIN: usize = 2 << 20;

/// Two keys that do not fit together, told as a problem of the first.
#[derive(Debug)]
pub(super) struct Conflict {
    other_key: &'static str,
    pub(super) problem: Problem,
}

impl Conflict {
    fn new(key: &str, value: &str, other_key: &'static str, expected: String) -> Self {
        Self { other_key, problem: Problem::new(key, value, expected) }
    }

    /// Whether one of the two keys has a problem of its own, or stands in a section that has.
    pub(super) fn touches(&self, wrong_keys: &[String]) -> bool {
        [self.problem.key.as_str(), self.other_key].iter().any(|key| {
            wrong_keys
                .iter()
                .any(|wrong| key == wrong || key.strip_prefix(wrong.as_str()).is_some_and(|rest| rest.starts_with('.')))
        })
    }
}

/// All conflicts within `settings`.
pub(super) fn of(settings: &Settings) -> Vec<Conflict> {
    let mut found = Vec::new();
    found.extend(nobody_can_connect(settings));
    found.extend(same_port(settings));
    found.extend(folders(settings));
    found.extend(amounts(settings));
    found.extend(commit_too_small(settings));
    found.extend(files_gone_before_their_anchor(settings));
    found.extend(kafka(settings));
    found.extend(spool(settings));
    found
}

fn nobody_can_connect(settings: &Settings) -> Option<Conflict> {
    let mqtt = &settings.mqtt;
    (!mqtt.anonymous && mqtt.users_file.is_none()).then(|| {
        Conflict::new(
            "mqtt.users_file",
            "",
            "mqtt.anonymous",
            "the path of a users file, or `anonymous = true`: nobody could connect".to_owned(),
        )
    })
}

fn same_port(settings: &Settings) -> Option<Conflict> {
    let (mqtt, admin) = (settings.mqtt.listen, settings.admin.listen);
    (mqtt == admin && mqtt.port() != 0).then(|| {
        Conflict::new("admin.listen", &admin.to_string(), "mqtt.listen", "another address than mqtt.listen".to_owned())
    })
}

fn folders(settings: &Settings) -> Option<Conflict> {
    let data = &settings.data_dir;
    if data.file_name().is_none() {
        return Some(Conflict::new(
            "data_dir",
            &data.display().to_string(),
            "data_dir",
            "a path that ends in the name of a folder, not in `.`, `..` or `/`".to_owned(),
        ));
    }
    let registry = settings.registry_dir();
    whole(&registry).starts_with(whole(data)).then(|| {
        Conflict::new(
            "anchor.registry_dir",
            &registry.display().to_string(),
            "data_dir",
            format!(
                "a folder outside of data_dir ({}): a restored backup must meet a registry that is ahead of it",
                data.display()
            ),
        )
    })
}

/// Absolute, without `.` and `..` as far as the text tells; a folder that is a link is not followed.
fn whole(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_no_working_directory| path.to_owned());
    let mut whole = PathBuf::new();
    for part in absolute.components() {
        if part == std::path::Component::ParentDir {
            whole.pop();
        } else {
            whole.push(part);
        }
    }
    whole
}

/// An amount of bytes that must hold another one, so many times.
struct Amount {
    key: &'static str,
    bytes: u64,
    other_key: &'static str,
    other_bytes: u64,
    times: u64,
}

impl Amount {
    fn least(&self) -> u64 {
        self.other_bytes.saturating_mul(self.times)
    }

    fn conflict(&self) -> Conflict {
        let times = if self.times == 1 { String::new() } else { format!("{} × ", self.times) };
        let expected = format!("at least {} ({times}{})", format_bytes(self.least()), self.other_key);
        Conflict::new(self.key, &format_bytes(self.bytes), self.other_key, expected)
    }
}

fn amounts(settings: &Settings) -> Vec<Conflict> {
    let (mqtt, log) = (&settings.mqtt, &settings.log);
    let amount = |key, bytes, times, (other_key, other_bytes)| Amount { key, bytes, other_key, other_bytes, times };
    let publish = ("mqtt.max_publish", mqtt.max_publish_bytes as u64);
    let connection = ("mqtt.max_bytes_connection", mqtt.max_bytes_connection as u64);
    let commit = ("log.commit_bytes", log.commit_bytes as u64);
    let mut amounts = vec![
        amount(connection.0, connection.1, 1, publish),
        amount("mqtt.max_bytes_total", mqtt.max_bytes_total as u64, 1, connection),
        // So that one slow publish stops nobody.
        amount("mqtt.max_bytes_total", mqtt.max_bytes_total as u64, 4, publish),
        amount("log.queue_bytes", log.queue_bytes as u64, 1, commit),
        amount("log.segment_size", log.segment_bytes, 1, commit),
    ];
    if let Some(bytes) = log.retention_bytes {
        amounts.push(amount("log.retention_bytes", bytes, 2, ("log.segment_size", log.segment_bytes)));
    }
    if log.kind == LogKind::Kafka && log.kafka.spool.mode != SpoolMode::Hold {
        // Some segments, each of which may end with a whole commit.
        amounts.push(amount("log.kafka.spool.max_bytes", log.kafka.spool.bytes_max, 8, commit));
    }
    amounts.retain(|amount| amount.bytes < amount.least());
    // Of two bounds of one key the greater says all.
    let says_all = |amount: &&Amount| amounts.iter().all(|a| a.key != amount.key || a.least() <= amount.least());
    amounts.iter().filter(says_all).map(Amount::conflict).collect()
}

fn commit_too_small(settings: &Settings) -> Option<Conflict> {
    let bytes = settings.log.commit_bytes;
    (bytes < COMMIT_BYTES_MIN).then(|| {
        Conflict::new(
            "log.commit_bytes",
            &format_bytes(bytes as u64),
            "mqtt.max_publish",
            format!(
                "at least {}: what one read of a connection brings must fit into one commit",
                format_bytes(COMMIT_BYTES_MIN as u64)
            ),
        )
    })
}

fn files_gone_before_their_anchor(settings: &Settings) -> Option<Conflict> {
    let keep = settings.lake.retention.keep_removed_files;
    let least = settings.anchor.window * 2;
    (keep < least).then(|| {
        Conflict::new(
            "lake.retention.keep_removed_files",
            &format_duration(keep),
            "anchor.window",
            format!("at least {} (2 × anchor.window)", format_duration(least)),
        )
    })
}

fn kafka(settings: &Settings) -> Option<Conflict> {
    let (log, key) = (&settings.log, "log.kafka.brokers");
    (log.kind == LogKind::Kafka && log.kafka.brokers.is_empty())
        .then(|| Conflict::new(key, "[]", "log.kind", "the brokers of Kafka, such as [\"kafka-1:9092\"]".to_owned()))
}

fn spool(settings: &Settings) -> Vec<Conflict> {
    let (kafka, spool, deadline) = (&settings.log.kafka, &settings.log.kafka.spool, settings.mqtt.puback_deadline);
    let mut found = Vec::new();
    if settings.log.kind != LogKind::Kafka || spool.mode == SpoolMode::Hold {
        return found;
    }
    if spool.mode == SpoolMode::Spool && kafka.partitions > PARTITIONS_MAX {
        let expected = format!("\"hold\": a spool has at most {PARTITIONS_MAX} partitions");
        found.push(Conflict::new("log.kafka.spool.mode", "\"spool\"", "log.kafka.partitions", expected));
    }
    if spool.grace >= deadline {
        let expected =
            format!("less than mqtt.puback_deadline ({}): sessions would be closed first", format_duration(deadline));
        let grace = format_duration(spool.grace);
        found.push(Conflict::new("log.kafka.spool.grace", &grace, "mqtt.puback_deadline", expected));
    }
    found
}
