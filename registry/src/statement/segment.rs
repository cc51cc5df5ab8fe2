//! `tacho-seg/1`, the rows of one robot and stream epoch in one window, and `tacho-head/1`, how far a robot's chain of
//! segments has come.

use tacho_schemas::Digest;

use super::{Salt, Statement};
use crate::cbor::{self, CborError, Reader};
use crate::leaf::{SALT_KIND, SaltKey};

/// Sequence numbers `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeqRange {
    /// The first.
    pub start: i64,
    /// The one after the last.
    pub end: i64,
}

/// What a segment holds, never what it lacks: a late fill makes a later segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentStatement {
    /// The robot ID, or `?`.
    pub robot_id: String,
    /// Number in the robot's one chain over all its epochs, from 0.
    pub seg_no: u64,
    /// Stream epoch; none for what was rejected before one could be read.
    pub stream_epoch: Option<i64>,
    /// Sequence numbers that landed: rising, apart from each other.
    pub present: Vec<SeqRange>,
    /// Sequence numbers that were rejected: rising, apart from each other.
    pub rejected: Vec<SeqRange>,
    /// Rows, of all tables.
    pub count: u64,
    /// Least time of the rows, Unix microseconds UTC: the end of the record's window, or of receipt where that could
    /// not be read.
    pub t_min_us: i64,
    /// Greatest time of the rows, alike.
    pub t_max_us: i64,
    /// Root over the rows, ordered by (log epoch, partition, offset, ordinal, table, row key).
    pub rows_root: Digest,
    /// Leaf hash of the robot's previous segment.
    pub prev_seg_hash: Option<Digest>,
    /// Reserved; 0.
    pub flags: u64,
    /// Signature of the robot over its segment; reserved.
    pub device_sig: Option<Vec<u8>>,
    /// Salt.
    pub salt: Salt,
}

/// How far a robot's chain has come: without it, a chain that was cut short could not be told from a whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadStatement {
    /// The robot ID, or `?`.
    pub robot_id: String,
    /// Highest stream epoch seen.
    pub last_epoch: Option<i64>,
    /// Highest sequence number seen in it.
    pub last_seq: Option<i64>,
    /// Number of the last segment.
    pub last_seg_no: u64,
    /// Leaf hash of the last segment.
    pub last_seg_hash: Digest,
    /// Reserved; 0.
    pub status: u64,
    /// Salt.
    pub salt: Salt,
}

impl SegmentStatement {
    /// The salt of a robot's segment: the same whenever the segment is built again.
    pub fn salt_of(key: &SaltKey, robot_id: &str, seg_no: u64) -> Salt {
        salt_of(key, Self::KIND, robot_id, seg_no)
    }
}

impl HeadStatement {
    /// The salt of a robot's head: the same as long as the head is.
    pub fn salt_of(key: &SaltKey, robot_id: &str, last_seg_no: u64) -> Salt {
        salt_of(key, Self::KIND, robot_id, last_seg_no)
    }
}

fn salt_of(key: &SaltKey, kind: &str, robot_id: &str, number: u64) -> Salt {
    let mut message = Vec::with_capacity(64);
    cbor::put_array(&mut message, 4);
    cbor::put_text(&mut message, SALT_KIND);
    cbor::put_text(&mut message, kind);
    cbor::put_text(&mut message, robot_id);
    cbor::put_u64(&mut message, number);
    key.salt(&message)
}

fn put_ranges(out: &mut Vec<u8>, ranges: &[SeqRange]) {
    cbor::put_array(out, ranges.len());
    for range in ranges {
        cbor::put_array(out, 2);
        cbor::put_i64(out, range.start);
        cbor::put_i64(out, range.end);
    }
}

fn get_ranges(reader: &mut Reader<'_>) -> Result<Vec<SeqRange>, CborError> {
    let len = reader.array()?;
    let mut ranges = Vec::new();
    for _ in 0..len {
        reader.array_of(2)?;
        let (start, end) = (reader.i64()?, reader.i64()?);
        ranges.push(SeqRange { start, end });
    }
    Ok(ranges)
}

fn are_apart(ranges: &[SeqRange]) -> bool {
    ranges.iter().all(|range| range.start < range.end) && ranges.windows(2).all(|pair| pair[0].end < pair[1].start)
}

impl Statement for SegmentStatement {
    const KIND: &'static str = "tacho-seg/1";
    const ITEMS: usize = 14;

    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_text(out, &self.robot_id);
        cbor::put_u64(out, self.seg_no);
        cbor::put_option_i64(out, self.stream_epoch);
        put_ranges(out, &self.present);
        put_ranges(out, &self.rejected);
        cbor::put_u64(out, self.count);
        cbor::put_i64(out, self.t_min_us);
        cbor::put_i64(out, self.t_max_us);
        cbor::put_digest(out, &self.rows_root);
        cbor::put_option_digest(out, self.prev_seg_hash.as_ref());
        cbor::put_u64(out, self.flags);
        match &self.device_sig {
            Some(signature) => cbor::put_bytes(out, signature),
            None => cbor::put_null(out),
        }
        cbor::put_bytes(out, &self.salt);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self {
            robot_id: reader.text()?.to_owned(),
            seg_no: reader.u64()?,
            stream_epoch: reader.option_i64()?,
            present: get_ranges(reader)?,
            rejected: get_ranges(reader)?,
            count: reader.u64()?,
            t_min_us: reader.i64()?,
            t_max_us: reader.i64()?,
            rows_root: reader.digest()?,
            prev_seg_hash: reader.option_digest()?,
            flags: reader.u64()?,
            device_sig: match reader.null() {
                true => None,
                false => Some(reader.bytes()?.to_vec()),
            },
            salt: reader.fixed()?,
        })
    }

    fn problem(&self) -> Option<&'static str> {
        if !are_apart(&self.present) || !are_apart(&self.rejected) {
            Some("the sequence ranges are not rising and apart")
        } else if self.count == 0 || self.t_min_us > self.t_max_us {
            Some("a segment has rows and a time that does not run backwards")
        } else if (self.seg_no == 0) != self.prev_seg_hash.is_none() {
            Some("the first segment, and no other, has no segment before it")
        } else {
            None
        }
    }
}

impl Statement for HeadStatement {
    const KIND: &'static str = "tacho-head/1";
    const ITEMS: usize = 8;

    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_text(out, &self.robot_id);
        cbor::put_option_i64(out, self.last_epoch);
        cbor::put_option_i64(out, self.last_seq);
        cbor::put_u64(out, self.last_seg_no);
        cbor::put_digest(out, &self.last_seg_hash);
        cbor::put_u64(out, self.status);
        cbor::put_bytes(out, &self.salt);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self {
            robot_id: reader.text()?.to_owned(),
            last_epoch: reader.option_i64()?,
            last_seq: reader.option_i64()?,
            last_seg_no: reader.u64()?,
            last_seg_hash: reader.digest()?,
            status: reader.u64()?,
            salt: reader.fixed()?,
        })
    }
}
