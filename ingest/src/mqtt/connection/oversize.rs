//! A publish over the size limit: streamed past with bounded memory, so that its dead letter can say what it was.

use bytes::{Buf as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tacho_schemas::{Digest, RawKind};

use super::publishing::Telemetry;

/// Bytes of the payload that are kept.
const KEPT_BYTES: usize = 64 << 10;

/// A payload that is passing.
#[derive(Debug)]
pub(crate) struct Oversize {
    /// Where it belongs.
    pub(crate) telemetry: Telemetry,
    left: usize,
    bytes: u64,
    kept: BytesMut,
    sha256: Sha256,
}

impl Oversize {
    /// Of a payload of this length.
    pub(crate) fn new(telemetry: Telemetry, bytes: usize) -> Self {
        Self { telemetry, left: bytes, bytes: bytes as u64, kept: BytesMut::new(), sha256: Sha256::new() }
    }

    /// Takes its bytes from the front of a buffer; the number taken.
    pub(crate) fn feed(&mut self, buffer: &mut BytesMut) -> usize {
        let taken = self.left.min(buffer.len());
        let part = &buffer[..taken];
        self.sha256.update(part);
        let keep = taken.min(KEPT_BYTES - self.kept.len());
        self.kept.extend_from_slice(&part[..keep]);
        self.left -= taken;
        buffer.advance(taken);
        taken
    }

    /// Whether all of it has passed.
    pub(crate) fn is_past(&self) -> bool {
        self.left == 0
    }

    /// What is left of it.
    pub(crate) fn finish(self) -> (Telemetry, RawKind, Bytes) {
        let kind = RawKind::Oversize { bytes: self.bytes, sha256: Digest(self.sha256.finalize().into()) };
        (self.telemetry, kind, self.kept.freeze())
    }
}
