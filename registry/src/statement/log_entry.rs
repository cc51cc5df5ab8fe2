//! The small statements: `tacho-file/1`, `tacho-compact/1`, `tacho-key/1`; and what an entry of the log is.

use tacho_schemas::Digest;

use super::{Statement, StatementError, WindowStatement, kind_of};
use crate::cbor::{self, CborError, Reader};
use crate::note::VerifierKey;
use crate::text::excerpt;

/// The bytes of a data file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileStatement {
    /// Path below the lake, with `/`.
    pub path: String,
    /// Length, bytes.
    pub size: u64,
    /// SHA-256 of the whole file.
    pub sha256: Digest,
}

/// What compaction made of data files; the rows are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactStatement {
    /// Name of the table.
    pub table: String,
    /// Version of the Delta table that the compaction made.
    pub version: i64,
    /// Root over the [`FileStatement`]s of the files that it removed.
    pub inputs_root: Digest,
    /// How many there were.
    pub n_inputs: u64,
    /// Root over the [`FileStatement`]s of the files that it added.
    pub outputs_root: Digest,
    /// How many there are.
    pub n_outputs: u64,
}

/// A new key of the log, announced in the log that the old key signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatement {
    /// Origin of the log.
    pub origin: String,
    /// The new key.
    pub key: VerifierKey,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// A window.
    Window(Box<WindowStatement>),
    /// A compaction.
    Compact(CompactStatement),
    /// A new key.
    Key(KeyStatement),
    /// A statement of a kind that this release does not know.
    Unknown(String),
}

impl LogEntry {
    /// Reads an entry.
    ///
    /// # Errors
    /// Not a statement, or a malformed one of a known kind.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let item = |source| StatementError::Item { kind: "log entry", source };
        match kind_of(bytes).map_err(item)? {
            WindowStatement::KIND => WindowStatement::decode(bytes).map(|window| Self::Window(Box::new(window))),
            CompactStatement::KIND => CompactStatement::decode(bytes).map(Self::Compact),
            KeyStatement::KIND => KeyStatement::decode(bytes).map(Self::Key),
            other => Ok(Self::Unknown(excerpt(other))),
        }
    }
}

impl Statement for FileStatement {
    const KIND: &'static str = "tacho-file/1";
    const ITEMS: usize = 4;

    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_text(out, &self.path);
        cbor::put_u64(out, self.size);
        cbor::put_digest(out, &self.sha256);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self { path: reader.text()?.to_owned(), size: reader.u64()?, sha256: reader.digest()? })
    }
}

impl Statement for CompactStatement {
    const KIND: &'static str = "tacho-compact/1";
    const ITEMS: usize = 7;

    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_text(out, &self.table);
        cbor::put_i64(out, self.version);
        cbor::put_digest(out, &self.inputs_root);
        cbor::put_u64(out, self.n_inputs);
        cbor::put_digest(out, &self.outputs_root);
        cbor::put_u64(out, self.n_outputs);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self {
            table: reader.text()?.to_owned(),
            version: reader.i64()?,
            inputs_root: reader.digest()?,
            n_inputs: reader.u64()?,
            outputs_root: reader.digest()?,
            n_outputs: reader.u64()?,
        })
    }
}

impl Statement for KeyStatement {
    const KIND: &'static str = "tacho-key/1";
    const ITEMS: usize = 3;

    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_text(out, &self.origin);
        cbor::put_text(out, &self.key.to_string());
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self { origin: reader.text()?.to_owned(), key: reader.parse("a verifier key")? })
    }
}
