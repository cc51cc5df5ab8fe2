//! A batch is one group commit: a header that says which offsets it has, and the frames of its records.
//!
//! The header has a CRC of its own, salted with the log's ID, so that no payload can look like a batch when
//! good ones are searched behind a bad one. Every header carries the offsets of *all* partitions: whatever is
//! damaged before it, it tells where the log stands.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::wire::{Fields, in_memory};

/// First bytes of a batch; not ASCII, and with line ends that a careless copy would change.
pub(crate) const BATCH_MAGIC: [u8; 8] = [0xb7, b'T', b'A', b'C', b'H', b'O', b'\r', b'\n'];
/// Most bytes of a batch's body.
pub(crate) const MAX_BODY_BYTES: u32 = 64 * 1024 * 1024;

/// The version of a batch without retries, which every release reads.
pub(crate) const VERSION_FIRST: u16 = 1;
/// The version of a batch with retries, and the latest that this release reads.
pub(crate) const VERSION_RETRIES: u16 = 2;
const CODEC_NONE: u8 = 0;
/// Flag of a header: see [`BatchHeader::zeros`].
const ZEROS: u8 = 1;
/// A disk writes no less.
const SECTOR: usize = 512;
/// Fewer zeros at the edge of a sector are no hole; bodies with so many of their own say so in their header.
const HOLE_MIN: usize = 64;
const FIXED_BYTES: usize = 48;
const ENTRY_BYTES: usize = 12;
/// Changed bytes up to which a damaged header is still known for one: one field, or a few flipped bits.
const CHANGED_MAX: usize = 8;
/// Where the header's CRC stands: it covers what is before and after it.
const CRC_AT: usize = 12;

/// What batches of one log have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    salt: u32,
    partitions: usize,
}

/// Header of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    /// Least version of the format that has all that is in the body.
    pub(crate) version: u16,
    /// CRC-32C of the body.
    pub(crate) body_crc: u32,
    /// Bytes of the body.
    pub(crate) body_len: u32,
    /// Number of records.
    pub(crate) records: u32,
    /// Number of the first record in the journal.
    pub(crate) base_seq: u64,
    /// Greatest time of receipt, Unix microseconds.
    pub(crate) max_received_at_us: i64,
    /// Per partition, offset of the first record of this batch, or of the next one to come.
    pub(crate) base: Box<[i64]>,
    /// Per partition, offset after the last record of this batch.
    pub(crate) end: Box<[i64]>,
    /// Whether the body has zeros of its own, so many in a row that they look like a part that was never written.
    pub(crate) zeros: bool,
}

/// A whole batch in memory.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) header: Arc<BatchHeader>,
    pub(crate) body: Bytes,
}

/// What stands at a position of some bytes.
#[derive(Debug)]
pub(crate) enum Found {
    /// A good batch, whose body begins and ends here.
    Batch(BatchHeader, usize, usize),
    /// Perhaps a batch, if there were this many bytes from the position on.
    Short(usize),
    /// No batch, or a damaged one.
    Bad,
}

impl BatchHeader {
    /// Number of the record after the last in the journal.
    pub(crate) fn end_seq(&self) -> u64 {
        self.base_seq + u64::from(self.records)
    }
}

impl Format {
    pub(crate) fn new(log_id: Uuid, partitions: usize) -> Self {
        Self { salt: crc32c::crc32c(log_id.as_bytes()), partitions }
    }

    pub(crate) fn partitions(&self) -> usize {
        self.partitions
    }

    /// Bytes of a batch header.
    pub(crate) fn header_len(&self) -> usize {
        FIXED_BYTES + ENTRY_BYTES * self.partitions
    }

    fn header_crc(&self, header: &[u8]) -> u32 {
        let crc = crc32c::crc32c_append(self.salt, &header[..CRC_AT]);
        crc32c::crc32c_append(crc, &header[CRC_AT + 4..])
    }

    /// Writes a header at the end of `out`; the body must follow. Little-endian: magic 8 B, version u16, codec u8,
    /// flags u8 (1: zeros), header CRC-32C u32, body CRC-32C u32, body length u32, records u32, partitions u16, 0 u16, base sequence u64,
    /// greatest received_at_us i64, then per partition first offset i64 and count u32.
    pub(crate) fn write_header(&self, out: &mut Vec<u8>, header: &BatchHeader) {
        let at = out.len();
        out.extend_from_slice(&BATCH_MAGIC);
        out.extend_from_slice(&header.version.to_le_bytes());
        out.extend_from_slice(&[CODEC_NONE, if header.zeros { ZEROS } else { 0 }, 0, 0, 0, 0]);
        out.extend_from_slice(&header.body_crc.to_le_bytes());
        out.extend_from_slice(&header.body_len.to_le_bytes());
        out.extend_from_slice(&header.records.to_le_bytes());
        let partitions = u16::try_from(self.partitions).expect("partitions are at most 256");
        out.extend_from_slice(&partitions.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&header.base_seq.to_le_bytes());
        out.extend_from_slice(&header.max_received_at_us.to_le_bytes());
        for (base, end) in header.base.iter().zip(&header.end) {
            out.extend_from_slice(&base.to_le_bytes());
            let count = u32::try_from(end - base).expect("a batch has fewer than 2^32 records");
            out.extend_from_slice(&count.to_le_bytes());
        }
        let crc = self.header_crc(&out[at..]);
        out[at + CRC_AT..at + CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
    }

    /// The version and codec of what stands at the start of `bytes`, if it is whole and a later release wrote it: such a
    /// release keeps magic, version, codec and CRC where they are. `None` for all else, above all for what is damaged.
    pub(crate) fn newer(&self, bytes: &[u8]) -> Option<(u16, u8)> {
        let header = bytes.get(..self.header_len())?;
        let mut fields = Fields::new(header, 0);
        let is_batch = fields.array()? == BATCH_MAGIC;
        let (version, codec, _zero) = (fields.u16()?, fields.u8()?, fields.u8()?);
        let later = version > VERSION_RETRIES || (version >= VERSION_FIRST && codec != CODEC_NONE);
        (is_batch && later && fields.u32()? == self.header_crc(header)).then_some((version, codec))
    }

    /// Parses a header; `None` if it is damaged, or of another log or format.
    pub(crate) fn parse_header(&self, bytes: &[u8]) -> Option<BatchHeader> {
        let mut fields = Fields::new(bytes.get(..self.header_len())?, 0);
        if fields.array()? != BATCH_MAGIC {
            return None;
        }
        let version = fields.u16()?;
        if !(VERSION_FIRST..=VERSION_RETRIES).contains(&version) || fields.u8()? != CODEC_NONE {
            return None;
        }
        let zeros = fields.u8()? & ZEROS != 0;
        if fields.u32()? != self.header_crc(&bytes[..self.header_len()]) {
            return None;
        }
        let (body_crc, body_len, records) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let partitions = usize::from(fields.u16()?);
        let _zero = fields.u16()?;
        let (base_seq, max_received_at_us) = (fields.u64()?, fields.i64()?);
        let mut total = 0_u64;
        let (mut base, mut end) = (Vec::with_capacity(partitions), Vec::with_capacity(partitions));
        for _ in 0..self.partitions {
            let (first, count) = (fields.i64()?, fields.u32()?);
            total += u64::from(count);
            end.push(first.checked_add(i64::from(count))?);
            base.push(first);
        }
        let sound = partitions == self.partitions
            && total == u64::from(records)
            && body_len <= MAX_BODY_BYTES
            && base_seq.checked_add(total).is_some()
            && base.iter().all(|offset| *offset >= 0);
        sound.then(|| BatchHeader {
            version,
            body_crc,
            body_len,
            records,
            base_seq,
            max_received_at_us,
            base: base.into(),
            end: end.into(),
            zeros,
        })
    }

    /// Whether a damaged header is that of the batch that follows this state of the log, by the fields that are known.
    pub(crate) fn resembles_next(&self, bytes: &[u8], end_seq: u64, end: &[i64]) -> bool {
        let Some(bytes) = bytes.get(..self.header_len()) else { return false };
        let (base, end): (Box<[i64]>, Box<[i64]>) = (end.into(), end.into());
        let retries = bytes[8..10] == VERSION_RETRIES.to_le_bytes();
        let header = BatchHeader {
            version: if retries { VERSION_RETRIES } else { VERSION_FIRST },
            body_crc: 0,
            body_len: 0,
            records: 0,
            base_seq: end_seq,
            max_received_at_us: 0,
            base,
            end,
            zeros: false,
        };
        let mut expected = Vec::with_capacity(self.header_len());
        self.write_header(&mut expected, &header);
        // Magic, version and codec; partitions and base sequence; the first offset of each partition.
        let offsets = (FIXED_BYTES..self.header_len()).step_by(ENTRY_BYTES).map(|at| at..at + 8);
        let known = [0..CRC_AT, 28..40].into_iter().chain(offsets).flatten();
        known.filter(|at| bytes[*at] != expected[*at]).count() <= CHANGED_MAX
    }

    /// Looks for a good batch at `at`, whose records are not before `min_seq` in the journal.
    pub(crate) fn look(&self, bytes: &[u8], at: usize, min_seq: u64) -> Found {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.len() < self.header_len() {
            return Found::Short(self.header_len());
        }
        let Some(header) = self.parse_header(rest).filter(|header| header.base_seq >= min_seq) else {
            return Found::Bad;
        };
        let body_at = at + self.header_len();
        let end = body_at + in_memory(u64::from(header.body_len));
        match bytes.get(body_at..end) {
            None => Found::Short(end - at),
            Some(body) if crc32c::crc32c(body) == header.body_crc => Found::Batch(header, body_at, end),
            Some(_) => Found::Bad,
        }
    }

    /// The position of the first good batch at or after `from`, whose records are not before `min_seq`.
    pub(crate) fn search(&self, bytes: &[u8], from: usize, min_seq: u64) -> Option<usize> {
        magics(bytes, from).find(|at| matches!(self.look(bytes, *at, min_seq), Found::Batch(..)))
    }

    /// The last good header at or after `from`, whose records are not before `min_seq`; its body may be damaged.
    pub(crate) fn last_header(&self, bytes: &[u8], from: usize, min_seq: u64) -> Option<(usize, BatchHeader)> {
        let header = |at| Some((at, self.parse_header(&bytes[at..])?));
        magics(bytes, from).filter_map(header).filter(|(_, header)| header.base_seq >= min_seq).last()
    }
}

/// Whether a part of these bytes of a file was never written: a whole stretch of zeros between the sectors of a disk, which
/// is what a power cut leaves of a write.
pub(crate) fn has_hole(file: &[u8], bytes: Range<usize>) -> bool {
    let first = bytes.start / SECTOR * SECTOR;
    (first..bytes.end).step_by(SECTOR).any(|sector| {
        let part = &file[sector.max(bytes.start)..(sector + SECTOR).min(bytes.end)];
        part.len() >= HOLE_MIN && part.iter().all(|byte| *byte == 0)
    })
}

/// Whether a body has so many zeros in a row that a part of it could pass for a hole, wherever it lies.
pub(crate) fn has_zeros(body: &[u8]) -> bool {
    body.chunks_exact(HOLE_MIN / 2).any(|part| part.iter().all(|byte| *byte == 0))
}

/// Every place at or after `from` where a batch may begin.
fn magics(bytes: &[u8], from: usize) -> impl Iterator<Item = usize> {
    let mut at = from;
    std::iter::from_fn(move || {
        loop {
            at += bytes.get(at..)?.iter().position(|byte| *byte == BATCH_MAGIC[0])?;
            at += 1;
            if bytes[at - 1..].starts_with(&BATCH_MAGIC) {
                return Some(at - 1);
            }
        }
    })
}

#[cfg(test)]
mod tests;
