//! Leaves of the tables of the lake: their places, their cells, and how fast they are made.

use arrow::array::RecordBatch;
use tacho_schemas::table::{Kind, Table, TableBuilder};

use crate::cbor::Value;
use crate::leaf::row::{RowError, nothing_beside};
use crate::leaf::{LeafEncoder, LeafParts, PlaceColumns, RowEncoder, RowKey, SaltKey, SchemaText, Schemas};
use tacho_schemas::Digest;

/// A batch of `rows` rows with a value in every column.
fn full_batch(table: Table, rows: i64) -> RecordBatch {
    let mut builder = TableBuilder::new(table);
    for row in 0..rows {
        for column in table.columns() {
            let name = column.name;
            match column.kind {
                Kind::Text if name == "robot_id" => builder.text(name, Some("CNAB12HX00010000000000000042A")),
                Kind::Text => builder.text(name, Some(&format!("{name}{row}"))),
                Kind::Int => builder.int(name, Some(row)),
                Kind::Bool => builder.boolean(name, Some(row % 2 == 0)),
                Kind::Time => builder.time(name, Some(1_760_000_000_000_000 + row)),
                Kind::Day => builder.day_of(name, 1_760_000_000_000_000),
                Kind::Decimal { .. } => builder.decimal(name, Some(1.5)),
                Kind::DecimalList { .. } => builder.decimals(name, Some(&[1.5, 2.0])),
                Kind::Binary => builder.binary(name, Some(b"{}")),
            }
        }
        builder.end_row();
    }
    builder.finish()
}

#[test]
fn every_table_has_places_and_rows_as_its_schema_says() {
    for table in Table::ALL {
        let batch = full_batch(table, 3);
        let schema = SchemaText::of(table);
        let rows = RowEncoder::new(&batch, &schema).unwrap();
        let places = PlaceColumns::new(table, &batch).unwrap();
        let mut encoder = LeafEncoder::new(&schema);
        let data = encoder.data(&[0; 16], &rows, 2).unwrap();
        let cells = LeafParts::decode(data).unwrap().cells;
        assert_eq!(cells.len(), table.columns().len() - 1, "{}", table.name());
        assert!(!cells.contains(&Value::Null), "{}", table.name());
        assert_eq!(places.robot_id(2).len(), 29);
        assert_eq!((places.stream_epoch(2), places.seq(2)), (Some(2), Some(2)));
        assert_eq!(places.received_at_us(2), 1_760_000_000_000_002);
        let place = places.place(2);
        assert_eq!((place.log_epoch, place.partition, place.offset, place.ordinal), (2, 2, 2, 2));
        match table.row_key() {
            None => assert_eq!(place.key, RowKey::None),
            Some("row_index") => assert_eq!(place.key, RowKey::Index(2)),
            Some(name) => assert_eq!(place.key, RowKey::Text(&format!("{name}2"))),
        }
    }
}

/// Columns that a release adds do not change the leaves of rows that were anchored before it.
#[test]
fn a_row_has_the_leaf_of_its_own_schema_whatever_columns_came_later() {
    let batch = full_batch(Table::Joints, 2);
    let former = Schemas::of_generation(1).of(Table::Joints).clone();
    let own: Vec<&str> = former.columns().iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<usize> = own.iter().map(|name| batch.schema().index_of(name).unwrap()).collect();
    let as_it_was = batch.project(&places).unwrap();
    let leaf = |batch: &RecordBatch, schema: &SchemaText| {
        let rows = RowEncoder::new(batch, schema).unwrap();
        LeafEncoder::new(schema).data(&[3; 16], &rows, 1).unwrap().to_vec()
    };
    assert_eq!(leaf(&batch, &former), leaf(&as_it_was, &former));
    assert_ne!(leaf(&batch, &former), leaf(&batch, &SchemaText::of(Table::Joints)));
    // What stands in the later columns is in no such leaf, so nothing may stand there.
    let beside = nothing_beside(&batch, &former, [1].into_iter());
    assert!(matches!(beside, Err(RowError::Beside { row: 1, .. })), "{beside:?}");
    nothing_beside(&as_it_was, &former, 0..2).unwrap();
    nothing_beside(&batch, &SchemaText::of(Table::Joints), 0..2).unwrap();
}

/// The budget is 700,000 rows/s per core in the release profile, trees included.
#[test]
#[ignore = "a measurement, for the release profile"]
fn leaves_per_second() {
    for table in [Table::Records, Table::Joints, Table::Batteries] {
        let batch = full_batch(table, 20_000);
        let (schema, key) = (SchemaText::of(table), SaltKey::new(&[1; 32]));
        let start = std::time::Instant::now();
        let mut bytes = 0;
        for _ in 0..10 {
            let rows = RowEncoder::new(&batch, &schema).unwrap();
            let places = PlaceColumns::new(table, &batch).unwrap();
            let mut encoder = LeafEncoder::new(&schema);
            let hashes: Vec<Digest> = (0..rows.rows())
                .map(|row| {
                    let hash = encoder.hash(&key, &places.place(row), &rows, row).unwrap();
                    bytes += encoder.leaf.len();
                    hash
                })
                .collect();
            assert_ne!(crate::merkle::root(&hashes), crate::merkle::empty_root());
        }
        let seconds = start.elapsed().as_secs_f64();
        let start = std::time::Instant::now();
        std::hint::black_box(Digest::of(&vec![7; bytes]));
        let reference = start.elapsed().as_secs_f64();
        let (rate, length) = (200_000.0 / seconds, bytes / 200_000);
        println!(
            "{}: {rate:.0} rows/s, {length} bytes each, {:.1} times SHA-256 of as many bytes",
            table.name(),
            seconds / reference
        );
    }
}
