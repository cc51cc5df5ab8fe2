//! The processing role: raw records from the log become rows of the lake.
//!
//! Two halves, so that both cores work: the collector reads and processes, the lander commits. After any error
//! both begin again at what the lake says is landed; nothing is kept between. What may be skipped, doubled or
//! lost is therefore the landing protocol's question alone.

mod collector;
mod cutter;
mod halted;
mod letters;
mod processors;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tacho_lake::config_store::ConfigStore;
use tacho_lake::landing::{Landing, Verdict};
use tacho_log::{HeldBefore, Log, OffsetRange, ReadError, Share};
use tacho_schemas::{RecordId, chain};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::board::Board;
use collector::{Batch, Collector};
use halted::Halted;
use trouble::Trouble;

pub(crate) use cutter::{Cut, Cutter};
pub(crate) use processors::{Processors, stored, stored_roster};

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
    log: Arc<Log>,
    configs: ConfigStore,
    landing: Landing,
    commit: CommitWhen,
    board: Board,
    share: Share,
    /// Of the share, what a person has to look at.
    halted: Halted,
    /// What it does at the end with what the log still holds.
    leaves: Leaves,
    /// Commits of this run.
    commits: u64,
}

/// What stays in the log at a clean end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Nothing, if there is time: nobody else would land it now.
    Nothing,
    /// All that was not read: others land it.
    TheRest,
}

/// How following the log ended, if nothing was in the way.
enum Followed {
    /// To the end.
    ToTheEnd,
    /// Other partitions are to be worked on now.
    OtherShare,
}

impl Processing {
    /// Of all partitions of a log that is this process' `own`, or of a share of it.
    pub(super) fn new(
        log: &Arc<Log>,
        configs: ConfigStore,
        landing: Landing,
        commit: CommitWhen,
        board: &Board,
        own: bool,
    ) -> anyhow::Result<Self> {
        let (share, leaves) = match own {
            true => (Share::whole(log.identity().partitions), Leaves::Nothing),
            false => (log.join().context("joining the group")?, Leaves::TheRest),
        };
        let log = Arc::clone(log);
        Ok(Self {
            log,
            configs,
            landing,
            commit,
            board: board.clone(),
            share,
            halted: Halted::new(board),
            leaves,
            commits: 0,
        })
    }

    /// Processes and lands until `drain`, and then what the log still holds.
    pub(super) async fn run(mut self, drain: CancellationToken) -> Landing {
        let mut pause = PAUSE;
        loop {
            let commits = self.commits;
            let trouble = match self.follow(&drain).await {
                Ok(Followed::ToTheEnd) => return self.landing,
                Ok(Followed::OtherShare) => continue,
                Err(_) if drain.is_cancelled() && self.leaves == Leaves::TheRest => return self.landing,
                Err(trouble) => trouble,
            };
            if self.commits > commits || drain.is_cancelled() {
                pause = PAUSE;
            }
            let trouble_text = chain(&trouble);
            if let Some(partition) = trouble.halts() {
                let next = self.landing.progress().into_iter().find(|(held, _)| *held == partition);
                self.halted.add(partition, next.map_or(0, |(_, next)| next), trouble_text);
                continue;
            }
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
                        () = self.share.changed() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Follows the log from what is landed, as far as it is this process' share.
    async fn follow(&mut self, drain: &CancellationToken) -> Result<Followed, Trouble> {
        let starts = self.take_share().await?;
        if starts.is_empty() {
            return Ok(self.wait_for_share(drain).await);
        }
        let processors = Processors::new(self.configs.clone(), self.landing.log_epoch());
        let in_force = starts.iter().map(|start| (start.partition, self.landing.config_in_force(start.partition)));
        let in_force = in_force.collect();
        let places: Vec<(i32, i64)> = starts.iter().map(|start| (start.partition, start.end)).collect();
        let reader = self.log.reader(&places)?;
        // After a trouble the part works again once something has landed, or if nothing is left to land.
        if self.lag_records() == 0 {
            self.board.works(PART);
        }
        let missing = starts.into_iter().filter(|start| start.start < start.end).collect();
        let collector = Collector::new(reader, Cutter::new(processors, in_force), self.commit, self.leaves);
        let (batches, mut landable) = mpsc::channel(1);
        let collecting = AbortOnDrop(tokio::spawn(collector.run(missing, batches, drain.clone())));
        loop {
            tokio::select! {
                biased;
                () = self.share.changed() => return Ok(Followed::OtherShare),
                batch = landable.recv() => match batch {
                    Some(batch) => self.land(batch).await?,
                    None => break,
                },
            }
        }
        collecting.join().await??;
        info!("all that is to land is landed");
        Ok(Followed::ToTheEnd)
    }

    /// Waits until there is something to work on: where there are more processors than partitions, some wait.
    async fn wait_for_share(&mut self, drain: &CancellationToken) -> Followed {
        loop {
            let lag_records = self.lag_records();
            self.board.write(|facts| facts.lag_records = lag_records);
            match self.share.trouble() {
                Some(trouble) => self.board.fails(PART, trouble.to_string()),
                None => self.board.works(PART),
            }
            tokio::select! {
                () = drain.cancelled() => return Followed::ToTheEnd,
                () = self.share.changed() => return Followed::OtherShare,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Holds the partitions that are to be worked on, and these only. Gives where each goes on: what lies between the
    /// start and the end of a range was in the log once, and never landed.
    async fn take_share(&mut self) -> Result<Vec<OffsetRange>, Trouble> {
        let share = self.halted.leave_out(&self.share.take());
        let held = self.landing.progress().into_iter().map(|(partition, _)| partition);
        let gone: Vec<i32> = held.filter(|partition| !share.contains(partition)).collect();
        self.landing.release(&gone);
        self.landing.recover().await?;
        self.landing.hold(&share).await?;
        let progress = self.landing.progress();
        let held = self.log.held_before(&progress).await?;
        let first = self.log.first_offsets();
        let mut starts = Vec::with_capacity(progress.len());
        for ((partition, next), held) in progress.into_iter().zip(held) {
            let first = usize::try_from(partition).ok().and_then(|slot| first.get(slot).copied()).unwrap_or(0);
            let known = self.landing.record_before(partition);
            starts.push(going_on((partition, next), first, known, held)?);
        }
        Ok(starts)
    }

    async fn land(&mut self, batch: Batch) -> Result<(), Trouble> {
        let decided = self.landing.decide(batch.steps, &batch.last).await?;
        if self.log.copies_letters() {
            // Before they land: a crash between the two makes the copies again, and loses none.
            let copies: Option<Vec<Vec<_>>> = decided.rejected().map(letters::copies).collect();
            let copies = copies.ok_or(Trouble::NoLetters)?.concat();
            self.log.copy_letters(&copies).await?;
        }
        let landed = self.landing.land_decided(decided).await?;
        self.board.works(PART);
        self.commits += 1;
        if self.commits.is_multiple_of(CLEAN_EVERY)
            && let Err(error) = self.landing.clean_up(SNAPSHOT_KEEP).await
        {
            warn!(%error, "old ledger snapshots stay for now");
        }
        let lag_records = self.lag_records();
        self.share.tell(&landed.progress);
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
        let ends = self.log.next_offsets();
        let end =
            |partition: i32| usize::try_from(partition).ok().and_then(|slot| ends.get(slot).copied()).unwrap_or(0);
        let progress = self.landing.progress().into_iter().chain(self.halted.progress());
        progress.map(|(partition, next)| (end(partition) - next).max(0)).sum()
    }
}

/// Where a partition goes on that has landed up to `next`, whose log begins at `first`, and in which `held` stands before
/// `next`, where the lake noted `known`.
fn going_on(
    (partition, next): (i32, i64),
    first: i64,
    known: Option<RecordId>,
    held: Result<HeldBefore, ReadError>,
) -> Result<OffsetRange, Trouble> {
    let other = |why: String| Err(Trouble::OtherLog { partition, why });
    match (held?, known) {
        // Nothing of this log has landed here yet: what is gone is told as lost.
        (_, None) if next == 0 && first > 0 => Ok(OffsetRange { partition, start: 0, end: first }),
        _ if first > next => other(format!(
            "partition {partition} has landed up to offset {next}, and the log begins at {first}: what lies between was \
             deleted before it landed"
        )),
        (HeldBefore::Record(held), Some(known)) if held != known => other(format!(
            "before offset {next} of partition {partition} the lake has record {known}, the log has {held}"
        )),
        _ => Ok(OffsetRange { partition, start: next, end: next }),
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
