//! Wear of strain-wave reducers: the life of the wave-generator bearing, spent.
//!
//! The law is the catalogue's (Harmonic Drive, HFUS-2A manual p. 19 and 21): life falls with the cube of torque and
//! with input speed. Written as a sum over input revolutions it needs one cumulative counter per joint and no state,
//! so a lost or repeated record does no harm. Other reducers, momentary peaks and grease are not here; trends, and
//! remaining life from trends, are SQL.

use tacho_config::models::ReducerRating;
use tacho_schemas::reason::Absent;

use super::Indicator;

/// Input revolutions at rated torque that spend the whole L10 life: R_N = 60 · L10 · n_N.
pub(super) fn rated_input_rev(rating: &ReducerRating) -> f64 {
    60.0 * rating.rated_life_l10_h * rating.rated_speed_rpm
}

/// Wear of one reducer since it was new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReducerWear {
    /// Spent life, dimensionless and not clamped: 1 is the point that 10 % of reducers do not reach.
    pub damage: Indicator,
    /// L10 life at the load seen so far, in operating hours.
    pub l10_h: Indicator,
    /// Hours left until `damage` is 1 if the load stays as it was on average; negative past it.
    pub rul_h: Indicator,
}

impl ReducerWear {
    /// No wear can be told, for one reason.
    pub fn absent(reason: Absent) -> Self {
        Self { damage: Err(reason), l10_h: Err(reason), rul_h: Err(reason) }
    }
}

/// Wear from two cumulative counters of the same component: `D = Σ rev·(|T|/T_N)³ / R_N`, `L10h = H/D`, `RUL = H·(1−D)/D`.
///
/// * `rev_load`: Σ rev · (|T| / T_N)³, in input revolutions ([`super::load`]).
/// * `operating_h`: hours in operation since the component was new, the pauses of its cycle included.
///
/// `rating` says the life L10 in hours at rated torque T_N and at the rated input speed n_N in rpm.
/// Each value is absent for a reason of its own: damage needs no hours, and what never turned has no life to extrapolate.
///
/// Source: Harmonic Drive HFUS-2A manual p. 19 and 21, SHG manual p. 30 and 32 (L10 = L50/5).
pub fn wear(rating: &ReducerRating, rev_load: Indicator, operating_h: Indicator) -> ReducerWear {
    spent(rated_input_rev(rating), rev_load, operating_h)
}

/// Wear when `rated_rev` input revolutions at rated torque are the whole L10 life.
pub(super) fn spent(rated_rev: f64, rev_load: Indicator, operating_h: Indicator) -> ReducerWear {
    let spent_rev = match rev_load {
        Ok(spent_rev) => spent_rev,
        Err(reason) => return ReducerWear::absent(reason),
    };
    if rated_rev <= 0.0 || !rated_rev.is_finite() {
        return ReducerWear::absent(Absent::RatingMissing);
    }
    let damage = spent_rev / rated_rev;
    let life = life_h(damage, operating_h);
    ReducerWear { damage: Ok(damage), l10_h: life.map(|(l10_h, _)| l10_h), rul_h: life.map(|(_, rul_h)| rul_h) }
}

/// L10 life and the rest of it, in hours.
fn life_h(damage: f64, operating_h: Indicator) -> Result<(f64, f64), Absent> {
    if damage <= 0.0 {
        return Err(Absent::NoRotation);
    }
    let operating_h = operating_h?;
    if operating_h <= 0.0 {
        return Err(Absent::NoOperatingHours);
    }
    let l10_h = operating_h / damage;
    if !l10_h.is_finite() {
        return Err(Absent::NoRotation);
    }
    Ok((l10_h, l10_h - operating_h))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(rated_torque_nm: f64, rated_life_l10_h: f64) -> ReducerRating {
        ReducerRating {
            gear_ratio: 100.0,
            rated_torque_nm,
            average_torque_limit_nm: None,
            repeated_peak_torque_nm: 2.0 * rated_torque_nm,
            momentary_peak_torque_nm: 4.0 * rated_torque_nm,
            rated_speed_rpm: 2000.0,
            rated_life_l10_h,
            source: "catalogue".into(),
        }
    }

    fn csf_40_120() -> ReducerRating {
        rating(294.0, 7000.0)
    }

    fn shg_25_100() -> ReducerRating {
        rating(87.0, 10_000.0)
    }

    fn near(indicator: Indicator, expected: f64) {
        let value = indicator.expect("all is there");
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    /// The catalogue's example: torques 400, 320, 200 Nm at 7, 14, 7 rpm for 0.3, 3, 0.4 s, then 0.2 s of rest, i = 120.
    #[test]
    fn catalogue_example_of_the_csf_40_120_lives_7542_hours() {
        let phases: [(f64, f64, f64); 3] = [(400.0, 7.0, 0.3), (320.0, 14.0, 3.0), (200.0, 7.0, 0.4)];
        let cycle_h = 3.9 / 3600.0;
        let rev_load = phases
            .iter()
            .map(|(torque_nm, output_rpm, seconds)| 120.0 * output_rpm * seconds / 60.0 * (torque_nm / 294.0).powi(3))
            .sum();
        let wear = wear(&csf_40_120(), Ok(rev_load), Ok(cycle_h));
        near(wear.damage, 1.436_371_361_600_929e-7);
        near(wear.l10_h, 7_542.153_528_638_229);
        near(wear.rul_h, 7_542.153_528_638_229 - cycle_h);
        // The catalogue rounds to 319 Nm at 1440 rpm.
        let rounded: f64 = 7000.0 * (2000.0 / 1440.0) * (294.0_f64 / 319.0).powi(3);
        assert!((rounded - 7_610.89).abs() < 0.01, "{rounded}");
    }

    /// SHG-25-100 (T_N 87 Nm) at an average torque of 60 Nm and an average input speed of 1000 rpm.
    #[test]
    fn catalogue_example_of_the_shg_25_100_lives_60972_hours() {
        let operating_h = 100.0;
        let rev_load = 60.0 * 1000.0 * operating_h * (60.0_f64 / 87.0).powi(3);
        let l10_h = wear(&shg_25_100(), Ok(rev_load), Ok(operating_h)).l10_h;
        near(l10_h, 60_972.5);
        near(l10_h.map(|l10_h| 5.0 * l10_h), 304_862.5);
    }

    /// One second of torque and speed at 10 Hz, i = 100.
    #[test]
    fn a_window_of_samples_spends_what_its_sum_says() {
        let torque_nm: [f64; 10] = [10.0, 12.0, 15.0, 20.0, 18.0, 12.0, 5.0, -4.0, -10.0, -6.0];
        let speed_rad_s: [f64; 10] = [0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.3, -0.2, -0.5, -0.3];
        let rev_load = torque_nm
            .iter()
            .zip(speed_rad_s)
            .map(|(torque, speed)| {
                100.0 * speed.abs() * 0.1 / (2.0 * std::f64::consts::PI) * (torque.abs() / 87.0).powi(3)
            })
            .sum();
        near(wear(&shg_25_100(), Ok(rev_load), Ok(1.0)).damage, 3.148_784_229_552_692e-11);
    }

    #[test]
    fn a_component_that_never_turned_has_damage_0_and_no_life_to_extrapolate() {
        let wear = wear(&csf_40_120(), Ok(0.0), Ok(12.0));
        assert_eq!((wear.damage, wear.l10_h, wear.rul_h), (Ok(0.0), Err(Absent::NoRotation), Err(Absent::NoRotation)));
    }

    #[test]
    fn without_hours_there_is_damage_and_no_life() {
        let wear = wear(&csf_40_120(), Ok(8.4e8), Err(Absent::NoOperatingHours));
        assert_eq!((wear.damage, wear.rul_h), (Ok(1.0), Err(Absent::NoOperatingHours)));
    }

    #[test]
    fn a_record_without_the_counter_says_so() {
        let wear = wear(&csf_40_120(), Err(Absent::CounterMissing), Ok(12.0));
        assert_eq!(wear, ReducerWear::absent(Absent::CounterMissing));
    }

    #[test]
    fn past_its_life_the_damage_goes_on_and_the_rest_is_negative() {
        let wear = wear(&csf_40_120(), Ok(2.0 * rated_input_rev(&csf_40_120())), Ok(9_000.0));
        assert_eq!((wear.damage, wear.rul_h), (Ok(2.0), Ok(-4_500.0)));
    }
}
