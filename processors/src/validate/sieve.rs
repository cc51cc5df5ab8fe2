//! The sieve that a record's values pass: sound ones stay, suspect ones are flagged, and a wrong one is a fault.
//!
//! What a fault costs follows the contract, as in the decoder: a field of the envelope or of the counters is dropped alone,
//! a section or an element of an array as one. What is dropped is named by a flag and kept in the record's extra part. Which
//! value has which range is the business of the other files of this folder.

use tacho_config::{Judgement, SanityRange};
use tacho_schemas::json;
use tacho_schemas::reason::{Flag, FlagReason, RejectReason};
use tacho_schemas::record::Extra;

use super::place::{Place, is_within};
use crate::indicators::of_count;

/// Magnitudes (root mean squares, greatest magnitudes, test results): not negative.
pub(super) const MAGNITUDE: SanityRange = even(0.0, 1e15);
/// Values of either sign that have no range of their own.
pub(super) const ANY: SanityRange = even(-1e15, 1e15);

/// A range in which nothing is suspect.
pub(super) const fn even(min: f64, max: f64) -> SanityRange {
    SanityRange { hard_min: min, hard_max: max, suspect_min: min, suspect_max: max }
}

/// What is wrong with a part.
#[derive(Debug)]
struct Fault {
    reason: RejectReason,
    /// The pointer of what is wrong, and a hint behind a comma if there is one.
    cause: String,
}

/// Judges the values of one record.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    slice: &'a [u8],
    extra: Extra,
    flags: Vec<Flag>,
    fault: Option<Fault>,
}

impl<'a> Sieve<'a> {
    /// A sieve for the record of these bytes, with what was dropped and flagged so far.
    pub(super) fn new(slice: &'a [u8], extra: Extra, flags: Vec<Flag>) -> Self {
        Self { slice, extra, flags, fault: None }
    }

    /// What was dropped and flagged in all.
    pub(super) fn finish(self) -> (Extra, Vec<Flag>) {
        (self.extra, self.flags)
    }

    /// Judges a part as one: whether it may stay. If it has a fault it is dropped, with what was flagged within it.
    pub(super) fn part(&mut self, at: Place, judge: impl FnOnce(&mut Self)) -> bool {
        debug_assert!(self.fault.is_none(), "a fault drops the part in which it is found");
        judge(self);
        match self.fault.take() {
            None => true,
            Some(fault) => {
                self.drop_part(at, fault.reason, &fault.cause);
                false
            }
        }
    }

    /// An optional value of a range.
    #[inline]
    pub(super) fn value(&mut self, at: Place, field: &str, value: Option<f64>, range: &SanityRange) {
        if let Some(value) = value {
            self.must(at, field, value, range);
        }
    }

    /// A mandatory value of a range.
    #[inline]
    pub(super) fn must(&mut self, at: Place, field: &str, value: f64, range: &SanityRange) {
        match range.judge(value) {
            Judgement::Sound => {}
            Judgement::Suspect => self.suspect(at, field),
            Judgement::Wrong => self.wrong(at, field, RejectReason::Range, ""),
        }
    }

    /// An optional root mean square or greatest magnitude of values of a range: not negative.
    #[inline]
    pub(super) fn magnitude(&mut self, at: Place, field: &str, value: Option<f64>, range: &SanityRange) {
        let Some(value) = value else { return };
        let range = SanityRange {
            hard_min: 0.0,
            hard_max: range.hard_max.max(-range.hard_min),
            suspect_min: 0.0,
            suspect_max: range.suspect_max.max(-range.suspect_min),
        };
        self.must(at, field, value, &range);
    }

    /// An optional count.
    #[inline]
    pub(super) fn count(&mut self, at: Place, field: &str, value: Option<i64>, range: &SanityRange) {
        self.value(at, field, value.map(of_count), range);
    }

    /// An optional share of 1; one in (1, 100] is told as what it probably is.
    pub(super) fn share(&mut self, at: Place, field: &str, value: Option<f64>, range: &SanityRange) {
        match value {
            Some(share) if range.judge(share) == Judgement::Wrong => {
                let hint = if share > 1.0 && share <= 100.0 { ", percent?" } else { "" };
                self.wrong(at, field, RejectReason::Range, hint);
            }
            _ => self.value(at, field, value, range),
        }
    }

    /// An optional list, of which every element is of a range. Flagged once, however many are suspect.
    pub(super) fn list(&mut self, at: Place, field: &str, values: Option<&[f64]>, range: &SanityRange) {
        let mut suspect = false;
        for value in values.unwrap_or_default() {
            match range.judge(*value) {
                Judgement::Sound => {}
                Judgement::Suspect => suspect = true,
                Judgement::Wrong => return self.wrong(at, field, RejectReason::Range, ""),
            }
        }
        if suspect {
            self.suspect(at, field);
        }
    }

    /// Two values of which the first may not be above the second.
    pub(super) fn ordered(&mut self, at: Place, low: (&str, Option<f64>), high: (&str, Option<f64>)) {
        if let (Some(below), Some(above)) = (low.1, high.1)
            && below > above
        {
            let hint = format!(", above {}", high.0);
            self.wrong(at, low.0, RejectReason::Consistency, &hint);
        }
    }

    /// Arrays of one length, those that are there.
    pub(super) fn equal_lengths<const N: usize>(&mut self, at: Place, arrays: [(&str, Option<&[f64]>); N]) {
        let mut lengths = arrays.into_iter().filter_map(|(field, values)| Some((field, values?.len())));
        let Some((_, first)) = lengths.next() else {
            return;
        };
        if let Some((field, _)) = lengths.find(|(_, length)| *length != first) {
            self.wrong(at, field, RejectReason::Length, ", of another length");
        }
    }

    /// An optional field that is dropped alone: of the envelope or of the counters.
    #[inline]
    pub(super) fn field(&mut self, at: Place, field: &str, value: &mut Option<f64>, range: &SanityRange) {
        let Some(number) = *value else { return };
        match range.judge(number) {
            Judgement::Sound => {}
            Judgement::Suspect => self.suspect(at, field),
            Judgement::Wrong => {
                self.drop_field(at, field, &number_text(number));
                *value = None;
            }
        }
    }

    /// An optional count that is dropped alone.
    #[inline]
    pub(super) fn count_field(&mut self, at: Place, field: &str, value: &mut Option<i64>, range: &SanityRange) {
        let Some(count) = *value else { return };
        match range.judge(of_count(count)) {
            Judgement::Sound => {}
            Judgement::Suspect => self.suspect(at, field),
            Judgement::Wrong => {
                self.drop_field(at, field, &count.to_string());
                *value = None;
            }
        }
    }

    /// Notes a fault of the part that is being judged; the first is the one that is told.
    #[cold]
    pub(super) fn wrong(&mut self, at: Place, field: &str, reason: RejectReason, hint: &str) {
        if self.fault.is_none() {
            let cause = format!("{}{hint}", at.field(field));
            self.fault = Some(Fault { reason, cause });
        }
    }

    /// Flags a value that can be, and is unlikely.
    #[cold]
    pub(super) fn suspect(&mut self, at: Place, field: &str) {
        self.flag(FlagReason::SuspectRange, at.field(field));
    }

    /// Flags values that contradict each other, and stay.
    #[cold]
    pub(super) fn inconsistent(&mut self, at: Place, field: &str) {
        self.flag(FlagReason::Inconsistent, at.field(field));
    }

    /// Adds a flag of `reason` on what stands at `pointer`.
    #[cold]
    pub(super) fn flag(&mut self, reason: FlagReason, pointer: String) {
        self.flags.push(Flag::new(reason, pointer));
    }

    #[cold]
    fn drop_field(&mut self, at: Place, field: &str, text: &str) {
        let pointer = at.field(field);
        let raw = json::raw_at(self.slice, &pointer).unwrap_or(text);
        self.extra.put_whole(pointer.clone(), raw);
        let flag = Flag::new(FlagReason::FieldDropped, pointer.clone());
        self.flags.push(flag.because(RejectReason::Range, &pointer));
    }

    #[cold]
    fn drop_part(&mut self, at: Place, reason: RejectReason, cause: &str) {
        let pointer = at.pointer();
        let raw = json::raw_at(self.slice, &pointer).unwrap_or("null");
        self.extra.put_whole(pointer.clone(), raw);
        self.flags.retain(|flag| !is_within(&flag.pointer, &pointer));
        self.flags.push(Flag::new(at.dropped(), pointer).because(reason, cause));
    }
}

/// A number as JSON text: the shortest that is read back as the same.
pub(super) fn number_text(number: f64) -> String {
    if number.is_finite() { format!("{number:?}") } else { "null".to_owned() }
}
