//! Items of a type that is not known beforehand: the cells of a row.

use super::read::{CborError, CborProblem, Reader};
use super::{ARRAY, BYTES, FALSE, NEGATIVE, TEXT, TRUE, UNSIGNED};

/// Arrays in arrays are read down to this depth.
pub const MAX_DEPTH: u8 = 8;

/// An item of a type that is not known beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
    /// A byte string.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Value>),
}

impl Reader<'_> {
    /// Reads any item.
    ///
    /// # Errors
    /// Not canonical, not in use here, or nested deeper than [`MAX_DEPTH`].
    pub fn value(&mut self) -> Result<Value, CborError> {
        self.value_within(MAX_DEPTH)
    }

    fn value_within(&mut self, depth: u8) -> Result<Value, CborError> {
        let first = self.peek()?;
        match first & 0xe0 {
            UNSIGNED | NEGATIVE => self.i64().map(Value::Int),
            BYTES => self.bytes().map(|bytes| Value::Bytes(bytes.to_vec())),
            TEXT => self.text().map(|text| Value::Text(text.to_owned())),
            ARRAY => {
                let Some(depth) = depth.checked_sub(1) else {
                    return self.fail(CborProblem::TooDeep);
                };
                let len = self.array()?;
                (0..len).map(|_| self.value_within(depth)).collect::<Result<_, _>>().map(Value::Array)
            }
            _ if self.null() => Ok(Value::Null),
            _ if matches!(first, TRUE | FALSE) => self.bool().map(Value::Bool),
            _ => self.fail(CborProblem::Unsupported(first)),
        }
    }
}

#[cfg(test)]
mod tests;
