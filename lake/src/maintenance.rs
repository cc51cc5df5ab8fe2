//! What keeps the lake small: compaction, deletion of what no version names, log clean-up.
//!
//! All of it follows the anchorer, which says per table how far windows are closed and compactions are stated. It
//! has committers of its own, and steps back where landing is in its way.

mod anchored;
mod clean;
mod compact;
mod merge;
mod pick;
mod row_sum;
mod vacuum;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::compute::SortOptions;
use tacho_schemas::chain;
use tacho_schemas::table::Table;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use anchored::Anchored;
#[cfg(test)]
pub(crate) use anchored::Unanchored;
pub use clean::CleanError;
pub use compact::{CompactError, Compacted};
pub use merge::MergeError;
pub use pick::CompactOptions;
pub use vacuum::VacuumError;

use crate::reader::TableReader;
use crate::table::state::{Scope, TableState};
use crate::table::{LogError, OpenError, open};
use crate::{Lake, LakePlace, LakeTable, TableOptions};

/// How files are sorted: by [`Table::sort_order`], ascending.
pub(crate) const SORT: SortOptions = SortOptions { descending: false, nulls_first: true };

/// Merges of one table in one turn, at most: the others have theirs.
const MERGES: usize = 2;
/// Turns of a table in one round, at most: clean-up has its own.
const TURNS: usize = 16;

/// What maintenance does and how often.
#[derive(Debug, Clone)]
pub struct MaintenanceOptions {
    /// Time between rounds of compaction.
    pub compact_every: Duration,
    /// Which files are merged.
    pub compact: CompactOptions,
    /// Time between rounds of clean-up.
    pub clean_every: Duration,
    /// Removed files stay on disk for so long, for those who read an older version.
    pub removed_keep: Duration,
    /// Files that no version names stay for so long; more than the age at which a committer refuses its own file.
    pub orphan_keep: Duration,
    /// Log entries stay for so long.
    pub log_keep: Duration,
}

impl Default for MaintenanceOptions {
    fn default() -> Self {
        Self {
            compact_every: Duration::from_secs(15),
            compact: CompactOptions::default(),
            clean_every: Duration::from_secs(300),
            removed_keep: Duration::from_secs(3_600),
            orphan_keep: Duration::from_secs(24 * 3_600),
            log_keep: Duration::from_secs(1_800),
        }
    }
}

/// The maintenance of one table.
#[derive(Debug)]
pub struct Maintainer {
    committer: LakeTable,
    reader: TableReader,
    options: MaintenanceOptions,
    /// Files that are not what their commits say: they are left as they are, for an audit to see.
    shunned: HashSet<String>,
}

impl Maintainer {
    /// Opens a table for maintenance.
    ///
    /// # Errors
    /// See [`LakeTable::open_or_create`].
    pub async fn open(
        place: impl Into<LakePlace>,
        table: Table,
        writing: TableOptions,
        options: MaintenanceOptions,
    ) -> Result<Self, OpenError> {
        Ok(Self::new(LakeTable::open_or_create(place, table, writing).await?, options))
    }

    fn new(committer: LakeTable, options: MaintenanceOptions) -> Self {
        let reader = TableReader::new(committer.table(), Arc::clone(committer.store()));
        Self { committer, reader, options, shunned: HashSet::new() }
    }

    /// Which table it is.
    pub fn table(&self) -> Table {
        self.committer.table()
    }

    /// Reads the newest version; the committer is then at that very version. It is on disk: what is deleted because of
    /// it does not come back with a power cut.
    async fn newest(&mut self) -> Result<TableState, LogError> {
        let state = TableState::read(self.committer.store().as_ref(), None, Scope::All).await?;
        open::sync(self.committer.store().as_ref(), state.version).await?;
        self.committer.adopt(&state);
        Ok(state)
    }

    /// Compacts until there is nothing to merge, or it is another table's turn; whether there may be more.
    async fn compact_round(&mut self, anchored: &dyn Anchored, stop: &CancellationToken) -> bool {
        for _ in 0..MERGES {
            if stop.is_cancelled() {
                return false;
            }
            let closed = anchored.closed(self.table());
            match self.compact_once(closed, chrono::Utc::now()).await {
                Ok(Some(done)) => {
                    let (files, rows) = (done.inputs, done.rows);
                    info!(table = self.table().name(), files, rows, version = done.version, "files merged");
                }
                Ok(None) => return false,
                Err(error) if error.is_race() => {
                    info!(table = self.table().name(), %error, "merge gave way");
                    return false;
                }
                Err(error) => {
                    warn!(table = self.table().name(), error = %chain(&error), "no files merged");
                    return false;
                }
            }
        }
        true
    }

    /// One round of clean-up: files, then log entries.
    async fn clean_round(&mut self, anchored: &dyn Anchored) {
        let stated = anchored.stated(self.table());
        let vacuumed = self.vacuum(stated).await;
        self.report("files deleted", vacuumed.map_err(|error| chain(&error)));
        let cleaned = self.clean_log(stated).await;
        self.report("log entries deleted", cleaned.map_err(|error| chain(&error)));
    }

    fn report(&self, what: &'static str, done: Result<usize, String>) {
        let table = self.table().name();
        match done {
            Ok(0) => {}
            Ok(count) => info!(table, count, "{what}"),
            Err(error) => warn!(table, error, "not: {what}"),
        }
    }
}

/// The maintenance of the whole lake, in the background.
#[derive(Debug)]
pub struct Maintenance {
    tables: Vec<Maintainer>,
    anchored: Arc<dyn Anchored>,
    options: MaintenanceOptions,
}

impl Maintenance {
    /// Opens all tables of the lake for maintenance.
    ///
    /// # Errors
    /// See [`Lake::open_tables`].
    pub async fn open(
        lake: &Lake,
        options: MaintenanceOptions,
        anchored: Arc<dyn Anchored>,
    ) -> Result<Self, OpenError> {
        let committers = lake.open_tables().await?.0;
        let tables = committers.map(|committer| Maintainer::new(committer, options.clone())).into();
        Ok(Self { tables, anchored, options })
    }

    /// Runs until it is stopped; a merge on its way is finished. Errors are logged and tried again.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut compact = tokio::time::interval(self.options.compact_every);
        let mut clean = tokio::time::interval(self.options.clean_every);
        compact.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        clean.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = clean.tick() => self.clean_all(&stop).await,
                _ = compact.tick() => self.compact_all(&stop).await,
            }
        }
    }

    async fn compact_all(&mut self, stop: &CancellationToken) {
        for _ in 0..TURNS {
            let mut has_more = false;
            for maintainer in &mut self.tables {
                has_more |= maintainer.compact_round(self.anchored.as_ref(), stop).await;
            }
            if !has_more {
                return;
            }
        }
    }

    async fn clean_all(&mut self, stop: &CancellationToken) {
        for maintainer in &mut self.tables {
            if !stop.is_cancelled() {
                maintainer.clean_round(self.anchored.as_ref()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
