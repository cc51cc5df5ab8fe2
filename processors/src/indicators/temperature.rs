//! What temperature does to a motor: equivalent hours (Arrhenius) and spent life of the winding (Montsinger).
//!
//! Both are sums over the cumulative hours per temperature, so no state is needed. Grease is in [`super::grease`], battery
//! ageing in [`super::battery`].

use std::sync::LazyLock;

use tacho_config::models::WindingModel;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::TEMP_BINS;

use super::Indicator;

/// Temperature that stands for each bin of the histograms, °C: the bin's centre. The inner edges are 0, 20, 40, 50, 60, 70
/// and 80 °C; the two open bins are taken at their edge.
pub const TEMP_CENTRES_C: [f64; TEMP_BINS] = [0.0, 10.0, 30.0, 45.0, 55.0, 65.0, 75.0, 80.0];

/// Boltzmann's constant, eV/K.
const BOLTZMANN_EV_PER_K: f64 = 8.617_333_262e-5;

/// 0 °C in K.
pub(super) const ZERO_C_IN_K: f64 = 273.15;

/// Activation energy of [`temp_equivalent_h`], eV: oxidation of grease.
pub const ACTIVATION_EV: f64 = 0.5;

/// Temperature of [`temp_equivalent_h`], °C.
pub const EQUIVALENT_AT_C: f64 = 40.0;

/// How much faster something ages at `temp_c` than at `reference_c`: `exp((E_a/k_B)·(1/T_ref − 1/T))`, temperatures in °C.
///
/// Source: Arrhenius' law; E_a 0.7 eV for electronics, 0.5 eV for oxidation of grease.
pub fn acceleration(activation_ev: f64, reference_c: f64, temp_c: f64) -> f64 {
    let inverse = 1.0 / (reference_c + ZERO_C_IN_K) - 1.0 / (temp_c + ZERO_C_IN_K);
    libm::exp(activation_ev / BOLTZMANN_EV_PER_K * inverse)
}

/// Hours at 40 °C that age as much as the hours so far, h: `Σ h_bin·AF(T_bin)` with 0.5 eV.
///
/// # Errors
/// [`Absent::CounterMissing`] without the histogram.
///
/// Source: Arrhenius' law over the motor's temperature histogram, each bin at its centre.
pub fn temp_equivalent_h(hours: Option<&[f64; TEMP_BINS]>) -> Indicator {
    static FACTORS: LazyLock<[f64; TEMP_BINS]> =
        LazyLock::new(|| TEMP_CENTRES_C.map(|centre| acceleration(ACTIVATION_EV, EQUIVALENT_AT_C, centre)));
    let hours = hours.ok_or(Absent::CounterMissing)?;
    Ok(weighted(hours, &FACTORS))
}

/// Spent life of the winding's insulation, dimensionless: `Σ h_bin·2^((T_bin + ΔT − T_class)/10) / L_class`.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: Montsinger's rule (life halves per 10 K); class F is 155 °C and 20,000 h.
pub fn winding_damage(winding: Result<&WindingModel, Absent>, hours: Option<&[f64; TEMP_BINS]>) -> Indicator {
    let hours = hours.ok_or(Absent::CounterMissing)?;
    let winding = winding?;
    let factors = TEMP_CENTRES_C.map(|centre| libm::exp2((centre + winding.rise_k - winding.class_temp_c) / 10.0));
    Ok(weighted(hours, &factors) / winding.life_h)
}

fn weighted(hours: &[f64; TEMP_BINS], factors: &[f64; TEMP_BINS]) -> f64 {
    let mut sum = 0.0;
    for (hours, factor) in hours.iter().zip(factors) {
        sum += hours * factor;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn electronics_age_nearly_ten_times_faster_at_70_than_at_40_degrees() {
        near(acceleration(0.7, 40.0, 70.0), 9.658_393_589_414_06);
        near(acceleration(0.5, 25.0, 55.0), 5.924_783_786_263_784);
        assert_eq!(acceleration(0.5, 40.0, 40.0), 1.0);
    }

    #[test]
    fn hours_at_40_degrees_are_what_is_counted() {
        let mut hours = [0.0; TEMP_BINS];
        (hours[2], hours[6]) = (100.0, 10.0);
        let expected = 100.0 * acceleration(0.5, 40.0, 30.0) + 10.0 * acceleration(0.5, 40.0, 75.0);
        near(temp_equivalent_h(Some(&hours)).unwrap(), expected);
        assert_eq!(temp_equivalent_h(None), Err(Absent::CounterMissing));
    }

    /// Class F at 125 °C: 160,000 h. Here 45 °C of the histogram with a rise of 80 K.
    #[test]
    fn a_winding_30_kelvin_below_its_class_lives_eight_times_as_long() {
        let winding = WindingModel { class_temp_c: 155.0, life_h: 20_000.0, rise_k: 80.0, source: "test".into() };
        let mut hours = [0.0; TEMP_BINS];
        hours[3] = 160_000.0;
        near(winding_damage(Ok(&winding), Some(&hours)).unwrap(), 1.0);
        assert_eq!(winding_damage(Ok(&winding), None), Err(Absent::CounterMissing));
        assert_eq!(winding_damage(Err(Absent::RatingMissing), Some(&hours)), Err(Absent::RatingMissing));
    }
}
