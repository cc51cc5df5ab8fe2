//! Writes segment files as a script says: good batches, damaged ones, missing ones, and rubbish.
//!
//! An instruction is one byte, its arguments follow; an input that ends within one ends there.

use tacho_schemas::{Digest, Envelope, RawKind, RecordId, RobotKey};
use uuid::Uuid;

use crate::embedded::batch::{BatchHeader, Format, VERSION_RETRIES, has_zeros};
use crate::embedded::frame::encode;
use crate::embedded::segment::SegmentHeader;
use crate::embedded::wire::{Fields, len_u32};

/// The log of all scripts.
pub(super) const LOG_ID: Uuid = Uuid::from_u128(7);
/// Its partitions.
pub(super) const PARTITIONS: usize = 3;
/// A longer script would only be slower.
const FILE_BYTES_MAX: usize = 64 << 10;

/// What a script wrote.
#[derive(Debug)]
pub(super) struct Script {
    /// Number of the first record and bytes, oldest first.
    pub(super) files: Vec<(u64, Vec<u8>)>,
    /// Nothing was copied into it that could be a batch with numbers of its own.
    pub(super) is_honest: bool,
    format: Format,
    seq: u64,
    next: [i64; PARTITIONS],
}

impl Script {
    /// Runs a script.
    pub(super) fn run(bytes: &[u8]) -> Self {
        let format = Format::new(LOG_ID, PARTITIONS);
        let mut script = Self { files: Vec::new(), is_honest: true, format, seq: 0, next: [0; PARTITIONS] };
        script.begin_file();
        let mut fields = Fields::new(bytes, 0);
        while script.step(&mut fields).is_some() {}
        script
    }

    fn begin_file(&mut self) {
        if self.files.last().is_none_or(|(base_seq, _)| *base_seq < self.seq) {
            let header = SegmentHeader { log_id: LOG_ID, base_seq: self.seq, base: self.next.into() };
            self.files.push((self.seq, header.bytes()));
        }
    }

    fn file(&mut self) -> &mut Vec<u8> {
        &mut self.files.last_mut().expect("the first file was begun").1
    }

    /// One instruction; `None` at the end.
    fn step(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        if self.file().len() > FILE_BYTES_MAX {
            return None;
        }
        match fields.u8()? % 10 {
            0..=2 => {
                let body = well_formed(fields)?;
                self.batch(&body.1, body.0);
            }
            3 => {
                let counts = [fields.u8()? % 4, fields.u8()? % 4, fields.u8()? % 4].map(u32::from);
                let len = fields.u8()?;
                let body = fields.slice(usize::from(len))?;
                self.batch(body, counts);
            }
            4 => {
                let len = fields.u8()?;
                let rubbish = fields.slice(usize::from(len))?;
                self.file().extend_from_slice(rubbish);
                self.is_honest = false;
            }
            5 => {
                let (back, with) = (usize::from(fields.u16()?), fields.u8()?);
                let at = self.file().len().checked_sub(back);
                if let Some(byte) = at.and_then(|at| self.file().get_mut(at)) {
                    *byte ^= with;
                }
                self.is_honest = false;
            }
            6 => {
                let len = self.file().len().saturating_sub(usize::from(fields.u16()?));
                self.file().truncate(len);
                self.is_honest = false;
            }
            7 => {
                // A batch that is missing.
                self.next[0] += 1;
                self.seq += 1;
            }
            8 => self.begin_file(),
            _ => {
                let again = usize::from(fields.u16()?);
                let from = self.file().len().saturating_sub(again);
                self.file().extend_from_within(from..);
                self.is_honest = false;
            }
        }
        Some(())
    }

    fn batch(&mut self, body: &[u8], counts: [u32; PARTITIONS]) {
        let base = self.next;
        for (next, count) in self.next.iter_mut().zip(counts) {
            *next += i64::from(count);
        }
        let header = BatchHeader {
            version: VERSION_RETRIES,
            body_crc: crc32c::crc32c(body),
            body_len: len_u32(body.len()),
            records: counts.iter().sum(),
            base_seq: self.seq,
            max_received_at_us: 3,
            base: base.into(),
            end: self.next.into(),
            zeros: has_zeros(body),
        };
        self.seq += u64::from(header.records);
        let format = self.format;
        format.write_header(self.file(), &header);
        self.file().extend_from_slice(body);
    }
}

/// A body of good frames, and how many of each partition it has.
fn well_formed(fields: &mut Fields<'_>) -> Option<([u32; PARTITIONS], Vec<u8>)> {
    let mut counts = [0; PARTITIONS];
    let mut body = Vec::new();
    let mut before: Option<Envelope> = None;
    for counter in 0..=fields.u8()? % 4 {
        let (shape, len) = (fields.u8()?, fields.u8()?);
        let payload = fields.slice(usize::from(len % 32))?;
        let slot = usize::from(shape) % PARTITIONS;
        let kind = match shape >> 6 {
            0 | 1 => RawKind::Telemetry,
            2 if len > 127 => RawKind::Retry { of: None },
            2 => RawKind::Config(Digest([0; 32])),
            _ => RawKind::Oversize { bytes: 1 << 21, sha256: Digest([0; 32]) },
        };
        let envelope = Envelope {
            id: RecordId { session: Uuid::from_u128(u128::from(shape >> 5 & 1)), counter: counter.into() },
            received_at_us: 3,
            robot: RobotKey::Unreadable,
            topic_id: (shape & 8 != 0).then(|| "topic".into()),
            principal: if shape & 16 != 0 { "gateway" } else { "" }.into(),
            kind,
        };
        encode(&mut body, before.as_ref(), u16::from(shape) % 3, &envelope, payload).ok()?;
        counts[slot] += 1;
        before = Some(envelope);
    }
    Some((counts, body))
}
