//! What is counted of a joint over its life: revolutions, loads, temperatures, torque cycles.
//!
//! Revolutions are those that the bridge saw: what turned during a gap is in the gap's row, not here.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tacho_config::settings::opcua::JointField;
use tacho_schemas::record::{LOAD_BINS, TEMP_BINS};

use super::counter::Counter;
use super::rainflow::Rainflow;
use super::record::number;
use super::signal::Moment;
use super::table::JointEntry;

/// Inner edges of `load_hist_rev`, by |T|/T_N.
const LOAD_EDGES: [f64; LOAD_BINS - 1] = [0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, f64::INFINITY];
/// Inner edges of the temperature histograms, in °C.
const TEMP_EDGES: [f64; TEMP_BINS - 1] = [0.0, 20.0, 40.0, 50.0, 60.0, 70.0, 80.0];
/// A histogram of loads is told while revolutions without a known torque are below this share; the contract allows 1 %.
const UNKNOWN_LOAD_MAX: f64 = 0.009;

/// Counters of one joint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct JointState {
    /// What the controller counts itself, by field.
    said: Vec<(String, Counter)>,
    input_rev: Option<f64>,
    load: Option<Load>,
    grease_temp_hist_rev: Option<[f64; TEMP_BINS]>,
    temp_hist_h: Option<[f64; TEMP_BINS]>,
    rainflow: Option<Rainflow>,
    peaks: Option<Peaks>,
    /// What it bore since it was seen to turn last.
    #[serde(default)]
    borne: Borne,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Load {
    input_rev_load: f64,
    hist_rev: [f64; LOAD_BINS],
}

/// How long a joint bore which load at which temperature, in microseconds: what turned meanwhile is shared out by it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Borne {
    until: Option<Moment>,
    us: f64,
    /// Weighed by the load to the power of its exponent.
    load_us: f64,
    load_hist_us: [f64; LOAD_BINS],
    temp_hist_us: [f64; TEMP_BINS],
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Peaks {
    repeated: f64,
    momentary: f64,
    torque_nm: f64,
}

/// What the joint's other signals hold just now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    /// Output torque, in Nm.
    pub(super) torque_nm: Option<f64>,
    /// Temperature of the reducer's grease, in °C.
    pub(super) temp_reducer_c: Option<f64>,
}

impl JointState {
    /// The joint's other signals held this until a moment.
    pub(super) fn bore(&mut self, until: Moment, held: Held, ratings: &JointEntry) {
        let before = self.borne.until.replace(until);
        self.borne.bears(before.map_or(0, |before| until.since(&before)), held, ratings);
    }

    /// Nothing is known of what it bears from here on, until it is seen again.
    pub(super) fn forgets(&mut self) {
        self.borne = Borne::default();
    }

    /// The joint turned by an angle since it was seen to turn last, under what it bore meanwhile; that is what it bears
    /// now, if no time went by.
    pub(super) fn turned(&mut self, angle_rad: f64, held: Held, ratings: &JointEntry) {
        let Some(ratio) = ratings.gear_ratio else { return };
        let until = self.borne.until;
        let mut borne = std::mem::replace(&mut self.borne, Borne { until, ..Borne::default() });
        if borne.us == 0.0 {
            borne.bears(1, held, ratings);
        }
        let rev = angle_rad.abs() / TAU * ratio;
        *self.input_rev.get_or_insert(0.0) += rev;
        if ratings.rated_torque_nm.is_some() {
            let load = self.load.get_or_insert_default();
            load.input_rev_load += rev * (borne.load_us / borne.us);
            add(&mut load.hist_rev, &borne.load_hist_us, rev, borne.us);
        }
        if borne.temp_hist_us.iter().any(|us| *us > 0.0) {
            add(self.grease_temp_hist_rev.get_or_insert_default(), &borne.temp_hist_us, rev, borne.us);
        }
    }

    /// The motor had a temperature for some hours.
    pub(super) fn was_warm(&mut self, temp_c: f64, hours: f64) {
        self.temp_hist_h.get_or_insert_default()[bin(&TEMP_EDGES, temp_c)] += hours;
    }

    /// The output torque is this now.
    pub(super) fn bears(&mut self, torque_nm: f64, ratings: &JointEntry) {
        if let Some(momentary) = ratings.momentary_peak_torque_nm {
            self.rainflow.get_or_insert_default().takes(torque_nm / momentary);
        }
        if ratings.repeated_peak_torque_nm.is_none() && ratings.momentary_peak_torque_nm.is_none() {
            return;
        }
        let peaks = self.peaks.get_or_insert_default();
        let rises_above =
            |limit: Option<f64>| limit.is_some_and(|limit| peaks.torque_nm.abs() <= limit && torque_nm.abs() > limit);
        let (repeated, momentary) =
            (rises_above(ratings.repeated_peak_torque_nm), rises_above(ratings.momentary_peak_torque_nm));
        peaks.repeated += f64::from(u8::from(repeated));
        peaks.momentary += f64::from(u8::from(momentary));
        peaks.torque_nm = torque_nm;
    }

    /// The controller counts this itself. Gives whether the counter is back where it was before it was counted anew.
    pub(super) fn says(&mut self, field: JointField, value: f64) -> bool {
        let name = field.name();
        if let Some((_, counter)) = self.said.iter_mut().find(|(known, _)| known == name) {
            return counter.says(value);
        }
        let mut counter = Counter::default();
        let back = counter.says(value);
        self.said.push((name.to_owned(), counter));
        back
    }

    /// A window ends; gives the counters that the controller began anew.
    pub(super) fn window_ends(&mut self) -> Vec<String> {
        let anew = self.said.iter_mut().filter_map(|(name, counter)| counter.window_ends().then(|| name.clone()));
        anew.collect()
    }

    /// Puts its counters into a record's joint.
    pub(super) fn write(&self, joint: &mut Map<String, Json>, ratings: Option<&JointEntry>) {
        let mut put = |name: &str, value: Json| joint.insert(name.to_owned(), value);
        let list = |values: &[f64]| Json::from(values.iter().map(|value| number(*value)).collect::<Vec<_>>());
        if let Some(rev) = self.input_rev {
            put("input_rev", number(rev));
            let known = |load: &&Load| load.hist_rev.iter().sum::<f64>() >= rev * (1.0 - UNKNOWN_LOAD_MAX);
            if let Some(load) = self.load.as_ref().filter(known) {
                put("input_rev_load", number(load.input_rev_load));
                put("load_hist_rev", list(&load.hist_rev));
            }
        }
        if let Some(hist) = &self.grease_temp_hist_rev {
            put("grease_temp_hist_rev", list(hist));
        }
        if let Some(hist) = &self.temp_hist_h {
            put("temp_hist_h", list(hist));
        }
        if let Some(rainflow) = &self.rainflow {
            put("rainflow_hist_cycles", list(&rainflow.cycles));
        }
        if let Some(peaks) = &self.peaks {
            if ratings.is_none_or(|ratings| ratings.repeated_peak_torque_nm.is_some()) {
                put("peak_torque_count", number(peaks.repeated));
            }
            if ratings.is_none_or(|ratings| ratings.momentary_peak_torque_nm.is_some()) {
                put("momentary_peak_count", number(peaks.momentary));
            }
        }
        // What the controller counts itself stands above what was counted here.
        for (name, counter) in &self.said {
            put(name, number(counter.total));
        }
    }
}

impl Borne {
    #[expect(clippy::cast_precision_loss, reason = "a time between two samples is far below 2^53 µs")]
    fn bears(&mut self, us: i64, held: Held, ratings: &JointEntry) {
        let us = us as f64;
        self.us += us;
        if let Some((torque, rated)) = held.torque_nm.zip(ratings.rated_torque_nm) {
            let ratio = torque.abs() / rated;
            self.load_us += us * libm::pow(ratio, ratings.load_exponent);
            self.load_hist_us[bin(&LOAD_EDGES, ratio)] += us;
        }
        if let Some(temp) = held.temp_reducer_c {
            self.temp_hist_us[bin(&TEMP_EDGES, temp)] += us;
        }
    }
}

/// Shares out revolutions by the time in each bin.
fn add<const N: usize>(hist: &mut [f64; N], us: &[f64; N], rev: f64, all_us: f64) {
    for (bin, us) in hist.iter_mut().zip(us) {
        *bin += rev * (us / all_us);
    }
}

/// The bin that a value falls into; a value on an edge belongs to the bin above.
fn bin<const N: usize>(edges: &[f64; N], value: f64) -> usize {
    edges.iter().take_while(|edge| value >= **edge).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratings() -> JointEntry {
        JointEntry {
            name: "J1".to_owned(),
            gear_ratio: Some(100.0),
            rated_torque_nm: Some(50.0),
            repeated_peak_torque_nm: Some(100.0),
            momentary_peak_torque_nm: Some(200.0),
            load_exponent: 3.0,
            component_id: None,
        }
    }

    fn written(joint: &JointState) -> Map<String, Json> {
        let mut map = Map::new();
        joint.write(&mut map, Some(&ratings()));
        map
    }

    #[test]
    fn revolutions_are_counted_at_the_input_and_weighed_by_the_load() {
        let mut joint = JointState::default();
        let held = Held { torque_nm: Some(-100.0), temp_reducer_c: Some(45.0) };
        joint.turned(-TAU, held, &ratings());
        let map = written(&joint);
        assert_eq!(map["input_rev"], 100.0);
        assert_eq!(map["input_rev_load"], 800.0);
        // |T|/T_N = 2 is the bin from 2 to 3.
        assert_eq!(map["load_hist_rev"][9], 100.0);
        assert_eq!(map["grease_temp_hist_rev"][3], 100.0);
    }

    #[test]
    fn loads_are_not_told_when_the_torque_was_not_known() {
        let mut joint = JointState::default();
        joint.turned(TAU, Held { torque_nm: Some(10.0), ..Held::default() }, &ratings());
        joint.turned(TAU, Held::default(), &ratings());
        let map = written(&joint);
        assert_eq!(map["input_rev"], 200.0);
        assert!(!map.contains_key("load_hist_rev") && !map.contains_key("input_rev_load"));
    }

    #[test]
    fn peaks_are_counted_when_the_torque_rises_above_a_limit() {
        let mut joint = JointState::default();
        for torque in [0.0, 150.0, 160.0, 50.0, -250.0, 0.0] {
            joint.bears(torque, &ratings());
        }
        let map = written(&joint);
        assert_eq!((&map["peak_torque_count"], &map["momentary_peak_count"]), (&Json::from(2.0), &Json::from(1.0)));
    }

    #[test]
    fn revolutions_are_shared_out_by_what_was_borne_while_they_were_made() {
        let at = |s: i64| Moment { at_us: s * 1_000_000, theirs: true, lived_us: 0 };
        let held = |torque_nm| Held { torque_nm: Some(torque_nm), ..Held::default() };
        let mut joint = JointState::default();
        joint.bore(at(0), held(0.0), &ratings());
        joint.bore(at(30), held(100.0), &ratings());
        joint.bore(at(40), held(20.0), &ratings());
        joint.turned(TAU, held(0.0), &ratings());
        let map = written(&joint);
        assert_eq!((&map["load_hist_rev"][9], &map["load_hist_rev"][3]), (&Json::from(75.0), &Json::from(25.0)));
        let load = 75.0 * 8.0 + 25.0 * 0.4_f64.powi(3);
        assert!((map["input_rev_load"].as_f64().unwrap() - load).abs() < 1e-9);
    }
}
