//! Settings that are certain to hurt together, each sound by itself.

use std::path::{Path, PathBuf};

use super::Settings;
use crate::problem::Problem;
use crate::units::{format_bytes, format_duration};

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
    found.extend(files_gone_before_their_anchor(settings));
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

/// Bounds in bytes of which one must hold another.
fn amounts(settings: &Settings) -> Vec<Conflict> {
    let (mqtt, log) = (&settings.mqtt, &settings.log);
    let mut pairs = vec![
        (
            "mqtt.max_bytes_connection",
            mqtt.max_bytes_connection as u64,
            "mqtt.max_publish",
            mqtt.max_publish_bytes as u64,
            1,
        ),
        (
            "mqtt.max_bytes_total",
            mqtt.max_bytes_total as u64,
            "mqtt.max_bytes_connection",
            mqtt.max_bytes_connection as u64,
            1,
        ),
        ("log.queue_bytes", log.queue_bytes as u64, "log.commit_bytes", log.commit_bytes as u64, 1),
        ("log.segment_size", log.segment_bytes, "log.commit_bytes", log.commit_bytes as u64, 1),
    ];
    if let Some(bytes) = log.retention_bytes {
        pairs.push(("log.retention_bytes", bytes, "log.segment_size", log.segment_bytes, 2));
    }
    let too_small = pairs.into_iter().filter(|(_, size, _, other, times)| *size < other.saturating_mul(*times));
    too_small
        .map(|(key, size, other_key, other, times)| {
            let least = format_bytes(other.saturating_mul(times));
            let times = if times == 1 { String::new() } else { format!("{times} × ") };
            let expected = format!("at least {least} ({times}{other_key})");
            Conflict::new(key, &format_bytes(size), other_key, expected)
        })
        .collect()
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
