//! `tacho replay-log`: the raw records of a log, processed once more into a lake of its own.
//!
//! What has landed stays as it is: rows are written nowhere but into the new folder. The log is only read, also beside an
//! instance that runs. Under the configurations that the log names the rows are those of the lake, bit for bit (G6).

mod bound;
mod part;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;
use tacho_config::Snapshot;
use tacho_lake::landing::{Begin, Landing, LandingOptions, LogIdentity};
use tacho_lake::ledger::{Counts, Logs};
use tacho_lake::{Lake, LakeOptions, LakePlace};
use tacho_log::embedded::Reader;
use tacho_log::{EmbeddedLog, PartitionBatch, ReadItem};
use tacho_query::Session;
use tacho_schemas::Digest;

use crate::exit::Answer;
use crate::output::Spinner;
use crate::up::processing::{Cut, Cutter, Processors};
use crate::up::{configuration, instance, mapping};
use bound::Bound;
use part::Part;

/// Bytes that are read and processed in one go.
const READ_BYTES: usize = 4 << 20;

/// Processes raw records of a log once more, into a new lake: `tacho replay-log --from 2026-11-01 --into replayed`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to begin: a time of receipt, or offsets as PARTITION:OFFSET,… [default: the first records that the log holds].
    #[arg(long, overrides_with = "from")]
    from: Option<Bound>,
    /// Where to end: the first records that are not replayed [default: the end of the log].
    #[arg(long, overrides_with = "to")]
    to: Option<Bound>,
    /// Folder for the new lake; it must be empty or absent.
    #[arg(long, overrides_with = "into")]
    into: PathBuf,
    /// Data directory of the instance whose log is replayed [default: ./tacho-data, or what the configuration says].
    #[arg(long, overrides_with = "data")]
    data: Option<PathBuf>,
    /// Configuration file under which all records are processed, in place of the configurations that the log names.
    #[arg(long, overrides_with = "config")]
    config: Option<PathBuf>,
}

/// What is printed at the end.
#[derive(Debug, Serialize)]
struct Report {
    received: u64,
    landed: u64,
    duplicate: u64,
    rejected: u64,
    /// Under which the records were processed.
    configurations: Vec<String>,
    /// Offsets that were replayed, by partition, half-open.
    offsets: BTreeMap<i32, [i64; 2]>,
}

/// A replay, ready to run.
struct Replay {
    reader: Reader,
    parts: BTreeMap<i32, Part>,
    cutter: Cutter,
    landing: Landing,
    commit_bytes: usize,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let settings = crate::settings::load(args.config.as_deref(), args.data.as_deref())?;
    let data_dir = &settings.data_dir;
    instance::require(data_dir)?;
    crate::backup::empty_folder(&args.into)?;
    let place = mapping::lake_place(&settings)?;
    let (from, log) = (Lake::read_only(&place).context("lake")?, open_log(data_dir).await?);
    let parts = part::find(&log, args.from.as_ref(), args.to.as_ref()).await?;
    let into = instance::Unfinished::begin(&args.into)?;
    let to = Lake::open(args.into.join("lake"), LakeOptions::default()).context("new lake")?;
    let logs = Logs::load(&from.object_store()).await.context("lake")?;
    let Some(entry) = logs.last().filter(|entry| entry.log_id == log.identity().log_id) else {
        bail!("{} holds another log than the lake beside it follows", data_dir.join("log").display());
    };
    logs.copy_to(&to.object_store()).await.context("new lake")?;
    let instead = match &args.config {
        Some(_) => Some(configuration::meant(&settings, &to).await?),
        None => None,
    };
    let in_force = in_force(&parts, instead, &place, entry.log_epoch).await?;
    let configs = if instead.is_some() { to.configs() } else { from.configs() };
    let cutter = Cutter::new(Processors::new(configs, entry.log_epoch), in_force.clone());
    let cutter = if let Some(config) = instead { cutter.under(config) } else { cutter };
    let begin = |(partition, part): (&i32, &Part)| {
        (*partition, Begin { offset: part.start, config: in_force.get(partition).copied().flatten() })
    };
    let options = LandingOptions { begin: parts.iter().map(begin).collect(), ..LandingOptions::default() };
    let identity = LogIdentity { log_id: entry.log_id, partitions: entry.partitions };
    let landing = Landing::open(&to, identity, options).await.context("new lake")?;
    let starts: Vec<(i32, i64)> = parts.iter().map(|(partition, part)| (*partition, part.start)).collect();
    let reader = log.reader(&starts).context("the log cannot be read")?;
    let commit_bytes = settings.lake.commit_bytes;
    let (report, used) = Replay { reader, parts, cutter, landing, commit_bytes }.run().await?;
    if instead.is_none() {
        copy_configurations(&used, &from, &to).await?;
    }
    into.end(&data_dir.join(instance::FORMAT_FILE))?;
    crate::output::print_json(&report)?;
    Ok(Answer::Yes)
}

async fn open_log(data_dir: &Path) -> anyhow::Result<EmbeddedLog> {
    let dir = data_dir.join("log");
    let open = move || EmbeddedLog::open_read_only(&dir).with_context(|| format!("log {}", dir.display()));
    tokio::task::spawn_blocking(open).await.context("opening the log was cut off")?
}

/// The configuration in force where each part begins: what was asked for, what the log says, or, where it has forgotten, what
/// the lake's rows say.
async fn in_force(
    parts: &BTreeMap<i32, Part>,
    instead: Option<Digest>,
    place: &LakePlace,
    log_epoch: i64,
) -> anyhow::Result<BTreeMap<i32, Option<Digest>>> {
    let session = Session::open(place, || Ok(Vec::new())).await?;
    let mut in_force = BTreeMap::new();
    for (partition, part) in parts {
        let known = instead.or(part.config);
        let config = match known {
            None if part.start > 0 && part.start < part.end => {
                part::config_of_rows(&session, log_epoch, *partition, part.start).await?
            }
            known => known,
        };
        in_force.insert(*partition, config);
    }
    Ok(in_force)
}

/// The new lake keeps the configurations that its rows name, with their rosters.
async fn copy_configurations(used: &[Digest], from: &Lake, to: &Lake) -> anyhow::Result<()> {
    let (from, to) = (from.configs(), to.configs());
    for digest in used {
        let bytes = from.get(*digest).await?.with_context(|| format!("configuration {digest}"))?;
        to.put(&bytes).await?;
        if let Some(roster) = Snapshot::parse(&bytes).with_context(|| format!("configuration {digest}"))?.roster() {
            let bytes = from.get(roster).await?.with_context(|| format!("roster {roster}"))?;
            to.put(&bytes).await?;
        }
    }
    Ok(())
}

impl Replay {
    async fn run(mut self) -> anyhow::Result<(Report, Vec<Digest>)> {
        let (mut counts, mut batch) = (Counts::default(), Cut::default());
        let spinner = Spinner::new();
        while !self.is_done() {
            let items = self.reader.next(READ_BYTES).await.context("the log cannot be read")?;
            let items = items.into_iter().filter_map(|item| clipped(item, &self.parts)).collect();
            let cut = self.cutter.process(items).await?;
            batch.bytes += cut.bytes;
            batch.last.extend(cut.last);
            batch.steps.extend(cut.steps);
            if batch.bytes >= self.commit_bytes || self.is_done() {
                let Cut { steps, last, .. } = std::mem::take(&mut batch);
                counts.add(self.landing.land(steps, &last).await.context("new lake")?.counts);
                spinner.tell(&format!("{} records replayed", counts.received()));
            }
        }
        let used = self.cutter.used();
        let offsets = self.parts.iter().map(|(partition, part)| (*partition, [part.start, part.end])).collect();
        let report = Report {
            received: counts.received(),
            landed: counts.landed,
            duplicate: counts.duplicate,
            rejected: counts.rejected,
            configurations: used.iter().map(Digest::to_string).collect(),
            offsets,
        };
        Ok((report, used))
    }

    fn is_done(&self) -> bool {
        let past = |(partition, next): &(i32, i64)| self.parts.get(partition).is_none_or(|part| *next >= part.end);
        self.reader.positions().iter().all(past)
    }
}

/// What of an item lies before the end of its part.
fn clipped(item: ReadItem, parts: &BTreeMap<i32, Part>) -> Option<ReadItem> {
    let end = parts.get(&item.range().partition)?.end;
    match item {
        ReadItem::Records(PartitionBatch { partition, mut records }) => {
            records.retain(|record| record.offset < end);
            (!records.is_empty()).then_some(ReadItem::Records(PartitionBatch { partition, records }))
        }
        ReadItem::Lost(mut range) => {
            range.end = range.end.min(end);
            (range.start < range.end).then_some(ReadItem::Lost(range))
        }
    }
}
