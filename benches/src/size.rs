//! Size of the lake: live files of the newest versions once compaction has nothing left to do, beside `zstd -3`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tacho_lake::TableReader;
use tacho_schemas::table::Table;

use crate::load::publish_all;
use crate::number::grouped;
use crate::plant::{Folder, Plant};
use crate::simulated::Captured;
use crate::table::Figure;

/// Longest time for landing, and for compaction after it.
const LONGEST: Duration = Duration::from_secs(60);
const COMPACTION: Duration = Duration::from_secs(40);
/// Compaction is over when the files have not changed for so long.
const QUIET: Duration = Duration::from_secs(6);
/// Parts that the records are published in, so that there is something to compact.
const PARTS: usize = 6;

/// Whose records are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of {
    pub(crate) robots: &'static str,
    pub(crate) budget: &'static str,
}

pub(crate) fn measure(plant: &Plant, records: &Captured, of: &Of) -> anyhow::Result<Figure> {
    let mut landed = 0;
    for part in records.chunks(records.len().div_ceil(PARTS)) {
        publish_all(plant.mqtt, part)?;
        landed += part.len();
        plant.wait_for("tacho_lake_landed_total", landed as f64, LONGEST)?;
    }
    let (files, bytes) = compacted(&plant.data().join("lake"))?;
    let count = records.len() as f64;
    let raw = records.iter().map(|(_, payload)| payload.len()).sum::<usize>() as f64 / count;
    let ours = bytes / count;
    let mut row = Figure::alone(
        format!(
            "lake size, live files after compaction, simulated {}, {} records of {raw:.0} B",
            of.robots,
            grouped(count)
        ),
        of.budget,
        format!("{ours:.0} bytes per record ({files} files)"),
    );
    "zstd is not installed".clone_into(&mut row.reference);
    if let Some(theirs) = zstd(records)? {
        row.reference = format!("`zstd -3` of the raw JSON: {:.0} bytes per record", theirs / count);
        row.ratio = format!("{:.2}", theirs / bytes);
    }
    Ok(row)
}

/// Live files and their bytes once they do not change any more.
fn compacted(lake: &Path) -> anyhow::Result<(usize, f64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("async runtime")?;
    let started = Instant::now();
    let (mut last, mut since) = (runtime.block_on(live(lake))?, Instant::now());
    while since.elapsed() < QUIET && started.elapsed() < COMPACTION {
        std::thread::sleep(Duration::from_millis(250));
        let now = runtime.block_on(live(lake))?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}

async fn live(lake: &Path) -> anyhow::Result<(usize, f64)> {
    let (mut count, mut bytes) = (0, 0.0);
    for table in Table::ALL {
        let live = TableReader::open(lake, table).context("lake")?.live_files(None).await.context("lake")?;
        count += live.files.len();
        bytes += live.files.iter().map(|file| file.size as f64).sum::<f64>();
    }
    Ok((count, bytes))
}

/// Bytes of the raw JSON, a record a line, behind `zstd -3`; `None` if it is not installed.
fn zstd(records: &Captured) -> anyhow::Result<Option<f64>> {
    let folder = Folder::new("zstd")?;
    let (from, to) = (folder.join("raw.jsonl"), folder.join("raw.jsonl.zst"));
    let lines: Vec<u8> = records.iter().flat_map(|(_, payload)| payload.iter().chain(b"\n")).copied().collect();
    fs::write(&from, lines).context("raw JSON")?;
    let mut command = Command::new("zstd");
    command.args(["-3", "-q"]).arg(&from).arg("-o").arg(&to).stdin(Stdio::null());
    match command.status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("zstd"),
        Ok(status) => {
            ensure!(status.success(), "zstd ended with {status}");
            Ok(Some(fs::metadata(&to).context("zstd")?.len() as f64))
        }
    }
}
