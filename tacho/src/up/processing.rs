//! The processing role: raw records from the log become rows of the lake.
//!
//! Two halves, so that both cores work: the collector reads and processes, the lander commits. After any error
//! both begin again at what the lake says is landed; nothing is kept between. What may be skipped, doubled or
//! lost is therefore the landing protocol's question alone.

mod collector;
mod cutter;
mod processors;

use std::sync::Arc;
use std::time::Duration;

use tacho_lake::config_store::ConfigStore;
use tacho_lake::landing::{LandError, Landing, Verdict};
use tacho_log::{EmbeddedLog, ReadError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::board::Board;
use collector::{Batch, Collector};
use processors::ConfigError;
use tacho_schemas::chain;

pub(crate) use cutter::{Cut, Cutter};
pub(crate) use processors::Processors;

/// The part's name on the board.
const PART: &str = "processing";
/// Commits between two clean-ups of ledger snapshots that nothing needs any more.
const CLEAN_EVERY: u64 = 32;
/// Old ledger snapshots stay for so long: a query that has begun reads the one of its moment.
const SNAPSHOT_KEEP: Duration = Duration::from_secs(60);
/// First pause after an error that time may heal; each next one is twice as long until something lands.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// When a batch is handed to the lander.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommitWhen {
    /// So long after its first record.
    pub(super) interval: Duration,
    /// Or at so many bytes of raw records.
    pub(super) bytes: usize,
}

/// The role, ready to run.
#[derive(Debug)]
pub(super) struct Processing {
    pub(super) log: Arc<EmbeddedLog>,
    pub(super) configs: ConfigStore,
    pub(super) landing: Landing,
    pub(super) commit: CommitWhen,
    pub(super) board: Board,
    /// Commits of this run.
    pub(super) commits: u64,
}

/// Why the two halves stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("the lake takes nothing")]
    Land(#[from] LandError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("processing was cut off")]
    Cut(#[from] tokio::task::JoinError),
}

impl Trouble {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Land(error) => error.verdict(),
            // A file that cannot be read now, for want of descriptors say, may be readable soon.
            Self::Read(ReadError::Io { .. }) | Self::Config(ConfigError::Store { .. }) => Verdict::Wait,
            Self::Read(_) | Self::Config(_) | Self::Cut(_) => Verdict::Halt,
        }
    }
}

impl Processing {
    /// Processes and lands until `drain`, and then what the log still holds.
    pub(super) async fn run(mut self, drain: CancellationToken) -> Landing {
        let mut pause = PAUSE;
        loop {
            let commits = self.commits;
            let Err(trouble) = self.follow(&drain).await else { return self.landing };
            if self.commits > commits || drain.is_cancelled() {
                pause = PAUSE;
            }
            let trouble_text = chain(&trouble);
            self.board.fails(PART, trouble_text.clone());
            match trouble.verdict() {
                Verdict::Halt => {
                    error!(error = trouble_text, "processing halts: records stay in the log until a person has looked");
                    drain.cancelled().await;
                    return self.landing;
                }
                Verdict::Retry | Verdict::Wait => {
                    warn!(error = trouble_text, again_in_ms = pause.as_millis(), "nothing lands; it is tried again");
                    tokio::select! {
                        () = drain.cancelled(), if !drain.is_cancelled() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Follows the log from what is landed.
    async fn follow(&mut self, drain: &CancellationToken) -> Result<(), Trouble> {
        self.landing.recover().await?;
        let processors = Processors::new(self.configs.clone(), self.landing.log_epoch());
        let reader = self.log.reader(&self.landing.progress())?;
        let in_force = self.landing.progress().iter().map(|(p, _)| (*p, self.landing.config_in_force(*p))).collect();
        // After a trouble the part works again once something has landed, or if nothing is left to land.
        if self.lag_records() == 0 {
            self.board.works(PART);
        }
        let collector = Collector::new(reader, Cutter::new(processors, in_force), self.commit);
        let (batches, mut landable) = mpsc::channel(1);
        let collecting = AbortOnDrop(tokio::spawn(collector.run(batches, drain.clone())));
        while let Some(batch) = landable.recv().await {
            self.land(batch).await?;
        }
        collecting.join().await??;
        info!("all that the log holds is landed");
        Ok(())
    }

    async fn land(&mut self, batch: Batch) -> Result<(), Trouble> {
        let landed = self.landing.land(batch.steps, &batch.last).await?;
        self.board.works(PART);
        self.commits += 1;
        if self.commits.is_multiple_of(CLEAN_EVERY)
            && let Err(error) = self.landing.clean_up(SNAPSHOT_KEEP).await
        {
            warn!(%error, "old ledger snapshots stay for now");
        }
        let lag_records = self.lag_records();
        self.board.write(|facts| {
            facts.landed += landed.counts.landed;
            facts.duplicate += landed.counts.duplicate;
            facts.rejected += landed.counts.rejected;
            facts.lag_records = lag_records;
        });
        Ok(())
    }

    /// Records of the log that have not landed.
    fn lag_records(&self) -> i64 {
        let next_offsets: i64 = self.log.next_offsets().iter().sum();
        let progress: i64 = self.landing.progress().iter().map(|(_, next)| next).sum();
        next_offsets - progress
    }
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn join(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
