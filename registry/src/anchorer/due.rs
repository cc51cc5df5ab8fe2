//! What has landed and is in no window yet: since when, and how many rows.

use std::time::{Duration, Instant};

use tacho_lake::reader::{Commit, ReadError, TableReader};
use tacho_lake::table::LogError;

use super::AnchorError;
use super::lock::Lock;
use super::plan::partition_of;

/// Rows that a record is taken to have over all tables, when it is told whether a window is full.
const ROWS_PER_RECORD: u64 = 8;

/// So many windows without one say that no landing is what they wait for.
const OVERDUE_WINDOWS: u32 = 4;
/// And so long at least: a landing may wait for a disk that is full.
const OVERDUE_MIN: Duration = Duration::from_secs(30);

/// What the commits of `records` hold behind the last window.
#[derive(Debug, Clone)]
pub(super) struct Unanchored {
    /// Version up to which they were looked at; -1 for none.
    looked: i64,
    /// When the oldest of them landed.
    since: Option<Instant>,
    /// Rows of `records`.
    rows: u64,
}

impl Unanchored {
    /// Nothing looked at yet behind the last window of a log.
    pub(super) fn behind(lock: &Lock) -> Self {
        Self { looked: lock.versions.0[0], since: None, rows: 0 }
    }

    /// When the oldest record that is in no window landed; `None` if all are in one.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether that was a window's length ago, or there are enough rows for one.
    pub(super) fn is_due(&self, window: Duration, max_rows: u64) -> bool {
        let is_old = self.since.is_some_and(|since| since.elapsed() >= window);
        is_old || self.rows.saturating_mul(ROWS_PER_RECORD) >= max_rows
    }

    /// Whether what is in no window is much older than a window and any landing: something holds it up.
    pub(super) fn is_overdue(&self, window: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= window.saturating_mul(OVERDUE_WINDOWS).max(OVERDUE_MIN))
    }

    /// Makes it so much older.
    #[cfg(test)]
    pub(super) fn age(&mut self, by: Duration) {
        self.since = self.since.and_then(|since| since.checked_sub(by));
    }

    /// Takes in the commits since the last look.
    pub(super) async fn look(&mut self, records: &TableReader, lock: &Lock) -> Result<(), AnchorError> {
        let newest = match self.looked {
            ..0 => records.version().await?,
            known => records.version_since(known).await?,
        };
        match records.commits_between(self.looked, newest).await {
            Ok(commits) => commits.iter().for_each(|commit| self.take(commit, lock)),
            // Entries that clean-up has taken, as before a new origin: what they brought is older than any window.
            Err(ReadError::Log(LogError::Missing { .. })) => self.since = Some(before(Duration::MAX)),
            Err(error) => return Err(error.into()),
        }
        self.looked = newest;
        Ok(())
    }

    fn take(&mut self, commit: &Commit, lock: &Lock) {
        let moves = |txn| partition_of(txn).is_some_and(|place| txn.version > lock.anchored(place));
        if !commit.txns.iter().any(moves) {
            return;
        }
        let added = commit.adds.iter().filter(|file| file.data_change);
        self.rows += added.map(|file| file.stats.as_ref().map_or(0, |stats| stats.rows)).sum::<u64>();
        let now_ms = chrono::Utc::now().timestamp_millis();
        let age_ms = commit.timestamp_ms.map_or(0, |landed_ms| now_ms.saturating_sub(landed_ms));
        self.since.get_or_insert(before(Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))));
    }
}

/// The moment so long ago, or the earliest that the clock knows.
fn before(age: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(age).or_else(|| now.checked_sub(Duration::from_secs(86_400))).unwrap_or(now)
}
