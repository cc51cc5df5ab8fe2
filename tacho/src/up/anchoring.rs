//! The anchoring role: closes windows behind the landing, and lets go of the raw log what is anchored.
//!
//! Landing never waits for it: where the log of statements cannot be opened, or a window cannot be closed, records are
//! taken and landed all the same, and the board says that they are not anchored. Two cases refuse the start, because they
//! are about the records, too: a registry that is ahead shows that this data directory is not the newest one, and a log
//! of a later release that this program is not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tacho_lake::landing::Landing;
use tacho_log::Log;
use tacho_registry::{AnchorError, Anchored, Anchorer, AnchorerOptions, OpenError, Verdict};
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::board::Board;
use tacho_schemas::chain;

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
    options: AnchorerOptions,
    /// Once it is open.
    anchorer: Option<Anchorer>,
    /// Of which what is anchored may go, if this process has it.
    log: Option<Arc<Log>>,
    closed: Closed,
    board: Board,
}

impl Anchoring {
    /// Opens the log of statements; what stands in the way is told on the board, and tried again by [`Anchoring::run`].
    ///
    /// # Errors
    /// Only if a registry is ahead of the log, or a later release wrote it.
    pub(super) async fn open(
        options: AnchorerOptions,
        log: Option<Arc<Log>>,
        closed: Closed,
        board: Board,
    ) -> Result<Self, OpenError> {
        let anchorer = match Anchorer::open(options.clone()).await {
            Ok(anchorer) => Some(anchorer),
            Err(refused @ (OpenError::RegistryAhead { .. } | OpenError::Anchor(AnchorError::NewerFormat { .. }))) => {
                return Err(refused);
            }
            Err(trouble) => {
                // What landed before and is not anchored is not known then: it is at least as old as this start.
                board.write(|facts| facts.unanchored_since = Some(Instant::now()));
                board.fails(PART, chain(&trouble));
                None
            }
        };
        Ok(Self { options, anchorer, log, closed, board })
    }

    /// Anchors until `drain`; then, once `processing` has landed the rest, if that is done here, a last window.
    pub(super) async fn run(mut self, drain: CancellationToken, processing: Option<JoinHandle<Landing>>) {
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
        if let Some(processing) = processing
            && let Err(error) = processing.await
        {
            error!(%error, "processing was cut off");
        }
        self.tick(true).await;
    }

    /// Closes a window if one is due; whether to go on.
    async fn tick(&mut self, force: bool) -> bool {
        let closed = self.close(force).await;
        if let Some(anchorer) = &self.anchorer {
            let since = anchorer.unanchored_since();
            self.board.write(|facts| facts.unanchored_since = since);
        }
        match closed {
            Ok(anchored) => {
                self.board.works(PART);
                if let Some(anchored) = anchored {
                    self.anchored(&anchored).await;
                }
                true
            }
            Err((verdict, error)) => {
                self.board.fails(PART, error.clone());
                match verdict {
                    Verdict::Halt => error!(error, "anchoring halts: landing goes on, a person is needed"),
                    Verdict::Wait => warn!(error, "no window was anchored; it is tried again"),
                }
                verdict == Verdict::Wait
            }
        }
    }

    async fn close(&mut self, force: bool) -> Result<Option<Anchored>, (Verdict, String)> {
        let anchorer = match &mut self.anchorer {
            Some(anchorer) => anchorer,
            none => {
                let opened = Anchorer::open(self.options.clone()).await;
                none.insert(opened.map_err(|trouble| (trouble.verdict(), chain(&trouble)))?)
            }
        };
        anchorer.tick(force).await.map_err(|trouble| (trouble.verdict(), chain(&trouble)))
    }

    async fn anchored(&self, anchored: &Anchored) {
        info!(window = anchored.win_no, rows = anchored.rows, tree_size = anchored.tree_size, "window anchored");
        self.note().await;
        self.board.write(|facts| {
            facts.windows = anchored.win_no + 1;
            facts.anchored_rows += anchored.rows;
            facts.anchored_at = Some(Instant::now());
        });
    }

    /// Tells maintenance and the log what is anchored, and may so be compacted or let go.
    async fn note(&self) {
        let Some(anchorer) = &self.anchorer else { return };
        self.closed.set(anchorer.stated_versions());
        let Some(log) = &self.log else { return };
        if let Err(error) = log.release(&anchorer.anchored_progress(log.identity().log_id)).await {
            warn!(error = chain(&error), "no segment of the log was let go");
        }
    }
}
