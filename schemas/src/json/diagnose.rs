//! The diagnosing pass: a record in which the strict pass found something wrong, read again field by field.
//!
//! It says everything that is wrong, keeps what can be kept, and finds the record's key even in a broken one.
//! Both passes read by the same tables of fields, so a record that the strict pass takes is the same here.

mod lenient;

use serde::de::DeserializeSeed;

use super::kinds::{Kind, Must, Sequence};
use super::path::Path;
use super::raw::{Member, members, nesting};
use super::texts::Id;
use super::{MAX_DEPTH, MAX_RECORD_BYTES};
use crate::dead_letter::{Problem, Rejected};
use crate::processed::StreamKey;
use crate::reason::RejectReason;
use crate::record::Record;
use crate::{RobotId, RobotKey};
use lenient::{Diagnosis, Keep};

/// Reads a record, or says all that is wrong with it.
pub(super) fn record(slice: &[u8], robot: RobotKey, topic_id: Option<&str>) -> Result<Record, Rejected> {
    let (members, mut problems) = form(slice);
    let RobotKey::Id(robot) = robot else {
        return Err(of_nobody(topic_id.unwrap_or_default(), problems));
    };
    let key = stream_key(&members, robot);
    if let Some(rejected) = Rejected::of(key, problems) {
        return Err(rejected);
    }
    problems = mismatch(&members, robot).into_iter().collect();
    let mut diagnosis = Diagnosis::default();
    let (mut record, faults) = diagnosis.object::<Record>(members, &Path::Root, Keep::Fields);
    problems.extend(faults);
    problems.append(&mut diagnosis.problems);
    if problems.iter().any(|problem| problem.reason == RejectReason::SchemaVersion) {
        // Of another version's fields we know nothing.
        problems.retain(|problem| problem.reason <= RejectReason::SchemaVersion);
    }
    match Rejected::of(key, problems) {
        Some(rejected) => Err(rejected),
        None => {
            record.extra = diagnosis.extra;
            record.flags = diagnosis.flags;
            Ok(record)
        }
    }
}

/// The members of a record, and what is wrong with its form; with anything wrong, the members before that.
fn form(slice: &[u8]) -> (Vec<Member<'_>>, Vec<Problem>) {
    let mut problems = Vec::new();
    if slice.len() > MAX_RECORD_BYTES {
        let value = format!("{} bytes", slice.len());
        problems.push(Problem::new(RejectReason::RecordTooLarge, "", &value));
    }
    let nesting = nesting(slice);
    if nesting > MAX_DEPTH {
        let value = format!("{nesting} deep");
        problems.push(Problem::new(RejectReason::Depth, "", &value));
    }
    let (text, broken_at) = match std::str::from_utf8(slice) {
        Ok(text) => (text, None),
        Err(error) => {
            let (valid, _rest) = slice.split_at(error.valid_up_to());
            (std::str::from_utf8(valid).unwrap_or_default(), Some(error.valid_up_to()))
        }
    };
    let (members, end) = members(text);
    match (broken_at, end) {
        (Some(position), _) => problems.push(at_byte(RejectReason::Encoding, slice, position)),
        (None, Err(error)) if error.is_data() => problems.push(Problem::new(RejectReason::Type, "", text.trim())),
        (None, Err(error)) => problems.push(at_byte(broken(&error), slice, position_of(text, &error))),
        (None, Ok(())) => {}
    }
    (members, problems)
}

/// The problem that bytes are broken at a position, counted from 0; it shows what follows.
pub(super) fn at_byte(reason: RejectReason, slice: &[u8], position: usize) -> Problem {
    let rest = slice.get(position..).unwrap_or_default();
    let rest = String::from_utf8_lossy(&rest[..rest.len().min(64)]);
    Problem::new(reason, "", &format!("byte {position}: {rest}"))
}

/// The byte, counted from 0, at which JSON is broken; serde_json counts lines and columns from 1.
fn position_of(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// Why text is no JSON: an escape that is no character, or anything else.
fn broken(error: &serde_json::Error) -> RejectReason {
    let message = error.to_string();
    if message.contains("surrogate") || message.contains("hex escape") || message.contains("unicode code point") {
        RejectReason::Encoding
    } else {
        RejectReason::Syntax
    }
}

/// Why a value, which is JSON, is not of its field's kind; see [`super::kinds::refuse`].
fn misfit(error: &serde_json::Error) -> RejectReason {
    let message = error.to_string();
    let ours = RejectReason::ALL.iter().find(|reason| message.split(' ').next() == Some(reason.as_str()));
    match ours {
        Some(reason) => *reason,
        None if message.starts_with("number out of range") => RejectReason::OutOfRange,
        None if broken(error) == RejectReason::Encoding => RejectReason::Encoding,
        None => RejectReason::Type,
    }
}

/// A record on a topic whose ID is none: it is nobody's, whatever it holds.
fn of_nobody(topic_id: &str, problems: Vec<Problem>) -> Rejected {
    let further = problems.into_iter().map(|problem| (problem.reason, problem.pointer));
    Rejected { key: None, first: Problem::new(RejectReason::IdMalformed, "", topic_id), further: further.collect() }
}

/// The value of a key that stands once in an object and is of its kind.
fn only<K: Kind>(members: &[Member<'_>], key: &str) -> Option<K::Value> {
    let mut found = members.iter().filter(|member| member.key == key);
    match (found.next(), found.next()) {
        (Some(member), None) => read(Must::<K>::NEW, member.raw).ok().or_else(|| K::exact(member.raw)),
        _ => None,
    }
}

/// The record's place in the robot's stream, if the record says that it is the robot's.
fn stream_key(members: &[Member<'_>], robot: RobotId) -> Option<StreamKey> {
    if only::<Id>(members, "robot_id")? != robot {
        return None;
    }
    Some(StreamKey { epoch: only::<Sequence>(members, "stream_epoch")?, seq: only::<Sequence>(members, "seq")? })
}

fn mismatch(members: &[Member<'_>], robot: RobotId) -> Option<Problem> {
    let id = only::<Id>(members, "robot_id")?;
    (id != robot).then(|| Problem::new(RejectReason::IdMismatch, "/robot_id", id.as_str()))
}

fn read<'de, S: DeserializeSeed<'de>>(seed: S, raw: &'de str) -> Result<S::Value, serde_json::Error> {
    seed.deserialize(&mut serde_json::Deserializer::from_str(raw))
}
