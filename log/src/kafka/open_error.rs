//! Why a log in Kafka is not opened, and what would be right.

use std::io;
use std::sync::Arc;

use rdkafka::error::KafkaError;
use uuid::Uuid;

use super::KafkaSettings;
use super::settings::SettingsError;

/// Why a log in Kafka is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting cannot be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No broker answers.
    #[error("no broker of {brokers} answers{}", why.as_ref().map_or_else(String::new, |why| format!(": {why}")))]
    Unreachable {
        /// The addresses of the settings.
        brokers: String,
        /// What the client was told last, if anything.
        why: Option<Arc<str>>,
    },
    /// The topic is not there, and is not to be made by this role.
    #[error("topic {topic} does not exist: `tacho config apply` makes it, and puts a configuration in force")]
    NoTopic {
        /// Name of the topic.
        topic: String,
    },
    /// The topic could not be made.
    #[error("topic {topic} cannot be made: {why}")]
    Create {
        /// Name of the topic.
        topic: String,
        /// What the broker says.
        why: String,
    },
    /// The topic has another number of partitions.
    #[error(
        "topic {topic} has {found} partitions, log.kafka.partitions says {expected}: the number is fixed for a log's life, \
         because a robot's records stay in order only within one partition; say {found} if the topic was made so, else \
         bring the topic back"
    )]
    Partitions {
        /// Name of the topic.
        topic: String,
        /// Partitions of the topic.
        found: usize,
        /// Partitions of the settings.
        expected: i32,
    },
    /// The topic is kept in a way that breaks a promise.
    #[error("topic {topic} does not keep what is promised: {}", why.join("; "))]
    Unsafe {
        /// Name of the topic.
        topic: String,
        /// Each reason, with what would be right.
        why: Vec<String>,
    },
    /// It is another log than it was opened as while Kafka was away.
    #[error(
        "topic {topic} is log {found}, and records are spooled for log {expected}: bring that cluster and topic back, or \
         move the spool away and keep it"
    )]
    OtherLog {
        /// Name of the topic.
        topic: String,
        /// What it is.
        found: Uuid,
        /// What it should be.
        expected: Uuid,
    },
    /// Kafka answers with an error.
    #[error("kafka at {brokers}: {doing}")]
    Kafka {
        /// The addresses of the settings.
        brokers: String,
        /// What was asked.
        doing: &'static str,
        /// What came back.
        #[source]
        source: KafkaError,
    },
    /// A thread could not be started.
    #[error("starting a thread of the log")]
    Thread {
        /// What the system says.
        source: io::Error,
    },
    /// The runtime is ending.
    #[error("the runtime is ending")]
    Ending,
}

impl OpenError {
    /// There can be no client.
    pub(crate) fn client(settings: &KafkaSettings, source: KafkaError) -> Self {
        Self::kafka(settings, "making a client", source)
    }

    /// Whether Kafka may only be away.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Kafka { .. })
    }

    pub(crate) fn kafka(settings: &KafkaSettings, doing: &'static str, source: KafkaError) -> Self {
        Self::Kafka { brokers: settings.brokers(), doing, source }
    }
}
