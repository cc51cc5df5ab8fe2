//! Statements: what is said about rows, robots and windows, as canonical CBOR arrays that begin with their kind.
//!
//! [`SegmentStatement`] and [`HeadStatement`] are private leaves of a window's trees, [`FileStatement`] a leaf of its
//! tree of files; [`WindowStatement`], [`CompactStatement`] and [`KeyStatement`] are entries of the log. Reading is
//! strict: what would not be written byte for byte alike is refused.

pub mod log_entry;
pub mod segment;
pub mod window;

pub use log_entry::{CompactStatement, FileStatement, KeyStatement, LogEntry};
pub use segment::{HeadStatement, SegmentStatement, SeqRange};
pub use window::{Counts, OffsetRange, WindowStatement};

use tacho_schemas::Digest;

use crate::cbor::{self, CborError, Reader};
use crate::merkle::leaf_hash;

/// Salt of a statement or row, so that its hash reveals nothing to who guesses its content.
pub type Salt = [u8; 16];

/// Why bytes are not a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// An item is not what stands at its place.
    #[error("{kind}")]
    Item {
        /// Kind of the statement.
        kind: &'static str,
        /// Which byte, and what is wrong.
        source: CborError,
    },
    /// A statement of another kind.
    #[error("a statement {found:?} where {expected} is expected")]
    Kind {
        /// The kind that the bytes say.
        found: String,
        /// The kind that would be right.
        expected: &'static str,
    },
    /// The items are well-formed and do not fit together.
    #[error("{kind}: {problem}")]
    Content {
        /// Kind of the statement.
        kind: &'static str,
        /// What does not fit.
        problem: &'static str,
    },
}

/// A kind of statement.
pub trait Statement: Sized {
    /// First item of the array: name and version.
    const KIND: &'static str;
    /// Items of the array, the kind included.
    const ITEMS: usize;

    /// Appends the items after the kind.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads the items after the kind.
    ///
    /// # Errors
    /// The first item that is wrong.
    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError>;

    /// What does not fit together, if anything.
    fn problem(&self) -> Option<&'static str> {
        None
    }

    /// The bytes of the statement.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        cbor::put_array(&mut out, Self::ITEMS);
        cbor::put_text(&mut out, Self::KIND);
        self.put(&mut out);
        out
    }

    /// The leaf hash of the statement, which is also how its successor names it.
    fn leaf_hash(&self) -> Digest {
        leaf_hash(&self.encode())
    }

    /// Reads a statement.
    ///
    /// # Errors
    /// [`StatementError`], also for bytes that hold the same in another spelling.
    fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let kind = Self::KIND;
        let item = |source| StatementError::Item { kind, source };
        let found = kind_of(bytes).map_err(item)?;
        if found != kind {
            let found = crate::text::excerpt(found);
            return Err(StatementError::Kind { found, expected: kind });
        }
        let mut reader = Reader::new(bytes);
        reader.array_of(Self::ITEMS).map_err(item)?;
        reader.text().map_err(item)?;
        let statement = Self::get(&mut reader).map_err(item)?;
        reader.end().map_err(item)?;
        match statement.problem() {
            Some(problem) => Err(StatementError::Content { kind, problem }),
            None => Ok(statement),
        }
    }
}

/// The kind that bytes say they are.
///
/// # Errors
/// Not an array that begins with a text.
pub fn kind_of(bytes: &[u8]) -> Result<&str, CborError> {
    let mut reader = Reader::new(bytes);
    reader.array()?;
    reader.text()
}

#[cfg(test)]
mod tests;
