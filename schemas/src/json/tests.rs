//! The decoder against the public contract: what is kept, what is dropped, what is rejected, and what holds for all bytes.

mod dropped;
mod kept;
mod properties;
mod rejected;
mod splitting;

use super::decode;
use crate::dead_letter::Rejected;
use crate::record::Record;
use crate::{RobotId, RobotKey};

const MIN: &str = include_str!("../../testdata/record-min.json");
const FULL: &str = include_str!("../../testdata/record-full.json");
const BENCH: &str = include_str!("../../testdata/record-bench.json");
const EVERY: &str = include_str!("../../testdata/record-every-field.json");
const ID: &str = "CNAB12HX00010000000000000042A";

fn robot() -> RobotId {
    ID.parse().unwrap()
}

/// Decodes what came on the robot's own topic.
fn own(record: impl AsRef<[u8]>) -> Result<Record, Rejected> {
    decode(record.as_ref(), RobotKey::Id(robot()), None)
}

/// The minimal record with more members at its end.
fn min_with(members: &str) -> String {
    let open = MIN.trim().strip_suffix('}').unwrap();
    format!("{open},{members}}}")
}

/// The minimal record with one text in the place of another, which must be there.
fn min_but(from: &str, to: &str) -> String {
    assert!(MIN.contains(from), "{from}");
    MIN.replace(from, to)
}

fn flags(record: &Record) -> Vec<String> {
    record.flags.iter().map(ToString::to_string).collect()
}

/// The reasons of a rejection, each with its pointer, the first first.
fn reasons(rejected: &Rejected) -> Vec<String> {
    let first = format!("{}:{}", rejected.first.reason, rejected.first.pointer);
    let further = rejected.further.iter().map(|(reason, pointer)| format!("{reason}:{pointer}"));
    std::iter::once(first).chain(further).collect()
}
