//! Little-endian fields from bytes that may be anything: every read says whether there was enough.

/// Takes fields from the front of some bytes.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Starts at byte `at`.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Position of the next field, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next `len` bytes.
    pub(crate) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let slice = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(slice)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// The next `n` offsets.
    pub(crate) fn offsets(&mut self, n: usize) -> Option<Vec<i64>> {
        (0..n).map(|_| self.i64()).collect()
    }
}

/// A length that is known to fit a `u32`, because everything larger was refused before.
pub(crate) fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("lengths in the log are bounded below 4 GiB")
}

/// A length or position in a file as a `u64`.
pub(crate) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).expect("usize has at most 64 bits")
}

/// A position that fits memory, because it lies in bytes that were read into memory.
pub(crate) fn in_memory(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
