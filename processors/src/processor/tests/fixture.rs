//! Records, raw records and ways to look into rows, for the tests of this folder.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use tacho_config::{FORMULAS, IdPolicy, Limits, Models, Snapshot};
use tacho_schemas::processed::{Kept, Processed, Verdict};
use tacho_schemas::table::Table;
use tacho_schemas::{Envelope, RawKind, RawRecord, RecordId, RobotKey};

use super::super::Processor;

/// The robot of [`full`], of the built-in model `example-arm-6`.
pub(super) const ROBOT: &str = "CNAB12HX00010000000000000042A";
/// Receipt of every raw record here: 2026-11-21T08:15:01Z.
pub(super) const RECEIVED_AT_US: i64 = 1_795_248_901_000_000;

/// A processor under the built-in models, or those given.
pub(super) fn processor_with(models: Models) -> Processor {
    processor_of(models, FORMULAS)
}

/// A processor of a set of formulas.
pub(super) fn processor_of(models: Models, formulas: &str) -> Processor {
    let schema_ids = Table::ALL.map(|table| (table.name().to_owned(), table.schema_id()));
    let snapshot = Snapshot::build(models, Limits::builtin(), IdPolicy::builtin(), formulas, schema_ids.into())
        .expect("sound models");
    Processor::new(Arc::new(snapshot), 1).expect("the formulas of this release")
}

pub(super) fn processor() -> Processor {
    processor_with(Models::builtin())
}

/// A record of an arm with two joints, a pack and an event.
pub(super) fn full() -> Value {
    json!({
        "schema_version": 1, "robot_id": ROBOT, "stream_epoch": 1, "seq": 1024,
        "window_start": "2026-11-21T08:00:00Z", "window_end": "2026-11-21T08:15:00Z", "robot_kind": "arm",
        "counters": {"power_on_h": 1204.5, "servo_on_h": 1100.25, "motion_h": 861.75, "estop_count": 3},
        "joints": [
            {"name": "J1", "component_id": "SHG25-100-7001", "input_rev": 21_000_000.0, "input_rev_load": 6_400_000.0,
             "torque_rms_nm": 38.4, "torque_absmax_nm": 91.2, "current_rms_a": 2.31, "temp_motor_c": 41.5,
             "following_error_rms_rad": 0.000_12},
            {"name": "J2", "input_rev": 10_500_000.0, "input_rev_load": 2_262_741.7, "temp_motor_c": 40.4},
        ],
        "batteries": [
            {"pack_id": "PK-88121", "voltage_v": 51.82, "current_a": -4.21, "soc_start": 0.82, "soc_end": 0.79,
             "discharged_ah": 9120.4, "charged_ah": 9310.2, "full_charge_ah": 28.9, "temp_min_c": 27.5, "temp_max_c": 31.0},
        ],
        "events": [{"time": "2026-11-21T08:07:31.250Z", "code": "C153A1", "severity": "warning", "component_id": "J3"}],
    })
}

/// [`full`] with what stands at a pointer replaced, or added to an object.
pub(super) fn full_with(pointer: &str, value: Value) -> Value {
    let mut record = full();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match record.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => {
            members.insert(key.to_owned(), value);
        }
        Value::Array(elements) => elements.push(value),
        other => panic!("{other} has no members"),
    }
    record
}

pub(super) fn raw(offset: i64, payload: impl Into<Vec<u8>>) -> RawRecord {
    RawRecord {
        partition: 3,
        offset,
        envelope: Envelope {
            id: RecordId { session: Uuid::nil(), counter: offset.unsigned_abs() },
            received_at_us: RECEIVED_AT_US,
            robot: RobotKey::Id(ROBOT.parse().expect("well-formed")),
            topic_id: None,
            principal: "cell-7".into(),
            kind: RawKind::Telemetry,
        },
        payload: Bytes::from(payload.into()),
    }
}

/// Processes one publish.
pub(super) fn process(payload: &Value) -> Processed {
    processor().process(3, 7..8, &[raw(7, payload.to_string())])
}

/// The one entry, which is kept.
pub(super) fn only_kept(processed: &Processed) -> &Kept {
    match processed.entries.as_slice() {
        [entry] => match &entry.verdict {
            Verdict::Kept(kept) => kept,
            Verdict::Rejected { letter, .. } => panic!("rejected: {letter:?}"),
        },
        entries => panic!("{} entries", entries.len()),
    }
}

fn column(processed: &Processed, table: Table, name: &str) -> ArrayRef {
    let batch = processed.rows.get(table);
    Arc::clone(batch.column_by_name(name).unwrap_or_else(|| panic!("{} has no {name}", table.name())))
}

/// A text cell.
pub(super) fn text(processed: &Processed, table: Table, name: &str, row: usize) -> Option<String> {
    let cells = column(processed, table, name);
    let cells = cells.as_string::<i32>();
    cells.is_valid(row).then(|| cells.value(row).to_owned())
}

/// An integer or decimal cell as text, a decimal with the digits of its resolution.
pub(super) fn number(processed: &Processed, table: Table, name: &str, row: usize) -> Option<String> {
    let cells = column(processed, table, name);
    if cells.is_null(row) {
        return None;
    }
    match cells.data_type() {
        DataType::Int64 => Some(cells.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Decimal128(..) => Some(cells.as_primitive::<Decimal128Type>().value_as_string(row)),
        other => panic!("{name} is {other}"),
    }
}

/// The flags of a row of `records` or of a component.
pub(super) fn flags(processed: &Processed, table: Table, row: usize) -> Vec<String> {
    let text = text(processed, table, "flags", row).unwrap_or_else(|| "[]".to_owned());
    serde_json::from_str(&text).expect("a JSON array of texts")
}

/// A JSON object of a row: `absent` or `extra`.
pub(super) fn object(processed: &Processed, table: Table, name: &str, row: usize) -> Value {
    let text = text(processed, table, name, row).unwrap_or_else(|| "{}".to_owned());
    serde_json::from_str(&text).expect("a JSON object")
}
