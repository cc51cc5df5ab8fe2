//! The embedded log as its users see it; what the tests below share.

mod appending;
mod damage;
mod faults;
mod opening;
mod reading;
mod retention;
mod throughput;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tacho_schemas::{Envelope, RawKind, RawRecord, RecordId, RobotKey};
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;
use crate::{Append, AppendError, Delivered, OffsetRange};

const DEADLINE: Duration = Duration::from_secs(30);

/// Small limits, so that a few records fill a segment.
fn settings() -> EmbeddedSettings {
    EmbeddedSettings {
        partitions: 3,
        segment_bytes: 4096,
        max_group_bytes: 64 * 1024,
        max_pending_bytes: 256 * 1024,
        probe_pause: Duration::from_millis(1),
        ..EmbeddedSettings::default()
    }
}

/// Segments large enough for a whole test.
fn one_segment() -> EmbeddedSettings {
    EmbeddedSettings { segment_bytes: 1024 * 1024, ..settings() }
}

fn robot(n: u32) -> RobotKey {
    RobotKey::Id(format!("CNAB12HX0001{n:017}").parse().unwrap())
}

/// A record of robot `n` whose number is its counter and begins its payload.
fn record(n: u32, counter: u64, payload_len: usize) -> Append {
    let mut payload = format!("{counter}|").into_bytes();
    payload.resize(payload_len.max(payload.len()), b'.');
    let envelope = Envelope {
        id: RecordId { session: Uuid::from_u128(5), counter },
        received_at_us: 1_700_000_000_000_000 + counter.cast_signed(),
        robot: robot(n),
        topic_id: None,
        principal: Arc::from("gateway"),
        kind: RawKind::Telemetry,
    };
    Append { envelope, payload: payload.into() }
}

fn open(dir: &TempDir, settings: EmbeddedSettings) -> EmbeddedLog {
    EmbeddedLog::open(dir.path(), settings).unwrap()
}

/// Appends `batches` batches of one record of `payload_len` bytes each, one group after the other; 23 robots are
/// enough for every partition to get some.
async fn fill(log: &EmbeddedLog, first: u64, batches: u64, payload_len: usize) -> Vec<Delivered> {
    let appender = log.appender();
    let mut delivered = Vec::new();
    for counter in first..first + batches {
        let robot = u32::try_from(counter % 23).unwrap();
        delivered.push(appender.append(vec![record(robot, counter, payload_len)]).await.unwrap());
    }
    delivered
}

/// Everything that a log holds, item by item.
async fn read_items(log: &EmbeddedLog, max_bytes: usize) -> Vec<ReadItem> {
    let starts: Vec<(i32, i64)> = (0..).zip(log.first_offsets().iter().copied()).collect();
    read_from(log, &starts, max_bytes).await
}

async fn read_from(log: &EmbeddedLog, starts: &[(i32, i64)], max_bytes: usize) -> Vec<ReadItem> {
    let mut reader = log.reader(starts).unwrap();
    let mut items = Vec::new();
    while !reader.is_caught_up() {
        items.extend(timeout(DEADLINE, reader.next(max_bytes)).await.unwrap().unwrap());
    }
    items
}

/// The records in items, sorted by place; checks that the items of each partition adjoin.
fn records(items: &[ReadItem]) -> Vec<RawRecord> {
    let mut next = std::collections::HashMap::new();
    for item in items {
        let OffsetRange { partition, start, end } = item.range();
        assert!(start < end, "an empty item");
        assert_eq!(next.insert(partition, end).unwrap_or(start), start, "a hole in partition {partition}");
    }
    let mut records: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            ReadItem::Records(batch) => Some(batch.records.clone()),
            ReadItem::Lost(_) => None,
        })
        .flatten()
        .collect();
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

async fn read_all(log: &EmbeddedLog) -> Vec<RawRecord> {
    records(&read_items(log, 1 << 20).await)
}

fn lost(items: &[ReadItem]) -> Vec<OffsetRange> {
    let lost = |item: &ReadItem| match item {
        ReadItem::Lost(range) => Some(*range),
        ReadItem::Records(_) => None,
    };
    items.iter().filter_map(lost).collect()
}

/// The files of a log with an extension, in order.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// A log's directory as a crash at this moment would leave it.
fn copy(dir: &TempDir) -> TempDir {
    let copy = TempDir::new().unwrap();
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for name in names {
        // A file may be removed meanwhile.
        if let Ok(bytes) = fs::read(dir.path().join(&name)) {
            fs::write(copy.path().join(&name), bytes).unwrap();
        }
    }
    copy
}

/// Changes one byte of a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

/// Where the batches of a segment file begin, and where the last one ends.
fn batch_positions(log: &EmbeddedLog, path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let format = &log.shared.format;
    let mut at = segment::SegmentHeader::len(format.partitions());
    let mut positions = vec![at];
    while let batch::Found::Batch(_, _, end) = format.look(&bytes, at, 0) {
        positions.push(end);
        at = end;
    }
    positions
}

fn payload_text(payload: &Bytes) -> String {
    String::from_utf8(payload.to_vec()).unwrap()
}
