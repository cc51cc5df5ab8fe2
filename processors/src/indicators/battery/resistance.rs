//! Internal resistance of a pack at 25 °C, and the state of health that follows from it.
//!
//! As the pack says it, else from a step of the current in the window's samples. Samples that are too coarse for a step
//! give none: a resistance across seconds is not the same figure.

use tacho_config::models::Resistance;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::Battery;

use crate::indicators::temperature::ZERO_C_IN_K;
use crate::indicators::{FormulaSet, Indicator, Method, Traced};

/// Least step of the current, as a share of the nominal capacity (1/h).
const STEP_MIN_C: f64 = 0.2;
/// Longest time between the two samples of a step, s.
const STEP_MAX_S: f64 = 1.0;
/// Gas constant, J/(mol·K).
const GAS_J_PER_MOL_K: f64 = 8.314_462_618;

/// Resistance at 25 °C, mΩ: `R_T·exp(−(E_R/R)·(1/T − 1/298.15 K))`.
///
/// Source: Arrhenius' law with the configured activation energy; 20 kJ/mol is usual for lithium-ion cells.
pub fn at_25c_mohm(resistance_mohm: f64, temp_c: f64, activation_j_per_mol: f64) -> f64 {
    let inverse = 1.0 / (temp_c + ZERO_C_IN_K) - 1.0 / (25.0 + ZERO_C_IN_K);
    resistance_mohm * libm::exp(-activation_j_per_mol / GAS_J_PER_MOL_K * inverse)
}

/// Resistance of a pack at 25 °C, mΩ.
///
/// # Errors
/// [`Absent`] says what is missing: a resistance with its temperature, or samples with a step; of the formulas 2026.3 on,
/// [`Absent::OutOfRange`] of a resistance that is not above 0.
///
/// Source: IEC 61960-3 direct-current method: `|ΔV/ΔI|` across a step of at least 0.2 C within 1 s.
pub fn dcir_25c_mohm(
    pack: &Battery,
    nominal_ah: Result<f64, Absent>,
    resistance: Result<&Resistance, Absent>,
    formulas: FormulaSet,
) -> Traced {
    let of_samples = nominal_ah.ok().and_then(|nominal_ah| step_mohm(pack, nominal_ah));
    let mean_temp_c = 0.5 * (pack.temp_min_c + pack.temp_max_c);
    let (mohm, temp_c, method) = match (of_samples, pack.dcir_mohm) {
        (Some(mohm), _) => (mohm, mean_temp_c, Method::Samples),
        (None, Some(mohm)) => (mohm, pack.dcir_temp_c.unwrap_or(mean_temp_c), Method::Sent),
        (None, None) => return Err(Absent::InputMissing),
    };
    if formulas >= FormulaSet::Y2026R3 && mohm <= 0.0 {
        return Err(Absent::OutOfRange);
    }
    let mohm = mohm.abs();
    Ok((at_25c_mohm(mohm, temp_c, resistance?.activation_j_per_mol), method))
}

/// `ΔV/ΔI` of the greatest step of the samples, mΩ; negative if the voltage went against the current.
fn step_mohm(pack: &Battery, nominal_ah: f64) -> Option<f64> {
    let samples = pack.samples.as_deref()?;
    let (t_s, voltage) = (samples.t_s.as_deref()?, samples.voltage_v.as_deref()?);
    greatest_step_mohm(t_s, voltage, samples.current_a.as_deref()?, STEP_MIN_C * nominal_ah, STEP_MAX_S)
}

/// `ΔV/ΔI` in mΩ of the greatest step of at least `least_a` within `within_s`, of equal ones the last;
/// times in s, voltages in V, currents in A.
fn greatest_step_mohm(t_s: &[f64], voltage: &[f64], current: &[f64], least_a: f64, within_s: f64) -> Option<f64> {
    let (mut greatest_a, mut found) = (least_a, None);
    for ((t, volts), amperes) in t_s.windows(2).zip(voltage.windows(2)).zip(current.windows(2)) {
        let signed_a = amperes[1] - amperes[0];
        let step_a = signed_a.abs();
        if t[1] - t[0] <= within_s && step_a >= greatest_a && step_a > 0.0 {
            greatest_a = step_a;
            found = Some(1e3 * (volts[1] - volts[0]) / signed_a);
        }
    }
    found
}

/// State of health by resistance, dimensionless, 1 as new and 0 at the end: `(R_EoL − R)/(R_EoL − R_0)`; may be negative.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: resistance growth to twice the new value as the end of life.
pub fn soh_resistance(resistance: Result<&Resistance, Absent>, at_25c_mohm: Indicator) -> Indicator {
    let at_25c_mohm = at_25c_mohm?;
    let resistance = resistance?;
    let span = resistance.end_mohm - resistance.new_mohm;
    if span > 0.0 { Ok((resistance.end_mohm - at_25c_mohm) / span) } else { Err(Absent::RatingMissing) }
}

#[cfg(test)]
mod tests {
    use tacho_schemas::record::BatterySamples;

    use super::*;
    use crate::indicators::battery::b0005;

    fn rated(activation_j_per_mol: f64) -> Resistance {
        Resistance { new_mohm: 20.0, end_mohm: 40.0, activation_j_per_mol, source: "test".into() }
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    fn stepping(seconds: f64) -> Battery {
        let samples = BatterySamples {
            t_s: Some([0.0, 10.0, 10.0 + seconds].into()),
            current_a: Some([-2.0, -2.0, -42.0].into()),
            voltage_v: Some([52.1, 52.1, 50.9].into()),
            soc: None,
        };
        Battery { temp_min_c: 24.0, temp_max_c: 26.0, samples: Some(Box::new(samples)), ..Battery::default() }
    }

    #[test]
    fn a_step_of_40_a_that_takes_1_2_v_is_30_milliohms() {
        let (mohm, method) = dcir_25c_mohm(&stepping(0.5), Ok(30.0), Ok(&rated(2e4)), FormulaSet::Y2026R3).unwrap();
        near(mohm, 30.0);
        assert_eq!(method, Method::Samples);
        near(soh_resistance(Ok(&rated(2e4)), Ok(30.0)).unwrap(), 0.5);
    }

    /// Its samples are 19 s apart: too coarse for a resistance, and the steps at load-on neither rise nor fall with age.
    #[test]
    fn the_steps_of_b0005_are_as_published_and_too_slow_to_be_taken() {
        for (cycle, ohm) in
            [("1", 0.107_345_974_169_080_29), ("100", 0.102_263_995_107_407_62), ("168", 0.108_862_083_603_140_72)]
        {
            let Some(discharge) = b0005::discharge(cycle) else { return };
            let load_on = 0..3;
            let (t_s, voltage) = (&discharge.t_s[load_on.clone()], &discharge.voltage_v[load_on.clone()]);
            let step =
                |within_s| greatest_step_mohm(t_s, voltage, &discharge.current_a[load_on.clone()], 0.4, within_s);
            near(step(60.0).unwrap(), 1e3 * ohm);
            assert_eq!(step(STEP_MAX_S), None);
        }
    }

    #[test]
    fn a_cold_resistance_is_brought_to_25_degrees() {
        near(at_25c_mohm(30.0, 10.0, 20_000.0), 19.566_055_998_795_89);
        let pack = Battery { dcir_mohm: Some(30.0), dcir_temp_c: Some(10.0), ..Battery::default() };
        let (mohm, method) = dcir_25c_mohm(&pack, Ok(30.0), Ok(&rated(20_000.0)), FormulaSet::Y2026R3).unwrap();
        near(mohm, 19.566_055_998_795_89);
        assert_eq!(method, Method::Sent);
    }

    #[test]
    fn of_several_steps_the_greatest_counts_and_of_equal_ones_the_last() {
        let step = |current: [f64; 4]| {
            greatest_step_mohm(&[0.0, 0.5, 1.0, 1.5], &[50.0, 49.0, 48.5, 49.7], &current, 6.0, STEP_MAX_S).unwrap()
        };
        near(step([0.0, -40.0, -50.0, -40.0]), 25.0);
        near(step([0.0, -40.0, -40.0, 0.0]), 30.0);
    }

    #[test]
    fn samples_too_coarse_or_steps_too_small_give_none() {
        let found =
            |pack: &Battery, nominal_ah| dcir_25c_mohm(pack, Ok(nominal_ah), Ok(&rated(2e4)), FormulaSet::Y2026R3);
        assert_eq!(found(&stepping(18.0), 30.0), Err(Absent::InputMissing));
        assert_eq!(found(&stepping(0.5), 300.0), Err(Absent::InputMissing));
        let no_rating = dcir_25c_mohm(&stepping(0.5), Ok(30.0), Err(Absent::RatingMissing), FormulaSet::Y2026R3);
        assert_eq!(no_rating, Err(Absent::RatingMissing));
    }

    #[test]
    fn a_resistance_that_is_not_above_0_is_none() {
        let found = |pack: &Battery, formulas| dcir_25c_mohm(pack, Ok(30.0), Ok(&rated(2e4)), formulas);
        let none = Battery { dcir_mohm: Some(0.0), ..Battery::default() };
        let mut rising = stepping(0.5);
        rising.samples.as_mut().unwrap().voltage_v = Some([50.9, 50.9, 52.1].into());
        for pack in [none, rising] {
            assert_eq!(found(&pack, FormulaSet::Y2026R3), Err(Absent::OutOfRange));
            assert!(found(&pack, FormulaSet::Y2026R2).unwrap().0 >= 0.0, "as the former formulas had it");
        }
    }
}
