//! Decoding, validation and indicators of the 1.5 kB record, on one thread and without I/O.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tacho_benches::fixture::{batch, batch_of, full_record, processor};
use tacho_schemas::RawRecord;
use tacho_schemas::processed::Verdict;

use crate::machine;
use crate::number::grouped;
use crate::table::Figure;

/// What is compared takes turns of so long.
const TURN: Duration = Duration::from_millis(400);
const TURNS: usize = 8;
/// Records of a batch of full ones, which are 40 kB each.
const FULL_BATCH: usize = 100;

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let full = batch_of(FULL_BATCH, full_record)?;
    Ok(vec![
        row(&batch()?, "record-bench.json", "≥ 170,000 records/s per core now, ≥ 250,000 later")?,
        row(&full, "the same with spectra, and 256 samples of torque and speed of each joint", "—")?,
    ])
}

/// Processing of a batch beside the parsing of its JSON alone.
fn row(raw: &[RawRecord], what: &str, budget: &'static str) -> anyhow::Result<Figure> {
    let (processor, records) = (processor()?, raw.len());
    let offsets = 0..i64::try_from(records)?;
    let kept = processor.process(0, offsets.clone(), raw).entries;
    ensure!(kept.iter().all(|entry| matches!(entry.verdict, Verdict::Kept(_))), "a record of the bench is rejected");
    let process = || {
        black_box(processor.process(0, offsets.clone(), black_box(raw)));
        records
    };
    let parse = || {
        for record in raw {
            let _value: Result<serde_json::Value, _> = black_box(serde_json::from_slice(black_box(&record.payload)));
        }
        records
    };
    let (ours, theirs) = rates(process, parse);
    Ok(Figure {
        what: format!(
            "decode + validate + indicators, 6 joints, {what} ({} B), one thread",
            grouped(raw[0].payload.len() as f64)
        ),
        budget,
        figure: format!("{} records/s ({:.1} µs each)", grouped(ours), 1e6 / ours),
        reference: format!("serde_json::Value of the same bytes: {}/s ({:.1} µs each)", grouped(theirs), 1e6 / theirs),
        ratio: format!("{:.2}", ours / theirs),
    })
}

/// How often in a second of this thread's processor time two things are done that say how often they were done; in turns,
/// so that what else the machine does hits both.
pub(crate) fn rates(mut ours: impl FnMut() -> usize, mut theirs: impl FnMut() -> usize) -> (f64, f64) {
    let mut sums = [(0, Duration::ZERO); 2];
    for turn in 0..2 * TURNS {
        let (done, took) = &mut sums[turn % 2];
        let started = (Instant::now(), machine::thread_cpu());
        while started.0.elapsed() < TURN {
            *done += if turn % 2 == 0 { ours() } else { theirs() };
        }
        *took += match (started.1, machine::thread_cpu()) {
            (Some(before), Some(after)) => after - before,
            _ => started.0.elapsed(),
        };
    }
    let [ours, theirs] = sums.map(|(done, took)| done as f64 / took.as_secs_f64());
    (ours, theirs)
}
