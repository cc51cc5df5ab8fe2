//! Health and use of a battery pack: state of health by capacity, equivalent full cycles.
//!
//! Both need only cumulative counters or one record. Resistance, ageing models and use are in this folder; abuse counters are
//! measured values, and trends over records are SQL.

pub mod ageing;
#[cfg(test)]
mod b0005;
pub mod full_discharge;
pub mod plausible;
pub mod resistance;
pub mod usage;

use tacho_schemas::reason::Absent;

use super::{FormulaSet, Indicator, health};

/// Least change of the state of charge from which a capacity is estimated: below it the error of the state of charge,
/// σ_C/C ≈ √2·σ_SoC/|ΔSoC|, is too large.
pub const PARTIAL_CYCLE_MIN_DELTA_SOC: f64 = 0.4;

/// How far the time that samples span may be off the window's length, as a share of it, for the window's states of charge
/// to be those of the samples.
pub(super) const SPAN_TOLERANCE: f64 = 0.01;

/// How a state of health by capacity came about; the text is the column `soh_capacity_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapacityMethod {
    /// The battery management's last full measurement.
    FullChargeAh,
    /// Charge counted over a full discharge, down to the cut-off voltage.
    FullDischarge,
    /// Charge counted over a part of a cycle, over the change of the state of charge.
    PartialCycle,
}

impl CapacityMethod {
    /// The text in the lake.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullChargeAh => "full_charge_ah",
            Self::FullDischarge => "full_discharge",
            Self::PartialCycle => "partial_cycle",
        }
    }
}

/// What the window's samples say of the charge that flowed; arrays of one length.
#[derive(Debug, Clone, Copy)]
pub struct ChargeSamples<'a> {
    /// Times, in s.
    pub t_s: &'a [f64],
    /// Currents, in A; discharge negative.
    pub current_a: &'a [f64],
    /// States of charge, 0–1, if sampled.
    pub soc: Option<&'a [f64]>,
    /// States of charge at the window's start and end, 0–1, if known.
    pub window_soc: Option<(f64, f64)>,
    /// Length of the window, in s.
    pub window_s: f64,
}

/// State of health by capacity, `Q / C_nom`, dimensionless, and how Q was found.
///
/// * `nominal_ah`: nominal capacity C_nom, in Ah.
/// * `full_charge_ah`: capacity by the battery management's last full measurement, in Ah.
/// * `samples`: else the partial-cycle estimate `|ΔAh| / |ΔSoC|`.
///
/// # Errors
/// [`Absent`] says what is missing, or that too little charge flowed for an estimate.
///
/// Source: sensor_msgs/BatteryState `capacity` over `design_capacity` (ROS 2); capacity by charge counting as in the NASA
/// battery data set (B0005).
pub fn soh_capacity(
    nominal_ah: Result<f64, Absent>,
    full_charge_ah: Option<f64>,
    samples: Option<ChargeSamples<'_>>,
) -> Result<(f64, CapacityMethod), Absent> {
    positive(nominal_ah)?;
    soh_of(nominal_ah, capacity_ah(full_charge_ah, None, samples, FormulaSet::Y2026R1))
}

/// Capacity in Ah, and how it was found: as measured by the pack, else by a full discharge, else by a part of a cycle.
///
/// # Errors
/// [`Absent`] says what is missing, or that too little charge flowed for an estimate.
pub fn capacity_ah(
    full_charge_ah: Option<f64>,
    full_discharge_ah: Option<f64>,
    samples: Option<ChargeSamples<'_>>,
    formulas: FormulaSet,
) -> Result<(f64, CapacityMethod), Absent> {
    match (full_charge_ah, full_discharge_ah) {
        (Some(capacity_ah), _) => Ok((capacity_ah, CapacityMethod::FullChargeAh)),
        (None, Some(capacity_ah)) => Ok((capacity_ah, CapacityMethod::FullDischarge)),
        (None, None) => {
            let samples = samples.ok_or(Absent::InputMissing)?;
            Ok((partial_cycle_ah(&samples, formulas)?, CapacityMethod::PartialCycle))
        }
    }
}

/// State of health of a capacity: `Q / C_nom`.
///
/// # Errors
/// The reason why there is no capacity, or no C_nom.
pub fn soh_of(
    nominal_ah: Result<f64, Absent>,
    capacity: Result<(f64, CapacityMethod), Absent>,
) -> Result<(f64, CapacityMethod), Absent> {
    let nominal_ah = positive(nominal_ah)?;
    capacity.map(|(capacity_ah, method)| (capacity_ah / nominal_ah, method))
}

/// Capacity in Ah by a part of a cycle: `|ΔAh| / |ΔSoC|`, if the state of charge changed by 0.4 or more.
///
/// # Errors
/// [`Absent::InputMissing`] if there are no states of charge, [`Absent::BelowMinThroughput`] if they hardly differ; of the formulas
/// 2026.3 on, [`Absent::Inconsistent`] if samples that have none do not span the window whose states of charge are known, or if charge
/// flowed in while the state of charge fell, or the reverse.
pub fn partial_cycle_ah(samples: &ChargeSamples<'_>, formulas: FormulaSet) -> Indicator {
    let delta_soc = delta_soc(samples, formulas)?;
    if delta_soc.abs() < PARTIAL_CYCLE_MIN_DELTA_SOC {
        return Err(Absent::BelowMinThroughput);
    }
    let charge_ah = net_charge_ah(samples.t_s, samples.current_a).ok_or(Absent::InputMissing)?;
    if formulas >= FormulaSet::Y2026R3 && charge_ah * delta_soc <= 0.0 {
        return Err(Absent::Inconsistent);
    }
    Ok(charge_ah.abs() / delta_soc.abs())
}

/// Change of the state of charge over the samples; the window's own only if the samples span the window.
fn delta_soc(samples: &ChargeSamples<'_>, formulas: FormulaSet) -> Indicator {
    if let Some([first, .., last]) = samples.soc {
        return Ok(last - first);
    }
    let (start, end) = samples.window_soc.ok_or(Absent::InputMissing)?;
    match spans_window(samples) {
        true => Ok(end - start),
        false if formulas >= FormulaSet::Y2026R3 => Err(Absent::Inconsistent),
        false => Err(Absent::InputMissing),
    }
}

/// Whether the samples span the window.
fn spans_window(samples: &ChargeSamples<'_>) -> bool {
    let [first_s, .., last_s] = samples.t_s else { return false };
    (last_s - first_s - samples.window_s).abs() <= SPAN_TOLERANCE * samples.window_s
}

/// Charge that flowed, in Ah, negative if drawn: ∫I dt by the trapezoid rule; `None` of fewer than two samples.
///
/// Source: charge counting of the NASA battery data set, whose published capacities it gives.
pub fn net_charge_ah(t_s: &[f64], current_a: &[f64]) -> Option<f64> {
    if t_s.len() < 2 || t_s.len() != current_a.len() {
        return None;
    }
    let mut charge_as = 0.0;
    for (t, current) in t_s.windows(2).zip(current_a.windows(2)) {
        charge_as += (current[0] + current[1]) / 2.0 * (t[1] - t[0]);
    }
    Some(charge_as / 3600.0)
}

/// Equivalent full cycles: charge throughput, drawn and put in, over `2 · C_nom`.
///
/// * `nominal_ah`: nominal capacity C_nom, in Ah.
/// * `discharged_ah`, `charged_ah`: cumulative charge drawn and put in, in Ah.
///
/// # Errors
/// [`Absent::CounterMissing`] without the charge put in, or the reason why there is no C_nom.
///
/// Source: BLAST-Lite (NREL): Ah = EFC · 2 · capacity.
pub fn equivalent_full_cycles(
    nominal_ah: Result<f64, Absent>,
    discharged_ah: f64,
    charged_ah: Option<f64>,
) -> Indicator {
    let nominal_ah = positive(nominal_ah)?;
    let charged_ah = charged_ah.ok_or(Absent::CounterMissing)?;
    Ok((discharged_ah + charged_ah) / (2.0 * nominal_ah))
}

/// Health of the pack: its state of health between 1 (as new) and the end of life.
///
/// # Errors
/// The reason why there is no state of health, or no end of life.
///
/// Source: end of life at 80 % of capacity in the industry, 70 % in the NASA test (2.0 to 1.4 Ah).
pub fn pack_health(soh: Indicator, end_of_life_soh: Result<f64, Absent>) -> Indicator {
    health::between(soh?, 1.0, end_of_life_soh?)
}

fn positive(nominal_ah: Result<f64, Absent>) -> Indicator {
    nominal_ah.and_then(|ah| if ah > 0.0 { Ok(ah) } else { Err(Absent::RatingMissing) })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn near(value: f64, expected: f64, tolerance: f64) {
        assert!((value / expected - 1.0).abs() < tolerance, "{value} is not {expected}");
    }

    fn half_discharge(soc: Option<&'static [f64]>, window_soc: Option<(f64, f64)>) -> ChargeSamples<'static> {
        ChargeSamples {
            t_s: &[0.0, 1800.0, 3600.0],
            current_a: &[-10.0, -10.0, -10.0],
            soc,
            window_soc,
            window_s: 3600.0,
        }
    }

    #[test]
    fn a_measured_capacity_goes_before_an_estimate() {
        let samples = half_discharge(None, Some((0.9, 0.4)));
        let soh = soh_capacity(Ok(30.0), Some(28.9), Some(samples));
        assert_eq!(soh, Ok((28.9 / 30.0, CapacityMethod::FullChargeAh)));
    }

    #[test]
    fn half_a_discharge_of_10_ah_is_a_capacity_of_20_ah() {
        let samples = half_discharge(None, Some((0.9, 0.4)));
        let (soh, method) = soh_capacity(Ok(25.0), None, Some(samples)).expect("enough charge flowed");
        near(soh, 0.8, 1e-12);
        assert_eq!(method, CapacityMethod::PartialCycle);
    }

    #[test]
    fn sampled_states_of_charge_go_before_those_of_the_window() {
        let samples = half_discharge(Some(&[1.0, 0.75, 0.5]), Some((0.9, 0.1)));
        near(partial_cycle_ah(&samples, FormulaSet::Y2026R3).expect("enough charge flowed"), 20.0, 1e-12);
    }

    #[test]
    fn a_small_change_of_the_state_of_charge_gives_no_estimate() {
        let samples = half_discharge(None, Some((0.9, 0.51)));
        assert_eq!(partial_cycle_ah(&samples, FormulaSet::Y2026R3), Err(Absent::BelowMinThroughput));
    }

    #[test]
    fn charge_that_flows_in_while_the_state_of_charge_falls_is_no_capacity() {
        for current_a in [&[10.0; 3], &[0.0; 3]] {
            let samples = ChargeSamples { current_a, ..half_discharge(None, Some((0.9, 0.4))) };
            assert_eq!(partial_cycle_ah(&samples, FormulaSet::Y2026R3), Err(Absent::Inconsistent));
        }
        let samples = ChargeSamples { current_a: &[10.0; 3], ..half_discharge(None, Some((0.4, 0.9))) };
        near(partial_cycle_ah(&samples, FormulaSet::Y2026R3).expect("a charge"), 20.0, 1e-12);
    }

    #[test]
    fn samples_of_a_part_of_the_window_do_not_go_with_the_states_of_charge_of_all_of_it() {
        let samples = ChargeSamples { window_s: 3700.0, ..half_discharge(None, Some((0.9, 0.4))) };
        assert_eq!(partial_cycle_ah(&samples, FormulaSet::Y2026R3), Err(Absent::Inconsistent));
        let longer = ChargeSamples { window_s: 3500.0, ..half_discharge(None, Some((0.9, 0.4))) };
        assert_eq!(partial_cycle_ah(&longer, FormulaSet::Y2026R3), Err(Absent::Inconsistent));
        assert_eq!(partial_cycle_ah(&longer, FormulaSet::Y2026R2), Err(Absent::InputMissing), "as the former formulas");
        let unknown = half_discharge(None, None);
        assert_eq!(partial_cycle_ah(&unknown, FormulaSet::Y2026R3), Err(Absent::InputMissing));
        assert_eq!(soh_capacity(Ok(25.0), None, None), Err(Absent::InputMissing));
    }

    #[test]
    fn equivalent_full_cycles_count_both_directions() {
        let cycles = equivalent_full_cycles(Ok(2.0), 264.180_113_802_310_36, Some(264.180_113_802_310_36));
        near(cycles.expect("all is there"), 132.090_056_901_155_18, 1e-12);
        assert_eq!(equivalent_full_cycles(Ok(2.0), 1.0, None), Err(Absent::CounterMissing));
        assert_eq!(equivalent_full_cycles(Ok(0.0), 1.0, Some(1.0)), Err(Absent::RatingMissing));
    }

    #[test]
    fn a_pack_is_as_new_at_1_and_at_its_end_at_80_percent() {
        near(pack_health(Ok(0.9), Ok(0.8)).expect("all is there"), 0.5, 1e-12);
        assert_eq!(pack_health(Ok(1.03), Ok(0.8)), Ok(1.0));
        assert_eq!(pack_health(Ok(0.5), Ok(0.8)), Ok(0.0));
        assert_eq!(pack_health(Err(Absent::InputMissing), Ok(0.8)), Err(Absent::InputMissing));
    }

    /// The capacities that the data set publishes for its cycles 1, 2 and 168.
    #[test]
    fn charge_counting_gives_the_published_capacities_of_b0005() {
        let published =
            [("1", 1.856_487_420_818_157_9), ("2", 1.846_327_249_719_926_8), ("168", 1.325_079_328_642_935_6)];
        for (cycle, capacity_ah) in published {
            let Some(discharge) = b0005::discharge(cycle) else { return };
            let charge_ah = net_charge_ah(&discharge.t_s, &discharge.current_a).expect("a charge");
            near(-charge_ah, capacity_ah, 1e-12);
        }
    }
}
