//! Making and checking the proof of one row among those of the simulated fleet.

use std::hint::black_box;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tacho_registry::{key, proof};

use crate::number::{grouped, quantile, short};
use crate::plant::{Plant, tacho};
use crate::simulated::Captured;
use crate::table::Figure;

/// Longest time until the row is anchored.
const ANCHORED: Duration = Duration::from_secs(20);
const PROOFS: usize = 9;
const CHECKS: usize = 200;

pub(crate) fn measure(plant: &Plant, records: &Captured) -> anyhow::Result<Vec<Figure>> {
    let (_, payload) = records.get(records.len() / 2).context("a record")?;
    let record: serde_json::Value = serde_json::from_slice(payload).context("a record")?;
    let robot = record["robot_id"].as_str().context("a record")?.to_owned();
    let seq = record["seq"].as_i64().context("a record")?.to_string();
    let prove = || -> anyhow::Result<Output> {
        let mut command = Command::new(tacho()?);
        command.args(["prove", "--robot", &robot, "--seq", &seq, "--data"]).arg(plant.data());
        command.stdin(Stdio::null()).output().context("tacho prove")
    };
    let started = Instant::now();
    let mut made = prove()?;
    while !made.status.success() {
        ensure!(started.elapsed() < ANCHORED, "tacho prove: {}", String::from_utf8_lossy(&made.stderr));
        std::thread::sleep(Duration::from_millis(500));
        made = prove()?;
    }
    let mut proving = (0..PROOFS)
        .map(|_nth| {
            let started = Instant::now();
            let proof = prove()?;
            ensure!(proof.status.success(), "tacho prove: {}", String::from_utf8_lossy(&proof.stderr));
            Ok(started.elapsed())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let key = plant.data().join("keys").join("log.vkey");
    let key = key::verifier_from(&key.to_string_lossy()).context("key of the log")?;
    let mut verifying = (0..CHECKS)
        .map(|_nth| {
            let started = Instant::now();
            black_box(proof::verify(black_box(&made.stdout), &key).context("proof")?);
            Ok(started.elapsed())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let what = format!("proof of a row of `records`, {} records in the lake", grouped(records.len() as f64));
    let proving = format!("{} (median of {PROOFS}, start of the process included)", short(quantile(&mut proving, 50)));
    let verifying = format!("{} (median of {CHECKS})", short(quantile(&mut verifying, 50)));
    Ok(vec![Figure::alone(what, "≤ 50 ms", proving), Figure::alone("its check", "≤ 1 ms", verifying)])
}
