//! The battery pack of a robot model.

use serde::{Deserialize, Serialize};

use super::source::Source;
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
    /// Voltage at which a discharge is complete, V; a full discharge down to it measures the capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off_voltage_v: Option<f64>,
    /// Internal resistance as new and at the end of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resistance: Option<Resistance>,
    /// Cycles to the end of life by depth of discharge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle_life: Option<CycleLife>,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// Direct-current internal resistance of a pack, at 25 °C.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resistance {
    /// As new, R_0, mΩ.
    pub new_mohm: f64,
    /// At the end of life, mΩ; twice R_0 is usual.
    pub end_mohm: f64,
    /// Activation energy E_R by which a value is brought to 25 °C, J/mol.
    pub activation_j_per_mol: f64,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// Cycles to the end of life by depth of discharge: `N(DoD) = a·DoD^−b`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleLife {
    /// a: cycles at full depth.
    pub full_depth_cycles: f64,
    /// b: how much longer shallow cycles last.
    pub depth_exponent: f64,
    /// Data sheet, or "assumed".
    pub source: Source,
}

impl Resistance {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            new_mohm: s.number("new_mohm", 0.001..=1_000_000.0),
            end_mohm: s.number("end_mohm", 0.001..=1_000_000.0),
            activation_j_per_mol: s.number("activation_j_per_mol", 0.0..=200_000.0),
            source: s.text("source", super::joint::SOURCE_BYTES_MAX).into(),
        }
    }
}

impl CycleLife {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            full_depth_cycles: s.number("full_depth_cycles", 1.0..=1_000_000.0),
            depth_exponent: s.number("depth_exponent", 0.1..=5.0),
            source: s.text("source", super::joint::SOURCE_BYTES_MAX).into(),
        }
    }
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
            end_of_life_soh: s.share("end_of_life_soh", 0.1..=0.99),
            rated_cycles: s.number("rated_cycles", 1.0..=1_000_000.0),
            cut_off_voltage_v: s.optional_number("cut_off_voltage_v", 0.5..=1_000.0),
            resistance: s.section("resistance", Resistance::read),
            cycle_life: s.section("cycle_life", CycleLife::read),
            source: s.text("source", super::joint::SOURCE_BYTES_MAX).into(),
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
        if let Some(resistance) = &self.resistance
            && resistance.end_mohm <= resistance.new_mohm
        {
            let expected = format!("more than new_mohm ({})", resistance.new_mohm);
            let key = format!("{place}.resistance.end_mohm");
            found.push(Problem::new(key, &resistance.end_mohm.to_string(), expected));
        }
        let positive = [self.nominal_capacity_ah, self.end_of_life_soh, self.rated_cycles];
        if positive.iter().any(|number| *number <= 0.0) || self.end_of_life_soh >= 1.0 {
            found.push(Problem::new(place, "", "a capacity and cycles above 0, an end of life within 0 to 1"));
        }
        found
    }
}
