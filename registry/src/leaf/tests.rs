//! Leaves depend on the logical row only, and on every part of it.

mod tables;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Int64Array, ListBuilder, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use sha2::{Digest as _, Sha256};
use tacho_schemas::table::Table;

use super::*;
use crate::cbor::Value;

const TEXT: &str =
    "joints\nname text\ncount int\nok bool\nat time\ntorque decimal(9,2)\nhist decimal_list(18,1)\nraw binary\n";

fn schema() -> SchemaText {
    SchemaText::parse(TEXT).unwrap()
}

fn columns() -> Vec<(&'static str, ArrayRef)> {
    let decimals = |values: Vec<Option<i128>>, precision, scale| {
        Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap()
    };
    let values = arrow::array::Decimal128Builder::new().with_data_type(DataType::Decimal128(18, 1));
    let mut lists = ListBuilder::new(values);
    lists.append_value([Some(10), None, Some(-5)]);
    lists.append_null();
    lists.append_value([]);
    let times = TimestampMicrosecondArray::from(vec![Some(1_760_000_000_000_000), None, Some(-1)]).with_timezone("UTC");
    vec![
        ("name", Arc::new(StringArray::from(vec![Some("J1"), None, Some("Gelenk ü")]))),
        ("count", Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(-300)]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("at", Arc::new(times)),
        ("received_day", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("torque", Arc::new(decimals(vec![Some(-1234), None, Some(0)], 9, 2))),
        ("hist", Arc::new(lists.finish())),
        ("raw", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(b"")]))),
    ]
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn encoded(batch: &RecordBatch) -> Vec<Vec<u8>> {
    let rows = RowEncoder::new(batch, &schema()).unwrap();
    let encode = |row| {
        let mut out = Vec::new();
        rows.encode_into(row, &mut out).unwrap();
        out
    };
    (0..rows.rows()).map(encode).collect()
}

#[test]
fn a_row_is_the_array_that_an_independent_library_writes() {
    let mut expected = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut expected);
    encoder.array(7).unwrap().str("J1").unwrap().i64(i64::MAX).unwrap().bool(true).unwrap();
    encoder.i64(1_760_000_000_000_000).unwrap().i64(-1234).unwrap();
    encoder.array(3).unwrap().i64(10).unwrap().null().unwrap().i64(-5).unwrap();
    encoder.bytes(b"\x00\xff").unwrap();
    let rows = encoded(&batch(columns()));
    assert_eq!(rows[0], expected);
    assert_eq!(rows[1], [&[0x87_u8][..], &[0xf6; 7]].concat());
}

#[test]
fn the_row_does_not_depend_on_the_arrays_that_it_was_read_into() {
    let expected = encoded(&batch(columns()));
    let as_type = |name: &str, to: &DataType| {
        let mut columns = columns();
        let column = columns.iter_mut().find(|column| column.0 == name).unwrap();
        column.1 = cast(&column.1, to).unwrap();
        encoded(&batch(columns))
    };
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for to in [DataType::LargeUtf8, DataType::Utf8View, dictionary] {
        assert_eq!(as_type("name", &to), expected, "{to}");
    }
    for to in [DataType::LargeBinary, DataType::BinaryView] {
        assert_eq!(as_type("raw", &to), expected, "{to}");
    }
    let mut reordered = columns();
    reordered.reverse();
    assert_eq!(encoded(&batch(reordered)), expected);
    assert_eq!(encoded(&batch(columns()).slice(1, 2)), expected[1..]);
    let mixed =
        arrow::compute::concat_batches(&batch(columns()).schema(), &[batch(columns()), batch(columns())]).unwrap();
    assert_eq!(encoded(&mixed.slice(2, 3)), [&expected[2..], &expected[..2]].concat());
    let keys: DictionaryArray<Int32Type> = vec![Some("J1"), None, Some("Gelenk ü")].into_iter().collect();
    let mut columns = columns();
    columns[0].1 = Arc::new(keys);
    assert_eq!(encoded(&batch(columns)), expected);
}

#[test]
fn columns_of_another_type_or_resolution_are_refused_by_name() {
    let refused = |name: &str, column: ArrayRef| {
        let mut columns = columns();
        columns.iter_mut().find(|column| column.0 == name).unwrap().1 = column;
        RowEncoder::new(&batch(columns), &schema()).unwrap_err().to_string()
    };
    let scaled = Decimal128Array::from(vec![1, 2, 3]).with_precision_and_scale(9, 3).unwrap();
    assert_eq!(refused("torque", Arc::new(scaled)), "column torque is Decimal128(9, 3)");
    let floats = arrow::array::Float64Array::from(vec![1.0, 2.0, 3.0]);
    assert_eq!(refused("count", Arc::new(floats)), "column count is Float64");
    let few = batch(columns().into_iter().filter(|column| column.0 != "raw").collect());
    assert_eq!(RowEncoder::new(&few, &schema()).unwrap_err().to_string(), "the batch has no column raw");
}

#[test]
fn a_salt_is_the_hmac_of_the_place_and_key_of_the_row() {
    let secret = [0x0b; 32];
    let place = Place { log_epoch: 1, partition: 7, offset: 1 << 40, ordinal: 0, key: RowKey::Text("J1") };
    let mut message = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut message);
    encoder.array(7).unwrap().str("tacho-salt/1").unwrap().str("joints").unwrap();
    encoder.i64(1).unwrap().i64(7).unwrap().i64(1 << 40).unwrap().i64(0).unwrap().str("J1").unwrap();
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(&secret);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(&message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    let salt = LeafEncoder::new(&schema()).salt(&SaltKey::new(&secret), &place);
    assert_eq!(salt[..], outer[..16]);
}

#[test]
fn every_part_of_a_place_changes_the_salt() {
    let place = Place { log_epoch: 1, partition: 1, offset: 1, ordinal: 1, key: RowKey::Index(1) };
    let places = [
        place,
        Place { log_epoch: 2, ..place },
        Place { partition: 2, ..place },
        Place { offset: 2, ..place },
        Place { ordinal: 2, ..place },
        Place { key: RowKey::Index(2), ..place },
        Place { key: RowKey::Text("1"), ..place },
        Place { key: RowKey::None, ..place },
    ];
    let mut encoder = LeafEncoder::new(&schema());
    let mut salts: Vec<Salt> = places.iter().map(|place| encoder.salt(&SaltKey::new(&[1; 32]), place)).collect();
    salts.push(encoder.salt(&SaltKey::new(&[2; 32]), &place));
    salts.push(LeafEncoder::new(&SchemaText::of(Table::Events)).salt(&SaltKey::new(&[1; 32]), &place));
    let distinct: std::collections::BTreeSet<_> = salts.iter().collect();
    assert_eq!(distinct.len(), salts.len());
}

#[test]
fn a_leaf_is_read_back_and_its_bytes_never_change() {
    let rows = RowEncoder::new(&batch(columns()), &schema()).unwrap();
    let mut encoder = LeafEncoder::new(&schema());
    let data = encoder.data(&[9; 16], &rows, 2).unwrap().to_vec();
    let parts = LeafParts::decode(&data).unwrap();
    assert_eq!((parts.salt, parts.table, parts.schema_id), ([9; 16], "joints", schema().id()));
    assert_eq!(parts.cells[1], Value::Int(-300));
    assert_eq!(parts.cells[5], Value::Array(Vec::new()));
    for end in 0..data.len() {
        assert!(LeafParts::decode(&data[..end]).is_err());
    }
    let pinned = "581ad8c830e943222987981ee20b1ce9be8fda1466765fbddfb74710ecb61319";
    assert_eq!(leaf_hash(&data).to_string(), pinned);
}
