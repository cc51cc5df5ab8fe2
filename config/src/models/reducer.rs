//! Ratings of reducers, as catalogues give them.

use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::problem::Problem;
use crate::section::Section;

/// The reducer of a joint, by the wear law that fits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reducer {
    /// Strain-wave gear: life falls with the cube of torque, over **input** revolutions; the rated speed is the input's.
    StrainWave(ReducerRating),
    /// Cycloidal (RV) gear: exponent 10/3, over **output** revolutions; the rated speed is the output's.
    Rv(ReducerRating),
    /// Direct drive, or a gear for which we have no wear law. Written `none`.
    #[serde(rename = "none")]
    Unrated,
}

/// What a catalogue says of a reducer: T_N ≤ T_A ≤ T_R ≤ T_M, all positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReducerRating {
    /// Input revolutions per output revolution.
    pub gear_ratio: f64,
    /// Rated torque T_N (RV: T_0) at the output, Nm.
    pub rated_torque_nm: f64,
    /// Limit of the average torque T_A, Nm, where the catalogue has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_torque_limit_nm: Option<f64>,
    /// Limit of repeated peak torque T_R (RV: acceleration and braking), Nm.
    pub repeated_peak_torque_nm: f64,
    /// Limit of momentary peak torque T_M, Nm.
    pub momentary_peak_torque_nm: f64,
    /// Speed at which the life is rated, rpm: n_N at the input of a strain-wave gear, N_0 at the output of an RV gear.
    pub rated_speed_rpm: f64,
    /// L10 life at rated torque and speed, h (strain wave 7,000 CSF, 10,000 CSG and SHG; RV 6,000).
    pub rated_life_l10_h: f64,
    /// Catalogue and page, or "assumed".
    pub source: Source,
}

#[derive(Debug, Clone, Copy)]
enum Law {
    StrainWave,
    Rv,
    None,
}

impl Reducer {
    /// The rating, if the reducer has a wear law.
    pub fn rating(&self) -> Option<&ReducerRating> {
        match self {
            Self::StrainWave(rating) | Self::Rv(rating) => Some(rating),
            Self::Unrated => None,
        }
    }

    /// Reads one table of `[reducers.NAME]`.
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        let words = [("strain_wave", Law::StrainWave), ("rv", Law::Rv), ("none", Law::None)];
        match s.choice("kind", &words) {
            Some(Law::StrainWave) => Self::StrainWave(ReducerRating::read(s)),
            Some(Law::Rv) => Self::Rv(ReducerRating::read(s)),
            Some(Law::None) => Self::Unrated,
            // The kind is the problem; the ratings are still looked at.
            None => Self::StrainWave(ReducerRating::read(s)),
        }
    }
}

impl ReducerRating {
    fn read(s: &mut Section<'_>) -> Self {
        let torque = 0.001..=1_000_000.0;
        Self {
            gear_ratio: s.number("gear_ratio", 1.0..=10_000.0),
            rated_torque_nm: s.number("rated_torque_nm", torque.clone()),
            average_torque_limit_nm: s.optional_number("average_torque_limit_nm", torque.clone()),
            repeated_peak_torque_nm: s.number("repeated_peak_torque_nm", torque.clone()),
            momentary_peak_torque_nm: s.number("momentary_peak_torque_nm", torque),
            rated_speed_rpm: s.number("rated_speed_rpm", 0.1..=100_000.0),
            rated_life_l10_h: s.number("rated_life_l10_h", 1.0..=10_000_000.0),
            source: s.text("source", super::joint::SOURCE_BYTES_MAX).into(),
        }
    }

    /// What is out of order. NaN stands for what could not be read and was reported then.
    pub(super) fn disorders(&self, place: &str) -> Vec<Problem> {
        let average = self.average_torque_limit_nm.unwrap_or(self.rated_torque_nm);
        let rising = [
            ("rated_torque_nm", self.rated_torque_nm),
            ("average_torque_limit_nm", average),
            ("repeated_peak_torque_nm", self.repeated_peak_torque_nm),
            ("momentary_peak_torque_nm", self.momentary_peak_torque_nm),
        ];
        let mut found = Vec::new();
        for pair in rising.windows(2) {
            let ((low_key, low), (key, value)) = (pair[0], pair[1]);
            if value < low {
                let expected = format!("at least {low_key} ({low}): T_N ≤ T_A ≤ T_R ≤ T_M");
                found.push(Problem::new(format!("{place}.{key}"), &value.to_string(), expected));
            }
        }
        let all = [self.gear_ratio, self.rated_torque_nm, self.rated_speed_rpm, self.rated_life_l10_h];
        if all.iter().any(|number| *number <= 0.0) {
            found.push(Problem::new(place, "", "a gear ratio, rated torque, speed and life above 0"));
        }
        found
    }
}
