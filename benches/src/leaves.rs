//! Leaves of the joints' rows: encoded, salted, hashed and made into trees, on one thread.

use std::hint::black_box;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use tacho_benches::fixture::{BATCH, batch, processor};
use tacho_registry::leaf::{LeafEncoder, PlaceColumns, RowEncoder, SaltKey, SchemaText};
use tacho_registry::merkle;
use tacho_schemas::table::Table;

use crate::number::grouped;
use crate::processing::rates;
use crate::table::Figure;

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let processed = processor()?.process(0, 0..i64::try_from(BATCH)?, &batch()?);
    let joints = processed.rows.get(Table::Joints);
    let schema = SchemaText::of(Table::Joints);
    let rows = RowEncoder::new(joints, &schema).context("rows")?;
    let places = PlaceColumns::new(Table::Joints, joints).context("rows")?;
    let (key, mut encoder) = (SaltKey::new(&[7; 32]), LeafEncoder::new(&schema));
    let mut leaf_bytes = Vec::new();
    for row in 0..rows.rows() {
        let salt = encoder.salt(&key, &places.place(row));
        leaf_bytes.extend_from_slice(encoder.data(&salt, &rows, row).context("leaf")?);
    }
    let ours = || {
        let rows = RowEncoder::new(joints, &schema).ok();
        let places = PlaceColumns::new(Table::Joints, joints).ok();
        let Some((rows, places)) = rows.zip(places) else { return 0 };
        let hash = |row| encoder.hash(&key, &places.place(row), &rows, row);
        let Ok(leaves) = (0..rows.rows()).map(hash).collect::<Result<Vec<_>, _>>() else { return 0 };
        black_box(merkle::root(&leaves));
        leaves.len()
    };
    let theirs = || {
        black_box(Sha256::digest(black_box(&leaf_bytes)));
        rows.rows()
    };
    let (ours, theirs) = rates(ours, theirs);
    let each = leaf_bytes.len() / rows.rows().max(1);
    Ok(vec![Figure {
        what: format!("leaf encoding, salting, hashing and trees, joints' rows ({each} B a leaf), one thread"),
        budget: "≥ 700,000 rows/s per core",
        figure: format!("{} rows/s", grouped(ours)),
        reference: format!("SHA-256 of as many bytes: {} rows/s", grouped(theirs)),
        ratio: format!("{:.2}", ours / theirs),
    }])
}
