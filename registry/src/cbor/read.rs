//! Reads the CBOR of [`super`], strictly: what [`super`] would not have written is refused, with its place.
//!
//! Reads from the slice without copying; nothing is reserved on the word of a length from outside.

use tacho_schemas::Digest;

use super::value::MAX_DEPTH;
use super::{ARRAY, BYTES, FALSE, NEGATIVE, NULL, TEXT, TRUE, UNSIGNED};

/// Why bytes are not what was expected, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of the encoding: {problem}")]
pub struct CborError {
    /// Position of the item, in bytes from the start.
    pub at: usize,
    /// What is wrong with it.
    pub problem: CborProblem,
}

/// What is wrong with an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborProblem {
    /// The bytes end within the item.
    #[error("cut off")]
    Truncated,
    /// Another type of item.
    #[error("{0} expected")]
    Expected(&'static str),
    /// An argument that has a shorter form.
    #[error("not in its shortest form")]
    NotShortest,
    /// An indefinite length, a tag, a map, a float or a reserved value.
    #[error("a kind of item that is not in use here ({0:#04x})")]
    Unsupported(u8),
    /// A text that is not UTF-8.
    #[error("text that is not utf-8")]
    Utf8,
    /// An integer beyond 64 bits with sign.
    #[error("an integer out of range")]
    OutOfRange,
    /// Arrays nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Bytes after the last item.
    #[error("{0} bytes too many")]
    Trailing(usize),
}

/// Reads item after item.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn fail<T>(&self, problem: CborProblem) -> Result<T, CborError> {
        Err(CborError { at: self.at, problem })
    }

    pub(super) fn peek(&self) -> Result<u8, CborError> {
        match self.bytes.get(self.at) {
            Some(byte) => Ok(*byte),
            None => self.fail(CborProblem::Truncated),
        }
    }

    /// The argument of the item at hand and the length of its head, if it is of this major type.
    fn argument(&self, major: u8, what: &'static str) -> Result<(u64, usize), CborError> {
        let first = self.peek()?;
        if first & 0xe0 != major {
            return self.fail(CborProblem::Expected(what));
        }
        let extra = match first & 0x1f {
            small @ 0..24 => return Ok((u64::from(small), 1)),
            long @ 24..28 => 1_usize << (long - 24),
            _ => return self.fail(CborProblem::Unsupported(first)),
        };
        let Some(bytes) = self.bytes.get(self.at + 1..self.at + 1 + extra) else {
            return self.fail(CborProblem::Truncated);
        };
        let argument = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let least = if extra == 1 { 24 } else { 1 << (4 * extra) };
        if argument < least {
            return self.fail(CborProblem::NotShortest);
        }
        Ok((argument, 1 + extra))
    }

    fn string(&mut self, major: u8, what: &'static str) -> Result<&'a [u8], CborError> {
        let (len, head) = self.argument(major, what)?;
        let rest = &self.bytes[self.at + head..];
        match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
            Some(string) => {
                self.at += head + string.len();
                Ok(string)
            }
            None => self.fail(CborProblem::Truncated),
        }
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// Another item, or not canonical.
    pub fn u64(&mut self) -> Result<u64, CborError> {
        let (value, head) = self.argument(UNSIGNED, "an unsigned integer")?;
        self.at += head;
        Ok(value)
    }

    /// Reads an integer.
    ///
    /// # Errors
    /// Another item, not canonical, or out of range.
    pub fn i64(&mut self) -> Result<i64, CborError> {
        let negative = self.peek()? & 0xe0 == NEGATIVE;
        let major = if negative { NEGATIVE } else { UNSIGNED };
        let (argument, head) = self.argument(major, "an integer")?;
        match i64::try_from(argument) {
            Ok(value) => {
                self.at += head;
                Ok(if negative { !value } else { value })
            }
            Err(_) => self.fail(CborProblem::OutOfRange),
        }
    }

    /// Reads an integer of 32 bits.
    ///
    /// # Errors
    /// As [`Reader::i64`].
    pub fn i32(&mut self) -> Result<i32, CborError> {
        let at = self.at;
        i32::try_from(self.i64()?).map_err(|_too_large| CborError { at, problem: CborProblem::OutOfRange })
    }

    /// Reads an integer or null.
    ///
    /// # Errors
    /// As [`Reader::i64`].
    pub fn option_i64(&mut self) -> Result<Option<i64>, CborError> {
        if self.null() { Ok(None) } else { self.i64().map(Some) }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Another item, not canonical, or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let at = self.at;
        let bytes = self.string(TEXT, "a text")?;
        std::str::from_utf8(bytes).map_err(|_invalid| CborError { at, problem: CborProblem::Utf8 })
    }

    /// Reads a text that must be this one.
    ///
    /// # Errors
    /// As [`Reader::text`], or another text.
    pub fn exactly(&mut self, expected: &'static str) -> Result<(), CborError> {
        let at = self.at;
        if self.text()? == expected { Ok(()) } else { Err(CborError { at, problem: CborProblem::Expected(expected) }) }
    }

    /// Reads a text and parses it; `what` names what is expected.
    ///
    /// # Errors
    /// As [`Reader::text`], or a text that cannot be parsed.
    pub fn parse<T: std::str::FromStr>(&mut self, what: &'static str) -> Result<T, CborError> {
        let at = self.at;
        self.text()?.parse().map_err(|_malformed| CborError { at, problem: CborProblem::Expected(what) })
    }

    /// Reads a byte string.
    ///
    /// # Errors
    /// Another item, or not canonical.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        self.string(BYTES, "a byte string")
    }

    /// Reads a byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// Another item or length, or not canonical.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let at = self.at;
        self.bytes()?.try_into().map_err(|_other_length| CborError {
            at,
            problem: CborProblem::Expected("a byte string of another length"),
        })
    }

    /// Reads a digest.
    ///
    /// # Errors
    /// As [`Reader::fixed`].
    pub fn digest(&mut self) -> Result<Digest, CborError> {
        self.fixed().map(Digest)
    }

    /// Reads a digest or null.
    ///
    /// # Errors
    /// As [`Reader::fixed`].
    pub fn option_digest(&mut self) -> Result<Option<Digest>, CborError> {
        if self.null() { Ok(None) } else { self.digest().map(Some) }
    }

    /// Reads an array of digests.
    ///
    /// # Errors
    /// As [`Reader::fixed`].
    pub fn digests(&mut self) -> Result<Vec<Digest>, CborError> {
        let len = self.array()?;
        (0..len).map(|_| self.digest()).collect()
    }

    /// Reads the head of an array and gives the number of its items, which is not above the bytes that follow.
    ///
    /// # Errors
    /// Another item, not canonical, or longer than what is left.
    pub fn array(&mut self) -> Result<usize, CborError> {
        let (len, head) = self.argument(ARRAY, "an array")?;
        let left = self.bytes.len() - self.at - head;
        match usize::try_from(len) {
            Ok(len) if len <= left => {
                self.at += head;
                Ok(len)
            }
            _ => self.fail(CborProblem::Truncated),
        }
    }

    /// Reads the head of an array of exactly `len` items.
    ///
    /// # Errors
    /// Another item or length, or not canonical.
    pub fn array_of(&mut self, len: usize) -> Result<(), CborError> {
        let at = self.at;
        if self.array()? == len {
            Ok(())
        } else {
            Err(CborError { at, problem: CborProblem::Expected("an array of another length") })
        }
    }

    /// Reads null, if it is there.
    pub fn null(&mut self) -> bool {
        let null = self.bytes.get(self.at) == Some(&NULL);
        self.at += usize::from(null);
        null
    }

    /// Reads true or false.
    ///
    /// # Errors
    /// Another item.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        let value = match self.peek()? {
            TRUE => true,
            FALSE => false,
            _ => return self.fail(CborProblem::Expected("true or false")),
        };
        self.at += 1;
        Ok(value)
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`CborProblem::Trailing`].
    pub fn end(&self) -> Result<(), CborError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => self.fail(CborProblem::Trailing(left)),
        }
    }
}
