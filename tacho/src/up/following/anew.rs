//! A new log in place of one in which the lake cannot go on: what the old one holds and the lake lacks is taken over,
//! and the old one is set aside for a person to look at.

use std::path::Path;

use anyhow::{Context as _, bail};
use tacho_config::Settings;
use tacho_lake::Lake;
use tacho_lake::landing::Landing;
use tacho_log::{Append, EmbeddedLog, ReadItem};
use tacho_schemas::{RawKind, RawRecord};
use tracing::{error, info};

use super::open_embedded;
use crate::up::{configuration, mapping};

/// Bytes read in one go: with a publish of full size behind them they still fit one commit of the new log.
const READ_BYTES: usize = 256 << 10;

/// Begins the new log. Of `other_records`, partitions that have other records than have landed, all is taken over,
/// and the ledger finds the duplicates; of the others what comes after the progress.
///
/// Should it be cut off, nothing is lost: until its end the old log stands where it stood, or beside it.
pub(super) async fn begin(
    settings: &Settings,
    lake: &Lake,
    old: EmbeddedLog,
    landing: &Landing,
    other_records: &[i32],
) -> anyhow::Result<EmbeddedLog> {
    let dir = settings.data_dir.join("log");
    let aside = settings.data_dir.join(format!("log.{}", old.identity().log_id));
    let making = settings.data_dir.join("log.new");
    if aside.exists() {
        bail!("{} is in the way: a log was set aside there before; move it elsewhere", aside.display());
    }
    let starts: Vec<(i32, i64)> = landing
        .progress()
        .iter()
        .map(|(partition, next)| {
            let first = of_partition(&old.first_offsets(), *partition);
            let from = if other_records.contains(partition) { first } else { first.max(*next) };
            (*partition, from.min(of_partition(&old.next_offsets(), *partition)))
        })
        .collect();
    let new = create(&making, mapping::log(settings)).await?;
    configuration::begin(settings, lake, landing, &new.appender().into()).await?;
    let taken_over = take_over(&old, &starts, &new).await?;
    old.close().await;
    new.close().await;
    std::fs::rename(&dir, &aside).with_context(|| format!("setting aside {}", dir.display()))?;
    std::fs::rename(&making, &dir).with_context(|| format!("putting {} in its place", making.display()))?;
    let parent = std::fs::File::open(&settings.data_dir).and_then(|folder| folder.sync_all());
    parent.with_context(|| format!("syncing {}", settings.data_dir.display()))?;
    info!(records = taken_over, set_aside = %aside.display(), "records taken over into a new log");
    open_embedded(settings).await
}

/// A new log, in place of what an earlier attempt may have left.
async fn create(dir: &Path, settings: tacho_log::EmbeddedSettings) -> anyhow::Result<EmbeddedLog> {
    let dir = dir.to_owned();
    let create = move || {
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
        }
        EmbeddedLog::open(&dir, settings).with_context(|| format!("log {}", dir.display()))
    };
    tokio::task::spawn_blocking(create).await.context("creating the log was cut off")?
}

/// Copies records from these offsets on, robot by robot in their order; how many.
async fn take_over(old: &EmbeddedLog, starts: &[(i32, i64)], new: &EmbeddedLog) -> anyhow::Result<usize> {
    let mut reader = old.reader(starts).context("the log cannot be read")?;
    let appender = new.appender();
    let mut taken_over = 0;
    while !reader.is_caught_up() {
        for item in reader.next(READ_BYTES).await.context("the log cannot be read")? {
            match item {
                ReadItem::Lost(lost) => error!(?lost, "these records are damaged, and not taken over"),
                ReadItem::Records(batch) => {
                    let batch: Vec<Append> = batch.records.into_iter().filter_map(append).collect();
                    taken_over += batch.len();
                    appender.append(batch).await.context("the new log takes nothing")?;
                }
            }
        }
    }
    Ok(taken_over)
}

/// Control records stay behind: what is in force in the new log is said in it.
fn append(record: RawRecord) -> Option<Append> {
    let RawRecord { envelope, payload, .. } = record;
    (!matches!(envelope.kind, RawKind::Config(_))).then_some(Append { envelope, payload })
}

fn of_partition(offsets: &[i64], partition: i32) -> i64 {
    usize::try_from(partition).ok().and_then(|slot| offsets.get(slot).copied()).unwrap_or(0)
}
