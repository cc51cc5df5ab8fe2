//! The one thread that writes: takes what is queued, writes it as one batch, syncs, and only then reports.
//!
//! While it syncs, the next group gathers. A failed write or sync ends the segment for good: what the disk
//! made of that group is unknown, so it is cut off, and the next group begins a new segment with the same offsets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::{error, info, warn};

use super::batch::{Batch, BatchHeader, VERSION_FIRST, has_zeros};
use super::index::{self as index_file, Index};
use super::lock::Lock;
use super::open_segment::{Failure, OpenSegment};
use super::queue::{Pending, Taken};
use super::segment::{SegmentHeader, log_path};
use super::shared::{Shared, locked};
use super::wire::{len_u32, len_u64};
use crate::{AppendError, Delivered, Head, Health};

/// The writing end of a log.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// Held until the thread ends.
    _lock: Lock,
    segment: Option<OpenSegment>,
    next_seq: u64,
    next: Vec<i64>,
    failing: Option<Failing>,
}

/// The storage failed, and when it will be probed.
#[derive(Debug)]
struct Failing {
    reason: Arc<str>,
    disk_full: bool,
    probe_at: Instant,
    pause: Duration,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, lock: Lock) -> Self {
        let (next_seq, next) = {
            let catalog = locked(&shared.catalog);
            (catalog.next_seq(), catalog.next_offsets().to_vec())
        };
        Self { shared, _lock: lock, segment: None, next_seq, next, failing: None }
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let deadline = self.failing.as_ref().map(|failing| failing.probe_at);
            match self.shared.queue.take(self.shared.settings.max_group_bytes, deadline) {
                Taken::Chunks(group) => self.take(group),
                Taken::Deadline => self.probe(),
                Taken::Closed => break,
            }
        }
        if let Some(segment) = self.segment.take() {
            self.seal(&segment);
        }
    }

    fn take(&mut self, group: Vec<Pending>) {
        if self.failing.as_ref().is_some_and(|failing| Instant::now() >= failing.probe_at) {
            self.probe();
        }
        if let Some(failing) = &self.failing {
            let refusal = failing.refusal();
            group.into_iter().for_each(|pending| self.refuse(pending, refusal.clone()));
            return;
        }
        let failures = self.shared.failures.load(Ordering::Acquire);
        let overtakes = |pending: &Pending| pending.failures_seen.is_some_and(|seen| seen != failures);
        let (interrupted, group): (Vec<_>, Vec<_>) = group.into_iter().partition(overtakes);
        interrupted.into_iter().for_each(|pending| self.refuse(pending, AppendError::Interrupted));
        if group.is_empty() {
            return;
        }
        match self.write(&group) {
            Ok(()) => self.deliver(group),
            Err(failure) => self.fail(&failure, group),
        }
    }

    /// Writes a group as one batch and syncs it; then readers may have it.
    fn write(&mut self, group: &[Pending]) -> Result<(), Failure> {
        let began = Instant::now();
        let header = self.header(group);
        let body_len = usize::try_from(header.body_len).unwrap_or(0);
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => OpenSegment::create(&self.shared.storage, &self.segment_header())?,
        };
        let mut buffer = segment.take_header(self.shared.format.header_len() + body_len);
        let batch_at = buffer.len();
        self.shared.format.write_header(&mut buffer, &header);
        let body_at = buffer.len();
        for pending in group {
            buffer.extend_from_slice(&pending.chunk.frames);
        }
        let written = segment.append(&buffer, batch_at, &header, &self.shared.storage);
        if let Err(failure) = written {
            self.abandon(segment);
            return Err(failure);
        }
        self.next_seq = header.end_seq();
        self.next.copy_from_slice(&header.end);
        self.shared.counts.group(header.records, len_u64(buffer.len()), began.elapsed());
        let batch = Batch { header: Arc::new(header), body: Bytes::from(buffer).slice(body_at..) };
        self.publish(&mut segment, batch);
        if segment.durable.length >= self.shared.settings.segment_bytes {
            self.seal(&segment);
        } else {
            self.segment = Some(segment);
        }
        Ok(())
    }

    fn header(&self, group: &[Pending]) -> BatchHeader {
        let chunks = || group.iter().map(|pending| &pending.chunk);
        let mut end = self.next.clone();
        for range in chunks().flat_map(|chunk| &chunk.ranges) {
            end[slot(range.partition)] += range.end;
        }
        BatchHeader {
            version: chunks().map(|chunk| chunk.version).max().unwrap_or(VERSION_FIRST),
            body_crc: chunks().fold(0, |crc, chunk| crc32c::crc32c_append(crc, &chunk.frames)),
            body_len: chunks().map(|chunk| len_u32(chunk.frames.len())).sum(),
            records: chunks().map(|chunk| chunk.records).sum(),
            base_seq: self.next_seq,
            max_received_at_us: chunks().map(|chunk| chunk.max_received_at_us).max().unwrap_or(i64::MIN),
            base: self.next.clone().into(),
            end: end.into(),
            zeros: chunks().any(|chunk| has_zeros(&chunk.frames)),
        }
    }

    fn segment_header(&self) -> SegmentHeader {
        SegmentHeader { log_id: self.shared.identity.log_id, base_seq: self.next_seq, base: self.next.clone().into() }
    }

    /// Files first, then memory, then the head: who sees the head finds everything below it.
    fn publish(&self, segment: &mut OpenSegment, batch: Batch) {
        let next_offsets: Arc<[i64]> = batch.header.end.as_ref().into();
        segment.publish(&mut locked(&self.shared.catalog));
        locked(&self.shared.feed).push(batch);
        self.shared.head.send_replace(Head { next_offsets, closed: false });
    }

    fn deliver(&self, group: Vec<Pending>) {
        let counts = |pending: &Pending| pending.chunk.ranges.clone();
        let mut next = self.next.clone();
        // The group is the end of the log, so its start is found by counting back.
        for range in group.iter().flat_map(counts) {
            next[slot(range.partition)] -= range.end;
        }
        for Pending { chunk, done, permit, .. } in group {
            let mut ranges = chunk.ranges;
            for range in &mut ranges {
                let next = &mut next[slot(range.partition)];
                (range.start, range.end) = (*next, *next + range.end);
                *next = range.end;
            }
            drop(permit);
            // Nobody waits for it if the connection has ended; the records are in the log all the same.
            done.send(Ok(Delivered { ranges })).unwrap_or_default();
        }
    }

    fn refuse(&self, pending: Pending, error: AppendError) {
        self.shared.counts.refuse(pending.chunk.records);
        drop(pending.permit);
        pending.done.send(Err(error)).unwrap_or_default();
    }

    fn fail(&mut self, failure: &Failure, group: Vec<Pending>) {
        let reason: Arc<str> = failure.to_string().into();
        error!(%failure, records = group.len(), "the log refuses appends");
        let pause = self.shared.settings.probe_pause;
        let failing = Failing { reason, disk_full: failure.is_disk_full(), probe_at: Instant::now() + pause, pause };
        // Before any refusal is told, no lane may go on.
        self.shared.failures.fetch_add(1, Ordering::AcqRel);
        self.shared.health.send_replace(failing.health());
        let refusal = failing.refusal();
        self.failing = Some(failing);
        group.into_iter().for_each(|pending| self.refuse(pending, refusal.clone()));
    }

    /// Ends a segment whose last group is void: cuts that off, or removes the file if it holds nothing else.
    fn abandon(&self, segment: OpenSegment) {
        let durable = &segment.durable;
        let path = log_path(self.shared.storage.dir(), durable.base_seq);
        let storage = &self.shared.storage;
        let cut = match segment.is_published() {
            true => storage.cut(&path, durable.length),
            false => storage.remove(&path).and_then(|()| storage.sync_dir()),
        };
        if let Err(error) = cut {
            // The next segment begins with the same records, and that makes void what is left here.
            warn!(file = %path.display(), %error, "a void group stays behind the end of a segment");
        }
        if segment.is_published() {
            self.seal(&segment);
        }
    }

    /// Writes the index of a complete segment. Without it the next start scans the segment.
    fn seal(&self, segment: &OpenSegment) {
        locked(&self.shared.catalog).seal();
        let index = Index { segment: segment.durable.clone(), entries: segment.entries().to_vec() };
        index_file::write(&self.shared.storage, self.shared.identity.log_id, &index);
    }

    /// Tries the storage again.
    fn probe(&mut self) {
        let Some(failing) = &mut self.failing else {
            return;
        };
        // As much as the largest group, so that what comes next fits.
        match self.shared.storage.probe(self.shared.settings.max_group_bytes) {
            Ok(()) => {
                info!("the log takes appends again");
                self.failing = None;
                self.shared.health.send_replace(Health::Ready);
            }
            Err(_still) => {
                failing.pause = (failing.pause * 2).min(self.shared.settings.probe_pause * 20);
                failing.probe_at = Instant::now() + failing.pause;
            }
        }
    }
}

impl Failing {
    fn refusal(&self) -> AppendError {
        let reason = Arc::clone(&self.reason);
        match self.disk_full {
            true => AppendError::DiskFull { reason },
            false => AppendError::Storage { reason },
        }
    }

    fn health(&self) -> Health {
        Health::Failing { reason: Arc::clone(&self.reason), disk_full: self.disk_full }
    }
}

impl Drop for Writer {
    /// However the thread ends, nobody must wait for it any more.
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.health.send_replace(Health::Closed);
        self.shared.head.send_modify(|head| head.closed = true);
    }
}

fn slot(partition: i32) -> usize {
    usize::try_from(partition).expect("a chunk's partitions were checked")
}
