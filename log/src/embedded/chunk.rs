//! The records of one call, encoded by the caller, so that the one thread that writes only copies and syncs.

use tacho_schemas::partition::partition_of;
use tacho_schemas::{Envelope, RawKind};

use super::batch::{VERSION_FIRST, VERSION_RETRIES};
use super::frame::{encode, frame_bytes_max};
use crate::{Append, AppendError, OffsetRange};

/// Encoded records that go into one group together, in this order.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) frames: Vec<u8>,
    /// Per partition that occurs, `0..count`; the writer moves them to their place.
    pub(crate) ranges: Vec<OffsetRange>,
    pub(crate) records: u32,
    pub(crate) max_received_at_us: i64,
    /// Least version of a batch that may have these frames.
    pub(crate) version: u16,
}

/// Most bytes that these records can take in a batch.
pub(crate) fn chunk_bytes_max(batch: &[Append]) -> usize {
    batch.iter().map(|append| frame_bytes_max(&append.envelope, &append.payload)).sum()
}

/// The first version of the format that has such a record.
fn version_of(kind: &RawKind) -> u16 {
    match kind {
        RawKind::Telemetry | RawKind::Oversize { .. } | RawKind::Config(_) => VERSION_FIRST,
        RawKind::Retry { .. } => VERSION_RETRIES,
    }
}

impl Chunk {
    /// Encodes publishes; each goes to the partition of its robot.
    ///
    /// # Errors
    /// [`AppendError::ControlWithoutPartition`], [`AppendError::FieldTooLong`].
    pub(crate) fn of_publishes(batch: &[Append], partitions: i32, bytes_max: usize) -> Result<Self, AppendError> {
        let mut chunk = Self::empty(bytes_max);
        let mut before: Option<(&Envelope, i32)> = None;
        for append in batch {
            let envelope = &append.envelope;
            if matches!(envelope.kind, RawKind::Config(_)) {
                return Err(AppendError::ControlWithoutPartition);
            }
            let partition = match before {
                Some((last, partition)) if last.robot == envelope.robot => partition,
                _ => partition_of(envelope.robot.as_str().as_bytes(), partitions),
            };
            chunk.push(before.map(|(last, _)| last), partition, envelope, &append.payload)?;
            before = Some((envelope, partition));
        }
        Ok(chunk)
    }

    /// Encodes one record for a partition that the caller chose.
    ///
    /// # Errors
    /// [`AppendError::FieldTooLong`].
    pub(crate) fn of_one(append: &Append, partition: i32, bytes_max: usize) -> Result<Self, AppendError> {
        let mut chunk = Self::empty(bytes_max);
        chunk.push(None, partition, &append.envelope, &append.payload)?;
        Ok(chunk)
    }

    fn empty(bytes_max: usize) -> Self {
        Self {
            frames: Vec::with_capacity(bytes_max),
            ranges: Vec::new(),
            records: 0,
            max_received_at_us: i64::MIN,
            version: VERSION_FIRST,
        }
    }

    fn push(
        &mut self,
        before: Option<&Envelope>,
        partition: i32,
        envelope: &Envelope,
        payload: &[u8],
    ) -> Result<(), AppendError> {
        let number = u16::try_from(partition).expect("partitions are at most 256");
        encode(&mut self.frames, before, number, envelope, payload)?;
        self.records += 1;
        self.version = self.version.max(version_of(&envelope.kind));
        self.max_received_at_us = self.max_received_at_us.max(envelope.received_at_us);
        match self.ranges.iter_mut().find(|range| range.partition == partition) {
            Some(range) => range.end += 1,
            None => self.ranges.push(OffsetRange { partition, start: 0, end: 1 }),
        }
        Ok(())
    }
}
