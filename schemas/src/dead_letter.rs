//! Dead letters: what is kept of a record that could not be taken, so that it can be read, counted and retried.
//!
//! Where it came from (offset, ordinal, robot, time of receipt) is the entry's business, in [`crate::processed`].

use bytes::Bytes;

use crate::Digest;
use crate::processed::StreamKey;
use crate::reason::RejectReason;

/// Most further reasons that are kept.
pub const MAX_FURTHER: usize = 16;
/// Most bytes of the value that is shown.
pub const MAX_VALUE_BYTES: usize = 64;
/// Most bytes of a pointer that is shown; an unknown key may be longer.
pub const MAX_POINTER_BYTES: usize = 512;
/// Bytes that are kept of a publish over the size limit.
pub const OVERSIZE_KEPT_BYTES: usize = 64 * 1024;

/// A rejected record or publish, with its original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The first reason, in the order of the checks.
    pub reason: RejectReason,
    /// JSON pointer of what was wrong; empty for the whole.
    pub pointer: String,
    /// What stood there, at most 64 bytes, or for broken JSON the byte's position and what follows it.
    pub value: String,
    /// Further reasons with their pointers, at most 16.
    pub further: Vec<(RejectReason, String)>,
    /// The original bytes: of the record's slice, or the first 64 KiB of a publish over the size limit.
    pub bytes: Bytes,
    /// Length of the whole, in bytes.
    pub original_len: u64,
    /// Digest of the whole.
    pub sha256: Digest,
}

/// One thing that is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub reason: RejectReason,
    /// JSON pointer of it; empty for the whole record.
    pub pointer: String,
    /// What stands there, as text; cut when it is shown.
    pub value: String,
}

impl Problem {
    /// A problem of `reason` at `pointer`, where `value` stands. Both are cut to what is shown.
    pub fn new(reason: RejectReason, pointer: impl Into<String>, value: &str) -> Self {
        let mut pointer = pointer.into();
        pointer.truncate(floor_char_boundary(&pointer, MAX_POINTER_BYTES));
        Self { reason, pointer, value: value[..floor_char_boundary(value, MAX_VALUE_BYTES)].to_owned() }
    }
}

/// Why a record is rejected, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the robot's stream, if that could be read and the robot is the topic's.
    pub key: Option<StreamKey>,
    /// The first problem, in the order of the checks.
    pub first: Problem,
    /// The other problems, at most 16.
    pub further: Vec<(RejectReason, String)>,
}

impl Rejected {
    /// Orders `problems` by the checks' order, then by the order in which they were found.
    ///
    /// `None` if there is no problem.
    pub fn of(key: Option<StreamKey>, mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by_key(|problem| problem.reason);
        let mut problems = problems.into_iter();
        let first = problems.next()?;
        let further = problems.take(MAX_FURTHER).map(|problem| (problem.reason, problem.pointer)).collect();
        Some(Self { key, first, further })
    }

    /// Adds the record's own bytes and their digest.
    pub fn into_dead_letter(self, bytes: Bytes, sha256: Digest) -> DeadLetter {
        let original_len = bytes.len().try_into().unwrap_or(u64::MAX);
        DeadLetter {
            reason: self.first.reason,
            pointer: self.first.pointer,
            value: self.first.value,
            further: self.further,
            bytes,
            original_len,
            sha256,
        }
    }
}

impl DeadLetter {
    /// A publish over the size limit, of which only the `head` was kept.
    pub fn oversize(head: Bytes, original_len: u64, sha256: Digest) -> Self {
        let head = head.slice(..head.len().min(OVERSIZE_KEPT_BYTES));
        Self {
            reason: RejectReason::TooLarge,
            pointer: String::new(),
            value: format!("{original_len} bytes"),
            further: Vec::new(),
            bytes: head,
            original_len,
            sha256,
        }
    }

    /// A publish that is rejected as one.
    pub fn of_publish(problem: Problem, payload: &Bytes) -> Self {
        Rejected { key: None, first: problem, further: Vec::new() }
            .into_dead_letter(payload.clone(), Digest::of(payload))
    }
}

/// The greatest index not above `at` that does not split a character.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_is_the_earliest_check_and_not_the_first_found() {
        let problems =
            vec![Problem::new(RejectReason::Required, "/seq", ""), Problem::new(RejectReason::Type, "/counters", "7")];
        let rejected = Rejected::of(None, problems).expect("there are problems");
        assert_eq!(rejected.first.reason, RejectReason::Type);
        assert_eq!(rejected.further, [(RejectReason::Required, "/seq".to_owned())]);
        assert_eq!(Rejected::of(None, Vec::new()), None);
    }

    #[test]
    fn values_are_cut_at_64_bytes_between_characters_and_further_reasons_at_16() {
        let problem = Problem::new(RejectReason::Type, "/a", &format!("{}é", "x".repeat(63)));
        assert_eq!(problem.value, "x".repeat(63));
        let rejected = Rejected::of(None, vec![problem; 40]).expect("there are problems");
        assert_eq!(rejected.further.len(), 16);
    }

    #[test]
    fn of_an_oversize_publish_the_first_64_kib_are_kept_with_the_length_and_digest_of_all() {
        let whole = vec![b'x'; 2_000_000];
        let digest = Digest::of(&whole);
        let letter = DeadLetter::oversize(Bytes::from(whole), 2_000_000, digest);
        assert_eq!((letter.bytes.len(), letter.original_len), (65_536, 2_000_000));
        assert_eq!((letter.reason, letter.sha256), (RejectReason::TooLarge, digest));
    }
}
