//! What a record tells besides its figures: times that are missing, values that the source does not stand for, events.

use serde_json::{Map, Value as Json};
use tacho_schemas::record::Severity;

use super::record::ms;
use super::robot::put;

/// Cause of a gap that stands for all that a record has no place for.
const REST: &str = "several gaps, more than a record tells one by one";

/// A time that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GapNote {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    pub(super) cause: String,
    /// The signal that misses it; none: all of the robot's.
    pub(super) pointer: Option<String>,
}

/// A time of which the source said that a value is bad or uncertain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QualityNote {
    pub(super) pointer: String,
    pub(super) status_code: String,
    pub(super) from_us: i64,
    pub(super) to_us: Option<i64>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventNote {
    time_us: i64,
    code: String,
    severity: Severity,
    text: Option<String>,
}

impl GapNote {
    pub(super) fn json(&self) -> Map<String, Json> {
        let mut map = Map::new();
        put(&mut map, "from", ms(self.from_us));
        // At least a millisecond, so that no gap is an instant.
        put(&mut map, "to", ms(self.to_us.max(self.from_us.saturating_add(999))));
        put(&mut map, "cause", self.cause.clone());
        if let Some(pointer) = &self.pointer {
            put(&mut map, "pointer", pointer.clone());
        }
        map
    }

    pub(super) fn is_rest(&self) -> bool {
        self.cause == REST
    }

    pub(super) fn into_rest(self) -> Self {
        Self { cause: REST.to_owned(), pointer: None, ..self }
    }

    pub(super) fn spans(&mut self, other: &Self) {
        self.from_us = self.from_us.min(other.from_us);
        self.to_us = self.to_us.max(other.to_us);
    }
}

impl QualityNote {
    pub(super) fn json(&self) -> Map<String, Json> {
        let mut map = Map::new();
        put(&mut map, "pointer", self.pointer.clone());
        put(&mut map, "status_code", self.status_code.clone());
        put(&mut map, "from", ms(self.from_us));
        if let Some(to_us) = self.to_us {
            put(&mut map, "to", ms(to_us));
        }
        map
    }
}

impl EventNote {
    pub(super) fn new(time_us: i64, code: &str, severity: Severity, text: Option<String>) -> Self {
        Self { time_us, code: code.to_owned(), severity, text }
    }

    /// A controller counts from less than before: it was swapped, or set back.
    pub(super) fn counter_anew(time_us: i64, counter: &str) -> Self {
        Self::new(time_us, "COUNTER_ANEW", Severity::Warning, Some(counter.to_owned()))
    }

    /// A counter that was counted on from less is back where it was: its controller had said something else meanwhile.
    pub(super) fn counter_back(time_us: i64, counter: &str) -> Self {
        Self::new(time_us, "COUNTER_BACK", Severity::Info, Some(counter.to_owned()))
    }

    pub(super) fn json(&self) -> Map<String, Json> {
        let mut map = Map::new();
        put(&mut map, "time", ms(self.time_us));
        put(&mut map, "code", self.code.clone());
        put(&mut map, "severity", self.severity.as_str());
        if let Some(text) = &self.text {
            put(&mut map, "text", text.clone());
        }
        map
    }
}
