//! Conservation and purity: every record has a verdict, rows agree with verdicts, and batches may be cut anywhere.

use arrow::compute::concat_batches;
use proptest::prelude::*;
use serde_json::{Value, json};

use tacho_schemas::RawRecord;
use tacho_schemas::processed::Processed;

use super::fixture::{full, processor, raw};
use crate::fuzzing::{every_record_has_a_verdict, rows_agree_with_verdicts};

/// What may stand in place of any field.
fn oddity() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(|number| json!(number)),
        Just(json!(1e300)),
        Just(json!("text")),
        Just(json!("2026-11-21T08:00:00Z")),
        Just(json!([])),
        Just(json!({"a": [1]})),
    ]
}

/// Pointers to every value of [`full`].
fn pointers() -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut child = |key: &str, value: &Value| {
            let pointer = format!("{at}/{key}");
            walk(value, &pointer, found);
            found.push(pointer);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| child(key, value)),
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    child(&index.to_string(), value);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&full(), "", &mut found);
    found
}

/// A record that is good, or in which up to three values are odd.
fn record() -> impl Strategy<Value = Value> {
    let change = (prop::sample::select(pointers()), oddity());
    (prop::collection::vec(change, 0..3), 0..1_000_i64).prop_map(|(changes, seq)| {
        let mut record = full();
        record["seq"] = json!(seq);
        for (pointer, value) in changes {
            if let Some(place) = record.pointer_mut(&pointer) {
                *place = value;
            }
        }
        record
    })
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => record().prop_map(|record| record.to_string().into_bytes()),
        2 => prop::collection::vec(record(), 0..4).prop_map(|records| Value::from(records).to_string().into_bytes()),
        1 => (record(), any::<prop::sample::Index>()).prop_map(|(record, end)| {
            let mut bytes = record.to_string().into_bytes();
            bytes.truncate(end.index(bytes.len()));
            bytes
        }),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn process(raws: &[RawRecord]) -> Processed {
    let first = raws.first().map_or(0, |raw| raw.offset);
    let end = raws.last().map_or(0, |raw| raw.offset + 1);
    processor().process(3, first..end, raws)
}

/// The whole of what was processed, in one text: entries with their bytes, and rows.
fn entries(processed: &Processed) -> Vec<String> {
    processed.entries.iter().map(|entry| format!("{entry:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_publish_has_a_verdict_in_order_and_rows_agree_with_verdicts(payloads in prop::collection::vec(payload(), 0..6)) {
        let raws: Vec<_> = (10_i64..).zip(payloads).map(|(offset, payload)| raw(offset, payload)).collect();
        let processed = process(&raws);
        every_record_has_a_verdict(&processed, &raws);
        rows_agree_with_verdicts(&processed);
    }

    #[test]
    fn a_batch_may_be_cut_anywhere_and_done_again(payloads in prop::collection::vec(payload(), 0..6), cut: prop::sample::Index) {
        let raws: Vec<_> = (10_i64..).zip(payloads).map(|(offset, payload)| raw(offset, payload)).collect();
        let whole = process(&raws);
        let (before, after) = raws.split_at(cut.index(raws.len() + 1));
        let (before, after) = (process(before), process(after));
        prop_assert_eq!(entries(&whole), [entries(&before), entries(&after)].concat());
        for (table, rows) in whole.rows.iter() {
            let parts = [before.rows.get(table), after.rows.get(table)];
            prop_assert_eq!(rows, &concat_batches(&table.arrow_schema(), parts).unwrap(), "{}", table.name());
        }
    }
}
