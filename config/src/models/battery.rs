//! The battery pack of a robot model.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::section::Section;

/// Cell chemistry, as far as voltages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chemistry {
    /// Lithium-ion with nickel, manganese, cobalt: 2.5 to 4.25 V per cell.
    LiIon,
    /// Lithium iron phosphate: 2.0 to 3.65 V per cell.
    Lfp,
}

/// What a data sheet says of a pack; packs of one model are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatteryModel {
    /// Nominal capacity C_nom, Ah.
    pub nominal_capacity_ah: f64,
    /// Nominal voltage, V.
    pub nominal_voltage_v: f64,
    /// Cells in series.
    pub cells_in_series: u32,
    /// Chemistry of the cells.
    pub chemistry: Chemistry,
    /// State of health at which the pack has reached the end of its life, 0 to 1; 0.8 is usual in industry.
    pub end_of_life_soh: f64,
    /// Full cycles to the end of life, by the data sheet.
    pub rated_cycles: f64,
    /// Data sheet, or "assumed".
    pub source: String,
}

impl Chemistry {
    /// Lowest and highest voltage of a sound cell, V.
    pub fn cell_voltage_v(self) -> (f64, f64) {
        match self {
            Self::LiIon => (2.5, 4.25),
            Self::Lfp => (2.0, 3.65),
        }
    }
}

impl BatteryModel {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        let words = [("li_ion", Chemistry::LiIon), ("lfp", Chemistry::Lfp)];
        Self {
            nominal_capacity_ah: s.number("nominal_capacity_ah", 0.01..=100_000.0),
            nominal_voltage_v: s.number("nominal_voltage_v", 1.0..=1_000.0),
            cells_in_series: s.integer("cells_in_series", 1..=400),
            chemistry: s.choice("chemistry", &words).unwrap_or(Chemistry::LiIon),
            end_of_life_soh: s.number("end_of_life_soh", 0.1..=0.99),
            rated_cycles: s.number("rated_cycles", 1.0..=1_000_000.0),
            source: s.text("source", super::joint::SOURCE_BYTES_MAX),
        }
    }

    /// Suspect bounds that follow from the pack, for `cell_voltage_v` and `pack_voltage_v`.
    pub(super) fn suspect_voltages(&self) -> [(&'static str, (f64, f64)); 2] {
        let (low, high) = self.chemistry.cell_voltage_v();
        let cells = f64::from(self.cells_in_series);
        [("cell_voltage_v", (low, high)), ("pack_voltage_v", (low * cells, high * cells))]
    }

    pub(super) fn disorders(&self, place: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        let (low, high) = self.chemistry.cell_voltage_v();
        let per_cell = self.nominal_voltage_v / f64::from(self.cells_in_series);
        if per_cell < low || per_cell > high {
            let cells = self.cells_in_series;
            let expected = format!("{low} to {high} V for each of {cells} cells in series");
            let value = self.nominal_voltage_v.to_string();
            found.push(Problem::new(format!("{place}.nominal_voltage_v"), &value, expected));
        }
        let positive = [self.nominal_capacity_ah, self.end_of_life_soh, self.rated_cycles];
        if positive.iter().any(|number| *number <= 0.0) || self.end_of_life_soh >= 1.0 {
            found.push(Problem::new(place, "", "a capacity and cycles above 0, an end of life within 0 to 1"));
        }
        found
    }
}
