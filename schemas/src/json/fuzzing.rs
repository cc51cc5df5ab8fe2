//! What must hold for any bytes on a robot's topic: the body of the fuzz target `record` and of property tests.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{diagnose, encode, split, strict};
use crate::dead_letter::{MAX_FURTHER, MAX_VALUE_BYTES};
use crate::reason::flags_json;
use crate::{RobotId, RobotKey};

/// Splits the bytes of a publish and decodes each of its records.
///
/// # Panics
/// If anything that must hold does not.
pub fn publish(bytes: &[u8], robot: RobotId) {
    let payload = Bytes::copy_from_slice(bytes);
    match split(&payload) {
        Err(letter) => {
            assert_eq!(letter.bytes, payload, "a dead letter has the bytes of the publish");
        }
        Ok(elements) => {
            assert!(elements.len() > 0, "a publish without a record is rejected");
            elements.iter().for_each(|slice| record(slice, robot));
        }
    }
}

/// Decodes one record by both passes.
///
/// # Panics
/// If they disagree, if what is written is not read back, or if a bound is passed.
pub fn record(slice: &[u8], robot: RobotId) {
    let quick = std::str::from_utf8(slice).ok().and_then(|text| strict::record(text, robot));
    let slow = diagnose::record(slice, RobotKey::Id(robot), None);
    if let Some(record) = &quick {
        assert_eq!(slow.as_ref(), Ok(record), "both passes agree");
    }
    match slow {
        Ok(record) => {
            for text in [record.extra.to_json_text(), flags_json(&record.flags)].into_iter().flatten() {
                assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "{text} is not JSON");
            }
            let sent = encode(&record);
            let again = strict::record(&sent, robot).expect("what we write never needs the slow pass");
            assert!(again.flags.is_empty() && again.extra.to_json_text().is_none(), "{sent}");
            let value = |text: &str| serde_json::from_str(text).expect("what we write is JSON");
            assert!(alike(&value(&sent), &value(&encode(&again))), "{sent} is read back as {again:?}");
        }
        Err(rejected) => {
            assert!(rejected.first.value.len() <= MAX_VALUE_BYTES && rejected.further.len() <= MAX_FURTHER);
            assert!(rejected.further.iter().all(|(reason, _)| *reason >= rejected.first.reason), "the first is first");
        }
    }
}

/// The same, but for the last digit of numbers: serde_json reads those of very many digits with an error of one unit
/// in the last place, which is far below any column's resolution.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() <= one.abs() * 4.0 * f64::EPSILON,
            _ => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.into_iter().all(|(one, other)| one.0 == other.0 && alike(one.1, other.1))
        }
        _ => one == other,
    }
}
