//! The dead letters of a batch, as they are copied for other programs before the batch lands.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use tacho_log::LetterCopy;
use tacho_schemas::{RobotId, RobotKey};

/// Copies of the rows of `rejected`; `None` if they are no rows of it.
pub(super) fn copies(rows: &RecordBatch) -> Option<Vec<LetterCopy>> {
    let text = |name: &str| rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let int = |name: &str| rows.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let payloads = rows.column_by_name("payload").and_then(|column| column.as_binary_opt::<i32>());
    let places = (int("partition"), int("offset"), int("ordinal"));
    let texts = (text("robot_id"), text("reason"), text("pointer"));
    let (
        (Some(partitions), Some(offsets), Some(ordinals)),
        (Some(robots), Some(reasons), Some(pointers)),
        Some(payloads),
    ) = (places, texts, payloads)
    else {
        return None;
    };
    let copy = |row: usize| {
        Some(LetterCopy {
            partition: i32::try_from(partitions.value(row)).ok()?,
            offset: offsets.value(row),
            ordinal: ordinals.value(row),
            robot: key(robots.value(row)),
            reason: reasons.value(row).to_owned(),
            pointer: pointers.value(row).to_owned(),
            payload: Bytes::copy_from_slice(payloads.value(row)),
        })
    };
    (0..rows.num_rows()).map(copy).collect()
}

fn key(text: &str) -> RobotKey {
    RobotId::parse(text.as_bytes()).map_or(RobotKey::Unreadable, RobotKey::Id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_row_of_rejected_becomes_a_copy_with_its_place() {
        let int = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
        let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
        let rows = RecordBatch::try_from_iter([
            ("robot_id", text("?")),
            ("partition", int(3)),
            ("offset", int(77)),
            ("ordinal", int(2)),
            ("reason", text("syntax")),
            ("pointer", text("/joints")),
            ("payload", Arc::new(BinaryArray::from(vec![&b"{]"[..]])) as ArrayRef),
        ])
        .unwrap();
        let copies = copies(&rows).unwrap();
        assert_eq!(copies.len(), 1);
        let copy = &copies[0];
        assert_eq!((copy.partition, copy.offset, copy.ordinal), (3, 77, 2));
        assert_eq!(
            (copy.robot, copy.reason.as_str(), copy.pointer.as_str()),
            (RobotKey::Unreadable, "syntax", "/joints")
        );
        assert_eq!(&copy.payload[..], b"{]");
    }
}
