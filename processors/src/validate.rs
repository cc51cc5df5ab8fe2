//! Validation: whether a decoded record makes sense, in the order of the contract: time, hard ranges, consistency.
//!
//! A wrong envelope or a wrong mandatory counter rejects the record; of everything else what is wrong is dropped with a
//! flag and kept in the record's extra part, and what is unlikely is flagged. Form (types, lengths, what is mandatory) was
//! judged by the decoder.

mod battery;
mod envelope;
mod joint;
mod place;
mod sections;
mod sieve;
mod unique;

use tacho_config::models::JointModel;
use tacho_config::{Found, IdPolicy, Roster};
use tacho_schemas::dead_letter::{Problem, Rejected};
use tacho_schemas::processed::StreamKey;
use tacho_schemas::reason::RejectReason;
use tacho_schemas::record::Record;

use crate::indicators::FormulaSet;
use sieve::Sieve;

pub(crate) use place::is_within;

/// What a record is judged by, besides itself.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// The record's bytes: dropped parts are kept as they came.
    pub slice: &'a [u8],
    /// Time of receipt, Unix microseconds UTC.
    pub received_at_us: i64,
    /// What is held against robot IDs.
    pub ids: &'a IdPolicy,
    /// What a registry says of robots, if a roster is in force.
    pub roster: Option<&'a Roster>,
    /// The model that applies to the robot, with its ranges.
    pub found: Found<'a>,
    /// The set of formulas: what is flagged belongs to it, as rows have the flags.
    pub formulas: FormulaSet,
}

/// Judges `record`: takes out what is wrong and flags what is unlikely.
///
/// # Errors
/// [`Rejected`] if the envelope or a mandatory counter is wrong; the record is then of no use.
pub fn validate(record: &mut Record, judge: &Judge<'_>) -> Result<(), Rejected> {
    let limits = &judge.found.model.limits;
    let window = envelope::window_problem(record);
    let problems = window.into_iter().chain(envelope::counter_problem(record, limits)).collect();
    let key = StreamKey { epoch: record.stream_epoch, seq: record.seq };
    if let Some(rejected) = Rejected::of(Some(key), problems) {
        return Err(rejected);
    }
    let (extra, flags) = (std::mem::take(&mut record.extra), std::mem::take(&mut record.flags));
    let mut sieve = Sieve::new(judge.slice, extra, flags);
    envelope::flag_clock(record, judge.received_at_us, &mut sieve);
    envelope::flag_identity(record, judge, &mut sieve);
    envelope::check(record, limits, &mut sieve);
    components(record, judge, &mut sieve);
    (record.extra, record.flags) = sieve.finish();
    Ok(())
}

/// Joints, packs and the smaller sections.
fn components(record: &mut Record, judge: &Judge<'_>, sieve: &mut Sieve<'_>) {
    let model = judge.found.model;
    let limits = &model.limits;
    unique::joints(&mut record.joints, sieve);
    let mut position = 0;
    record.joints.retain_mut(|joint| {
        let known = joint_model(judge.found, position, &joint.name);
        position += 1;
        joint::check(joint, known, (model, judge.formulas), sieve)
    });
    unique::batteries(&mut record.batteries, sieve);
    record.batteries.retain_mut(|pack| battery::check(pack, limits, sieve));
    unique::vibration(&mut record.vibration, sieve);
    record.vibration.retain(|sensor| sections::vibration(sensor, sieve));
    if record.motion.as_ref().is_some_and(|motion| !sections::motion(motion, limits, sieve)) {
        record.motion = None;
    }
    if record.pose_test.as_ref().is_some_and(|test| !sections::pose_test(test, limits, sieve)) {
        record.pose_test = None;
    }
    record.gaps.retain(|gap| sections::gap(gap, sieve));
    record.quality.retain(|quality| sections::quality(quality, sieve));
}

/// What the model says of a joint: the entry at its own position, if that has its name, before a search by name.
pub(crate) fn joint_model<'a>(found: Found<'a>, position: usize, name: &str) -> Option<&'a JointModel> {
    match found.model.joints.get(position) {
        Some(at_its_place) if at_its_place.name == name => Some(at_its_place),
        _ => found.model.joint(name),
    }
}

/// A reject reason of the envelope.
fn problem(reason: RejectReason, pointer: &'static str, value: &str) -> Problem {
    Problem::new(reason, pointer, value)
}
