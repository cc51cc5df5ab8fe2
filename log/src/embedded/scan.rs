//! Reading a segment from end to end: what is good, what is damaged, and what is a torn tail.

use std::ops::Range;

use uuid::Uuid;

use super::batch::{BatchHeader, Format, Found, has_hole};
use super::segment::{IndexEntry, Segment, SegmentHeader, index_step};
use super::wire::{in_memory, len_u64};
use crate::OffsetRange;

/// A stretch of a segment that cannot be read, though what was in it was durable once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Bytes of the file.
    pub(crate) bytes: Range<u64>,
    /// The offsets that are lost with it.
    pub(crate) lost: Vec<OffsetRange>,
    /// Whether more may be lost with it: nothing says how many records it had.
    pub(crate) size_unknown: bool,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Up to the last good batch.
    pub(crate) segment: Segment,
    pub(crate) entries: Vec<IndexEntry>,
    pub(crate) damage: Vec<Stretch>,
    /// Number of good batches.
    pub(crate) batches: u64,
    /// Bytes after the last good batch.
    pub(crate) tail_bytes: u64,
    /// Version and codec of the first thing that a later release wrote. Nothing of it may be cut off.
    pub(crate) newer: Option<(u16, u8)>,
}

/// Collects index entries at a decent distance of each other.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    pub(crate) entries: Vec<IndexEntry>,
}

impl IndexBuilder {
    /// Offers the next batch of the segment.
    pub(crate) fn offer(&mut self, position: u64, base_seq: u64, base: &[i64]) {
        let step = index_step(base.len());
        let far_enough = |last: &IndexEntry| position >= last.position + step;
        if self.entries.last().is_none_or(far_enough) {
            self.entries.push(IndexEntry { position, base_seq, base: base.into() });
        }
    }
}

/// The offsets between two states of the log.
pub(crate) fn ranges(from: &[i64], to: &[i64]) -> Vec<OffsetRange> {
    (0..)
        .zip(from.iter().zip(to))
        .filter(|(_, (start, end))| start < end)
        .map(|(partition, (start, end))| OffsetRange { partition, start: *start, end: *end })
        .collect()
}

/// Scans a segment's bytes. `base_seq` is the one in its name; batches from `limit_seq` on were never delivered,
/// because the next segment begins there. `before` is where the log stood at the end of the segment before.
pub(crate) fn scan(bytes: &[u8], format: &Format, base_seq: u64, limit_seq: u64, before: Option<&[i64]>) -> Scan {
    let partitions = format.partitions();
    let header = SegmentHeader::parse(bytes, partitions).filter(|header| header.base_seq == base_seq);
    let header_good = header.is_some();
    let base = header.map(|header| header.base).or(before.map(Box::from));
    let base_known = base.is_some();
    let base = base.unwrap_or_else(|| vec![0; partitions].into());
    let mut at = SegmentHeader::len(partitions).min(bytes.len());
    let mut found = Scan::nothing(&SegmentHeader { log_id: Uuid::nil(), base_seq, base }, len_u64(at));
    found.newer = SegmentHeader::newer(bytes, partitions).map(|version| (version, 0));
    let mut index = IndexBuilder::default();
    loop {
        let Found::Batch(header, _, end) = format.look(bytes, at, found.segment.end_seq) else {
            found.newer = found.newer.or_else(|| format.newer(bytes.get(at..).unwrap_or_default()));
            match format.search(bytes, at.saturating_add(1), found.segment.end_seq) {
                Some(next) => at = next,
                None => break,
            }
            continue;
        };
        if header.end_seq() > limit_seq {
            break;
        }
        if found.batches == 0 && !base_known {
            // Neither the header nor the segment before says where this one began.
            found.segment.base = header.base.as_ref().into();
            found.segment.end = header.base.as_ref().into();
        }
        index.offer(len_u64(at), header.base_seq, &header.base);
        found.reach(&header, len_u64(at));
        found.pass(&header, len_u64(end));
        at = end;
    }
    // A good header alone proves that everything before it was synced, whatever became of its body.
    let last = format.last_header(bytes, at.saturating_add(1), found.segment.end_seq);
    if let Some((at, header)) = last.filter(|(_, header)| header.base_seq < limit_seq) {
        found.reach(&header, len_u64(at));
    }
    if base_known || found.batches > 0 {
        found.judge_tail(bytes, format, limit_seq);
    }
    if !header_good && found.batches > 0 {
        let bytes = 0..len_u64(SegmentHeader::len(partitions));
        found.damage.insert(0, Stretch { bytes, lost: Vec::new(), size_unknown: false });
    }
    found.tail_bytes = len_u64(bytes.len()) - found.segment.length;
    found.entries = index.entries;
    found
}

impl Scan {
    /// Before the first batch, which begins at `position` at the earliest.
    fn nothing(header: &SegmentHeader, position: u64) -> Self {
        Self {
            segment: Segment { length: position, ..Segment::from(header) },
            entries: Vec::new(),
            damage: Vec::new(),
            batches: 0,
            tail_bytes: 0,
            newer: None,
        }
    }

    /// The next header stands at `position`: what lies between, and what it says was before it, is damaged.
    fn reach(&mut self, header: &BatchHeader, position: u64) {
        let segment = &mut self.segment;
        if position > segment.length || *segment.end != *header.base {
            let lost = ranges(&segment.end, &header.base);
            self.damage.push(Stretch { bytes: segment.length..position, lost, size_unknown: false });
        }
        segment.end_seq = header.base_seq;
        segment.end = header.base.as_ref().into();
        segment.length = position;
    }

    /// Whether what stands behind the last good batch is no torn end but a batch that was whole once: an end is torn where
    /// it breaks off, or where the disk has a hole.
    fn judge_tail(&mut self, bytes: &[u8], format: &Format, limit_seq: u64) {
        let at = in_memory(self.segment.length).min(bytes.len());
        let tail = &bytes[at..];
        let next = |header: &BatchHeader| header.base_seq >= self.segment.end_seq && header.end_seq() <= limit_seq;
        if let Some(header) = format.parse_header(tail).filter(next) {
            let end = at + format.header_len() + in_memory(u64::from(header.body_len));
            if end <= bytes.len() && (header.zeros || !has_hole(bytes, at..end)) {
                self.reach(&header, len_u64(at));
                let lost = ranges(&header.base, &header.end);
                self.damage.push(Stretch { bytes: len_u64(at)..len_u64(end), lost, size_unknown: false });
                self.segment.end_seq = header.end_seq();
                self.segment.end = header.end.as_ref().into();
                self.segment.length = len_u64(end);
            }
        } else if limit_seq == u64::MAX
            && format.resembles_next(tail, self.segment.end_seq, &self.segment.end)
            && !has_hole(bytes, at..at + format.header_len())
        {
            // What follows is kept behind it. Nothing says which offsets it had: whoever opens the log must not append to it
            // unasked.
            self.damage.push(Stretch {
                bytes: len_u64(at)..len_u64(bytes.len()),
                lost: Vec::new(),
                size_unknown: true,
            });
            self.segment.length = len_u64(bytes.len());
        }
    }

    /// The batch of the header that was reached is good up to `position`.
    fn pass(&mut self, header: &BatchHeader, position: u64) {
        let segment = &mut self.segment;
        segment.end_seq = header.end_seq();
        segment.end = header.end.as_ref().into();
        segment.max_received_at_us = segment.max_received_at_us.max(header.max_received_at_us);
        segment.version = segment.version.max(header.version);
        segment.length = position;
        self.batches += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const LOG_ID: Uuid = Uuid::from_u128(7);

    /// A segment of batches with one record each, on partitions 0 and 1 in turn, from record 100 of the journal on.
    fn segment(batches: u64) -> (Format, Vec<u8>, Vec<usize>) {
        let format = Format::new(LOG_ID, 2);
        let mut next = [50_i64, 50];
        let header = SegmentHeader { log_id: LOG_ID, base_seq: 100, base: next.into() };
        let mut bytes = header.bytes();
        let mut ends = vec![bytes.len()];
        for base_seq in 100..100 + batches {
            let body = base_seq.to_le_bytes();
            let base = next;
            next[usize::try_from(base_seq % 2).unwrap()] += 1;
            let header = BatchHeader {
                version: 1,
                body_crc: crc32c::crc32c(&body),
                body_len: 8,
                records: 1,
                base_seq,
                max_received_at_us: 3,
                base: base.into(),
                end: next.into(),
                zeros: false,
            };
            format.write_header(&mut bytes, &header);
            bytes.extend_from_slice(&body);
            ends.push(bytes.len());
        }
        (format, bytes, ends)
    }

    #[test]
    fn a_whole_segment_is_good_to_its_end() {
        let (format, bytes, _) = segment(6);
        let found = scan(&bytes, &format, 100, u64::MAX, None);
        assert_eq!((found.batches, found.tail_bytes, found.segment.end_seq), (6, 0, 106));
        assert_eq!((found.segment.base.as_ref(), found.segment.end.as_ref()), (&[50, 50][..], &[53, 53][..]));
        assert_eq!(found.damage, []);
    }

    #[test]
    fn what_the_next_segment_begins_with_is_void_here() {
        let (format, bytes, ends) = segment(6);
        let found = scan(&bytes, &format, 100, 105, None);
        assert_eq!((found.segment.end_seq, found.segment.length), (105, len_u64(ends[5])));
        assert_eq!(found.damage, []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_scanned(bytes in vec(any::<u8>(), 0..400)) {
            let found = scan(&bytes, &Format::new(LOG_ID, 2), 0, u64::MAX, None);
            prop_assert_eq!((found.batches, found.segment.end_seq), (0, 0));
        }

        #[test]
        fn changed_bytes_cost_only_the_batches_that_they_are_in(changes in vec((any::<proptest::sample::Index>(), 1_u8..), 1..4)) {
            let (format, mut bytes, ends) = segment(8);
            let mut hit = [false; 8];
            for (at, by) in changes {
                let at = at.index(bytes.len());
                bytes[at] ^= by;
                if let Some(batch) = ends.iter().rposition(|end| *end <= at) {
                    hit[batch] = true;
                }
            }
            let found = scan(&bytes, &format, 100, u64::MAX, Some(&[50, 50]));
            let untouched = hit.iter().filter(|hit| !**hit).count();
            // Changes can take each other back, never make a batch bad that they are not in.
            prop_assert!(found.batches >= len_u64(untouched));
            let lost: i64 = found.damage.iter().flat_map(|stretch| &stretch.lost).map(|range| range.end - range.start).sum();
            let held: i64 = found.segment.end.iter().zip(found.segment.base.iter()).map(|(end, base)| end - base).sum();
            prop_assert_eq!(held, lost + i64::try_from(found.batches).unwrap());
            prop_assert_eq!(found.segment.length + found.tail_bytes, len_u64(bytes.len()));
        }
    }
}
