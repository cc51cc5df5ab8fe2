//! How the drain of a partition goes on where Kafka refuses something: each step is sent when the one before is confirmed,
//! so that nothing more overtakes what is refused.
//!
//! Steps become smaller until one record is found that Kafka refuses, and larger again as Kafka takes them.

use std::time::{Duration, Instant};

use super::settings::READ_BYTES;

/// Between two tries of a record that Kafka refuses.
const RETRY: Duration = Duration::from_secs(1);
/// How much smaller the steps are after a refusal.
pub(crate) const SMALLER: usize = 8;

/// The steps of one partition.
#[derive(Debug)]
pub(crate) struct Steps {
    /// Bytes of a step, which has one record at least.
    bytes: usize,
    /// Until this offset steps do not grow: there is what was refused.
    end: i64,
    /// When the record that Kafka refuses is sent again; `None` if it is not known yet which one that is.
    pub(crate) retry_at: Option<Instant>,
    /// Whether nothing was refused: a large record goes alone, and that is all.
    is_caution: bool,
}

impl Steps {
    /// After so many bytes before `end` were refused; perhaps one record.
    pub(crate) fn after_refusal(bytes: usize, end: i64, is_record: bool) -> Self {
        let retry_at = is_record.then(|| Instant::now() + RETRY);
        Self { bytes: (bytes / SMALLER).max(1), end, retry_at, is_caution: false }
    }

    /// One step for the record before `end`.
    pub(crate) fn alone(end: i64) -> Self {
        Self { bytes: 1, end, retry_at: None, is_caution: true }
    }

    /// Bytes of the step that may be sent now.
    pub(crate) fn now(&self) -> Option<usize> {
        self.retry_at.is_none_or(|at| at <= Instant::now()).then_some(self.bytes)
    }

    /// Kafka has taken all before this offset; whether there is an end of steps.
    pub(crate) fn taken(&mut self, confirmed: i64) -> bool {
        let is_behind = confirmed >= self.end;
        if self.is_caution {
            return is_behind;
        }
        self.retry_at = None;
        if is_behind {
            self.bytes *= 2;
        }
        self.bytes > READ_BYTES
    }
}
