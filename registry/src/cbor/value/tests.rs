//! What is written is read back, an independent CBOR library agrees, and everything else is refused.

use proptest::prelude::*;

use super::*;
use crate::fuzzing::put;

fn put_by_minicbor(encoder: &mut minicbor::Encoder<&mut Vec<u8>>, value: &Value) {
    match value {
        Value::Null => encoder.null().map(drop),
        Value::Bool(value) => encoder.bool(*value).map(drop),
        Value::Int(value) => encoder.i64(*value).map(drop),
        Value::Text(value) => encoder.str(value).map(drop),
        Value::Bytes(value) => encoder.bytes(value).map(drop),
        Value::Array(values) => {
            encoder.array(values.len() as u64).map(drop).unwrap();
            values.iter().for_each(|value| put_by_minicbor(encoder, value));
            Ok(())
        }
    }
    .unwrap();
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, value);
    out
}

fn read(bytes: &[u8]) -> Result<Value, CborError> {
    let mut reader = Reader::new(bytes);
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-70_000_i64..70_000).prop_map(Value::Int),
        ".{0,40}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 60, 8, |inner| proptest::collection::vec(inner, 0..30).prop_map(Value::Array))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_minicbor_writes_the_same(value in any_value()) {
        let bytes = encoded(&value);
        prop_assert_eq!(read(&bytes), Ok(value.clone()));
        let mut theirs = Vec::new();
        put_by_minicbor(&mut minicbor::Encoder::new(&mut theirs), &value);
        prop_assert_eq!(bytes, theirs);
    }

    #[test]
    fn what_is_read_is_written_with_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = read(&bytes) {
            prop_assert_eq!(encoded(&value), bytes);
        }
    }

    #[test]
    fn every_cut_is_refused(value in any_value(), at: prop::sample::Index) {
        let bytes = encoded(&value);
        prop_assert!(read(&bytes[..at.index(bytes.len())]).is_err());
    }
}

#[test]
fn integers_at_the_edges_of_their_forms_have_the_shortest_form() {
    let cases: [(i64, &[u8]); 10] = [
        (23, &[0x17]),
        (24, &[0x18, 24]),
        (255, &[0x18, 255]),
        (256, &[0x19, 1, 0]),
        (65_536, &[0x1a, 0, 1, 0, 0]),
        (1 << 32, &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
        (-1, &[0x20]),
        (-25, &[0x38, 24]),
        (i64::MAX, &[0x1b, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
        (i64::MIN, &[0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
    ];
    for (value, bytes) in cases {
        assert_eq!(encoded(&Value::Int(value)), bytes, "{value}");
        assert_eq!(read(bytes), Ok(Value::Int(value)));
    }
}

#[test]
fn longer_forms_floats_tags_maps_and_indefinite_lengths_are_refused() {
    let cases: [&[u8]; 16] = [
        &[0x18, 23],
        &[0x19, 0, 255],
        &[0x1a, 0, 0, 255, 255],
        &[0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
        &[0x58, 1, 7],
        &[0x98, 1, 7],
        &[0x9f, 0xff],
        &[0x5f, 0xff],
        &[0x7f, 0xff],
        &[0xa0],
        &[0xc0, 0x60],
        &[0xf9, 0, 0],
        &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xf7],
        &[0x1c],
        &[0x61, 0xff],
    ];
    for bytes in cases {
        assert!(read(bytes).is_err(), "{bytes:02x?}");
    }
    assert!(read(&[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]).is_err(), "an integer of 2^63");
}

#[test]
fn lengths_from_outside_reserve_nothing_and_depth_is_bounded() {
    for bytes in [[0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255], [0x5b, 255, 255, 255, 255, 255, 255, 255, 255]] {
        let refused = read(&bytes).unwrap_err();
        assert_eq!(refused.problem, CborProblem::Truncated);
    }
    let deep = [vec![0x81; 100_000], vec![0]].concat();
    assert_eq!(read(&deep).unwrap_err().problem, CborProblem::TooDeep);
    assert!(read(&[&[0x81; MAX_DEPTH as usize][..], &[0]].concat()).is_ok());
}
