//! Settings as the roles take them: `tacho-config` knows what was meant, each crate what it needs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tacho_config::settings::{LakeUrl, TooLarge};
use tacho_config::{Problems, Settings};
use tacho_ingest::{MqttSettings, MqttUser, RobotRate};
use tacho_lake::maintenance::{CompactOptions, MaintenanceOptions};
use tacho_lake::place::{AccessKey, Bucket};
use tacho_lake::{Faults, LakeOptions, LakePlace};
use tacho_log::{EmbeddedSettings, KafkaSettings, SpoolSettings};

use crate::exit::WrongUse;

/// The MQTT front's settings; reads the users' file.
pub(super) fn mqtt(settings: &Settings) -> anyhow::Result<MqttSettings> {
    let mqtt = &settings.mqtt;
    let wrong = |problems: Problems| WrongUse(format!("users file: {problems}"));
    let users = crate::settings::users(settings).map_err(wrong)?.iter().map(user).collect();
    Ok(MqttSettings {
        listen: mqtt.listen,
        anonymous: mqtt.anonymous,
        users,
        puback_deadline: mqtt.puback_deadline,
        connect_timeout: mqtt.connect_timeout,
        max_publish_bytes: mqtt.max_publish_bytes,
        connection_bytes: mqtt.max_bytes_connection,
        total_bytes: mqtt.max_bytes_total,
        max_connections: mqtt.max_connections,
        robot_rate: mqtt
            .robot_rate
            .as_ref()
            .map(|rate| RobotRate { records_per_s: rate.records_per_s, burst: rate.burst }),
        ..MqttSettings::default()
    })
}

fn user(user: &tacho_config::User) -> MqttUser {
    let robots = (!user.robots.is_empty()).then(|| user.robots.clone());
    MqttUser { name: user.name.clone(), password_hash: user.hash.expose().to_owned(), robots }
}

/// The embedded log's settings.
pub(super) fn log(settings: &Settings) -> EmbeddedSettings {
    let log = &settings.log;
    EmbeddedSettings {
        partitions: log.partitions,
        segment_bytes: log.segment_bytes,
        retention_bytes: log.retention_bytes,
        retention_age: log.retention_age,
        max_group_bytes: log.commit_bytes,
        max_pending_bytes: log.queue_bytes,
        ..EmbeddedSettings::default()
    }
}

/// Most bytes of an envelope's texts, and of headers around a payload.
const ENVELOPE_BYTES_MAX: usize = 64 << 10;

/// The settings of a log in Kafka.
pub(crate) fn kafka(settings: &Settings) -> KafkaSettings {
    let kafka = &settings.log.kafka;
    KafkaSettings {
        brokers: kafka.brokers.clone(),
        topic: kafka.topic.clone(),
        rejected_topic: kafka.rejected_topic.clone(),
        group: kafka.group.clone(),
        partitions: kafka.partitions,
        replication: kafka.replication,
        generation: kafka.generation,
        retention: kafka.retention,
        retention_min: kafka.retention_min,
        queue_bytes: settings.log.queue_bytes,
        drain_bytes: 0,
        record_bytes_max: settings.mqtt.max_publish_bytes + ENVELOPE_BYTES_MAX,
        connect_timeout: kafka.connect_timeout,
        grace: kafka.grace,
        properties: kafka.librdkafka.clone(),
        secret_files: kafka.secret_files.clone(),
    }
}

/// The settings of the spool beside it.
pub(super) fn spool(settings: &Settings) -> SpoolSettings {
    let spool = &settings.log.kafka.spool;
    SpoolSettings {
        dir: spool_dir(settings),
        grace: spool.grace,
        bytes_max: spool.bytes_max,
        group_bytes: settings.log.commit_bytes,
        dead_letters: spool.too_large == TooLarge::DeadLetter,
        faults: tacho_log::Faults::none(),
    }
}

/// Where records wait while Kafka is away.
pub(super) fn spool_dir(settings: &Settings) -> PathBuf {
    settings.data_dir.join("spool")
}

/// Where the lake lies.
pub(crate) fn lake_place(settings: &Settings) -> anyhow::Result<LakePlace> {
    let store = match settings.lake_url() {
        LakeUrl::Folder(folder) => return Ok(folder.into()),
        LakeUrl::Store(store) => store,
    };
    let key = store.credentials_file.as_deref().map(access_key).transpose()?;
    let url = store.url.parse().with_context(|| format!("lake.url {}", store.url))?;
    Ok(LakePlace::Bucket(Bucket { url, endpoint: store.endpoint, region: store.region, key }))
}

/// The two lines of a credentials file.
fn access_key(file: &Path) -> anyhow::Result<AccessKey> {
    let text = std::fs::read_to_string(file).with_context(|| format!("lake.credentials_file {}", file.display()))?;
    match text.lines().map(str::trim).collect::<Vec<_>>()[..] {
        [id, secret] if !id.is_empty() && !secret.is_empty() => {
            Ok(AccessKey { id: id.to_owned(), secret: secret.to_owned() })
        }
        _ => {
            let why = "is not two lines, the name and the secret of an access key";
            Err(WrongUse(format!("lake.credentials_file {} {why}", file.display())).into())
        }
    }
}

/// How the lake is written. What anchors name of it must be there; where they cannot be read, which the anchors
/// themselves tell, that is not known, and landing goes on without.
pub(super) fn lake(settings: &Settings, faults: &Faults) -> LakeOptions {
    LakeOptions {
        faults: faults.clone(),
        checkpoint_every: i64::from(settings.lake.checkpoint_every),
        confirmed: tacho_registry::anchorer::anchored_versions(&settings.data_dir).unwrap_or_default(),
        ..LakeOptions::default()
    }
}

/// How the lake is kept small.
pub(super) fn maintenance(settings: &Settings) -> MaintenanceOptions {
    let compaction = &settings.lake.compaction;
    let defaults = MaintenanceOptions::default();
    MaintenanceOptions {
        compact_every: compaction.interval,
        compact: CompactOptions {
            target_bytes: compaction.target_file_bytes,
            files_min: compaction.min_files,
            ..CompactOptions::default()
        },
        removed_keep: settings.lake.retention.keep_removed_files,
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values at the ends of what `tacho check` lets through.
    #[test]
    fn the_log_takes_whatever_a_configuration_may_say() {
        for text in [
            "partitions = 1\nsegment_size = \"16 MiB\"\ncommit_bytes = \"2 MiB\"\nqueue_bytes = \"4 MiB\"",
            "partitions = 256\nsegment_size = \"1 GiB\"\ncommit_bytes = \"64 MiB\"\nqueue_bytes = \"1 GiB\"",
        ] {
            let text = format!("profile = \"development\"\n[log]\n{text}");
            let settings = Settings::parse(&text, Path::new("")).unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(log(&settings).check(), Ok(()));
        }
    }
}
