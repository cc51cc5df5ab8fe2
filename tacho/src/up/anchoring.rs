//! The anchoring role: closes windows behind the landing, and lets go of the raw log what is anchored.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tacho_lake::landing::Landing;
use tacho_log::EmbeddedLog;
use tacho_registry::{Anchored, Anchorer, Verdict};
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::board::Board;
use crate::chain::chain;

/// The part's name on the board.
const PART: &str = "anchors";
/// Between two looks whether a window is due.
const LOOK: Duration = Duration::from_millis(500);

/// Per table, the Delta version up to which windows are closed and compactions stated: what maintenance may touch.
#[derive(Debug, Clone, Default)]
pub(super) struct Closed(Arc<Mutex<Option<Tables<i64>>>>);

impl Closed {
    fn set(&self, versions: Tables<i64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(versions);
    }

    fn version(&self, table: Table) -> Option<i64> {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        versions.as_ref().map(|versions| *versions.get(table)).filter(|version| *version >= 0)
    }
}

impl tacho_lake::maintenance::Anchored for Closed {
    fn closed(&self, table: Table) -> Option<i64> {
        self.version(table)
    }

    fn stated(&self, table: Table) -> Option<i64> {
        self.version(table)
    }
}

/// The role, ready to run.
#[derive(Debug)]
pub(super) struct Anchoring {
    pub(super) anchorer: Anchorer,
    pub(super) log: Arc<EmbeddedLog>,
    pub(super) closed: Closed,
    pub(super) board: Board,
}

impl Anchoring {
    /// Anchors until `drain`; then, once `processing` has landed the rest, a last window.
    pub(super) async fn run(mut self, drain: CancellationToken, processing: JoinHandle<Landing>) {
        self.note().await;
        while !drain.is_cancelled() {
            if !self.tick(false).await {
                drain.cancelled().await;
            }
            tokio::select! {
                () = drain.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        if let Err(error) = processing.await {
            error!(%error, "processing was cut off");
        }
        self.tick(true).await;
    }

    /// Closes a window if one is due; whether to go on.
    async fn tick(&mut self, force: bool) -> bool {
        match self.anchorer.tick(force).await {
            Ok(None) => {
                self.board.works(PART);
                true
            }
            Ok(Some(anchored)) => {
                self.anchored(&anchored).await;
                true
            }
            Err(trouble) => {
                let text = chain(&trouble);
                self.board.fails(PART, text.clone());
                if trouble.verdict() == Verdict::Halt {
                    error!(error = text, "anchoring halts: landing goes on, a person is needed");
                    return false;
                }
                warn!(error = text, "no window was anchored; it is tried again");
                true
            }
        }
    }

    async fn anchored(&self, anchored: &Anchored) {
        info!(window = anchored.win_no, rows = anchored.rows, tree_size = anchored.tree_size, "window anchored");
        self.note().await;
        self.board.works(PART);
        self.board.write(|facts| {
            facts.windows = anchored.win_no + 1;
            facts.anchored_rows += anchored.rows;
            facts.anchored_at = Some(Instant::now());
        });
    }

    /// Tells maintenance and the log what is anchored, and may so be compacted or let go.
    async fn note(&self) {
        self.closed.set(self.anchorer.stated_versions());
        if let Err(error) = self.log.release(&self.anchorer.anchored_progress(self.log.identity().log_id)).await {
            warn!(error = chain(&error), "no segment of the log was let go");
        }
    }
}
