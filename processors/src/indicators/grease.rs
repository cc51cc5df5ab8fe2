//! Grease of a reducer: how many of its lives the reducer's turns have spent.
//!
//! The counter runs since the component was new. Since the last greasing is a difference of two records, so it is SQL, as is
//! grease that is old in years.

use tacho_config::models::GreaseModel;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::TEMP_BINS;

use super::Indicator;

/// Spent lives of the grease, dimensionless: `Σ rev(T_bin)/L_GTn(T_bin) · max(1, T_av/T_N)^p`, p of the reducer's life law.
///
/// * `rev_by_temp`: cumulative input revolutions per bin of grease temperature.
/// * `torque_power`: (T_av/T_N)^p over the life so far; below 1 the grease lives no longer.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: Harmonic Drive HFUS-2SH manual p. 53, `L_GT = L_GTn(T)·(T_N/T_av)^3` where T_av is above T_N.
pub fn grease_usage(
    grease: Result<&GreaseModel, Absent>,
    rev_by_temp: Option<&[f64; TEMP_BINS]>,
    torque_power: Indicator,
) -> Indicator {
    let rev_by_temp = rev_by_temp.ok_or(Absent::CounterMissing)?;
    let grease = grease?;
    let torque_power = match torque_power {
        Ok(power) => power.max(1.0),
        Err(Absent::NoRotation) => 1.0,
        Err(reason) => return Err(reason),
    };
    let mut sum = 0.0;
    for (revolutions, life_rev) in rev_by_temp.iter().zip(&grease.life_rev) {
        sum += revolutions / life_rev;
    }
    Ok(sum * torque_power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grease(life_rev: f64) -> GreaseModel {
        GreaseModel { life_rev: [life_rev; TEMP_BINS], source: "test".into() }
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    /// 1.2 times the rated torque at 40 °C: 491,898,148 input revolutions.
    #[test]
    fn above_rated_torque_the_grease_lives_shorter_by_its_cube() {
        let mut turns = [0.0; TEMP_BINS];
        turns[2] = 491_898_148.148_148_2;
        near(grease_usage(Ok(&grease(8.5e8)), Some(&turns), Ok(1.2_f64.powi(3))).unwrap(), 1.0);
        near(grease_usage(Ok(&grease(8.5e8)), Some(&turns), Ok(0.2)).unwrap(), 491_898_148.148_148_2 / 8.5e8);
    }

    /// Yamaha's worked example: 10 moves a minute of a quarter turn, ratio 80, 24 h on 240 days a year.
    #[test]
    fn a_scara_of_yamahas_example_is_greased_after_2_17_years() {
        let mut turns = [0.0; TEMP_BINS];
        turns[1] = 10.0 * 0.25 * 80.0 * 60.0 * 24.0 * 240.0;
        let a_year = grease_usage(Ok(&grease(1.5e8)), Some(&turns), Err(Absent::NoRotation)).unwrap();
        near(1.0 / a_year, 2.170_138_888_888_889);
    }

    #[test]
    fn what_is_missing_is_named() {
        let turns = [1.0; TEMP_BINS];
        assert_eq!(grease_usage(Ok(&grease(1.0)), None, Ok(1.0)), Err(Absent::CounterMissing));
        assert_eq!(grease_usage(Err(Absent::RatingMissing), Some(&turns), Ok(1.0)), Err(Absent::RatingMissing));
        let no_load = grease_usage(Ok(&grease(1.0)), Some(&turns), Err(Absent::CounterMissing));
        assert_eq!(no_load, Err(Absent::CounterMissing));
    }
}
