//! Metrics of the front. Counted per burst of packets, not per publish.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::reason::{End, Reason};

/// Handles to metrics, so that the hot path looks up no names.
pub(crate) struct Meters {
    /// `tacho_ingest_connections`: open connections.
    pub(crate) connections: Gauge,
    /// `tacho_ingest_publishes_total`: telemetry publishes handed to the log.
    pub(crate) publishes: Counter,
    /// `tacho_ingest_publish_bytes_total`: bytes of their packets.
    pub(crate) publish_bytes: Counter,
    /// `tacho_ingest_messages_total`: ordinary publishes.
    pub(crate) messages: Counter,
    /// `tacho_ingest_oversize_total`: telemetry publishes over the size limit.
    pub(crate) oversize: Counter,
    /// `tacho_ingest_undistributed_total`: delivered telemetry that MQTT subscribers did not get.
    pub(crate) undistributed: Counter,
    /// `tacho_ingest_puback_seconds`: from receipt of a burst to its acknowledgement.
    pub(crate) puback_seconds: Histogram,
}

impl Meters {
    /// Registers them.
    pub(crate) fn new() -> Self {
        Self {
            connections: gauge!("tacho_ingest_connections"),
            publishes: counter!("tacho_ingest_publishes_total"),
            publish_bytes: counter!("tacho_ingest_publish_bytes_total"),
            messages: counter!("tacho_ingest_messages_total"),
            oversize: counter!("tacho_ingest_oversize_total"),
            undistributed: counter!("tacho_ingest_undistributed_total"),
            puback_seconds: histogram!("tacho_ingest_puback_seconds"),
        }
    }

    /// Counts a connection that ended (`tacho_ingest_closed_total`, by reason).
    pub(crate) fn closed(&self, end: End) {
        counter!("tacho_ingest_closed_total", "reason" => end.label()).increment(1);
    }

    /// Counts a connection whose task panicked (`tacho_ingest_closed_total`, reason `panicked`).
    pub(crate) fn panicked(&self) {
        counter!("tacho_ingest_closed_total", "reason" => "panicked").increment(1);
    }

    /// Counts a subscriber that was disconnected because too much waited for it (`tacho_ingest_slow_subscribers_total`),
    /// by the bound: its `own`, or that of `all` subscribers together, of whom it was the slowest.
    pub(crate) fn slow_subscriber(&self, bound: &'static str) {
        counter!("tacho_ingest_slow_subscribers_total", "bound" => bound).increment(1);
    }

    /// Counts a connection that was refused (`tacho_ingest_connections_refused_total`, by reason).
    pub(crate) fn connection_refused(&self, reason: &'static str) {
        counter!("tacho_ingest_connections_refused_total", "reason" => reason).increment(1);
    }

    /// Counts a publish or subscription that was refused (`tacho_ingest_refused_total`, by reason).
    pub(crate) fn refused(&self, reason: Reason) {
        counter!("tacho_ingest_refused_total", "reason" => reason.label()).increment(1);
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
