//! The anchorer: closes windows behind the landing, appends their statements to the log, signs checkpoints and
//! lodges them with the registry.
//!
//! One anchorer writes. What it does is laid down before it is done, so that a crash at any step is made good by
//! doing the same again: `plan` cuts a window, `gather` hashes its rows, `lock` is the one place that says what the
//! tree is, `publish` puts it out. Landing never waits for any of it.

mod claim;
mod due;
pub(crate) mod error;
mod framed;
pub(crate) mod gather;
pub(crate) mod heads;
pub(crate) mod leaves;
pub(crate) mod lock;
mod meet;
mod open;
mod open_error;
pub(crate) mod plan;
pub(crate) mod publish;
mod remake;
pub(crate) mod window;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tacho_lake::{Faults, Lake, LakePlace};
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use uuid::Uuid;

pub use error::{AnchorError, Verdict};
pub use lock::{Counted, Lock, LogRange, anchored_versions};
pub use open_error::OpenError;

use crate::file_registry::FileRegistry;
use crate::leaf::Schemas;
use crate::note::SignerKey;
use crate::salts::SaltStore;
use crate::tiles::TileStore;
use claim::Claims;
use due::Unanchored;
use heads::Heads;
use plan::{Plan, Prepared};

/// The steps at which a fault can be set, in the order in which a window passes them.
pub const FAULT_STEPS: [&str; 8] = [
    "anchor.before_prepared",
    "anchor.prepared",
    "anchor.gathered",
    "anchor.files",
    "anchor.locked",
    "anchor.tiles",
    "anchor.checkpoint",
    "anchor.submitted",
];

/// Where an anchorer works, and how often.
#[derive(Debug, Clone)]
pub struct AnchorerOptions {
    /// Data directory: the log is in `registry/`, keys are in `keys/`.
    pub data_dir: PathBuf,
    /// Folder of the lake.
    pub lake: LakePlace,
    /// Folder of the file registry, outside of the data directory.
    pub file_registry_dir: PathBuf,
    /// Origin of the log; by default `tacho.invalid/<uuid>`. Fixed at the first start.
    pub origin: Option<String>,
    /// Start a new log although the registry is ahead of this one.
    pub new_origin: bool,
    /// Give a registry that has lost what was lodged with it the log again.
    pub lodge_anew: bool,
    /// Longest time that a window stays open.
    pub window: Duration,
    /// Rows at which a window closes before its time.
    pub max_rows: u64,
    /// Faults, for tests.
    pub faults: Faults,
}

/// A window that was closed and anchored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    /// Number of the window, from 0.
    pub win_no: u64,
    /// Rows that it holds.
    pub rows: u64,
    /// Size of the log's tree with it.
    pub tree_size: u64,
}

/// The anchorer of one data directory.
#[derive(Debug)]
pub struct Anchorer {
    options: AnchorerOptions,
    dir: PathBuf,
    lake: Lake,
    /// Of logs on the lake.
    claims: Claims,
    /// Of the rows of the windows that it closes.
    schemas: Schemas,
    key: SignerKey,
    salts: SaltStore,
    tiles: TileStore,
    registry: FileRegistry,
    lock: Lock,
    heads: Heads,
    /// A window that was laid down and is not in the log yet.
    prepared: Option<Prepared>,
    unanchored: Unanchored,
}

impl Anchorer {
    /// Opens the log of a data directory, or begins one; finishes what a crash has left.
    ///
    /// # Errors
    /// [`OpenError`]: above all if a registry is ahead of this log, as after the restore of a backup.
    pub async fn open(options: AnchorerOptions) -> Result<Self, OpenError> {
        open::open(options).await
    }

    /// Closes a window if one is due, or with `force` if there is anything new.
    ///
    /// # Errors
    /// Then nothing is lost: the next call goes on where this one failed. [`AnchorError::verdict`] says what next.
    pub async fn tick(&mut self, force: bool) -> Result<Option<Anchored>, AnchorError> {
        self.finish_published()?;
        self.forget_closed()?;
        self.unanchored.look(&self.lake.reader(Table::Records)?, &self.lock).await?;
        if self.prepared.is_none() {
            if !force && !self.unanchored.is_due(self.options.window, self.options.max_rows) {
                return Ok(None);
            }
            self.reach("before_prepared")?;
            let prepared = match plan::plan(&self.lake, &self.lock).await? {
                Plan::Cut(prepared) => prepared,
                Plan::Interlaced { table, version } if self.unanchored.is_overdue(self.options.window) => {
                    return Err(AnchorError::Ahead { table: table.name(), version });
                }
                Plan::Interlaced { .. } | Plan::NothingNew => return Ok(None),
            };
            prepared.write(&self.dir)?;
            self.prepared = Some(prepared);
            self.reach("prepared")?;
        }
        let Some(prepared) = self.prepared.clone() else { return Ok(None) };
        let anchored = self.close(&prepared).await?;
        self.forget_closed()?;
        Ok(Some(anchored))
    }

    /// Forgets what was laid down once its window is in the log: also after an error behind that step.
    fn forget_closed(&mut self) -> Result<(), AnchorError> {
        let Some(closed) = self.prepared.as_ref().map(|prepared| prepared.win_no) else { return Ok(()) };
        if closed == self.lock.next_win_no {
            return Ok(());
        }
        Prepared::remove(&self.dir)?;
        Heads::forget_before(&self.dir, closed)?;
        self.prepared = None;
        self.unanchored = Unanchored::behind(&self.lock);
        Ok(())
    }

    /// Of a log, the next offset of each partition that is not anchored yet.
    pub fn anchored_progress(&self, log_id: Uuid) -> Vec<(i32, i64)> {
        let of_log = self.lock.progress.iter().filter(|range| range.log_id == log_id);
        of_log.map(|range| (range.partition, range.to)).collect()
    }

    /// Per table, the Delta version up to which windows are closed; -1 before the first window.
    pub fn stated_versions(&self) -> Tables<i64> {
        self.lock.versions.clone()
    }

    /// Origin of the log.
    pub fn origin(&self) -> &str {
        &self.lock.origin
    }

    /// When the oldest record that is in no window landed, as far as the last look went; `None` if all are in one.
    pub fn unanchored_since(&self) -> Option<Instant> {
        self.unanchored.since()
    }

    /// Number of windows so far.
    pub fn windows(&self) -> u64 {
        self.lock.next_win_no
    }

    fn reach(&self, step: &str) -> Result<(), AnchorError> {
        Ok(self.options.faults.reach(&format!("anchor.{step}"))?)
    }
}

/// The root over a list of statements, and how many there are.
fn root_and_number(leaves: &[Digest]) -> (Digest, u64) {
    (crate::merkle::root(leaves), leaves.len() as u64)
}

#[cfg(test)]
impl Anchorer {
    /// Closes windows as a release with the schemas of this generation.
    pub(crate) fn of_release(mut self, generation: u8) -> Self {
        self.schemas = Schemas::of_generation(generation);
        self
    }
}

#[cfg(test)]
mod tests;
