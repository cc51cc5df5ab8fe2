//! One robot while it is cut: what is kept of it for ever, what is kept of the open window, and what a sample does to both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tacho_config::settings::opcua::{BatteryField, CounterField, Field, JointField, RobotField};

use super::counter::Counter;
use super::joint::{Held as JointHeld, JointState};
use super::notes::{EventNote, GapNote, QualityNote};
use super::signal::{Held, Reading, SignalState};
use super::stats::Stats;
use super::table::{JointEntry, RobotEntry};
use crate::opcua::value::Value;

const US_PER_S: f64 = 1e6;
const S_PER_H: f64 = 3600.0;

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
    /// Time of the last sign of life, from which power-on is counted.
    pub(super) alive_us: Option<i64>,
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
    /// Time of the sample, Unix microseconds UTC.
    pub(super) at_us: i64,
    /// How much of the open window had passed when it came, in microseconds.
    pub(super) of_window_us: i64,
}

impl RobotState {
    /// What a reader of the journal gets of it.
    pub(super) fn read_back(&self) -> Option<Self> {
        serde_json::to_vec(self).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    /// The server is alive: hours of power-on are counted on, if they are counted here.
    pub(super) fn lives(&mut self, robot: &RobotEntry, received_us: i64) {
        let Some(start) = robot.power_on_h_start else { return };
        let before = self.alive_us.replace(received_us);
        let seconds = before.map_or(0.0, |before| seconds_between(before, received_us));
        let counter = self.counters.entry(CounterField::PowerOn.name().to_owned());
        counter.or_insert_with(|| Counter::starting_at(start)).adds(seconds / S_PER_H);
    }

    /// A usable reading of a signal came.
    pub(super) fn takes(&mut self, window: &mut Window, place: Place<'_>, reading: &Reading) {
        window.touched = true;
        let Reading::Number { value, is_truth } = reading else {
            return self.takes_text(window, place, reading);
        };
        let key = place.field.to_string();
        let (before, held) = {
            let signal = self.signals.entry(key).or_default();
            (signal.number(), signal.holds(place.at_us, *value, *is_truth))
        };
        let seconds = held.map_or(0.0, |held| seconds_between(held.at_us, place.at_us));
        if let Some(held) = held {
            self.held(place, held, *value, seconds);
        }
        match place.field {
            Field::Counter(field) => self.counted(*field, *value, *is_truth, before),
            Field::Joint(name, field) => self.of_joint(place.robot, name, *field, *value),
            Field::Battery(pack, field) => self.of_battery(pack, *field, *value),
            Field::Robot(field) => {
                window.now.insert(*field, Value::Number(*value));
            }
            Field::Event(severity, code) => {
                let rises = *value != 0.0 && before.is_some_and(|before| before != *value);
                if rises {
                    let text = (!is_truth).then(|| value.to_string());
                    window.note_event(EventNote::new(place.at_us, code, *severity, text));
                }
            }
            Field::Unknown => {}
        }
        if matches!(place.field, Field::Joint(..) | Field::Battery(..)) {
            let stats = window.stats.entry(place.field.clone()).or_default();
            // Before the first sample of a window, only what the window had of it counts.
            let of_window =
                if stats.has_samples() { seconds } else { seconds.min(seconds_between(0, place.of_window_us)) };
            if let Some(held) = held {
                stats.held(held.value, of_window);
            }
            stats.came(*value);
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
                window.note_event(EventNote::new(place.at_us, code, *severity, Some(text.clone())));
            }
            _ => {}
        }
    }

    /// What a signal held until now, over some seconds, is integrated.
    fn held(&mut self, place: Place<'_>, held: Held, value: f64, seconds: f64) {
        match place.field {
            Field::Counter(field) if held.is_truth && is_hours(*field) && held.value != 0.0 => {
                self.counters.entry(field.name().to_owned()).or_default().adds(seconds / S_PER_H);
            }
            Field::Joint(name, field) => {
                let has = |other| place.fields.contains(&Field::Joint(name.clone(), other));
                let angle = match field {
                    JointField::Speed => Some(held.value * seconds),
                    JointField::Position if !has(JointField::Speed) => Some(value - held.value),
                    _ => None,
                };
                let other = self.of_other_signals(name);
                let joint = self.joints.entry(name.clone()).or_default();
                if *field == JointField::TempMotor {
                    joint.was_warm(held.value, seconds / S_PER_H);
                }
                if let Some((angle, ratings)) = angle.zip(ratings(place.robot, name)) {
                    joint.turned(angle, other, ratings);
                }
            }
            Field::Battery(pack, BatteryField::Current) => {
                let (name, counted) = match held.value < 0.0 {
                    true => (BatteryField::DischargedCharge, -held.value),
                    false => (BatteryField::ChargedCharge, held.value),
                };
                if !place.fields.contains(&Field::Battery(pack.clone(), name)) {
                    let counters = self.batteries.entry(pack.clone()).or_default();
                    counters.entry(name.name().to_owned()).or_default().adds(counted * seconds / S_PER_H);
                }
            }
            _ => {}
        }
    }

    /// What the joint's other signals hold while it turns.
    fn of_other_signals(&self, joint: &str) -> JointHeld {
        let held = |field| {
            let signal = self.signals.get(&Field::Joint(joint.to_owned(), field).to_string());
            signal.and_then(SignalState::held_value)
        };
        JointHeld { torque_nm: held(JointField::Torque), temp_reducer_c: held(JointField::TempReducer) }
    }

    fn counted(&mut self, field: CounterField, value: f64, is_truth: bool, before: Option<f64>) {
        let counter = self.counters.entry(field.name().to_owned()).or_default();
        if !is_truth {
            counter.says(value);
        } else if !is_hours(field) && value != 0.0 && before == Some(0.0) {
            counter.adds(1.0);
        }
    }

    fn of_joint(&mut self, robot: &RobotEntry, name: &str, field: JointField, value: f64) {
        let joint = self.joints.entry(name.to_owned()).or_default();
        match field {
            JointField::Torque => {
                if let Some(ratings) = ratings(robot, name) {
                    joint.bears(value, ratings);
                }
            }
            JointField::InputRev
            | JointField::InputRevLoad
            | JointField::PeakTorqueCount
            | JointField::MomentaryPeakCount => joint.says(field, value),
            _ => {}
        }
    }

    fn of_battery(&mut self, pack: &str, field: BatteryField, value: f64) {
        if matches!(field, BatteryField::DischargedCharge | BatteryField::ChargedCharge) {
            let counters = self.batteries.entry(pack.to_owned()).or_default();
            counters.entry(field.name().to_owned()).or_default().says(value);
        }
    }

    /// Nothing holds over a time that is missing.
    pub(super) fn forgets_held(&mut self) {
        self.alive_us = None;
        self.signals.values_mut().for_each(SignalState::forgets);
    }

    /// A window ends: what is still bad stays told, counters that a controller began anew are events.
    pub(super) fn window_ends(&mut self, window: &mut Window, end_us: i64) {
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

fn ratings<'a>(robot: &'a RobotEntry, joint: &str) -> Option<&'a JointEntry> {
    robot.joints.iter().find(|ratings| ratings.name == joint)
}

fn is_hours(field: CounterField) -> bool {
    matches!(field, CounterField::PowerOn | CounterField::ServoOn | CounterField::Motion)
}

#[expect(clippy::cast_precision_loss, reason = "a time between two samples is far below 2^53 µs")]
fn seconds_between(from_us: i64, to_us: i64) -> f64 {
    to_us.saturating_sub(from_us).max(0) as f64 / US_PER_S
}

/// Puts a value into a JSON object.
pub(super) fn put(map: &mut Map<String, Json>, name: &str, value: impl Into<Json>) {
    map.insert(name.to_owned(), value.into());
}
