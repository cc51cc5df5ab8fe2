//! From the start of `tacho up` to its endpoints, on an empty folder and with a large log.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tacho_benches::fixture::batch;
use tacho_log::{Append, EmbeddedLog, EmbeddedSettings};
use tacho_schemas::RawRecord;

use crate::number::{quantile, short};
use crate::plant::{Folder, Plant};
use crate::table::Figure;

const STARTS: usize = 5;
const FULL_BYTES: u64 = 10_000_000_000;
/// Longest start with a large log.
pub(crate) const BUDGET_FULL: &str = "≤ 2 s";

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let mut starts = (0..STARTS)
        .map(|number| Ok(Plant::start(&format!("start-{number}"), "")?.ready_after))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let median = quantile(&mut starts, 50);
    let figure =
        format!("{} (median of {STARTS}, {} to {})", short(median), short(starts[0]), short(starts[STARTS - 1]));
    Ok(vec![Figure::alone("start of `tacho up` to ready, empty folder", "≤ 1 s", figure)])
}

/// The log is as a process leaves it that was killed with nothing landed.
pub(crate) fn measure_full() -> anyhow::Result<Vec<Figure>> {
    let folder = Folder::new("start-full")?;
    let runtime = tokio::runtime::Runtime::new().context("runtime")?;
    let bytes = runtime.block_on(fill(&folder.join("data").join("log")))?;
    let plant = Plant::start_in(folder, "")?;
    let what = format!("start of `tacho up` to ready, {:.1} GB in the log, nothing of it landed", bytes as f64 / 1e9);
    Ok(vec![Figure::alone(what, BUDGET_FULL, short(plant.ready_after))])
}

/// Appends records until the log has so many bytes of payload. As after a `kill -9`, its newest segment has no index.
async fn fill(dir: &Path) -> anyhow::Result<u64> {
    let log = EmbeddedLog::open(dir, EmbeddedSettings::default()).context("log")?;
    let append = |record: &RawRecord| Append { envelope: record.envelope.clone(), payload: record.payload.clone() };
    let batch: Vec<Append> = batch()?.iter().map(append).collect();
    let each: u64 = batch.iter().map(|record| record.payload.len() as u64).sum();
    let (appender, mut bytes) = (log.appender(), 0);
    while bytes < FULL_BYTES {
        appender.append(batch.clone()).await.context("append")?;
        bytes += each;
    }
    log.close().await;
    let files = std::fs::read_dir(dir).context("log")?.map(|entry| Ok(entry?.path()));
    let files: Vec<PathBuf> = files.collect::<std::io::Result<_>>().context("log")?;
    let newest = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "index")).max();
    std::fs::remove_file(newest.context("no index of the log")?).context("index")?;
    Ok(bytes)
}
