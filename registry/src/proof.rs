//! Proof files, `c2sp.org/tlog-proof@v1`: one row of the lake, provable offline with nothing but the log's key.
//!
//! This is the outer file: index, path, checkpoint, and opaque `extra` data. What `extra` holds is in [`bundle`], the
//! check of the whole in [`verify`]. There is one spelling of a proof: any changed byte is refused.

pub mod bundle;
pub mod render;
pub mod verify;

pub use bundle::{Bundle, Step};
pub use verify::{VerifiedColumn, VerifiedRow, VerifyError, verify};

use std::fmt;

use tacho_schemas::Digest;

use crate::merkle::MAX_PATH;
use crate::note::{Note, NoteError};
use crate::text::{decimal, digest_from_base64, excerpt, from_base64, to_base64};

/// A longer file is refused.
pub const MAX_PROOF_BYTES: usize = 16 * 1024 * 1024;
/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof file, well-formed but not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// Data that is necessary to compute the entry; not to be trusted before that.
    pub extra: Vec<u8>,
    /// Index of the entry in the log.
    pub index: u64,
    /// Inclusion proof of the entry, from its sibling upwards.
    pub path: Vec<Digest>,
    /// Signed checkpoint.
    pub checkpoint: Note,
}

/// Why bytes are not a proof file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// Longer than [`MAX_PROOF_BYTES`].
    #[error("the proof has {0} bytes, more than {MAX_PROOF_BYTES}")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the proof is not utf-8")]
    Characters,
    /// Another first line.
    #[error("the first line is {0:?}, {HEADER:?} would be right")]
    Header(String),
    /// No `extra` line in canonical base64.
    #[error("the proof has no extra line in canonical base64")]
    Extra,
    /// No `index` line.
    #[error("{0:?} is not an index line")]
    Index(String),
    /// A line of the path that is no hash.
    #[error("{0:?} is not a hash in canonical base64")]
    Hash(String),
    /// More than [`MAX_PATH`] hashes, or no empty line behind them.
    #[error("the path does not end with an empty line after at most {MAX_PATH} hashes")]
    Path,
    /// The checkpoint is not a signed note.
    #[error("checkpoint")]
    Checkpoint(#[source] NoteError),
}

impl ProofFile {
    /// Reads a proof file.
    ///
    /// # Errors
    /// [`ProofFileError`] names the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofFileError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_invalid| ProofFileError::Characters)?;
        let (header, rest) = next_line(text);
        if header != HEADER {
            return Err(ProofFileError::Header(excerpt(header)));
        }
        let (extra, rest) = next_line(rest);
        let extra = extra.strip_prefix("extra ").and_then(from_base64).ok_or(ProofFileError::Extra)?;
        let (index, mut rest) = next_line(rest);
        let number = index.strip_prefix("index ").and_then(decimal);
        let index = number.ok_or_else(|| ProofFileError::Index(excerpt(index)))?;
        let mut path = Vec::new();
        loop {
            let (line, after) = next_line(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            if path.len() == MAX_PATH {
                return Err(ProofFileError::Path);
            }
            path.push(digest_from_base64(line).ok_or_else(|| ProofFileError::Hash(excerpt(line)))?);
        }
        if rest.is_empty() {
            return Err(ProofFileError::Path);
        }
        let checkpoint = Note::parse(rest.as_bytes()).map_err(ProofFileError::Checkpoint)?;
        Ok(Self { extra, index, path, checkpoint })
    }
}

/// The file.
impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", to_base64(&self.extra), self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", to_base64(&hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The first line, without its newline, and what is behind it.
fn next_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;
