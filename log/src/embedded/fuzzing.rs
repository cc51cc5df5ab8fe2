//! What must hold for whatever lies in a log's files: the bodies of the fuzz targets `segment` and `journal`.
//!
//! The input is a script that writes batches with good checksums, damages them and puts anything between them:
//! see [`script`]. Random bytes alone would never pass a CRC.

mod script;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use tacho_schemas::{Envelope, RawKind, RecordId, RobotKey};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::batch::{Format, Found};
use super::frame::{Frame, Frames, encode};
use super::scan::scan;
use super::segment::log_path;
use super::wire::len_u64;
use crate::{Append, EmbeddedLog, EmbeddedSettings, ReadItem};
use script::{LOG_ID, PARTITIONS, Script};

/// Scans a segment that a script wrote, and decodes the frames of its batches.
///
/// # Panics
/// If a byte or an offset is neither kept nor reported.
pub fn segment(bytes: &[u8]) {
    let script = Script::run(bytes);
    let Some((base_seq, file)) = script.files.first() else {
        return;
    };
    let format = Format::new(LOG_ID, PARTITIONS);
    let found = scan(file, &format, *base_seq, u64::MAX, None);
    assert_eq!(found.segment.length + found.tail_bytes, len_u64(file.len()), "every byte is accounted for");
    assert!(found.entries.iter().all(|entry| entry.position < found.segment.length), "{found:?}");
    let mut records = 0;
    let (mut at, mut seq) = (0, *base_seq);
    while let Some(next) = format.search(file, at, seq) {
        let Found::Batch(header, start, end) = format.look(file, next, seq) else {
            unreachable!("a batch that was found at {next}");
        };
        records += i64::from(header.records);
        frames(Bytes::copy_from_slice(&file[start..end]));
        (at, seq) = (end, header.end_seq());
    }
    if script.is_honest {
        let lost: i64 = found.damage.iter().flat_map(|gone| &gone.lost).map(|range| range.end - range.start).sum();
        let held: i64 = found.segment.end.iter().zip(found.segment.base.iter()).map(|(end, base)| end - base).sum();
        assert_eq!(held, lost + records, "every offset is held or lost: {found:?}");
    }
}

/// Decodes the body of a batch, and writes what was decoded.
///
/// # Panics
/// If it is not read back.
fn frames(body: Bytes) {
    let mut frames = Frames::new(body);
    let mut read: Vec<Frame> = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        read.push(frame);
    }
    let mut written = Vec::new();
    let mut before = None;
    for Frame { partition, envelope, payload } in &read {
        encode(&mut written, before, *partition, envelope, payload).expect("texts were as short when they were read");
        before = Some(envelope);
    }
    let mut again = Frames::new(written.into());
    for frame in read {
        assert_eq!(again.next(), Ok(Some(frame)), "what is written is read back");
    }
    assert_eq!(again.next(), Ok(None));
}

/// A log's directory that scripts write into, again and again.
#[derive(Debug)]
pub struct Journal<'a> {
    dir: &'a Path,
    runtime: Runtime,
}

impl<'a> Journal<'a> {
    /// In a directory whose files may be removed.
    ///
    /// # Panics
    /// If there is no thread to be had.
    pub fn new(dir: &'a Path) -> Self {
        let runtime = Builder::new_current_thread().build().expect("a runtime of one thread");
        Self { dir, runtime }
    }

    /// Opens the log that a script wrote, reads all of it, appends to it, and opens it again.
    ///
    /// # Panics
    /// If anything is missing in silence, or is different the second time.
    pub fn open(&self, bytes: &[u8]) {
        self.write(bytes);
        let settings = || EmbeddedSettings { partitions: 3, ..EmbeddedSettings::default() };
        let Ok(log) = EmbeddedLog::open(self.dir, settings()) else {
            // Refused with its reason; nothing may be cut or begun then.
            return;
        };
        self.runtime.block_on(async {
            read_all(&log).await;
            let before = log.next_offsets();
            let delivered = log.appender().append(vec![one_more()]).await.expect("a directory that can be written");
            let place = delivered.ranges[0];
            assert_eq!(place.start, before[usize::try_from(place.partition).unwrap_or(0)], "the next offset");
            let end = log.next_offsets();
            read_all(&log).await;
            log.close().await;
            let again = EmbeddedLog::open(self.dir, settings()).expect("what was mended opens again");
            assert_eq!((again.next_offsets(), &again.report().torn), (end, &None), "a second start finds the same");
            read_all(&again).await;
            again.close().await;
        });
    }

    fn write(&self, bytes: &[u8]) {
        let files = fs::read_dir(self.dir).expect("the directory").map(|entry| entry.expect("an entry").path());
        files.for_each(|path| fs::remove_file(path).expect("a removable file"));
        let identity = format!(r#"{{"format":1,"log_id":"{LOG_ID}","partitions":{PARTITIONS},"created_us":0}}"#);
        fs::write(self.dir.join("identity"), identity).expect("a writable directory");
        for (base_seq, file) in Script::run(bytes).files {
            fs::write(log_path(self.dir, base_seq), file).expect("a writable directory");
        }
    }
}

fn one_more() -> Append {
    let envelope = Envelope {
        id: RecordId { session: Uuid::nil(), counter: 0 },
        received_at_us: 0,
        robot: RobotKey::Unreadable,
        topic_id: None,
        principal: "fuzz".into(),
        kind: RawKind::Telemetry,
    };
    Append { envelope, payload: Bytes::from_static(b"one more") }
}

/// Reads from the first offsets to the next ones, without a hole.
async fn read_all(log: &EmbeddedLog) {
    let (first, next) = (log.first_offsets(), log.next_offsets());
    let starts: Vec<(i32, i64)> = (0..).zip(first.iter().copied()).collect();
    let mut reader = log.reader(&starts).expect("the log holds its first offsets");
    let mut at = first.to_vec();
    while !reader.is_caught_up() {
        for item in reader.next(1 << 16).await.expect("readable files") {
            let range = item.range();
            let slot = usize::try_from(range.partition).unwrap_or(0);
            assert_eq!(range.start, at[slot], "items adjoin: {item:?}");
            assert!(range.end > range.start, "no empty item: {item:?}");
            if let ReadItem::Records(batch) = &item {
                assert_eq!(i64::try_from(batch.records.len()).ok(), Some(range.end - range.start));
            }
            at[slot] = range.end;
        }
    }
    assert_eq!(at.as_slice(), next.as_ref(), "every offset is given or lost");
}
