//! The board on which the roles of an instance write how they are, read by `/ready`, `/metrics` and the status line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tacho_log::SpoolDepth;

/// Shared by all roles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<Mutex<Facts>>);

/// What the roles say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Parts that cannot do their work, with the reason.
    failing: BTreeMap<&'static str, String>,
    /// Records appended to the log since the start.
    pub(crate) appended: i64,
    /// What waits in the spool while Kafka is away, if anything does.
    pub(crate) spool: Option<SpoolDepth>,
    /// Records of the log that are not landed yet.
    pub(crate) lag_records: i64,
    /// Counts since the start.
    pub(crate) landed: u64,
    /// See [`Facts::landed`].
    pub(crate) duplicate: u64,
    /// See [`Facts::landed`].
    pub(crate) rejected: u64,
    /// Windows that this lake has anchored, over its life.
    pub(crate) windows: u64,
    /// Rows that the windows of this run anchored.
    pub(crate) anchored_rows: u64,
    /// When the last window was anchored.
    pub(crate) anchored_at: Option<Instant>,
    /// When the oldest record that is in no window landed.
    pub(crate) unanchored_since: Option<Instant>,
}

impl Facts {
    /// Age of the oldest record that is landed and not anchored; zero if there is none.
    fn anchor_age(&self) -> Duration {
        self.unanchored_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Whether the instance can take records, land and anchor them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    /// A line per failing part, or `ready`; and a line for a spool that is not empty.
    pub(crate) text: String,
}

impl Board {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes on the board.
    pub(crate) fn write(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts());
    }

    /// A copy of what stands there.
    pub(crate) fn read(&self) -> Facts {
        self.facts().clone()
    }

    /// Says that a part works again, or works.
    pub(crate) fn works(&self, part: &'static str) {
        if self.facts().failing.remove(part).is_some() {
            gauge!("tacho_part_failing", "part" => part).set(0.0);
        }
    }

    /// Says that a part cannot do its work.
    pub(crate) fn fails(&self, part: &'static str, reason: impl Into<String>) {
        self.facts().failing.insert(part, reason.into());
        gauge!("tacho_part_failing", "part" => part).set(1.0);
    }

    /// Whether all parts work.
    pub(crate) fn readiness(&self) -> Readiness {
        let facts = self.facts();
        let ready = facts.failing.is_empty();
        let mut text = String::from(if ready { "ready\n" } else { "not ready\n" });
        for (part, reason) in &facts.failing {
            writeln!(text, "{part}: {reason}").expect("writing to a String succeeds");
        }
        if let Some(depth) = &facts.spool {
            writeln!(text, "spool: {depth}").expect("writing to a String succeeds");
        }
        Readiness { ready, text }
    }

    /// Sets the gauges that no single event sets.
    pub(crate) fn publish_metrics(&self) {
        let facts = self.read();
        gauge!("tacho_ready").set(f64::from(u8::from(facts.failing.is_empty())));
        #[expect(clippy::cast_precision_loss, reason = "a gauge for people")]
        gauge!("tacho_process_lag_records").set(facts.lag_records as f64);
        let age = facts.anchor_age();
        gauge!("tacho_anchor_age_seconds").set(age.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failing_part_makes_the_instance_unready_until_it_works_again() {
        let board = Board::default();
        assert!(board.readiness().ready);
        board.fails("log", "disk full");
        assert_eq!(board.readiness().text, "not ready\nlog: disk full\n");
        board.works("log");
        assert!(board.readiness().ready);
        board.write(|facts| facts.spool = Some(SpoolDepth { records: 7, ..SpoolDepth::default() }));
        let Readiness { ready, text } = board.readiness();
        assert!(ready && text.starts_with("ready\nspool: 7 records"), "publishes are taken: {text}");
    }

    #[test]
    fn the_age_of_anchors_is_that_of_the_oldest_record_without_one() {
        let mut facts = Facts { anchored_at: Some(Instant::now()), ..Facts::default() };
        assert_eq!(facts.anchor_age(), Duration::ZERO);
        facts.unanchored_since = Instant::now().checked_sub(Duration::from_secs(7));
        assert!(facts.anchor_age() >= Duration::from_secs(7));
    }
}
