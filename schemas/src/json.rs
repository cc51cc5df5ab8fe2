//! JSON ⇄ records: a publish into the slices of its records, a slice into a typed record, a record into JSON.
//!
//! Decoding judges form: sizes, nesting, syntax, types, what is mandatory, and whose record it is. Whether values
//! make sense is the processors' business. A record is first read strictly in one pass; only if that finds
//! anything wrong is it read again, field by field, to say everything that is wrong and to keep what can be kept.

mod diagnose;
mod encode;
mod fields;
pub mod fuzzing;
mod kinds;
mod lists;
mod object;
mod path;
mod raw;
mod split;
mod strict;
mod texts;
mod time;

use crate::RobotKey;
use crate::dead_letter::Rejected;
use crate::record::Record;

pub use encode::encode;
pub use raw::raw_at;
pub use split::{Elements, split};
pub use time::{format_time, parse_time};

/// Most bytes of a publish: 1 MiB.
pub const MAX_PUBLISH_BYTES: usize = 1024 * 1024;
/// Most bytes of a record: 256 KiB.
pub const MAX_RECORD_BYTES: usize = 256 * 1024;
/// Deepest nesting of objects and arrays in a record; the record itself is 1.
pub const MAX_DEPTH: usize = 16;
/// Most bytes of a string.
pub const MAX_TEXT_BYTES: usize = 256;
/// Most elements of a publish that is an array: more than valid records fit into 1 MiB.
pub const MAX_ELEMENTS: usize = 8_192;

/// Decodes one record: the bytes of one element of [`split`], published on the topic of `robot`.
///
/// `topic_id` is the topic's ID verbatim, where `robot` is [`RobotKey::Unreadable`]. Wrong optional parts are
/// dropped with a flag, and kept as they came in [`Record::extra`].
///
/// # Errors
/// [`Rejected`] names the first reason, where it was found, and the further ones.
pub fn decode(slice: &[u8], robot: RobotKey, topic_id: Option<&str>) -> Result<Record, Rejected> {
    if let RobotKey::Id(id) = robot
        && slice.len() <= MAX_RECORD_BYTES
        && let Ok(text) = std::str::from_utf8(slice)
        && let Some(record) = strict::record(text, id)
    {
        return Ok(record);
    }
    diagnose::record(slice, robot, topic_id)
}

#[cfg(test)]
mod tests;
