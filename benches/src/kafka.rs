//! The log in Apache Kafka, with broker, roles and load on the same cores: publishes acknowledged after the delivery report,
//! the whole way, and a full topic that is landed.

mod catch_up;
mod publishing;

use anyhow::Context as _;
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::kafka::Broker;
use tacho_log::{KafkaLog, KafkaSettings};
use tokio::runtime::Runtime;

pub(crate) use catch_up::measure as catch_up;
pub(crate) use publishing::measure as publishing;

/// Partitions of the topics.
const PARTITIONS: u32 = 12;
/// Topic of raw records, as it is called by default.
const TOPIC: &str = "robot.telemetry";
/// Why there is no figure.
const NO_KAFKA: &str = "TACHO_KAFKA_LIBS names no folder of Kafka's jars";

/// A broker with a deployment that has no role yet; `None` where Kafka is not there.
fn deployment() -> anyhow::Result<Option<(Broker, Cluster)>> {
    let Some(broker) = Broker::started()? else { return Ok(None) };
    let cluster = Cluster::new(&broker, PARTITIONS, "[mqtt]\nanonymous = true")?;
    Ok(Some((broker, cluster)))
}

/// The deployment's log, opened beside its roles.
fn log(runtime: &Runtime, cluster: &Cluster) -> anyhow::Result<KafkaLog> {
    let settings = tacho_config::Settings::load(&cluster.config()).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let kafka = &settings.log.kafka;
    let settings = KafkaSettings {
        brokers: kafka.brokers.clone(),
        topic: TOPIC.to_owned(),
        rejected_topic: None,
        group: "bench".to_owned(),
        partitions: kafka.partitions,
        replication: 1,
        generation: 1,
        retention: None,
        retention_min: kafka.retention_min,
        queue_bytes: settings.log.queue_bytes,
        drain_bytes: 0,
        record_bytes_max: settings.mqtt.max_publish_bytes,
        connect_timeout: kafka.connect_timeout,
        grace: kafka.grace,
        properties: kafka.librdkafka.clone(),
        secret_files: kafka.secret_files.clone(),
    };
    runtime.block_on(KafkaLog::open(settings, false)).context("log")
}
