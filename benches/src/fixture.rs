//! What the pure parts are measured on: the 1.5 kB record of six joints, a batch of it, and a processor.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use tacho_config::{FORMULAS, IdPolicy, Limits, Models, Snapshot};
use tacho_processors::Processor;
use tacho_schemas::table::Table;
use tacho_schemas::{Envelope, RawKind, RawRecord, RecordId, RobotKey};
use uuid::Uuid;

/// `data/record-bench.json`: six joints, 1.5 kB, sequence number 1.
const RECORD: &str = include_str!("../record-bench.json");
/// Robot of the record.
const ROBOT: &str = "CNAB12HX00010000000000000042A";
/// Receipt: 2026-11-21T08:15:01Z.
const RECEIVED_AT_US: i64 = 1_795_248_901_000_000;
/// Samples of a joint in a full record: 2.56 s at 100 Hz.
const SAMPLES: usize = 256;
/// Records of a batch.
pub const BATCH: usize = 2_000;

/// The record with another sequence number.
pub fn record(seq: usize) -> String {
    RECORD.trim_end().replacen(r#""seq":1,"#, &format!(r#""seq":{seq},"#), 1)
}

/// The record with all that a joint may report: spectra of its life, and samples of the window.
///
/// # Errors
/// If the record is no JSON.
pub fn full_record(seq: usize) -> anyhow::Result<String> {
    let mut record: serde_json::Value = serde_json::from_str(&record(seq)).context("the record of the bench")?;
    let wave = |scale: f64, phase: f64| -> Vec<f64> {
        (0..SAMPLES).map(|at| ((at as f64 * 0.07 + phase).sin() * scale * 1e3).round() / 1e3).collect()
    };
    let window_end = record["window_end"].as_i64().context("the window of the bench")?;
    record["window_start"] = (window_end - 60_000).into();
    for joint in record["joints"].as_array_mut().context("joints of the bench")? {
        let revolutions = joint["input_rev"].as_f64().unwrap_or(1e6);
        // Between 0 and the rated torque, as the counter of its load says.
        let mut loads = [0.0; 12];
        loads[1..7].fill((revolutions / 6.0).round());
        joint["load_hist_rev"] = loads.to_vec().into();
        joint["grease_temp_hist_rev"] = vec![(revolutions / 8.0).round(); 8].into();
        joint["temp_hist_h"] = vec![120.5; 8].into();
        joint["rainflow_hist_cycles"] = vec![(revolutions / 4e3).round(); 16].into();
        let (torque, velocity) = (wave(60.0, 0.0), wave(1.2, 0.5));
        joint["samples"] = serde_json::json!({"dt_s": 0.01, "torque_nm": torque, "velocity_rad_s": velocity});
    }
    Ok(record.to_string())
}

/// A processor under the built-in models.
///
/// # Errors
/// If they are not sound.
pub fn processor() -> anyhow::Result<Processor> {
    let schema_ids: BTreeMap<_, _> =
        Table::ALL.iter().map(|table| (table.name().to_owned(), table.schema_id())).collect();
    let snapshot = Snapshot::build(Models::builtin(), Limits::builtin(), IdPolicy::builtin(), FORMULAS, schema_ids);
    let snapshot = snapshot.map_err(|problems| anyhow!("{problems}"))?;
    Processor::new(Arc::new(snapshot), 1).context("processor")
}

/// Raw records with the sequence numbers from 1.
///
/// # Errors
/// If the robot's ID is none.
pub fn batch() -> anyhow::Result<Vec<RawRecord>> {
    batch_of(BATCH, |seq| Ok(record(seq)))
}

/// So many raw records, made one by one.
///
/// # Errors
/// If one cannot be made, or the robot's ID is none.
pub fn batch_of(records: usize, record: impl Fn(usize) -> anyhow::Result<String>) -> anyhow::Result<Vec<RawRecord>> {
    (0..records)
        .map(|number| {
            let offset = i64::try_from(number)?;
            let envelope = Envelope {
                id: RecordId { session: Uuid::nil(), counter: offset.unsigned_abs() },
                received_at_us: RECEIVED_AT_US,
                robot: RobotKey::Id(ROBOT.parse()?),
                topic_id: None,
                principal: "bench".into(),
                kind: RawKind::Telemetry,
            };
            let payload = Bytes::from(record(number + 1)?);
            Ok(RawRecord { partition: 0, offset, envelope, payload })
        })
        .collect()
}
