//! How much waits in the spool, for how long there is room, and whether appends are taken: for people and their alarms.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::sync::watch;

use super::Shared;
use super::gate::Way;
use super::refused::RefusedRecord;
use crate::Health;
use crate::embedded::EmbeddedLog;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);
/// Over which time the present rate is taken.
const RATE_OVER: Duration = Duration::from_secs(60);

/// What waits in a spool.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// The partition that alone keeps the oldest files, and their bytes; `None` if several do, or none.
    pub kept_by_one: Option<(usize, u64)>,
    /// Partitions that wait at a record that Kafka refuses.
    pub refused: usize,
    /// One of these records, and why.
    pub refused_record: Option<Arc<str>>,
    /// Acknowledged records that were lost with damaged or missing files and were found so in this run, at least; `None`
    /// if none was.
    pub lost: Option<u64>,
}

/// How far the drain is.
#[derive(Debug)]
pub(crate) struct Standing<'a> {
    /// Records that Kafka has, of all partitions.
    pub(crate) confirmed: i64,
    /// By partition, the record that Kafka refuses.
    pub(crate) refused: &'a BTreeMap<usize, RefusedRecord>,
    /// Records that are lost.
    pub(crate) lost: Option<u64>,
    /// What keeps the files from being read.
    pub(crate) trouble: Option<&'a Arc<str>>,
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
        if let Some(hours) = self.hours_left {
            write!(f, ", full in {hours:.1} h")?;
        }
        if let Some((partition, bytes)) = self.kept_by_one {
            write!(f, ", {:.3} GiB only for partition {partition}", gib(bytes))?;
        }
        if let Some(record) = &self.refused_record {
            write!(f, "; {} partitions wait, as kafka refuses {record}", self.refused)?;
        }
        match self.lost {
            Some(lost) => write!(f, "; {lost} records at least are lost with damaged files: see the log lines"),
            None => Ok(()),
        }
    }
}

impl SpoolDepth {
    /// Whether nothing waits, is spooled or is lost.
    pub fn is_empty(&self) -> bool {
        self.records == 0 && self.partitions == 0 && self.lost.is_none()
    }
}

impl Meter {
    /// Measures if it is time to, and tells.
    pub(crate) fn tell(
        &mut self,
        shared: &Shared,
        log: &EmbeddedLog,
        kafka: &watch::Receiver<Health>,
        standing: &Standing<'_>,
    ) {
        let now = Instant::now();
        if self.told.is_some_and(|told| now - told < EVERY) {
            return;
        }
        self.told = Some(now);
        let records = log.next_offsets().iter().sum::<i64>() - standing.confirmed;
        let held = log.bytes();
        let bytes = if records > 0 { held } else { 0 };
        let bytes_max = shared.settings.bytes_max;
        let hours_left = self.hours_left(now, bytes, bytes_max).or_else(|| (bytes >= bytes_max).then_some(0.0));
        if held < bytes_max {
            // The writer may have nothing to write for a long time.
            shared.is_full.store(false, Ordering::Release);
        }
        let spooled = shared.gates.iter().filter(|gate| gate.way() != Way::Kafka).count();
        let depth = SpoolDepth {
            records,
            bytes,
            bytes_max,
            partitions: spooled,
            hours_left,
            kept_by_one: log.kept_by_one().filter(|_| records > 0),
            refused: standing.refused.len(),
            refused_record: standing.refused.values().next().map(|record| record.to_string().into()),
            lost: standing.lost,
        };
        depth.publish();
        *shared.depth.lock().unwrap_or_else(PoisonError::into_inner) = depth;
        let health = shared.health_now(&log.health().borrow(), &kafka.borrow(), standing.trouble);
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
        gauge!("tacho_spool_kept_by_one_bytes").set(self.kept_by_one.map_or(0, |(_, bytes)| bytes) as f64);
        gauge!("tacho_spool_refused_partitions").set(self.refused as f64);
        gauge!("tacho_spool_hours_left").set(self.hours_left.unwrap_or(f64::INFINITY));
    }
}

impl Shared {
    pub(super) fn depth(&self) -> SpoolDepth {
        self.depth.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What holds once a task has ended by a panic.
    pub(super) fn broken() -> Health {
        let reason = "spool: a part of it failed; what was acknowledged is in its files and follows after a restart";
        Health::Ended { reason: reason.into() }
    }

    /// Whether appends are taken: what only keeps Kafka from taking them does not matter.
    fn health_now(&self, files: &Health, kafka: &Health, trouble: Option<&Arc<str>>) -> Health {
        let failing =
            |reason: &str, disk_full| Health::Failing { reason: format!("spool: {reason}").into(), disk_full };
        match (kafka, files) {
            _ if self.is_broken.load(Ordering::Acquire) => Self::broken(),
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
        let mut depth =
            SpoolDepth { records: 12, bytes: 1 << 29, bytes_max: 8 << 30, partitions: 3, ..SpoolDepth::default() };
        depth.hours_left = Some(2.52);
        assert_eq!(depth.to_string(), "12 records of 3 partitions, 0.500 of 8.000 GiB, full in 2.5 h");
        (depth.hours_left, depth.kept_by_one) = (None, Some((5, 1 << 28)));
        (depth.refused, depth.refused_record) = (2, Some("record 7: too large".into()));
        assert_eq!(
            depth.to_string(),
            "12 records of 3 partitions, 0.500 of 8.000 GiB, 0.250 GiB only for partition 5; 2 partitions wait, as kafka \
             refuses record 7: too large"
        );
        assert!(!depth.is_empty() && SpoolDepth::default().is_empty());
    }
}
