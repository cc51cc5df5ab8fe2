//! Life of a rolling bearing that turns with a joint's output, after ISO 281.
//!
//! The load of a bearing is not in a record: it is what the model's configuration says of it, with what torque adds. So
//! this is as good as that estimate. Lubrication (a_ISO) is a configured factor.

use tacho_config::models::{BearingModel, Rolling};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::LOAD_BINS;

use super::load::LOAD_CENTRES;
use super::{Method, Traced};

/// Exponent p of the life equation.
fn exponent(rolling: Rolling) -> f64 {
    match rolling {
        Rolling::Balls => 3.0,
        Rolling::Rollers => 10.0 / 3.0,
    }
}

/// Rating life in million revolutions: `L_nm = a1·a_ISO·(C/P)^p`.
///
/// * `load_n`: equivalent dynamic load P, N, above 0.
///
/// Source: ISO 281:2007; a1 is 1 at 90 % reliability.
pub fn rating_life_mrev(bearing: &BearingModel, load_n: f64) -> f64 {
    let basic = libm::pow(bearing.dynamic_rating_n / load_n, exponent(bearing.rolling));
    bearing.reliability_factor * bearing.lubrication_factor * basic
}

/// Spent life, dimensionless: `Σ rev_out,k / (10^6·L_nm(P_k))`, with `P_k = P_0 + c·|T_k|`.
///
/// * `input_rev`: cumulative input revolutions, of which the output makes one in `gear_ratio`.
/// * `load_hist_rev`: the same by |T|/T_N, each bin at its centre; needed where torque adds to the load.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: ISO 281:2007 with a Palmgren-Miner sum over the load spectrum.
pub fn bearing_damage(
    bearing: Result<&BearingModel, Absent>,
    (gear_ratio, rated_torque_nm): (f64, f64),
    input_rev: Option<f64>,
    load_hist_rev: Option<&[f64; LOAD_BINS]>,
) -> Traced {
    let no_counter = input_rev.is_none() && load_hist_rev.is_none();
    let bearing = match bearing {
        _ if no_counter => return Err(Absent::CounterMissing),
        bearing => bearing?,
    };
    let damage = |rev: f64, load_n: f64| {
        let turns = rev / gear_ratio;
        if load_n > 0.0 { turns / (1e6 * rating_life_mrev(bearing, load_n)) } else { 0.0 }
    };
    match load_hist_rev {
        Some(bins) => {
            let mut sum = 0.0;
            for (rev, ratio) in bins.iter().zip(LOAD_CENTRES) {
                sum += damage(*rev, bearing.load_n + bearing.load_per_torque_n_per_nm * ratio * rated_torque_nm);
            }
            Ok((sum, Method::LoadHistogram))
        }
        None if bearing.load_per_torque_n_per_nm > 0.0 => Err(Absent::CounterMissing),
        None => Ok((damage(input_rev.ok_or(Absent::CounterMissing)?, bearing.load_n), Method::Sent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearing(rolling: Rolling, reliability_factor: f64, load_per_torque_n_per_nm: f64) -> BearingModel {
        BearingModel {
            rolling,
            dynamic_rating_n: 35.0,
            load_n: 8.0,
            load_per_torque_n_per_nm,
            reliability_factor,
            lubrication_factor: 1.0,
            source: "test".into(),
        }
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-11, "{value} is not {expected}");
    }

    #[test]
    fn a_bearing_of_c_35_under_8_lives_84_million_turns() {
        let balls = rating_life_mrev(&bearing(Rolling::Balls, 1.0, 0.0), 8.0);
        near(balls, 83.740_234_375);
        near(balls * 1e6 / (60.0 * 1500.0), 930.447_048_611_111);
        let rollers = rating_life_mrev(&bearing(Rolling::Rollers, 1.0, 0.0), 8.0);
        near(rollers, 136.959_929_735_679_47);
        near(rollers * 1e6 / (60.0 * 1500.0), 1_521.776_997_063_105);
        near(rating_life_mrev(&bearing(Rolling::Balls, 0.25, 0.0), 8.0) * 1e6 / 90_000.0, 232.611_762_152_777);
        let skf_6309 = BearingModel { dynamic_rating_n: 55.3, load_n: 10.0, ..bearing(Rolling::Balls, 1.0, 0.0) };
        assert!((rating_life_mrev(&skf_6309, 10.0) * 1e6 / 180_000.0 - 939.513_2).abs() < 1e-3);
    }

    #[test]
    fn spent_life_counts_turns_of_the_output_under_their_loads() {
        let plain = bearing(Rolling::Balls, 1.0, 0.0);
        let (damage, method) = bearing_damage(Ok(&plain), (100.0, 5.0), Some(83.740_234_375e8), None).unwrap();
        near(damage, 1.0);
        assert_eq!(method, Method::Sent);
        let mut bins = [0.0; LOAD_BINS];
        (bins[0], bins[7]) = (1e8, 1e8);
        let loaded = bearing(Rolling::Balls, 1.0, 2.0);
        let expected = 1.0 / 83.740_234_375 + 1.0 / (35.0_f64 / (8.0 + 2.0 * 1.125 * 5.0)).powi(3);
        let (damage, method) = bearing_damage(Ok(&loaded), (100.0, 5.0), Some(2e8), Some(&bins)).unwrap();
        near(damage, expected);
        assert_eq!(method, Method::LoadHistogram);
        assert_eq!(bearing_damage(Ok(&loaded), (100.0, 5.0), Some(2e8), None), Err(Absent::CounterMissing));
        assert_eq!(bearing_damage(Ok(&plain), (100.0, 5.0), None, None), Err(Absent::CounterMissing));
        let unknown = bearing_damage(Err(Absent::RatingMissing), (100.0, 5.0), Some(1.0), None);
        assert_eq!(unknown, Err(Absent::RatingMissing));
    }
}
