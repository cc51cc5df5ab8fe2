//! What a row says of itself: which indicators are absent and why, its flags, and the unknown fields that are its own.
//!
//! Texts are made only where there is something to say: a good row costs no allocation here.

use tacho_schemas::reason::{Absent, Flag, FlagReason, flags_json};
use tacho_schemas::record::{Extra, Record};
use tacho_schemas::table::{Table, TableBuilder};

use super::methods::Methods;
use crate::indicators::{FormulaSet, Indicator, Method, Traced};
use crate::validate::is_within;

/// The notes on one row; their memory is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// A JSON object that is not closed yet; empty if nothing is absent.
    absent: String,
    methods: Methods,
    /// Whether a further indicator lacks its input: one entry `*` stands for all of them.
    inputs_missing: bool,
    flags: Option<String>,
    indicators: Vec<&'static str>,
}

impl Notes {
    /// Appends the cell of an indicator; an absent one is null, with its reason among the notes.
    pub(super) fn indicator(&mut self, row: &mut TableBuilder, name: &'static str, indicator: Indicator) {
        let finite = indicator.and_then(|value| if value.is_finite() { Ok(value) } else { Err(Absent::NotFinite) });
        row.decimal(name, finite.ok());
        match finite {
            Ok(_) => self.indicators.push(name),
            Err(reason) => self.note_absent(name, reason),
        }
    }

    /// Appends the cell of a further indicator. Where the record lacks what it needs the reason is that of `*`: most robots send
    /// few of the inputs, and naming each would cost more than the values.
    pub(super) fn further(&mut self, row: &mut TableBuilder, name: &'static str, indicator: Indicator) {
        match indicator {
            Err(Absent::InputMissing | Absent::CounterMissing) => {
                row.decimal(name, None);
                self.inputs_missing = true;
            }
            indicator => self.indicator(row, name, indicator),
        }
    }

    /// Appends the cell of a further indicator that can be found in more than one way, or rests on a rating that may be assumed.
    pub(super) fn traced(&mut self, row: &mut TableBuilder, name: &'static str, traced: Traced, assumed: bool) {
        self.further(row, name, traced.map(|(value, _)| value));
        if let Ok((value, method)) = traced {
            self.note_method(name, value.is_finite(), method, assumed);
        }
    }

    /// Appends the cell of a further indicator that rests on a rating that may be assumed.
    pub(super) fn rated(&mut self, row: &mut TableBuilder, name: &'static str, indicator: Indicator, assumed: bool) {
        self.traced(row, name, indicator.map(|value| (value, Method::Sent)), assumed);
    }

    /// Notes how a value was found, if there is one: unless it is as sent and by ratings of a source.
    pub(super) fn note_method(&mut self, name: &'static str, is_there: bool, method: Method, assumed: bool) {
        self.note_methods(name, is_there, [method, Method::Sent], assumed);
    }

    /// The same of a value that was found by two choices, each with its word.
    pub(super) fn note_methods(&mut self, name: &'static str, is_there: bool, methods: [Method; 2], assumed: bool) {
        if is_there {
            self.methods.note(name, methods, assumed);
        }
    }

    /// Notes that a further value, of which there is no number, lacks its input or has another reason.
    pub(super) fn further_absent(&mut self, name: &'static str, reason: Absent) {
        match reason {
            Absent::InputMissing | Absent::CounterMissing => self.inputs_missing = true,
            reason => self.note_absent(name, reason),
        }
    }

    /// Appends the cell `methods`, once all values of the row are noted; of the formulas 2026.3 on, only of values that their columns
    /// hold.
    pub(super) fn append_methods(&mut self, row: &mut TableBuilder, formulas: FormulaSet) {
        if formulas >= FormulaSet::Y2026R3 {
            self.methods.forget(row.misfits());
        }
        row.text("methods", self.methods.text());
    }

    /// Notes why an indicator is null. Names and reasons are plain words, which JSON need not escape.
    pub(super) fn note_absent(&mut self, name: &'static str, reason: Absent) {
        entry(&mut self.absent, name, &[reason.as_str()]);
    }

    /// Sets the flags of the row: `flags`, and one for each column whose value its decimal cannot hold. An indicator of which
    /// that is true is absent.
    pub(super) fn flag_misfits(&mut self, row: &mut TableBuilder, mut flags: Vec<Flag>) {
        for column in row.take_misfits() {
            if self.indicators.contains(&column) {
                self.note_absent(column, Absent::OutOfResolution);
            }
            flags.push(Flag::new(FlagReason::OutOfResolution, column));
        }
        self.flags = flags_json(&flags);
        if self.inputs_missing {
            self.note_absent("*", Absent::InputMissing);
        }
        if !self.absent.is_empty() {
            self.absent.push('}');
        }
    }

    pub(super) fn absent(&self) -> Option<&str> {
        (!self.absent.is_empty()).then_some(self.absent.as_str())
    }

    pub(super) fn flags(&self) -> Option<&str> {
        self.flags.as_deref()
    }

    pub(super) fn clear(&mut self) {
        self.absent.clear();
        self.methods.clear();
        self.inputs_missing = false;
        self.flags = None;
        self.indicators.clear();
    }
}

/// Appends a member to a JSON object that is not closed yet; its text is put together of parts. Plain words need no escape.
pub(super) fn entry(object: &mut String, name: &str, text: &[&str]) {
    object.push_str(if object.is_empty() { "{\"" } else { ",\"" });
    for part in [name, "\":\""].iter().chain(text).chain(&["\""]) {
        object.push_str(part);
    }
}

/// The flags on an element of a section and on what is within it.
pub(super) fn flags_within(flags: &[Flag], section: &str, index: u32) -> Vec<Flag> {
    if flags.is_empty() {
        return Vec::new();
    }
    let whole = format!("/{section}/{index}");
    flags.iter().filter(|flag| is_within(&flag.pointer, &whole)).cloned().collect()
}

/// What of the extra part is within an element of a section.
pub(super) fn own_extra(extra: &Extra, section: &str, index: u32) -> Extra {
    let mut own = Extra::default();
    if extra.is_empty() {
        return own;
    }
    let whole = format!("/{section}/{index}");
    for (pointer, raw) in extra.parts() {
        if is_within(pointer, &whole) {
            own.put(pointer.clone(), raw);
        }
    }
    own
}

/// What of the extra part no row of a component table has: fields of the record itself, and dropped elements.
pub(super) fn rest_of_extra(record: &Record) -> Extra {
    let mut rest = Extra::default();
    for (pointer, raw) in record.extra.parts() {
        if !has_own_row(record, pointer) {
            rest.put(pointer.clone(), raw);
        }
    }
    rest
}

/// Whether a pointer is to or into an element that has a row in a component table.
fn has_own_row(record: &Record, pointer: &str) -> bool {
    let mut tokens = pointer.split('/').skip(1);
    let (Some(section), Some(Ok(index))) = (tokens.next(), tokens.next().map(str::parse::<u32>)) else {
        return false;
    };
    match Table::by_name(section) {
        Some(Table::Joints) => record.joints.iter().any(|joint| joint.index == index),
        Some(Table::Batteries) => record.batteries.iter().any(|pack| pack.index == index),
        Some(Table::Vibration) => record.vibration.iter().any(|sensor| sensor.index == index),
        Some(Table::Events) => record.events.iter().any(|event| event.index == index),
        Some(Table::Maintenance) => record.maintenance.iter().any(|action| action.index == index),
        _ => false,
    }
}
