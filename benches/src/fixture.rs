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
/// Records of a batch.
pub const BATCH: usize = 2_000;

/// The record with another sequence number.
pub fn record(seq: usize) -> String {
    RECORD.trim_end().replacen(r#""seq":1,"#, &format!(r#""seq":{seq},"#), 1)
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
    (0..BATCH)
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
            let payload = Bytes::from(record(number + 1));
            Ok(RawRecord { partition: 0, offset, envelope, payload })
        })
        .collect()
}
