//! Rows for the tests of this crate: any table, any number, every column filled.

use tacho_schemas::table::{Kind, Table, TableBuilder};

use arrow::array::RecordBatch;

/// 2026-03-01T00:00:00Z.
pub(crate) const START_US: i64 = 1_772_323_200_000_000;

/// A robot of the sample.
pub(crate) fn robot(number: usize) -> String {
    format!("CNABCDM00001{number:017}")
}

/// `rows` rows of a table at offset 0 of partition 0; see [`batch_at`].
pub(crate) fn batch(table: Table, rows: usize) -> RecordBatch {
    batch_at(table, 0, 0, rows, START_US)
}

/// Rows at consecutive offsets of a partition, one second apart, of ten robots by turns.
pub(crate) fn batch_at(table: Table, partition: i64, offset: i64, rows: usize, start_us: i64) -> RecordBatch {
    let mut builder = TableBuilder::new(table);
    for row in 0..rows {
        let n = i64::try_from(row).unwrap();
        let received_us = start_us + n * 1_000_000;
        for column in table.columns() {
            match column.kind {
                Kind::Text => builder.text(column.name, Some(&text(column.name, row))),
                Kind::Int => builder.int(column.name, Some(int(column.name, partition, offset + n))),
                Kind::Bool => builder.boolean(column.name, Some(row % 2 == 0)),
                Kind::Time => builder.time(column.name, Some(received_us)),
                Kind::Day => builder.day_of(column.name, received_us),
                Kind::Decimal { .. } => builder
                    .decimal(column.name, (row % 3 != 0).then_some(f64::from(u8::try_from(row % 200).unwrap()) / 7.0)),
                Kind::DecimalList { .. } => {
                    builder.decimals(column.name, (row % 2 == 0).then_some(&[0.5, -1.25, 3.0][..row % 4]))
                }
                Kind::Binary => builder.binary(column.name, Some(text(column.name, row).as_bytes())),
            }
        }
        builder.end_row();
    }
    builder.finish()
}

fn text(name: &str, row: usize) -> String {
    match name {
        "robot_id" => robot(row % 10),
        "joint" => format!("j{}", row % 6),
        _ => format!("{name} {}", row % 5),
    }
}

fn int(name: &str, partition: i64, offset: i64) -> i64 {
    match name {
        "partition" => partition,
        "offset" | "seq" => offset,
        "stream_epoch" | "log_epoch" => 1,
        "ordinal" | "row_index" => 0,
        _ => offset * 3,
    }
}
