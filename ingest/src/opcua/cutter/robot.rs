//! One robot while it is cut: what is kept of it for ever, what is kept of the open window, and what a sample does to both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tacho_config::settings::opcua::{BatteryField, CounterField, Field, JointField, RobotField};

use super::counter::Counter;
use super::joint::JointState;
use super::notes::{EventNote, GapNote, QualityNote};
use super::signal::{Moment, Reading, SignalState};
use super::stats::{Stats, seconds};
use super::table::{JointEntry, RobotEntry};
use crate::opcua::value::Value;

pub(super) const S_PER_H: f64 = 3600.0;
/// Most that counts between two signs of life of a server that does not say the time: no server may be silent longer.
const UNTOLD_MAX_US: i64 = 600_000_000;

/// What is kept of a robot from window to window, and over restarts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RobotState {
    /// Unix seconds of its first appearance in this journal.
    pub(super) stream_epoch: i64,
    /// Number of its next record.
    pub(super) next_seq: i64,
    /// Counters of the robot, by name.
    pub(super) counters: BTreeMap<String, Counter>,
    /// Counters of its joints.
    pub(super) joints: BTreeMap<String, JointState>,
    /// Counters of its battery packs.
    pub(super) batteries: BTreeMap<String, BTreeMap<String, Counter>>,
    /// What its signals hold, by the name of the field.
    pub(super) signals: BTreeMap<String, SignalState>,
    /// Time of the last sign of life: of receipt, and as the server says it.
    pub(super) alive_us: Option<i64>,
    #[serde(default)]
    pub(super) published_us: Option<i64>,
    /// How long its server was heard in all, in microseconds; a gap does not count.
    #[serde(default)]
    pub(super) lived_us: i64,
}

/// What is kept of the open window.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Whether there is something to tell.
    pub(super) touched: bool,
    pub(super) stats: BTreeMap<Field, Stats>,
    pub(super) now: BTreeMap<RobotField, Value>,
    pub(super) gaps: Vec<GapNote>,
    pub(super) quality: Vec<QualityNote>,
    pub(super) events: Vec<EventNote>,
}

/// Where and when a reading belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) robot: &'a RobotEntry,
    pub(super) field: &'a Field,
    /// Other fields of the robot that have signals.
    pub(super) fields: &'a [Field],
    /// When the sample was.
    pub(super) moment: Moment,
    /// When it came, Unix microseconds UTC.
    pub(super) received_us: i64,
    /// How much of the open window had passed when it came, in microseconds.
    pub(super) of_window_us: i64,
}

impl RobotState {
    /// What a reader of the journal gets of it.
    pub(super) fn read_back(&self) -> Option<Self> {
        serde_json::to_vec(self).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    /// The server is alive: hours of power-on are counted on, if they are counted here.
    ///
    /// Of the time since the last sign of life, what both clocks agree on counts: a correction of one of them is no time.
    pub(super) fn lives(&mut self, robot: &RobotEntry, received_us: i64, published_us: Option<i64>) {
        let ours = self.alive_us.replace(received_us).map(|before| received_us.saturating_sub(before));
        let theirs = published_us.zip(self.published_us).map(|(now, before)| now.saturating_sub(before));
        self.published_us = published_us.or(self.published_us);
        let us = ours.map_or(0, |ours| ours.min(theirs.unwrap_or(UNTOLD_MAX_US))).max(0);
        self.lived_us += us;
        if let Some(start) = robot.power_on_h_start {
            let counter = self.counters.entry(CounterField::PowerOn.name().to_owned());
            counter.or_insert_with(|| Counter::starting_at(start)).adds(seconds(us) / S_PER_H);
        }
    }

    /// A usable reading of a signal came.
    pub(super) fn takes(&mut self, window: &mut Window, place: Place<'_>, reading: &Reading) {
        window.touched = true;
        let Reading::Number { value, is_truth } = reading else {
            return self.takes_text(window, place, reading);
        };
        self.joint_bore(place.robot, place.field, place.moment);
        self.integrate(place.robot, place.fields, place.field, place.moment);
        let signal = self.signals.entry(place.field.to_string()).or_default();
        let (before, held) = (signal.number(), signal.holds(place.moment, *value, *is_truth));
        if let Some(held) = held {
            self.turned_to(place, held.value, *value);
        }
        match place.field {
            Field::Counter(field) => self.counted(window, place, *field, *value, *is_truth, before),
            Field::Joint(name, field) => self.of_joint(window, place, name, *field, *value),
            Field::Battery(pack, field) => self.of_battery(window, place, pack, *field, *value),
            Field::Robot(field) => {
                window.now.insert(*field, Value::Number(*value));
            }
            Field::Event(severity, code) => {
                let rises = *value != 0.0 && before.is_some_and(|before| before != *value);
                if rises {
                    let text = (!is_truth).then(|| value.to_string());
                    window.note_event(EventNote::new(place.moment.at_us, code, *severity, text));
                }
            }
            Field::Unknown => {}
        }
        if matches!(place.field, Field::Joint(..) | Field::Battery(..)) {
            let stats = window.stats.entry(place.field.clone()).or_default();
            if let Some(held) = held {
                let held_us = place.moment.since(&held.since);
                // Before the first sample of a window, only what the window had of it counts.
                let of_window_us = if stats.has_samples() { held_us } else { held_us.min(place.of_window_us) };
                stats.held(held.value, seconds(of_window_us));
            }
            stats.came(*value, place.moment.at_us, place.received_us);
        }
    }

    fn takes_text(&mut self, window: &mut Window, place: Place<'_>, reading: &Reading) {
        let Reading::Text(text) = reading else { return };
        let signal = self.signals.entry(place.field.to_string()).or_default();
        let changed = signal.says(text);
        match place.field {
            Field::Robot(field) => {
                window.now.insert(*field, Value::Text(text.clone()));
            }
            Field::Event(severity, code) if changed && !text.is_empty() => {
                window.note_event(EventNote::new(place.moment.at_us, code, *severity, Some(text.clone())));
            }
            _ => {}
        }
    }

    fn counted(
        &mut self,
        window: &mut Window,
        place: Place<'_>,
        field: CounterField,
        value: f64,
        is_truth: bool,
        before: Option<f64>,
    ) {
        let counter = self.counters.entry(field.name().to_owned()).or_default();
        if !is_truth {
            if counter.says(value) {
                window.note_event(EventNote::counter_back(place.moment.at_us, field.name()));
            }
        } else if !is_hours(field) && value != 0.0 && before == Some(0.0) {
            counter.adds(1.0);
        }
    }

    fn of_joint(&mut self, window: &mut Window, place: Place<'_>, name: &str, field: JointField, value: f64) {
        let joint = self.joints.entry(name.to_owned()).or_default();
        match field {
            JointField::Torque => {
                if let Some(ratings) = ratings(place.robot, name) {
                    joint.bears(value, ratings);
                }
            }
            JointField::InputRev
            | JointField::InputRevLoad
            | JointField::PeakTorqueCount
            | JointField::MomentaryPeakCount
                if joint.says(field, value) =>
            {
                let counter = format!("joints.{name}.{}", field.name());
                window.note_event(EventNote::counter_back(place.moment.at_us, &counter));
            }
            _ => {}
        }
    }

    fn of_battery(&mut self, window: &mut Window, place: Place<'_>, pack: &str, field: BatteryField, value: f64) {
        if matches!(field, BatteryField::DischargedCharge | BatteryField::ChargedCharge) {
            let counters = self.batteries.entry(pack.to_owned()).or_default();
            if counters.entry(field.name().to_owned()).or_default().says(value) {
                let counter = format!("batteries.{pack}.{}", field.name());
                window.note_event(EventNote::counter_back(place.moment.at_us, &counter));
            }
        }
    }

    /// Nothing holds over a time that is missing.
    pub(super) fn forgets_held(&mut self) {
        (self.alive_us, self.published_us) = (None, None);
        self.signals.values_mut().for_each(SignalState::forgets);
        self.joints.values_mut().for_each(JointState::forgets);
    }

    /// A signal holds nothing any more.
    pub(super) fn forgets(&mut self, field: &Field) {
        if let Some(signal) = self.signals.get_mut(&field.to_string()) {
            signal.forgets();
        }
    }

    /// A window is over: counters that a controller began anew are events.
    pub(super) fn counters_end(&mut self, window: &mut Window, end_us: i64) {
        let mut anew: Vec<_> =
            self.counters.iter_mut().filter_map(|(name, c)| c.window_ends().then(|| name.clone())).collect();
        for (joint, state) in &mut self.joints {
            anew.extend(state.window_ends().into_iter().map(|name| format!("joints.{joint}.{name}")));
        }
        for (pack, counters) in &mut self.batteries {
            let fallen =
                counters.iter_mut().filter_map(|(name, c)| c.window_ends().then(|| format!("batteries.{pack}.{name}")));
            anew.extend(fallen);
        }
        for name in anew {
            window.note_event(EventNote::counter_anew(end_us, &name));
        }
    }

    /// What the source said of values in this window, and says still.
    pub(super) fn quality(&self, window: &Window) -> Vec<Json> {
        let open = self.signals.iter().filter_map(|(field, signal)| signal.open_quality(field));
        let closed = window.quality.iter().cloned();
        closed.chain(open).take(super::record::QUALITY_MAX).map(|note| Json::Object(note.json())).collect()
    }
}

impl Window {
    /// Notes an event.
    pub(super) fn note_event(&mut self, event: EventNote) {
        self.touched = true;
        self.events.push(event);
    }

    /// Notes a time that is missing. Those of one cause and pointer become one when there are too many.
    pub(super) fn note_gap(&mut self, gap: GapNote) {
        self.touched = true;
        if self.gaps.len() < super::record::GAPS_MAX - 1 {
            return self.gaps.push(gap);
        }
        match self.gaps.iter_mut().find(|other| other.pointer.is_none() && other.is_rest()) {
            Some(rest) => rest.spans(&gap),
            None => self.gaps.push(gap.into_rest()),
        }
    }
}

pub(super) fn ratings<'a>(robot: &'a RobotEntry, joint: &str) -> Option<&'a JointEntry> {
    robot.joints.iter().find(|ratings| ratings.name == joint)
}

pub(super) fn is_hours(field: CounterField) -> bool {
    matches!(field, CounterField::PowerOn | CounterField::ServoOn | CounterField::Motion)
}

/// Puts a value into a JSON object.
pub(super) fn put(map: &mut Map<String, Json>, name: &str, value: impl Into<Json>) {
    map.insert(name.to_owned(), value.into());
}
