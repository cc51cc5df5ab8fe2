//! What a duty asks of a reducer: revolutions, average torque, peaks; of phases, of a window's samples, of a life's counters.
//!
//! The average torque weighs revolutions with the power of torque that the reducer's life law has. What it does to the life
//! is in [`super::strain_wave`] and [`super::rv`].

use tacho_config::models::{MomentaryPeakModel, Reducer, ReducerRating};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::JointSamples;

use super::{Indicator, of_count};

/// The power of torque in a reducer's life law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadExponent {
    /// 3, of strain-wave gears.
    Cube,
    /// 10/3, of RV gears: that of roller bearings.
    TenThirds,
}

impl LoadExponent {
    /// The rating of a reducer, with the power of its law; `None` of one without a law.
    pub(crate) fn of(reducer: &Reducer) -> Option<(&ReducerRating, Self)> {
        match reducer {
            Reducer::StrainWave(rating) => Some((rating, Self::Cube)),
            Reducer::Rv(rating) => Some((rating, Self::TenThirds)),
            Reducer::Unrated => None,
        }
    }

    /// The power of a ratio.
    pub fn raise(self, ratio: f64) -> f64 {
        match self {
            Self::Cube => ratio * ratio * ratio,
            Self::TenThirds => libm::pow(ratio, 10.0 / 3.0),
        }
    }

    /// The root of a power.
    pub fn root(self, power: f64) -> f64 {
        match self {
            Self::Cube => libm::cbrt(power),
            Self::TenThirds => libm::pow(power, 0.3),
        }
    }
}

/// A time of one torque and speed at the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phase {
    /// Torque, Nm.
    pub torque_nm: f64,
    /// Speed, rpm.
    pub output_rpm: f64,
    /// Length, s.
    pub seconds: f64,
}

/// What some phases sum up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duty {
    /// Input revolutions.
    pub input_rev: f64,
    /// Input revolutions weighted with (|T|/T_N)^p.
    pub input_rev_load: f64,
}

impl Duty {
    /// The sum of phases, in order.
    pub fn of(phases: impl IntoIterator<Item = Phase>, rating: &ReducerRating, exponent: LoadExponent) -> Self {
        let mut duty = Self { input_rev: 0.0, input_rev_load: 0.0 };
        for phase in phases {
            let rev = rating.gear_ratio * phase.output_rpm.abs() * phase.seconds / 60.0;
            duty.input_rev += rev;
            duty.input_rev_load += rev * exponent.raise(phase.torque_nm.abs() / rating.rated_torque_nm);
        }
        duty
    }
}

/// The duty of a window's samples.
///
/// # Errors
/// [`Absent::InputMissing`] without step, speed and torque; [`Absent::SmallOscillation`] if the positions span less than one
/// turn of the input: then the bearing does not roll, and the life law does not hold.
pub fn of_samples(
    samples: Option<&JointSamples>,
    rating: &ReducerRating,
    exponent: LoadExponent,
) -> Result<Duty, Absent> {
    let samples = samples.ok_or(Absent::InputMissing)?;
    let (Some(dt_s), Some(speeds), Some(torques)) = (samples.dt_s, &samples.velocity_rad_s, &samples.torque_nm) else {
        return Err(Absent::InputMissing);
    };
    if samples.position_rad.as_ref().is_some_and(|at| oscillates(at, rating.gear_ratio)) {
        return Err(Absent::SmallOscillation);
    }
    let rpm = 30.0 / std::f64::consts::PI;
    let phases = speeds.iter().zip(torques.iter());
    let phases = phases.map(|(speed, torque)| Phase { torque_nm: *torque, output_rpm: speed * rpm, seconds: dt_s });
    Ok(Duty::of(phases, rating, exponent))
}

/// Whether positions, in rad at the output, move and span less than one turn of the input.
fn oscillates(position_rad: &[f64], gear_ratio: f64) -> bool {
    let least = position_rad.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = position_rad.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span_rad = greatest - least;
    span_rad > 0.0 && span_rad * gear_ratio < 2.0 * std::f64::consts::PI
}

/// Life-average torque over its limit, dimensionless: `T_av / T_A`, of an RV gear `T_m / T_0`. Above 1 the reducer is
/// too small for what it does.
///
/// # Errors
/// [`Absent`] says which counter is missing, or that the reducer never turned.
///
/// Source: Harmonic Drive HFUS-2A manual p. 19 (average torque, limit T_A of the rating table).
pub fn average_torque_ratio(
    rating: &ReducerRating,
    exponent: LoadExponent,
    input_rev: Option<f64>,
    rev_load: Indicator,
) -> Indicator {
    let (input_rev, rev_load) = (input_rev.ok_or(Absent::CounterMissing)?, rev_load?);
    if input_rev <= 0.0 {
        return Err(Absent::NoRotation);
    }
    let limit_nm = rating.average_torque_limit_nm.unwrap_or(rating.rated_torque_nm);
    Ok(average_torque_nm(rating, exponent, input_rev, rev_load) / limit_nm)
}

/// Average torque T_av at the output, Nm: `T_N·(Σ rev·(|T|/T_N)^p / Σ rev)^(1/p)`, of more than no revolutions.
pub(super) fn average_torque_nm(rating: &ReducerRating, exponent: LoadExponent, input_rev: f64, rev_load: f64) -> f64 {
    rating.rated_torque_nm * exponent.root(rev_load / input_rev)
}

/// Momentary peaks over their allowed number, dimensionless: `count / N_K`, `N_K = 10^4 / (2·(n/60)·i·t)`.
///
/// # Errors
/// [`Absent`] says which part is missing.
///
/// Source: Harmonic Drive HFUS-2A manual p. 21: momentary peak torque, two load cycles a turn of the input.
pub fn momentary_peak_usage(
    gear_ratio: f64,
    peak: Result<&MomentaryPeakModel, Absent>,
    count: Option<i64>,
) -> Indicator {
    let count = of_count(count.ok_or(Absent::CounterMissing)?);
    let peak = peak?;
    Ok(count / allowed_peaks(gear_ratio, peak))
}

fn allowed_peaks(gear_ratio: f64, peak: &MomentaryPeakModel) -> f64 {
    1e4 / (2.0 * (peak.output_rpm / 60.0) * gear_ratio * peak.seconds)
}

#[cfg(test)]
mod tests {
    use super::super::strain_wave;
    use super::*;

    fn rating(rated_torque_nm: f64, gear_ratio: f64, rated_life_l10_h: f64) -> ReducerRating {
        ReducerRating {
            gear_ratio,
            rated_torque_nm,
            average_torque_limit_nm: Some(1.5 * rated_torque_nm),
            repeated_peak_torque_nm: 2.0 * rated_torque_nm,
            momentary_peak_torque_nm: 4.0 * rated_torque_nm,
            rated_speed_rpm: 2000.0,
            rated_life_l10_h,
            source: "catalogue".into(),
        }
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    fn average_nm(duty: &Duty, rating: &ReducerRating) -> f64 {
        average_torque_nm(rating, LoadExponent::Cube, duty.input_rev, duty.input_rev_load)
    }

    fn phases<const N: usize>(phases: [(f64, f64, f64); N]) -> [Phase; N] {
        phases.map(|(torque_nm, output_rpm, seconds)| Phase { torque_nm, output_rpm, seconds })
    }

    /// HONPINE's worked example; the published average torque is 89 Nm.
    #[test]
    fn a_published_duty_has_an_average_torque_of_89_nm() {
        let rating = rating(100.0, 1.0, 7000.0);
        let duty =
            Duty::of(phases([(150.0, 10.0, 0.2), (82.0, 20.0, 3.0), (130.0, 10.0, 0.3)]), &rating, LoadExponent::Cube);
        near(average_nm(&duty, &rating), 89.386_829_098_712_3);
        near(60.0 * duty.input_rev / 3.7, 17.567_567_567_567_57);
    }

    #[test]
    fn the_catalogue_example_of_the_csf_40_120_averages_320_nm_at_1443_rpm() {
        let rating = rating(294.0, 120.0, 7000.0);
        let duty =
            Duty::of(phases([(400.0, 7.0, 0.3), (320.0, 14.0, 3.0), (200.0, 7.0, 0.4)]), &rating, LoadExponent::Cube);
        near(average_nm(&duty, &rating), 319.738_592_484_893_96);
        near(60.0 * duty.input_rev / 3.9, 1_443.076_923_076_923);
        let ratio = average_torque_ratio(&rating, LoadExponent::Cube, Some(duty.input_rev), Ok(duty.input_rev_load));
        near(ratio.unwrap(), 319.738_592_484_893_96 / 441.0);
    }

    fn window() -> JointSamples {
        JointSamples {
            dt_s: Some(0.1),
            velocity_rad_s: Some([0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.3, -0.2, -0.5, -0.3].into()),
            torque_nm: Some([10.0, 12.0, 15.0, 20.0, 18.0, 12.0, 5.0, -4.0, -10.0, -6.0].into()),
            ..JointSamples::default()
        }
    }

    #[test]
    fn a_window_of_samples_is_a_duty_of_its_steps() {
        let rating = rating(87.0, 100.0, 10_000.0);
        let duty = of_samples(Some(&window()), &rating, LoadExponent::Cube).unwrap();
        near(duty.input_rev, 7.480_282_325_319_081);
        near(average_nm(&duty, &rating), 14.927_530_664_181_383);
        near(60.0 * duty.input_rev / 1.0, 448.816_939_519_144_85);
        near(duty.input_rev_load / strain_wave::rated_input_rev(&rating), 3.148_784_229_552_692e-11);
    }

    #[test]
    fn a_window_that_is_cut_in_two_has_the_duty_of_both_parts() {
        let (rating, whole) = (rating(87.0, 100.0, 10_000.0), window());
        let part = |range: std::ops::Range<usize>| JointSamples {
            dt_s: whole.dt_s,
            velocity_rad_s: whole.velocity_rad_s.as_ref().map(|all| all[range.clone()].into()),
            torque_nm: whole.torque_nm.as_ref().map(|all| all[range.clone()].into()),
            ..JointSamples::default()
        };
        let load =
            |samples: &JointSamples| of_samples(Some(samples), &rating, LoadExponent::Cube).unwrap().input_rev_load;
        for cut in 0..=10 {
            near(load(&part(0..cut)) + load(&part(cut..10)), load(&whole));
        }
    }

    #[test]
    fn strokes_of_less_than_an_input_turn_are_no_duty_of_the_law() {
        let rating = rating(87.0, 100.0, 10_000.0);
        let of = |span: f64| {
            let samples = JointSamples { position_rad: Some([0.0, span, 0.0].into()), ..window() };
            of_samples(Some(&samples), &rating, LoadExponent::Cube)
        };
        assert_eq!(of(0.06), Err(Absent::SmallOscillation));
        assert!(of(0.07).is_ok() && of(0.0).is_ok());
        assert_eq!(of_samples(None, &rating, LoadExponent::Cube), Err(Absent::InputMissing));
    }

    #[test]
    fn a_catalogue_allows_1190_peaks_of_150_ms() {
        let peak = MomentaryPeakModel { output_rpm: 14.0, seconds: 0.15, source: "catalogue".into() };
        near(allowed_peaks(120.0, &peak), 1_190.476_190_476_190_4);
        near(momentary_peak_usage(120.0, Ok(&peak), Some(119)).unwrap(), 119.0 / 1_190.476_190_476_190_4);
        assert_eq!(momentary_peak_usage(120.0, Ok(&peak), None), Err(Absent::CounterMissing));
        assert_eq!(momentary_peak_usage(120.0, Err(Absent::RatingMissing), Some(1)), Err(Absent::RatingMissing));
    }

    #[test]
    fn what_only_held_has_no_average_torque() {
        let rating = rating(87.0, 100.0, 10_000.0);
        let duty = Duty::of(phases([(80.0, 0.0, 10.0)]), &rating, LoadExponent::Cube);
        let none = average_torque_ratio(&rating, LoadExponent::Cube, Some(duty.input_rev), Ok(duty.input_rev_load));
        assert_eq!(none, Err(Absent::NoRotation));
    }
}
