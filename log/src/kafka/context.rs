//! What librdkafka tells: delivery reports to their batches, log lines and errors to ours.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use tracing::{debug, info, warn};

use super::in_flight::InFlight;

/// Listens to one client.
#[derive(Debug)]
pub(crate) struct Context {
    role: &'static str,
    told: Mutex<Option<Arc<str>>>,
}

impl Context {
    pub(crate) fn new(role: &'static str) -> Self {
        Self { role, told: Mutex::default() }
    }

    /// What the client was told last of one of its brokers.
    pub(crate) fn told(&self) -> Option<Arc<str>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        let role = self.role;
        match level {
            // What matters of it comes as an error, or as an answer to a call.
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                info!(role, fac, message, "librdkafka");
            }
            _ => debug!(role, fac, message, "librdkafka"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let role = self.role;
        // It tries again by itself; what does not heal shows in the health of the log.
        match &error {
            KafkaError::Global(RDKafkaErrorCode::AllBrokersDown) => warn!(role, reason, "no broker answers"),
            _ => {
                info!(role, %error, reason, "kafka client");
                *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(reason));
            }
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<InFlight>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<InFlight>) {
        use rdkafka::Message as _;
        match result {
            Ok(message) => batch.delivered(message.partition(), message.offset()),
            Err((error, message)) => batch.failed(message.partition(), error),
        }
    }
}
