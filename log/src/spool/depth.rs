//! How much waits in the spool, for how long there is room, and whether appends are taken: for people and their alarms.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::sync::watch;

use super::Shared;
use super::gate::Way;
use crate::Health;
use crate::embedded::EmbeddedLog;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);
/// Over which time the present rate is taken.
const RATE_OVER: Duration = Duration::from_secs(60);

/// What waits in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpoolDepth {
    /// Records that are not known to be in Kafka.
    pub records: i64,
    /// Bytes of the files that have them.
    pub bytes: u64,
    /// Bytes that the files may have.
    pub bytes_max: u64,
    /// Partitions whose new records are spooled.
    pub partitions: usize,
    /// Hours until the spool is full, as it has grown in the last minute; `None` while it does not grow.
    pub hours_left: Option<f64>,
}

/// Measures a spool from time to time.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    told: Option<Instant>,
    /// Bytes at successive times, the oldest no longer ago than the rate is taken over.
    samples: VecDeque<(Instant, u64)>,
}

impl fmt::Display for SpoolDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let Self { records, bytes, bytes_max, partitions, .. } = self;
        write!(f, "{records} records of {partitions} partitions, {:.3} of {:.3} GiB", gib(*bytes), gib(*bytes_max))?;
        match self.hours_left {
            Some(hours) => write!(f, ", full in {hours:.1} h"),
            None => Ok(()),
        }
    }
}

impl SpoolDepth {
    /// Whether nothing waits and nothing is spooled.
    pub fn is_empty(&self) -> bool {
        self.records == 0 && self.partitions == 0
    }
}

impl Meter {
    /// Measures if it is time to, and tells.
    pub(crate) fn tell(
        &mut self,
        shared: &Shared,
        log: &EmbeddedLog,
        confirmed: i64,
        kafka: &watch::Receiver<Health>,
        trouble: Option<&Arc<str>>,
    ) {
        let now = Instant::now();
        if self.told.is_some_and(|told| now - told < EVERY) {
            return;
        }
        self.told = Some(now);
        let records = log.next_offsets().iter().sum::<i64>() - confirmed;
        let bytes = if records > 0 { log.bytes() } else { 0 };
        let bytes_max = shared.settings.bytes_max;
        let hours_left = self.hours_left(now, bytes, bytes_max).or_else(|| (bytes >= bytes_max).then_some(0.0));
        if log.bytes() < bytes_max {
            // The writer may have nothing to write for a long time.
            shared.is_full.store(false, Ordering::Release);
        }
        let spooled = shared.gates.iter().filter(|gate| gate.way() != Way::Kafka).count();
        let depth = SpoolDepth { records, bytes, bytes_max, partitions: spooled, hours_left };
        depth.publish();
        *shared.depth.lock().unwrap_or_else(PoisonError::into_inner) = depth;
        let health = shared.health_now(&log.health().borrow(), &kafka.borrow(), trouble);
        if matches!(health, Health::Ended { .. } | Health::Closed) {
            shared.room.close();
        }
        shared.health.send_if_modified(|told| {
            let is_news = *told != health;
            *told = health;
            is_news
        });
    }

    fn hours_left(&mut self, now: Instant, bytes: u64, bytes_max: u64) -> Option<f64> {
        self.samples.push_back((now, bytes));
        while self.samples.front().is_some_and(|(at, _)| now - *at > RATE_OVER) {
            self.samples.pop_front();
        }
        let (since, before) = *self.samples.front()?;
        let grown = bytes.checked_sub(before).filter(|grown| *grown > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let seconds = bytes_max.saturating_sub(bytes) as f64 * (now - since).as_secs_f64() / grown as f64;
        Some(seconds / 3_600.0)
    }
}

impl SpoolDepth {
    #[expect(clippy::cast_precision_loss, reason = "gauges for people")]
    fn publish(&self) {
        gauge!("tacho_spool_records").set(self.records as f64);
        gauge!("tacho_spool_bytes").set(self.bytes as f64);
        gauge!("tacho_spool_bytes_max").set(self.bytes_max as f64);
        gauge!("tacho_spool_partitions").set(self.partitions as f64);
        gauge!("tacho_spool_hours_left").set(self.hours_left.unwrap_or(f64::INFINITY));
    }
}

impl Shared {
    pub(super) fn depth(&self) -> SpoolDepth {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether appends are taken: what only keeps Kafka from taking them does not matter.
    fn health_now(&self, files: &Health, kafka: &Health, trouble: Option<&Arc<str>>) -> Health {
        let failing =
            |reason: &str, disk_full| Health::Failing { reason: format!("spool: {reason}").into(), disk_full };
        match (kafka, files) {
            (Health::Ended { .. } | Health::Closed, _) => kafka.clone(),
            (_, Health::Failing { reason, disk_full }) => failing(reason, *disk_full),
            (_, Health::Ended { .. } | Health::Closed) => files.clone(),
            _ if self.is_full.load(Ordering::Acquire) => failing(&self.full_reason(), true),
            _ => trouble.map_or(Health::Ready, |trouble| failing(trouble, false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_left_follow_from_the_growth_of_the_last_minute() {
        let mut meter = Meter::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(meter.hours_left(at(0), 1_000, 100_000), None, "nothing is known of its growth");
        let hours = meter.hours_left(at(10), 2_000, 38_000).unwrap();
        assert!((hours - 0.1).abs() < 1e-9, "36,000 bytes at 100 a second are six minutes: {hours}");
        assert_eq!(meter.hours_left(at(20), 1_000, 38_000), None, "it does not grow");
        meter.hours_left(at(100), 3_000, 38_000);
        assert_eq!(meter.samples.len(), 1, "older ones are forgotten");
    }

    #[test]
    fn depth_is_a_sentence() {
        let depth =
            SpoolDepth { records: 12, bytes: 1 << 29, bytes_max: 8 << 30, partitions: 3, hours_left: Some(2.52) };
        assert_eq!(depth.to_string(), "12 records of 3 partitions, 0.500 of 8.000 GiB, full in 2.5 h");
        assert!(!depth.is_empty() && SpoolDepth::default().is_empty());
    }
}
