//! The joints of a robot model.

use serde::{Deserialize, Serialize};

use super::laws::JointLaws;
use super::reducer::Reducer;
use super::source::Source;
use crate::problem::Problem;
use crate::section::Section;

/// Bytes of a `source` text at most.
pub(super) const SOURCE_BYTES_MAX: usize = 500;

/// Bytes of a joint's name at most, as in the record.
const NAME_BYTES_MAX: usize = 256;

/// One joint. What is not known is `None`, and the indicators that need it have no value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointModel {
    /// The name in records; empty for the entry that stands for all other names.
    pub name: String,
    /// Its reducer.
    pub reducer: Reducer,
    /// Continuous motor current I_cont, A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuous_current_a: Option<f64>,
    /// Greatest speed at the output, rad/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_speed_rad_s: Option<f64>,
    /// Greatest torque at the output, Nm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_torque_nm: Option<f64>,
    /// What following error means for health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub following_error: Option<FollowingErrorLimits>,
    /// Further laws.
    #[serde(default, skip_serializing_if = "JointLaws::is_empty")]
    pub laws: JointLaws,
    /// Where the numbers are from, or "assumed".
    pub source: Source,
}

/// Following error (RMS) of a joint: 0 < reference < limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowingErrorLimits {
    /// x_ref: a joint in order has this or less, rad.
    pub reference_rad: f64,
    /// x_lim: at this the health index is 0, rad.
    pub limit_rad: f64,
}

/// A table of `[[joints]]` as read: one entry for each of its names, or the default.
pub(super) enum JointsEntry {
    Named(Vec<JointModel>),
    Default(Box<JointModel>),
}

impl JointsEntry {
    /// Reads a table; `reducers` are those that the file defines.
    pub(super) fn read(s: &mut Section<'_>, reducers: &[(String, Reducer)]) -> Self {
        let names = s.texts("names");
        let is_default = s.optional("default", "true, or no such key", |value| value.as_bool().filter(|is| *is));
        let joint = JointModel {
            name: String::new(),
            reducer: read_reducer(s, reducers),
            continuous_current_a: s.optional_number("continuous_current_a", 0.001..=10_000.0),
            max_speed_rad_s: s.optional_number("max_speed_rad_s", 0.001..=1_000.0),
            max_torque_nm: s.optional_number("max_torque_nm", 0.001..=1_000_000.0),
            following_error: read_following_error(s),
            laws: JointLaws::read(s),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        };
        if is_default.is_some() {
            if !names.is_empty() {
                s.problem("names", &names.join(", "), "either `names` or `default = true`");
            }
            return Self::Default(Box::new(joint));
        }
        if names.is_empty() {
            s.problem("names", "", "the names of joints in records, such as [\"J1\"], or `default = true`");
        }
        for name in &names {
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                s.problem("names", name, format!("names of 1 to {NAME_BYTES_MAX} bytes"));
            }
        }
        Self::Named(names.into_iter().map(|name| JointModel { name, ..joint.clone() }).collect())
    }
}

impl JointModel {
    /// What is out of order. NaN stands for what could not be read and was reported then.
    pub(super) fn disorders(&self, place: &str) -> Vec<Problem> {
        let mut found = self.laws.disorders(place);
        if let Some(rating) = self.reducer.rating() {
            found.extend(rating.disorders(&format!("{place}.reducer")));
        }
        if let Some(errors) = self.following_error
            && (errors.reference_rad >= errors.limit_rad || errors.reference_rad <= 0.0)
        {
            let expected = format!("above 0 and below following_error_limit_rad ({})", errors.limit_rad);
            let key = format!("{place}.following_error_ref_rad");
            found.push(Problem::new(key, &errors.reference_rad.to_string(), expected));
        }
        for (key, number) in [
            ("continuous_current_a", self.continuous_current_a),
            ("max_speed_rad_s", self.max_speed_rad_s),
            ("max_torque_nm", self.max_torque_nm),
        ] {
            if let Some(number) = number.filter(|number| *number <= 0.0) {
                found.push(Problem::new(format!("{place}.{key}"), &number.to_string(), "a number above 0"));
            }
        }
        found
    }
}

fn read_reducer(s: &mut Section<'_>, reducers: &[(String, Reducer)]) -> Reducer {
    let names: Vec<_> = reducers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = format!("one of the file's [reducers]: {}", names.join(", "));
    s.required("reducer", &expected, Reducer::Unrated, |value| {
        let name = value.as_str()?;
        let found = reducers.iter().find(|(known, _)| known == name);
        found.map(|(_, reducer)| reducer.clone())
    })
}

fn read_following_error(s: &mut Section<'_>) -> Option<FollowingErrorLimits> {
    let range = 0.000_000_1..=10.0;
    let reference = s.optional_number("following_error_ref_rad", range.clone());
    let limit = s.optional_number("following_error_limit_rad", range);
    match (reference, limit) {
        (None, None) => None,
        (Some(reference_rad), Some(limit_rad)) => Some(FollowingErrorLimits { reference_rad, limit_rad }),
        (Some(_), None) => {
            s.missing("following_error_limit_rad", "a number above following_error_ref_rad");
            None
        }
        (None, Some(_)) => {
            s.missing("following_error_ref_rad", "a number below following_error_limit_rad");
            None
        }
    }
}
