//! Checkpoints: written after every so many commits, beside the hot path, and read back before anything relies on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use deltalake::DeltaTableError;
use metrics::{counter, histogram};
use object_store::ObjectStore;
use tacho_schemas::table::Table;
use tracing::{debug, warn};

use super::delta::DeltaLog;
use super::log::{self, LogError};
use super::state::{self, Scope, TableState};
use super::{LakeTable, TableOptions, repair};
use crate::fault::{Faults, InjectedFault};

/// A checkpoint was not written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// delta-rs refuses.
    #[error("delta-rs wrote no checkpoint")]
    Delta(#[from] DeltaTableError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It reads back as another table than its entries say.
    #[error("checkpoint {version} reads back with other {what} than the entries give")]
    Differs {
        /// Version of the checkpoint.
        version: i64,
        /// What differs.
        what: &'static str,
    },
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
}

/// The one checkpoint at a time that a table writes in the background.
#[derive(Debug, Clone)]
pub(crate) struct Background(Arc<Progress>);

#[derive(Debug)]
struct Progress {
    busy: AtomicBool,
    /// Version of the last checkpoint, or attempt at one.
    last: AtomicI64,
}

impl Background {
    pub(super) fn new(last: Option<i64>) -> Self {
        let progress = Progress { busy: AtomicBool::new(false), last: AtomicI64::new(last.unwrap_or_default()) };
        Self(Arc::new(progress))
    }

    /// Notes the version of a checkpoint.
    pub(super) fn note(&self, version: i64) {
        self.0.last.fetch_max(version, Ordering::AcqRel);
    }
}

/// All that writing a checkpoint needs.
#[derive(Debug, Clone)]
struct Job {
    table: Table,
    delta: DeltaLog,
    store: Arc<dyn ObjectStore>,
    faults: Faults,
}

impl LakeTable {
    /// Writes a checkpoint of the newest version and reads it back; gives the version.
    ///
    /// # Errors
    /// If it cannot be written, or reads back as another table.
    pub async fn checkpoint(&self) -> Result<i64, CheckpointError> {
        self.job(&self.options).run().await
    }

    /// Starts a checkpoint in the background if one is due and none is on its way.
    pub(super) fn checkpoint_if_due(&self) {
        let behind = self.head.version - self.background.0.last.load(Ordering::Acquire);
        let due = self.options.checkpoint_every > 0 && behind >= self.options.checkpoint_every;
        if !due || self.background.0.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.background.note(self.head.version);
        let (job, background) = (self.job(&self.options), self.background.clone());
        drop(tokio::spawn(async move {
            let table = job.table.name();
            match job.run().await {
                Ok(version) => debug!(table, version, "checkpoint written"),
                Err(error) => warn!(table, %error, "no checkpoint written"),
            }
            background.0.busy.store(false, Ordering::Release);
        }));
    }

    fn job(&self, options: &TableOptions) -> Job {
        let (table, delta, store) = (self.table, self.delta.clone(), Arc::clone(&self.store));
        Job { table, delta, store, faults: options.faults.clone() }
    }
}

impl Job {
    async fn run(self) -> Result<i64, CheckpointError> {
        let started = std::time::Instant::now();
        self.faults.reach("lake.checkpoint.before_write")?;
        let version = self.delta.checkpoint().await?;
        self.faults.reach("lake.checkpoint.after_write")?;
        match verify(self.store.as_ref(), version).await {
            Ok(()) => {}
            Err(error @ CheckpointError::Differs { .. }) => {
                // Whoever reads the table would begin with it.
                repair::set_checkpoint_aside(self.store.as_ref(), version).await?;
                return Err(error);
            }
            // It may be right: clean-up looks again before it relies on it.
            Err(error) => return Err(error),
        }
        let table = self.table.name();
        counter!("tacho_lake_checkpoints_total", "table" => table).increment(1);
        histogram!("tacho_lake_checkpoint_seconds", "table" => table).record(started.elapsed().as_secs_f64());
        Ok(version)
    }
}

/// Reads a checkpoint back and compares it with what an older checkpoint and the entries since then give.
pub(crate) async fn verify(store: &dyn ObjectStore, version: i64) -> Result<(), CheckpointError> {
    let differs = |what| CheckpointError::Differs { version, what };
    let mut listing = log::list(store).await?;
    match state::read_checkpoint(store, version, Scope::All).await {
        Err(LogError::Checkpoint { .. }) => return Err(differs("contents (it cannot be read)")),
        read => drop(read?),
    }
    let stated = TableState::read_listed(store, &listing, Some(version), Scope::All).await?;
    listing.checkpoints.remove(&version);
    let replayed = TableState::read_listed(store, &listing, Some(version), Scope::All).await?;
    if stated.txns != replayed.txns {
        return Err(differs("transactions"));
    }
    if !stated.files.keys().eq(replayed.files.keys()) {
        return Err(differs("files"));
    }
    if stated.meta.schema_string != replayed.meta.schema_string {
        return Err(differs("schema"));
    }
    Ok(())
}
