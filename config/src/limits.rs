//! Ranges of values as data: outside the hard range a value is wrong, outside the suspect range it is flagged.
//!
//! The shipped ranges are `profiles/limits.toml`. A file changes bounds for all robots, a model for its own. Named fields,
//! so that checking a record looks nothing up. Bounds that depend on a joint (rated torque, continuous current) are the model's.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::problem::Problem;
use crate::section::{Section, parse_toml};

const SHIPPED: &str = include_str!("../profiles/limits.toml");

/// What a range says of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Within the suspect range.
    Sound,
    /// Kept and flagged.
    Suspect,
    /// Outside the hard range, or not a number.
    Wrong,
}

/// The range of one quantity: hard_min ≤ suspect_min ≤ suspect_max ≤ hard_max, all finite, bounds included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SanityRange {
    /// Below, a value is wrong.
    pub hard_min: f64,
    /// Above, a value is wrong.
    pub hard_max: f64,
    /// Below, a value is flagged.
    pub suspect_min: f64,
    /// Above, a value is flagged.
    pub suspect_max: f64,
}

/// Bounds that a model changes; `None` leaves what stands.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeChange {
    /// New lower hard bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_min: Option<f64>,
    /// New upper hard bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_max: Option<f64>,
    /// New lower suspect bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect_min: Option<f64>,
    /// New upper suspect bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect_max: Option<f64>,
}

/// Largest size of a bound.
const BOUND_MAX: f64 = 1e15;

impl SanityRange {
    /// Holds `value` against the range; what is not a number is wrong.
    #[inline]
    pub fn judge(&self, value: f64) -> Judgement {
        if value >= self.suspect_min && value <= self.suspect_max {
            Judgement::Sound
        } else if value >= self.hard_min && value <= self.hard_max {
            Judgement::Suspect
        } else {
            Judgement::Wrong
        }
    }

    /// The range with `change` made; suspect bounds that a narrower hard bound leaves outside move onto it.
    #[must_use]
    pub fn changed(&self, change: &RangeChange) -> Self {
        let hard_min = change.hard_min.unwrap_or(self.hard_min);
        let hard_max = change.hard_max.unwrap_or(self.hard_max);
        // A suspect bound that was no narrower than the hard one goes with it.
        let follow = |suspect: f64, old: f64, new: f64| if suspect == old { new } else { suspect };
        let suspect_min = follow(self.suspect_min, self.hard_min, hard_min).max(hard_min);
        let suspect_max = follow(self.suspect_max, self.hard_max, hard_max).min(hard_max);
        Self {
            hard_min,
            hard_max,
            suspect_min: change.suspect_min.unwrap_or(suspect_min),
            suspect_max: change.suspect_max.unwrap_or(suspect_max),
        }
    }

    /// What is wrong with the range, if anything: the key, the value and what would be right.
    fn disorder(&self) -> Option<(&'static str, f64, String)> {
        if self.hard_min > self.hard_max {
            Some(("hard_min", self.hard_min, format!("at most hard_max ({})", self.hard_max)))
        } else if self.suspect_min < self.hard_min {
            Some(("suspect_min", self.suspect_min, format!("at least hard_min ({})", self.hard_min)))
        } else if self.suspect_max > self.hard_max {
            Some(("suspect_max", self.suspect_max, format!("at most hard_max ({})", self.hard_max)))
        } else if self.suspect_min > self.suspect_max {
            Some(("suspect_min", self.suspect_min, format!("at most suspect_max ({})", self.suspect_max)))
        } else {
            None
        }
    }
}

impl RangeChange {
    pub(crate) fn read(s: &mut Section<'_>) -> Self {
        let bound = -BOUND_MAX..=BOUND_MAX;
        Self {
            hard_min: s.optional_number("hard_min", bound.clone()),
            hard_max: s.optional_number("hard_max", bound.clone()),
            suspect_min: s.optional_number("suspect_min", bound.clone()),
            suspect_max: s.optional_number("suspect_max", bound),
        }
    }
}

/// Declares the quantities once: the field, its name in files, and its documentation with the unit.
macro_rules! quantities {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// The ranges in force, one per quantity of a record.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Limits {
            $($(#[$doc])+ pub $name: SanityRange,)+
            /// A joint's current is suspect beyond this factor of its continuous current.
            pub current_suspect_factor: f64,
        }

        impl Limits {
            /// Names of the quantities, in the order of the fields.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The range of the quantity called `name`; for setting up, not for checking records.
            pub fn by_name(&self, name: &str) -> Option<&SanityRange> {
                match name {
                    $(stringify!($name) => Some(&self.$name),)+
                    _ => None,
                }
            }

            fn by_name_mut(&mut self, name: &str) -> Option<&mut SanityRange> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }

            /// Every quantity with a range that allows everything: what the shipped file is laid over.
            fn unbounded() -> Self {
                let all = SanityRange {
                    hard_min: -BOUND_MAX, hard_max: BOUND_MAX, suspect_min: -BOUND_MAX, suspect_max: BOUND_MAX,
                };
                Self { $($name: all,)+ current_suspect_factor: 1.0 }
            }
        }
    };
}

quantities! {
    /// Motor temperature of a joint, °C.
    temp_motor_c,
    /// Surface temperature of a reducer, °C.
    temp_reducer_c,
    /// Temperature of a joint's drive, °C.
    temp_drive_c,
    /// Motor current of a joint, A.
    joint_current_a,
    /// Torque at a joint's output, Nm.
    joint_torque_nm,
    /// Speed at a joint's output, rad/s.
    joint_speed_rad_s,
    /// Position of a joint, rad.
    joint_position_rad,
    /// Voltage of a battery pack, V.
    pack_voltage_v,
    /// Voltage of a battery cell, V.
    cell_voltage_v,
    /// Temperature of a pack that is not charging, °C.
    pack_temp_discharge_c,
    /// Temperature of a pack that is charging, °C.
    pack_temp_charge_c,
    /// State of charge, 0 to 1.
    soc,
    /// State of health, 0 to 1.2.
    soh,
    /// Speed of a mobile robot, m/s.
    amr_speed_m_s,
    /// Localisation score, 0 to 1.
    localization_score,
    /// Ambient temperature, °C.
    ambient_temp_c,
    /// Mass carried, kg.
    payload_kg,
    /// Every cumulative counter, in its own unit.
    counter,
}

impl Limits {
    /// The shipped ranges.
    pub fn builtin() -> Self {
        let table = parse_toml(SHIPPED).expect("the shipped limits are TOML, which a test checks");
        let mut limits = Self::unbounded();
        let mut problems = Vec::new();
        Section::read("", &table, &mut problems, |s| limits.read_changes(s));
        debug_assert!(problems.is_empty(), "{problems:?}");
        limits
    }

    /// Makes the changes that a table of `[NAME]` tables asks for, and reports what does not fit.
    pub(crate) fn read_changes(&mut self, s: &mut Section<'_>) {
        for name in Self::NAMES.iter().copied() {
            let Some(change) = s.section(name, RangeChange::read) else {
                continue;
            };
            let place = s.key(name);
            s.push_all(self.change(name, &change, &place));
        }
        let factor = s.section("current_suspect_factor", |s| s.number("value", 0.1..=1000.0));
        if let Some(factor) = factor.filter(|factor| !factor.is_nan()) {
            self.current_suspect_factor = factor;
        }
    }

    /// Changes the range called `name`; the problem that results, if the bounds are out of order, stands at `place`.
    pub(crate) fn change(&mut self, name: &str, change: &RangeChange, place: &str) -> Option<Problem> {
        let range = self.by_name_mut(name)?;
        *range = range.changed(change);
        let (key, value, expected) = range.disorder()?;
        Some(Problem::new(format!("{place}.{key}"), &value.to_string(), expected))
    }

    /// Sets the suspect bounds of `name`, no wider than its hard ones.
    pub(crate) fn narrow(&mut self, name: &str, (low, high): (f64, f64)) {
        if let Some(range) = self.by_name_mut(name) {
            range.suspect_min = low.max(range.hard_min).min(range.hard_max);
            range.suspect_max = high.max(range.hard_min).min(range.hard_max);
        }
    }

    /// What is out of order in ranges that came from elsewhere than a TOML file.
    pub(crate) fn disorders(&self, place: &str) -> Vec<Problem> {
        let disorder = |name: &&str| {
            let (key, value, expected) = self.by_name(name)?.disorder()?;
            Some(Problem::new(format!("{place}.{name}.{key}"), &value.to_string(), expected))
        };
        Self::NAMES.iter().filter_map(disorder).collect()
    }

    /// All ranges as TOML.
    pub(crate) fn written(&self) -> Table {
        let ranges = Self::NAMES.iter().filter_map(|name| {
            let range = self.by_name(name)?;
            let bounds = [
                ("hard_min", range.hard_min),
                ("hard_max", range.hard_max),
                ("suspect_min", range.suspect_min),
                ("suspect_max", range.suspect_max),
            ];
            let table = bounds.into_iter().map(|(key, bound)| (key.to_owned(), Value::from(bound)));
            Some(((*name).to_owned(), Value::Table(table.collect())))
        });
        let mut table: Table = ranges.collect();
        let factor = Table::from_iter([("value".to_owned(), Value::from(self.current_suspect_factor))]);
        table.insert("current_suspect_factor".to_owned(), Value::Table(factor));
        table
    }
}

#[cfg(test)]
mod tests;
