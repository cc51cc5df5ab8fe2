//! The brakes of a robot, for the energy that they can take in their life.

use serde::{Deserialize, Serialize};

use super::joint::SOURCE_BYTES_MAX;
use super::source::Source;
use crate::section::Section;

/// What a data sheet says of a robot's brakes, all together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrakeModel {
    /// Energy W_total that the brakes take in their life, J.
    pub life_energy_j: f64,
    /// Energy of one stop from motion, J, for robots that only count stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_energy_j: Option<f64>,
    /// Data sheet, or "assumed".
    pub source: Source,
}

impl BrakeModel {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            life_energy_j: s.number("life_energy_j", 1.0..=1e15),
            stop_energy_j: s.optional_number("stop_energy_j", 0.001..=1e9),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}
