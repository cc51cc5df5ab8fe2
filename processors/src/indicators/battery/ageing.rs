//! Ageing of a pack by models: Xu's semi-empirical loss, and Miner's sum over cycles by depth of discharge.
//!
//! Both are additive, so cumulative counters carry them. Models in the root of time or charge (Schmalstieg, Naumann, Wang) are
//! not: they need the history of the stress, and are SQL functions of constant stress.

use std::sync::LazyLock;

use tacho_config::models::{Chemistry, CycleLife};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Battery, SOC_BINS, TEMP_BINS};

use crate::indicators::temperature::{TEMP_CENTRES_C, ZERO_C_IN_K};
use crate::indicators::{FormulaSet, Indicator, Method, Traced};

const ALPHA_SEI: f64 = 5.75e-2;
const BETA_SEI: f64 = 121.0;
const K_DELTA: [f64; 3] = [1.40e5, -5.01e-1, -1.23e5];
const K_SIGMA: f64 = 1.04;
const SIGMA_REFERENCE: f64 = 0.5;
const K_TEMP: f64 = 6.93e-2;
const TEMP_REFERENCE_K: f64 = 298.15;
const K_TIME_PER_S: f64 = 4.14e-10;

/// How far a pack's age may be above the hours that its histogram counts: a factor, and hours.
const AGE_TOLERANCE: f64 = 1.05;
const AGE_TOLERANCE_H: f64 = 1.0;

/// Centres of the tenths of a state of charge, or depth of discharge.
const TENTHS: [f64; SOC_BINS] = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];

/// Ageing of one cycle of a depth of discharge δ, above 0 to 1: `S_δ = 1/(k1·δ^k2 + k3)`.
pub fn of_depth(depth: f64) -> f64 {
    let [k1, k2, k3] = K_DELTA;
    1.0 / (k1 * libm::pow(depth.min(1.0), k2) + k3)
}

/// Factor of a state of charge σ: `S_σ = exp(k_σ·(σ − 0.5))`.
pub fn of_charge(state_of_charge: f64) -> f64 {
    libm::exp(K_SIGMA * (state_of_charge - SIGMA_REFERENCE))
}

/// Factor of a temperature in °C: `S_T = exp(k_T·(T − T_ref)·(T_ref/T))`, T in K.
pub fn of_temperature(temp_c: f64) -> f64 {
    let temp_k = temp_c + ZERO_C_IN_K;
    libm::exp(K_TEMP * (temp_k - TEMP_REFERENCE_K) * (TEMP_REFERENCE_K / temp_k))
}

/// Share of the capacity that is lost at an ageing of f: `L = 1 − α·exp(−β·f) − (1 − α)·exp(−f)`.
pub fn loss(ageing: f64) -> f64 {
    1.0 - ALPHA_SEI * libm::exp(-BETA_SEI * ageing) - (1.0 - ALPHA_SEI) * libm::exp(-ageing)
}

/// Loss of capacity by Xu's model, dimensionless: of the terms that the edge sums up, else of the histograms: cycles by depth, and all
/// hours, each at the mean factor of temperature and the mean factor of charge over the hours of their bins.
///
/// # Errors
/// [`Absent`] says what is missing; [`Absent::NotApplicable`] for iron-phosphate cells, of which the constants are not (before the
/// formulas 2026.3 only by histograms). Of the formulas 2026.3 on, [`Absent::NoOperatingHours`] of cycles or an age with no hours by
/// temperature or charge, [`Absent::Inconsistent`] of an age that the hours do not make up: then calendar ageing would be too small.
///
/// Source: Xu et al., IEEE Trans. Smart Grid 9 (2018) 1131, doi 10.1109/TSG.2016.2578950, constants for LMO cells.
pub fn xu_loss(pack: &Battery, chemistry: Result<Chemistry, Absent>, formulas: FormulaSet) -> Traced {
    let of_law = || if chemistry? == Chemistry::Lfp { Err(Absent::NotApplicable) } else { Ok(()) };
    if let (Some(cycle), Some(calendar)) = (pack.ageing_cycle, pack.ageing_calendar) {
        if formulas >= FormulaSet::Y2026R3 {
            of_law()?;
        }
        return Ok((loss(cycle + calendar), Method::Sent));
    }
    let cycles = pack.soc_rainflow_hist_cycles.as_deref().ok_or(Absent::CounterMissing)?;
    let hours_at_temp = pack.temp_hist_h.as_deref().ok_or(Absent::CounterMissing)?;
    let hours_at_charge = pack.soc_hist_h.as_deref().ok_or(Absent::CounterMissing)?;
    of_law()?;
    if formulas >= FormulaSet::Y2026R3 {
        cover_the_age(pack.age_d, cycles, hours_at_temp, hours_at_charge)?;
    }
    Ok((loss(ageing_of(cycles, hours_at_temp, hours_at_charge)), Method::Histograms))
}

/// Whether the hours of the histograms tell at what temperature and charge the pack aged.
fn cover_the_age(
    age_d: Option<f64>,
    cycles: &[f64; SOC_BINS],
    at_temp: &[f64; TEMP_BINS],
    at_charge: &[f64; SOC_BINS],
) -> Result<(), Absent> {
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let (hours, hours_of_charge) = (sum(at_temp), sum(at_charge));
    let age_h = age_d.map_or(0.0, |days| 24.0 * days);
    let aged = age_h > 0.0 || hours > 0.0 || hours_of_charge > 0.0 || sum(cycles) > 0.0;
    if aged && (hours <= 0.0 || hours_of_charge <= 0.0) {
        return Err(Absent::NoOperatingHours);
    }
    if age_h > AGE_TOLERANCE * hours + AGE_TOLERANCE_H { Err(Absent::Inconsistent) } else { Ok(()) }
}

/// Ageing f of cumulative histograms.
fn ageing_of(cycles: &[f64; SOC_BINS], at_temp: &[f64; TEMP_BINS], at_charge: &[f64; SOC_BINS]) -> f64 {
    static BY_DEPTH: LazyLock<[f64; SOC_BINS]> = LazyLock::new(|| TENTHS.map(of_depth));
    static BY_CHARGE: LazyLock<[f64; SOC_BINS]> = LazyLock::new(|| TENTHS.map(of_charge));
    static BY_TEMP: LazyLock<[f64; TEMP_BINS]> = LazyLock::new(|| TEMP_CENTRES_C.map(of_temperature));
    let of_charge = mean(at_charge, &BY_CHARGE);
    let of_temp = mean(at_temp, &BY_TEMP);
    let hours: f64 = at_temp.iter().sum();
    let calendar = K_TIME_PER_S * 3600.0 * hours * of_temp * of_charge;
    let by_depth = dot(cycles, &BY_DEPTH);
    calendar + by_depth * of_temp * of_charge
}

/// Mean of a factor over the hours of its bins; 1 of no hours.
fn mean<const N: usize>(hours: &[f64; N], factors: &[f64; N]) -> f64 {
    let sum: f64 = hours.iter().sum();
    if sum > 0.0 { dot(hours, factors) / sum } else { 1.0 }
}

fn dot<const N: usize>(values: &[f64; N], factors: &[f64; N]) -> f64 {
    values.iter().zip(factors).fold(0.0, |sum, (value, factor)| sum + value * factor)
}

/// Miner sum over cycles by depth of discharge, dimensionless: `Σ n_i/N(DoD_i)`, `N = a·DoD^−b`, bins at their centres.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: Wöhler line of the data sheet's cycles over depth, Palmgren-Miner.
pub fn cycle_damage(cycle_life: Result<&CycleLife, Absent>, cycles: Option<&[f64; SOC_BINS]>) -> Indicator {
    let cycles = cycles.ok_or(Absent::CounterMissing)?;
    let life = cycle_life?;
    let mut sum = 0.0;
    for (count, depth) in cycles.iter().zip(TENTHS) {
        sum += damage_of(life, depth, *count);
    }
    Ok(sum)
}

fn damage_of(life: &CycleLife, depth: f64, count: f64) -> f64 {
    count * libm::pow(depth, life.depth_exponent) / life.full_depth_cycles
}

#[cfg(test)]
mod tests {
    use crate::indicators::fatigue::rainflow;

    use super::*;

    const YEAR_S: f64 = 365.0 * 86_400.0;

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn factors_are_those_of_the_papers_constants() {
        near(of_depth(1.0), 1.0 / 17_000.0);
        near(of_depth(0.8), 2.979_765_324_358_680_7e-5);
        near(of_depth(0.5), 1.331_076_139_747_887_7e-5);
        near(of_depth(0.2), 5.247_862_962_969_579_4e-6);
        near(of_temperature(35.0), 1.955_236_098_141_042);
        near(of_temperature(45.0), 3.665_157_421_691_458);
        near(of_temperature(15.0), 0.488_190_307_886_696_26);
        near(of_charge(0.8), 1.366_154_693_029_48);
    }

    #[test]
    fn a_thousand_deep_cycles_lose_8_percent_and_a_year_of_rest_6() {
        near(loss(1000.0 * of_depth(0.8)), 0.083_607_518_905_687_63);
        near(loss(K_TIME_PER_S * YEAR_S), 0.057_878_851_269_218_32);
        near(1.0 - loss(1000.0 * of_depth(0.8) + K_TIME_PER_S * YEAR_S), 0.903_285_614_022_474_1);
        near(loss(K_TIME_PER_S * YEAR_S * of_temperature(35.0)), 0.078_635_587_076_578_58);
        assert_eq!(loss(0.0), 0.0);
    }

    /// States of charge 1, 0.4, 0.7, 0.2, 1 at 25 °C.
    #[test]
    fn a_series_of_charges_ages_by_the_depth_and_mean_of_its_cycles() {
        let (mut ageing, mut damage) = (0.0, 0.0);
        let life = CycleLife { full_depth_cycles: 3000.0, depth_exponent: 1.3, source: "test".into() };
        rainflow::<8>(&[1.0, 0.4, 0.7, 0.2, 1.0], |cycle| {
            ageing += cycle.count * of_depth(cycle.range) * of_charge(cycle.mean);
            damage += damage_of(&life, cycle.range, cycle.count);
        });
        near(ageing, 4.098_886_459_263_781_4e-5);
        near(damage, 3.190_841_162_796_273e-4);
    }

    #[test]
    fn histograms_stand_in_for_the_terms_of_the_edge() {
        let mut pack = Battery { ageing_cycle: Some(0.02), ageing_calendar: Some(0.01), ..Battery::default() };
        let xu_loss = |pack: &Battery, chemistry| xu_loss(pack, chemistry, FormulaSet::Y2026R3);
        assert_eq!(xu_loss(&pack, Ok(Chemistry::LiIon)), Ok((loss(0.03), Method::Sent)));
        assert_eq!(xu_loss(&pack, Ok(Chemistry::Lfp)), Err(Absent::NotApplicable));
        assert_eq!(xu_loss(&pack, Err(Absent::ModelUnknown)), Err(Absent::ModelUnknown));
        pack.ageing_cycle = None;
        assert_eq!(xu_loss(&pack, Ok(Chemistry::LiIon)), Err(Absent::CounterMissing));
        let (mut cycles, mut temps, mut charges) = ([0.0; SOC_BINS], [0.0; TEMP_BINS], [0.0; SOC_BINS]);
        (cycles[7], temps[3], charges[5]) = (100.0, 8760.0, 8760.0);
        pack.soc_rainflow_hist_cycles = Some(Box::new(cycles));
        pack.temp_hist_h = Some(Box::new(temps));
        pack.soc_hist_h = Some(Box::new(charges));
        let factor = of_temperature(45.0) * of_charge(0.55);
        let (found, method) = xu_loss(&pack, Ok(Chemistry::LiIon)).unwrap();
        near(found, loss((100.0 * of_depth(0.75) + K_TIME_PER_S * YEAR_S) * factor));
        assert_eq!(method, Method::Histograms);
        assert_eq!(xu_loss(&pack, Ok(Chemistry::Lfp)), Err(Absent::NotApplicable));
    }

    #[test]
    fn histograms_without_hours_or_of_less_than_the_age_tell_nothing() {
        let of = |cycle_count: f64, hours: [f64; 2], age_d: Option<f64>, formulas| {
            let (mut cycles, mut temps, mut charges) = ([0.0; SOC_BINS], [0.0; TEMP_BINS], [0.0; SOC_BINS]);
            (cycles[7], temps[3], charges[5]) = (cycle_count, hours[0], hours[1]);
            let pack = Battery {
                soc_rainflow_hist_cycles: Some(Box::new(cycles)),
                temp_hist_h: Some(Box::new(temps)),
                soc_hist_h: Some(Box::new(charges)),
                age_d,
                ..Battery::default()
            };
            xu_loss(&pack, Ok(Chemistry::LiIon), formulas)
        };
        let now = |cycles, hours, age_d| of(cycles, hours, age_d, FormulaSet::Y2026R3);
        let no_hours = Err(Absent::NoOperatingHours);
        assert_eq!(now(100.0, [0.0, 0.0], None), no_hours);
        assert_eq!(now(0.0, [0.0, 0.0], Some(300.0)), no_hours);
        assert_eq!(now(0.0, [100.0, 0.0], None), no_hours);
        assert_eq!(now(0.0, [0.0, 100.0], None), no_hours);
        assert_eq!(now(0.0, [0.0, 0.0], Some(0.0)), Ok((0.0, Method::Histograms)), "as new");
        assert!(
            of(100.0, [0.0, 0.0], None, FormulaSet::Y2026R2).is_ok(),
            "at 25 °C and a half, as the former formulas"
        );

        let year = 365.0;
        assert_eq!(now(100.0, [2000.0, 2000.0], Some(year)), Err(Absent::Inconsistent), "only the hours in operation");
        assert!(now(100.0, [8760.0, 8760.0], Some(year)).is_ok());
        assert!(now(100.0, [8345.0, 8345.0], Some(year)).is_ok(), "5 % less");
        assert_eq!(now(100.0, [8340.0, 8340.0], Some(year)), Err(Absent::Inconsistent));
        assert!(now(0.0, [0.5, 0.5], Some(0.06)).is_ok(), "an hour, of a pack of this morning");
        assert!(of(100.0, [2000.0, 2000.0], Some(year), FormulaSet::Y2026R2).is_ok(), "as the former formulas");
    }

    #[test]
    fn cycles_by_depth_are_summed_at_the_centres_of_their_tenths() {
        let life = CycleLife { full_depth_cycles: 1000.0, depth_exponent: 2.0, source: "test".into() };
        let mut cycles = [0.0; SOC_BINS];
        (cycles[1], cycles[9]) = (4000.0, 500.0);
        let expected = 4.0 * 0.15_f64.powi(2) + 0.5 * 0.95_f64.powi(2);
        near(cycle_damage(Ok(&life), Some(&cycles)).unwrap(), expected);
        assert_eq!(cycle_damage(Ok(&life), None), Err(Absent::CounterMissing));
        assert_eq!(cycle_damage(Err(Absent::RatingMissing), Some(&cycles)), Err(Absent::RatingMissing));
    }
}
