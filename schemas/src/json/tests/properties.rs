//! What holds for all bytes: no panic, both passes agree, what is written is read back, every byte is accounted for.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::{EVERY, FULL, MIN, own, robot};
use crate::json::fuzzing::{publish, record};
use crate::json::split;

/// Values that are wrong for some field or other, or right.
const VALUES: [&str; 20] = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "7.0",
    "1e400",
    "1e18",
    "\"x\"",
    "\"J1\"",
    "\"arm\"",
    "{}",
    "[]",
    "[1,2]",
    "[[1,2]]",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "\"2026-11-21T08:00:00Z\"",
    "\"\\ud800\"",
    "1795248000000",
];

/// Members of objects and elements of arrays, counted over the whole value, top down.
fn places(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(elements) => elements.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// Puts a mark in the place of one value somewhere below, chosen by `steps`.
fn mark(value: &mut Value, steps: &[usize]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::String("@@".into());
        return;
    };
    let n = places(value).len();
    if n == 0 {
        *value = Value::String("@@".into());
    } else if let Some(place) = places(value).into_iter().nth(step % n) {
        mark(place, rest);
    }
}

/// A record with values in places where they may be wrong.
fn mutated() -> impl Strategy<Value = String> {
    let change = (proptest::collection::vec(any::<usize>(), 1..5), 0..VALUES.len());
    (0..3_usize, proptest::collection::vec(change, 1..4)).prop_map(|(base, changes)| {
        let mut text = [MIN, FULL, EVERY][base].to_owned();
        for (steps, value) in changes {
            // Values that serde_json's own tree cannot hold stay as text.
            let Ok(mut tree) = serde_json::from_str::<Value>(&text) else {
                break;
            };
            mark(&mut tree, &steps);
            text = tree.to_string().replace("\"@@\"", VALUES[value]);
        }
        text
    })
}

/// A record with bytes changed, removed, put in or doubled.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<usize>(), any::<u8>(), 0..5_u8, 0..40_usize);
    (0..3_usize, proptest::collection::vec(change, 1..4)).prop_map(|(base, changes)| {
        let mut bytes = [MIN, FULL, EVERY][base].as_bytes().to_vec();
        for (at, byte, how, length) in changes {
            let at = at % bytes.len().max(1);
            let end = (at + length).min(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..end)),
                3 => bytes[at] = b"{}[]\",:0.eE-\\"[usize::from(byte) % 13],
                _ => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn values_in_wrong_places_are_kept_dropped_or_rejected_alike_by_both_passes(text in mutated()) {
        record(text.as_bytes(), robot());
    }

    #[test]
    fn damaged_records_are_kept_dropped_or_rejected_alike_by_both_passes(bytes in damaged()) {
        record(&bytes, robot());
    }

    #[test]
    fn any_bytes_are_split_and_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        record(&bytes, robot());
        publish(&bytes, robot());
    }

    #[test]
    fn an_array_of_records_is_split_into_exactly_these(
        texts in proptest::collection::vec(mutated(), 1..5),
        blanks in "[ \n\t]{0,3}",
    ) {
        let payload = Bytes::from(format!("{blanks}[{blanks}{}{blanks}]{blanks}", texts.join(&format!("{blanks},{blanks}"))));
        let elements = split(&payload).map_err(|letter| TestCaseError::fail(letter.value))?;
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.trim().as_bytes()).collect();
        prop_assert_eq!(elements.iter().collect::<Vec<_>>(), texts);
    }

    #[test]
    fn numbers_are_read_as_the_standard_library_reads_them(value in -1e15..1e15_f64, digits in 0..4_usize) {
        let text = format!("{value:.digits$}");
        let record = own(MIN.replace("1204.5", &text)).map_err(|rejected| TestCaseError::fail(format!("{rejected:?}")))?;
        let expected: f64 = text.parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
        let error = (record.counters.power_on_h - expected).abs();
        prop_assert!(error <= expected.abs() * f64::EPSILON, "{} {}", text, record.counters.power_on_h);
    }
}
