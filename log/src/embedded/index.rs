//! The index file beside a sealed segment: what the segment holds, and some batches to begin a search at.
//!
//! It is trusted when its CRC is good, so that a start reads none of the sealed segments; else it is made
//! anew by a scan.

use tracing::warn;
use uuid::Uuid;

use super::batch::{VERSION_FIRST, VERSION_RETRIES};
use super::positions::Positions;
use super::segment::{IndexEntry, Segment, index_path};
use super::storage::Storage;
use super::wire::{Fields, len_u32};

const MAGIC: [u8; 8] = [0xb7, b'T', b'A', b'C', b'I', b'D', b'X', b'\n'];
const CRC_AT: usize = 12;

/// An index file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) segment: Segment,
    /// In the order of the file.
    pub(crate) entries: Vec<IndexEntry>,
}

impl Index {
    /// The index as written.
    pub(crate) fn bytes(&self, log_id: Uuid) -> Vec<u8> {
        let segment = &self.segment;
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&segment.version.to_le_bytes());
        let partitions = u16::try_from(segment.base.len()).expect("partitions are at most 256");
        out.extend_from_slice(&partitions.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(log_id.as_bytes());
        for number in [segment.base_seq, segment.end_seq, segment.length] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&segment.max_received_at_us.to_le_bytes());
        let write_offsets = |out: &mut Vec<u8>, offsets: &[i64]| {
            offsets.iter().for_each(|offset| out.extend_from_slice(&offset.to_le_bytes()));
        };
        write_offsets(&mut out, &segment.base);
        write_offsets(&mut out, &segment.end);
        out.extend_from_slice(&len_u32(self.entries.len()).to_le_bytes());
        for entry in &self.entries {
            out.extend_from_slice(&entry.position.to_le_bytes());
            out.extend_from_slice(&entry.base_seq.to_le_bytes());
            write_offsets(&mut out, &entry.base);
        }
        let crc = crc(&out).to_le_bytes();
        out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc);
        out
    }

    /// Parses an index file; `None` if it is damaged, or of another log or segment.
    pub(crate) fn parse(bytes: &[u8], log_id: Uuid, base_seq: u64, partitions: usize) -> Option<Self> {
        let mut fields = Fields::new(bytes, 0);
        let ours = fields.array()? == MAGIC;
        let version = fields.u16()?;
        let known = ours
            && (VERSION_FIRST..=VERSION_RETRIES).contains(&version)
            && usize::from(fields.u16()?) == partitions
            && fields.u32()? == crc(bytes)
            && Uuid::from_bytes(fields.array()?) == log_id
            && fields.u64()? == base_seq;
        if !known {
            return None;
        }
        let (end_seq, length, max_received_at_us) = (fields.u64()?, fields.u64()?, fields.i64()?);
        let base = fields.offsets(partitions)?.into();
        let end = fields.offsets(partitions)?.into();
        let entry = |fields: &mut Fields<'_>| {
            Some(IndexEntry {
                position: fields.u64()?,
                base_seq: fields.u64()?,
                base: fields.offsets(partitions)?.into(),
            })
        };
        let entries = fields.u32()?;
        let entries = (0..entries).map(|_| entry(&mut fields)).collect::<Option<_>>()?;
        let segment = Segment { base_seq, end_seq, length, base, end, max_received_at_us, version };
        Some(Self { segment, entries })
    }
}

/// Writes a segment's index; not being able to is no reason to stop.
pub(crate) fn write(storage: &Storage, log_id: Uuid, index: &Index) {
    let path = index_path(storage.dir(), index.segment.base_seq);
    if let Err(error) = storage.write_whole(&path, &index.bytes(log_id)) {
        warn!(file = %path.display(), %error, "no index; the next start scans the segment");
    }
}

/// The batch of an index at which a search for these positions begins; none if the index is empty.
pub(crate) fn start<'a>(entries: &'a [IndexEntry], positions: &Positions) -> Option<&'a IndexEntry> {
    let before = entries.partition_point(|entry| positions.are_past(&entry.base));
    entries.get(before.saturating_sub(1))
}

fn crc(bytes: &[u8]) -> u32 {
    let crc = crc32c::crc32c(bytes.get(..CRC_AT).unwrap_or_default());
    crc32c::crc32c_append(crc, bytes.get(CRC_AT + 4..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_round_trips_and_every_changed_or_missing_byte_is_found() {
        let entry = |position, base_seq| IndexEntry { position, base_seq, base: [4, 5].into() };
        let segment = Segment {
            base_seq: 9,
            end_seq: 19,
            length: 1000,
            base: [4, 5].into(),
            end: [10, 9].into(),
            max_received_at_us: 99,
            version: VERSION_RETRIES,
        };
        let index = Index { segment, entries: vec![entry(56, 9), entry(400, 12)] };
        let log_id = Uuid::from_u128(3);
        let bytes = index.bytes(log_id);
        assert_eq!(Index::parse(&bytes, log_id, 9, 2), Some(index));
        assert_eq!(Index::parse(&bytes, Uuid::nil(), 9, 2), None);
        assert_eq!(Index::parse(&bytes, log_id, 8, 2), None);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            assert_eq!(Index::parse(&changed, log_id, 9, 2), None, "byte {at}");
            assert_eq!(Index::parse(&bytes[..at], log_id, 9, 2), None, "cut at {at}");
        }
    }
}
