//! The pure parts one by one, on one thread and without I/O; `benches/pure` runs it.

use std::hint::black_box;
use std::ops::Range;

use criterion::{Criterion, Throughput};
use tacho_benches::fixture::{BATCH, batch, processor, record};
use tacho_registry::leaf::{LeafEncoder, PlaceColumns, RowEncoder, SaltKey, SchemaText};
use tacho_registry::merkle;
use tacho_schemas::table::Table;
use tacho_schemas::{Digest, RobotId};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn offsets() -> Range<i64> {
    0..i64::try_from(BATCH).expect("a batch has a few thousand records")
}

/// The 1.5 kB record: parsed, decoded, hashed; and through the whole processor.
fn records(criterion: &mut Criterion) {
    let raw = batch().expect("the batch of the bench is sound");
    let (processor, offsets) = (processor().expect("the built-in models are sound"), offsets());
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("serde_json::Value, for comparison", |bencher| {
        bencher.iter(|| {
            for record in &raw {
                drop(black_box(serde_json::from_slice::<serde_json::Value>(&record.payload)));
            }
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for record in &raw {
                drop(black_box(tacho_schemas::json::decode(&record.payload, record.envelope.robot, None)));
            }
        });
    });
    group.bench_function("SHA-256", |bencher| {
        bencher.iter(|| {
            for record in &raw {
                black_box(Digest::of(&record.payload));
            }
        });
    });
    group.bench_function("decode, validate, indicators, rows", |bencher| {
        bencher.iter(|| black_box(processor.process(0, offsets.clone(), black_box(&raw))));
    });
    group.finish();
}

/// Rows of joints: leaves, and the tree over them.
fn leaves(criterion: &mut Criterion) {
    let raw = batch().expect("the batch of the bench is sound");
    let processor = processor().expect("the built-in models are sound");
    let processed = processor.process(0, offsets(), &raw);
    let joints = processed.rows.get(Table::Joints);
    let schema = SchemaText::of(Table::Joints);
    let (key, mut encoder) = (SaltKey::new(&[7; 32]), LeafEncoder::new(&schema));
    let mut hash = || {
        let rows = RowEncoder::new(joints, &schema).expect("rows of the table");
        let places = PlaceColumns::new(Table::Joints, joints).expect("rows of the table");
        let leaf = |row| encoder.hash(&key, &places.place(row), &rows, row).expect("a row of the table");
        (0..rows.rows()).map(leaf).collect::<Vec<Digest>>()
    };
    let all = hash();
    let mut group = criterion.benchmark_group("rows of joints");
    group.throughput(Throughput::Elements(all.len() as u64));
    group.bench_function("leaves", |bencher| bencher.iter(|| black_box(hash())));
    group.bench_function("tree", |bencher| bencher.iter(|| black_box(merkle::root(black_box(&all)))));
    group.finish();
}

/// The robot ID alone.
fn ids(criterion: &mut Criterion) {
    let record = record(1);
    let at = record.find("CNAB12HX").expect("the record names its robot");
    let id = &record.as_bytes()[at..at + 29];
    criterion.bench_function("robot ID", |bencher| bencher.iter(|| RobotId::parse(black_box(id))));
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    records(&mut criterion);
    leaves(&mut criterion);
    ids(&mut criterion);
    criterion.final_summary();
}
