//! What is kept of one signal from sample to sample: what it holds, what it said last, since when it is bad.

use opcua::types::StatusCode;
use serde::{Deserialize, Serialize};

use super::notes::QualityNote;
use super::table::SignalEntry;
use crate::opcua::value::{Sample, Value, duration_s};

/// Greatest amount of a value: no quantity of a robot is greater, and what is made of such values stays finite.
const VALUE_MAX: f64 = 1e15;

/// What is kept of one signal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SignalState {
    /// The value that holds until the next one; none after a gap or while it is bad.
    held: Option<Held>,
    /// The last usable value.
    last: Option<Value>,
    /// When the source had the last sample, and what it said, to recognise it when it comes again.
    raw: Option<(Option<i64>, Value)>,
    /// Its status, and since when, where it is not good.
    status: Option<(u32, i64)>,
    /// Time of the last sample.
    pub(super) at_us: Option<i64>,
    /// The time of which a history told, by the source: from the last sample before it to the last of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    healed: Option<(i64, i64)>,
}

/// When something was.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Moment {
    /// Unix microseconds UTC.
    pub(super) at_us: i64,
    /// Whether the source or the server says so; else it is our time of receipt.
    #[serde(default)]
    pub(super) theirs: bool,
    /// How long the robot's server had been heard in all, in microseconds.
    #[serde(default)]
    pub(super) lived_us: i64,
}

impl Moment {
    /// Microseconds since an earlier moment: by their clock if it has both; else by how long the server was heard, so that
    /// a correction of our clock is no time.
    pub(super) fn since(&self, earlier: &Self) -> i64 {
        let us = match self.theirs && earlier.theirs {
            true => self.at_us.saturating_sub(earlier.at_us),
            false => self.lived_us.saturating_sub(earlier.lived_us),
        };
        us.max(0)
    }
}

/// A value that holds since a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    #[serde(flatten)]
    pub(super) since: Moment,
    pub(super) value: f64,
    /// Whether it is a truth, as 0 or 1.
    pub(super) is_truth: bool,
    /// What of the time since then is integrated already, in microseconds.
    #[serde(default)]
    booked_us: i64,
}

impl Held {
    /// Takes what is not integrated yet of the time until a moment, in microseconds.
    pub(super) fn books(&mut self, until: &Moment) -> i64 {
        let left_us = until.since(&self.since).saturating_sub(self.booked_us).max(0);
        self.booked_us += left_us;
        left_us
    }
}

/// A sample as its field reads it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// A number in the field's unit; a truth is 0 or 1.
    Number {
        /// The number.
        value: f64,
        /// Whether the source has a truth.
        is_truth: bool,
    },
    /// A text.
    Text(String),
    /// The server has no value, which is no fault.
    Nothing,
    /// Nothing that a field holds.
    Unusable,
}

impl Reading {
    /// Reads a sample by its entry of the table.
    pub(super) fn of(sample: &Sample, entry: &SignalEntry) -> Self {
        match &sample.value {
            Value::Null => Self::Nothing,
            Value::Unusable => Self::Unusable,
            Value::Bool(truth) => Self::Number { value: f64::from(u8::from(*truth)), is_truth: true },
            Value::Number(number) => Self::number(number * entry.factor + entry.offset),
            Value::Text(text) => match duration_s(text).filter(|_| entry.of_seconds > 0.0) {
                Some(seconds) => Self::number(seconds * entry.of_seconds),
                None => Self::Text(text.clone()),
            },
        }
    }

    fn number(value: f64) -> Self {
        if value.abs() <= VALUE_MAX { Self::Number { value, is_truth: false } } else { Self::Unusable }
    }
}

impl SignalState {
    /// Whether the very same sample came before, which a republish or a new subscription may do.
    pub(super) fn knows(&self, sample: &Sample) -> bool {
        let same = |(source_us, value): &(Option<i64>, Value)| *source_us == sample.source_us && *value == sample.value;
        self.held.is_some() && sample.source_us.is_some() && self.raw.as_ref().is_some_and(same)
    }

    /// Whether a sample is known, by its time, because a history and a subscription both tell it.
    pub(super) fn heard_before(&mut self, sample: &Sample, of_history: bool) -> bool {
        let Some(at_us) = sample.source_us else { return false };
        if of_history {
            let last_us = self.raw.as_ref().and_then(|(source_us, _)| *source_us);
            // Of several values of one time, only those of one history are told apart.
            let follows = self.healed.is_some_and(|(_, until_us)| until_us == at_us);
            if last_us.is_some_and(|last_us| at_us < last_us || (at_us == last_us && !follows)) {
                return true;
            }
            let from_us = self.healed.map_or(last_us.unwrap_or(at_us), |(from_us, _)| from_us);
            self.healed = Some((from_us, at_us));
            return false;
        }
        let is_told = self.healed.is_some_and(|(from_us, until_us)| from_us < at_us && at_us <= until_us);
        if !is_told {
            self.healed = None;
        }
        is_told
    }

    /// Notes a sample as it came, and gives what its status ends: a time of another one.
    pub(super) fn comes(&mut self, sample: &Sample, field: &str, at_us: i64) -> Option<QualityNote> {
        self.raw = Some((sample.source_us, sample.value.clone()));
        let status = sample.status & 0xffff_0000;
        let ended = self.status.filter(|(known, _)| *known != status).map(|(known, since_us)| QualityNote {
            pointer: pointer(field),
            status_code: name(known),
            from_us: since_us,
            to_us: Some(at_us),
        });
        if status == 0 {
            self.status = None;
        } else if self.status.is_none() || ended.is_some() {
            self.status = Some((status, at_us));
        }
        if !sample.is_usable() {
            self.held = None;
        }
        ended
    }

    /// The status that it still has, if it is not good.
    pub(super) fn open_quality(&self, field: &str) -> Option<QualityNote> {
        let (status, from_us) = self.status?;
        Some(QualityNote { pointer: pointer(field), status_code: name(status), from_us, to_us: None })
    }

    /// Holds a value from a time on; gives what it held before.
    pub(super) fn holds(&mut self, since: Moment, value: f64, is_truth: bool) -> Option<Held> {
        self.at_us = Some(since.at_us);
        self.last = Some(Value::Number(value));
        self.held.replace(Held { since, value, is_truth, booked_us: 0 })
    }

    /// What it holds.
    pub(super) fn held_mut(&mut self) -> Option<&mut Held> {
        self.held.as_mut()
    }

    /// Says a text; gives whether it is another one than before, where there was one.
    pub(super) fn says(&mut self, text: &str) -> bool {
        let said = Value::Text(text.to_owned());
        let changed = self.last.as_ref().is_some_and(|last| *last != said);
        self.last = Some(said);
        changed
    }

    /// Nothing holds over a time that is missing.
    pub(super) fn forgets(&mut self) {
        self.held = None;
    }

    /// The last number it said, also before a gap.
    pub(super) fn number(&self) -> Option<f64> {
        match self.last {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// The number that it holds.
    pub(super) fn held_value(&self) -> Option<f64> {
        self.held.map(|held| held.value)
    }
}

fn name(status: u32) -> String {
    StatusCode::from(status).to_string()
}

/// A field as a pointer: `/joints/J1/speed_rad_s`. Joints and packs stand by their names, not by their places.
pub(super) fn pointer(field: &str) -> String {
    format!("/{}", field.replace('.', "/"))
}
