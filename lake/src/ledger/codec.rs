//! Integers and keys as the snapshots write them: LEB128, zigzag for signed values. No checksums here.

use tacho_schemas::{Digest, RobotId, RobotKey};
use uuid::Uuid;

/// Writes into a buffer.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    pub(super) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub(super) fn length(&mut self, value: usize) {
        self.unsigned(value.try_into().unwrap_or(u64::MAX));
    }

    /// 8 bytes: what is evenly spread is shorter so.
    pub(super) fn fixed(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn key(&mut self, key: &RobotKey) {
        match key {
            RobotKey::Unreadable => self.byte(0),
            RobotKey::Id(id) => {
                self.byte(1);
                self.bytes(id.as_bytes());
            }
        }
    }
}

/// Reads what [`Writer`] wrote; `None` where it cannot have written that.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// A number of elements, of which each takes at least a byte: never more than there are bytes.
    pub(super) fn length(&mut self) -> Option<usize> {
        let value = usize::try_from(self.unsigned()?).ok()?;
        (value <= self.0.len()).then_some(value)
    }

    pub(super) fn fixed(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    pub(super) fn uuid(&mut self) -> Option<Uuid> {
        Uuid::from_slice(self.bytes(16)?).ok()
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        Some(Digest(self.bytes(32)?.try_into().ok()?))
    }

    pub(super) fn key(&mut self) -> Option<RobotKey> {
        match self.byte()? {
            0 => Some(RobotKey::Unreadable),
            1 => Some(RobotKey::Id(RobotId::parse(self.bytes(29)?).ok()?)),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn integers_round_trip(signed: i64, unsigned: u64, fixed in any::<i64>()) {
            let mut writer = Writer::default();
            writer.signed(signed);
            writer.unsigned(unsigned);
            writer.fixed(fixed);
            let mut reader = Reader(&writer.0);
            prop_assert_eq!(reader.signed(), Some(signed));
            prop_assert_eq!(reader.unsigned(), Some(unsigned));
            prop_assert_eq!(reader.fixed(), Some(fixed));
            prop_assert_eq!(reader.byte(), None);
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused_before_anything_is_allocated() {
        let mut writer = Writer::default();
        writer.length(usize::MAX);
        assert_eq!(Reader(&writer.0).length(), None);
    }
}
