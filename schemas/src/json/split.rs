//! A publish into the slices of its records: one record, or an array of records.
//!
//! Only where an element ends is found here, by brackets and quotes: what is wrong inside of an element is that
//! element's own affair. An array whose ends cannot be found is rejected as one.

use std::ops::Range;

use bytes::Bytes;

use super::diagnose::at_byte;
use super::{MAX_ELEMENTS, MAX_PUBLISH_BYTES};
use crate::Digest;
use crate::dead_letter::{DeadLetter, Problem};
use crate::reason::RejectReason;

/// The records of a publish, as slices of its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elements {
    /// The publish is one record: the whole payload as it came.
    One(Bytes),
    /// The publish is an array: each element from its first to its last byte.
    Many {
        /// The payload.
        payload: Bytes,
        /// Where in the payload each element stands.
        ranges: Vec<Range<usize>>,
    },
}

impl Elements {
    /// Number of records; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a publish without a record is rejected")]
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many { ranges, .. } => ranges.len(),
        }
    }

    /// The bytes of each record, by ordinal from 0.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|ordinal| self.get(ordinal).unwrap_or_default())
    }

    /// The bytes of a record.
    pub fn get(&self, ordinal: usize) -> Option<&[u8]> {
        match self {
            Self::One(payload) => (ordinal == 0).then_some(payload),
            Self::Many { payload, ranges } => payload.get(ranges.get(ordinal)?.clone()),
        }
    }

    /// The bytes of a record, sharing the payload's memory.
    pub fn bytes(&self, ordinal: usize) -> Option<Bytes> {
        match self {
            Self::One(payload) => (ordinal == 0).then(|| payload.clone()),
            Self::Many { payload, ranges } => Some(payload.slice(ranges.get(ordinal)?.clone())),
        }
    }
}

/// Finds the records of a publish.
///
/// # Errors
/// The dead letter of the publish as one: it is over 1 MiB, holds no record or more than 8,192, or is an array
/// whose elements' ends cannot be found.
pub fn split(payload: &Bytes) -> Result<Elements, Box<DeadLetter>> {
    if payload.len() > MAX_PUBLISH_BYTES {
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let letter = DeadLetter::oversize(payload.clone(), length, Digest::of(payload));
        return Err(Box::new(letter));
    }
    let Some(first) = payload.iter().position(|byte| !is_blank(*byte)) else {
        let problem = Problem::new(RejectReason::Empty, "", "");
        return Err(Box::new(DeadLetter::of_publish(problem, payload)));
    };
    if payload[first] != b'[' {
        return Ok(Elements::One(payload.clone()));
    }
    match element_ranges(payload, first) {
        Ok(ranges) => Ok(Elements::Many { payload: payload.clone(), ranges }),
        Err(problem) => Err(Box::new(DeadLetter::of_publish(problem, payload))),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the elements of the array that opens at `open` stand.
fn element_ranges(text: &[u8], open: usize) -> Result<Vec<Range<usize>>, Problem> {
    let mut ranges = Vec::new();
    // The closing brackets that are awaited, the array's own first.
    let mut awaited = vec![b']'];
    let mut at = open + 1;
    let mut start = at;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = behind_string(text, at),
            b'{' => awaited.push(b'}'),
            b'[' => awaited.push(b']'),
            b'}' | b']' => {
                if awaited.pop() != Some(byte) {
                    return Err(at_byte(RejectReason::Syntax, text, at));
                }
                if awaited.is_empty() {
                    return close(text, start..at, ranges);
                }
            }
            b',' if awaited.len() == 1 => {
                ranges.push(trimmed(text, start..at));
                start = at + 1;
                if ranges.len() == MAX_ELEMENTS {
                    return Err(Problem::new(RejectReason::Length, "", &format!("more than {MAX_ELEMENTS} elements")));
                }
            }
            _ => {}
        }
        at += 1;
    }
    Err(at_byte(RejectReason::Syntax, text, text.len()))
}

/// Takes the last element, and sees that nothing follows the array.
fn close(text: &[u8], last: Range<usize>, mut ranges: Vec<Range<usize>>) -> Result<Vec<Range<usize>>, Problem> {
    let behind = last.end + 1;
    if let Some(more) = text[behind..].iter().position(|byte| !is_blank(*byte)) {
        return Err(at_byte(RejectReason::Syntax, text, behind + more));
    }
    let last = trimmed(text, last);
    if last.is_empty() && ranges.is_empty() {
        return Err(Problem::new(RejectReason::Empty, "", "[]"));
    }
    ranges.push(last);
    Ok(ranges)
}

/// The place of the closing quote of the string that opens at `quote`, or the end.
fn behind_string(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// A range without the blanks at its ends.
fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let Some(first) = slice.iter().position(|byte| !is_blank(*byte)) else {
        return range.start..range.start;
    };
    let last = slice.iter().rposition(|byte| !is_blank(*byte)).unwrap_or(first);
    range.start + first..range.start + last + 1
}
