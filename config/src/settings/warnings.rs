//! Settings that are allowed and likely to hurt.

use std::time::Duration;

use super::{LakeUrl, LogKind, Settings};
use crate::problem::Warning;
use crate::units::format_duration;

const DAY: Duration = Duration::from_secs(86_400);

/// All warnings about `settings`.
pub(super) fn of(settings: &Settings) -> Vec<Warning> {
    let mut found = Vec::new();
    found.extend(reachable(settings));
    found.extend(durability(settings));
    found
}

fn reachable(settings: &Settings) -> Vec<Warning> {
    let (mqtt, admin) = (&settings.mqtt, &settings.admin);
    let mut found = Vec::new();
    let abroad = !mqtt.listen.ip().is_loopback();
    if abroad && mqtt.anonymous {
        let reason = "anyone who reaches mqtt.listen can publish for any robot";
        found.push(Warning::new("mqtt.anonymous", true, reason));
    }
    if mqtt.anonymous && mqtt.users_file.is_some() {
        let reason = "lets in whoever gives no name, to publish for any robot, although there is a users file";
        found.push(Warning::new("mqtt.anonymous", true, reason));
    }
    if abroad && mqtt.users_file.is_some() {
        let reason = "passwords cross the network in the clear: this release speaks plain TCP";
        found.push(Warning::new("mqtt.listen", mqtt.listen, reason));
    }
    if !admin.listen.ip().is_loopback() {
        let reason = "anyone who reaches it can read the metrics";
        found.push(Warning::new("admin.listen", admin.listen, reason));
    }
    found
}

fn durability(settings: &Settings) -> Vec<Warning> {
    let lake = &settings.lake;
    let mut found = match settings.log.kind {
        LogKind::Embedded => embedded(settings),
        LogKind::Kafka => kafka(settings),
    };
    if !(20..=50).contains(&lake.checkpoint_every) {
        let reason =
            "outside of 20 to 50 either checkpoints or the reading of entries between them cost more than they save";
        found.push(Warning::new("lake.checkpoint_every", lake.checkpoint_every, reason));
    }
    if lake.commit_interval > Duration::from_secs(10) {
        let reason = "rows are visible to SQL only after a commit";
        found.push(Warning::new("lake.commit_interval", format_duration(lake.commit_interval), reason));
    }
    if let Some(store) = lake.url.as_ref().and_then(LakeUrl::store).filter(|store| store.is_in_the_clear()) {
        let reason = "rows cross the network in the clear";
        found.push(Warning::new("lake.endpoint", store.endpoint.as_deref().unwrap_or_default(), reason));
    }
    let keep = lake.retention.keep_removed_files;
    if keep < DAY {
        let reason = "a query or a copy of the lake that takes longer than this loses its files";
        found.push(Warning::new("lake.retention.keep_removed_files", format_duration(keep), reason));
    }
    found
}

fn kafka(settings: &Settings) -> Vec<Warning> {
    let kafka = &settings.log.kafka;
    let mut found = Vec::new();
    if kafka.replication == 1 {
        let reason = "of a topic that is made: one broker's acks=all is its page cache, which a power cut can lose";
        found.push(Warning::new("log.kafka.replication", 1, reason));
    }
    let in_the_clear = !kafka.librdkafka.get("security.protocol").is_some_and(|way| way.to_lowercase().contains("ssl"));
    if in_the_clear && kafka.brokers.iter().any(|broker| !is_loopback(broker)) {
        let reason = "records cross the network in the clear; set log.kafka.librdkafka.\"security.protocol\"";
        found.push(Warning::new("log.kafka.brokers", kafka.brokers.join(","), reason));
    }
    found
}

fn is_loopback(broker: &str) -> bool {
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn embedded(settings: &Settings) -> Vec<Warning> {
    let log = &settings.log;
    let mut found = Vec::new();
    if log.partitions == 1 {
        let reason = "fixed for the life of the log, and one partition cannot be shared later";
        found.push(Warning::new("log.partitions", 1, reason));
    }
    if let Some(age) = log.retention_age.filter(|age| *age < DAY) {
        let reason = "the raw log, from which a lost lake is made again, is only so long";
        found.push(Warning::new("log.retention_age", format_duration(age), reason));
    }
    if log.retention_age.is_none() && log.retention_bytes.is_none() {
        let reason = "with no log.retention_bytes either, the log grows until the disk is full";
        found.push(Warning::new("log.retention_age", "none", reason));
    }
    found
}
