//! A segment file: its name, its header, and what is known of it. What is in its batches is `batch`'s business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::batch::VERSION_FIRST;
use super::wire::Fields;

const MAGIC: [u8; 8] = [0xb7, b'T', b'A', b'C', b'S', b'E', b'G', b'\n'];
const VERSION: u16 = 1;
const FIXED_BYTES: usize = 40;
const CRC_AT: usize = 12;
/// Least distance of two index entries, in bytes; more where vectors are long.
const INDEX_STEP_BYTES: u64 = 64 * 1024;

/// Where the log stood when a segment was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log_id: Uuid,
    /// Number of its first record in the journal.
    pub(crate) base_seq: u64,
    /// Per partition, the offset of its first record, or of the next one to come.
    pub(crate) base: Box<[i64]>,
}

/// One batch that a search can begin at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// Position in the file, in bytes.
    pub(crate) position: u64,
    /// Number of the batch's first record in the journal.
    pub(crate) base_seq: u64,
    /// Per partition, the offset of the batch's first record, or of the next one to come.
    pub(crate) base: Box<[i64]>,
}

/// The durable part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) base_seq: u64,
    pub(crate) end_seq: u64,
    /// Bytes of it, from the start of the file; what lies behind was never delivered.
    pub(crate) length: u64,
    /// Per partition, the first offset that it holds, or the next one to come.
    pub(crate) base: Arc<[i64]>,
    /// Per partition, the offset after the last that it holds.
    pub(crate) end: Arc<[i64]>,
    /// Greatest time of receipt, Unix microseconds.
    pub(crate) max_received_at_us: i64,
    /// Greatest version of its batches, which its index has too: who knows only lower ones must not trust the index and
    /// take such batches for damage.
    pub(crate) version: u16,
}

impl SegmentHeader {
    /// Bytes of a segment's header, and so the position of its first batch.
    pub(crate) fn len(partitions: usize) -> usize {
        FIXED_BYTES + 8 * partitions
    }

    /// The header as written: magic 8 B, version u16, partitions u16, CRC-32C of the rest u32, log ID 16 B,
    /// base sequence u64, first offset i64 per partition.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::len(self.base.len()));
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        let partitions = u16::try_from(self.base.len()).expect("partitions are at most 256");
        out.extend_from_slice(&partitions.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(self.log_id.as_bytes());
        out.extend_from_slice(&self.base_seq.to_le_bytes());
        for offset in &self.base {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        let crc = Self::crc(&out).to_le_bytes();
        out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc);
        out
    }

    fn crc(bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_AT]), &bytes[CRC_AT + 4..])
    }

    /// The version of a header that a later release wrote: it keeps magic, version and number of partitions where they
    /// are. Damage cannot pass for it: what was damaged in one place has the wrong CRC.
    pub(crate) fn newer(bytes: &[u8], partitions: usize) -> Option<u16> {
        let bytes = bytes.get(..Self::len(partitions))?;
        let mut fields = Fields::new(bytes, 0);
        let is_segment = fields.array()? == MAGIC;
        let version = fields.u16()?;
        let same = usize::from(fields.u16()?) == partitions && fields.u32()? == Self::crc(bytes);
        (is_segment && version > VERSION && same).then_some(version)
    }

    /// Parses the header of a segment; `None` if it is damaged or has another number of partitions.
    pub(crate) fn parse(bytes: &[u8], partitions: usize) -> Option<Self> {
        let bytes = bytes.get(..Self::len(partitions))?;
        let mut fields = Fields::new(bytes, 0);
        let known = fields.array()? == MAGIC
            && fields.u16()? == VERSION
            && usize::from(fields.u16()?) == partitions
            && fields.u32()? == Self::crc(bytes);
        if !known {
            return None;
        }
        let log_id = Uuid::from_bytes(fields.array()?);
        let base_seq = fields.u64()?;
        let base = fields.offsets(partitions)?.into();
        Some(Self { log_id, base_seq, base })
    }
}

/// A segment before anything of it is durable.
impl From<&SegmentHeader> for Segment {
    fn from(header: &SegmentHeader) -> Self {
        Self {
            base_seq: header.base_seq,
            end_seq: header.base_seq,
            length: 0,
            base: header.base.as_ref().into(),
            end: header.base.as_ref().into(),
            max_received_at_us: i64::MIN,
            version: VERSION_FIRST,
        }
    }
}

/// Least distance of two index entries, in bytes, so that the index stays small beside the segment.
pub(crate) fn index_step(partitions: usize) -> u64 {
    INDEX_STEP_BYTES.max(8 * 1024 * super::wire::len_u64(partitions))
}

/// The file of the segment that begins with record `base_seq` of the journal.
pub(crate) fn log_path(dir: &Path, base_seq: u64) -> PathBuf {
    dir.join(format!("{base_seq:020}.log"))
}

/// The index of that segment.
pub(crate) fn index_path(dir: &Path, base_seq: u64) -> PathBuf {
    dir.join(format!("{base_seq:020}.index"))
}

/// The sequence number in a file's name, if it is one of ours with this extension.
pub(crate) fn parse_name(path: &Path, extension: &str) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let ours = path.extension()? == extension && stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit());
    ours.then(|| stem.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_foreign_files_are_none() {
        let dir = Path::new("log");
        assert_eq!(parse_name(&log_path(dir, 77), "log"), Some(77));
        assert_eq!(parse_name(&index_path(dir, u64::MAX), "index"), Some(u64::MAX));
        for name in ["lock", "77.log", "+0000000000000000077.log", "99999999999999999999.log"] {
            assert_eq!(parse_name(Path::new(name), "log"), None, "{name}");
        }
    }

    #[test]
    fn a_header_of_a_later_release_is_known() {
        let header = SegmentHeader { log_id: Uuid::from_u128(7), base_seq: 9, base: [1, 2, 3].into() };
        let mut bytes = header.bytes();
        assert_eq!(SegmentHeader::newer(&bytes, 3), None);
        bytes[8] = 2;
        assert_eq!(SegmentHeader::newer(&bytes, 3), None, "its CRC does not hold");
        let crc = SegmentHeader::crc(&bytes).to_le_bytes();
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc);
        assert_eq!((SegmentHeader::newer(&bytes, 3), SegmentHeader::parse(&bytes, 3)), (Some(2), None));
    }

    #[test]
    fn every_changed_byte_of_a_header_is_found() {
        let header = SegmentHeader { log_id: Uuid::from_u128(7), base_seq: 9, base: [1, 2, 3].into() };
        let bytes = header.bytes();
        assert_eq!(SegmentHeader::parse(&bytes, 3), Some(header));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(SegmentHeader::parse(&changed, 3), None, "byte {at}");
        }
    }
}
