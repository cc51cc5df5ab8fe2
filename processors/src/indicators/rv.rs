//! Wear of cycloidal (RV) reducers: life falls with the power 10/3 of torque, over **output** revolutions.
//!
//! The record's counters are of input revolutions, so the gear ratio comes in. The sum, the hours and the reasons are those of
//! [`super::strain_wave`]; which series has which rated life is the model's configuration.

use tacho_config::models::ReducerRating;
/// Input revolutions at rated torque T_0 that spend the whole life: `60 · K · N_0 · i`, of the rated life K in hours at rated torque
/// T_0 and rated output speed N_0 in rpm. So `D = Σ rev_out·(|T|/T_0)^(10/3) / (60·K·N_0)`.
///
/// Source: Nabtesco RV series, `L_h = K·(N_0/N_m)·(T_0/T_m)^(10/3)`, K = 6,000 h at N_0 = 15 rpm.
pub(super) fn rated_input_rev(rating: &ReducerRating) -> f64 {
    60.0 * rating.rated_life_l10_h * rating.rated_speed_rpm * rating.gear_ratio
}

#[cfg(test)]
mod tests {
    use super::super::duty::{Duty, LoadExponent, Phase, average_torque_nm};
    use super::super::strain_wave::spent;
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    /// Torques 2500, 1000, 1500 Nm at 10, 20, 10 rpm of the output for 0.2, 0.5, 0.2 s; T_0 = 1568 Nm at 15 rpm.
    #[test]
    fn the_catalogues_mean_torque_and_speed_live_6032_hours() {
        let rating = ReducerRating {
            gear_ratio: 81.0,
            rated_torque_nm: 1568.0,
            average_torque_limit_nm: None,
            repeated_peak_torque_nm: 3920.0,
            momentary_peak_torque_nm: 7840.0,
            rated_speed_rpm: 15.0,
            rated_life_l10_h: 6000.0,
            source: "catalogue".into(),
        };
        let phases = [(2500.0, 10.0, 0.2), (1000.0, 20.0, 0.5), (1500.0, 10.0, 0.2)];
        let phases = phases.map(|(torque_nm, output_rpm, seconds)| Phase { torque_nm, output_rpm, seconds });
        let duty = Duty::of(phases, &rating, LoadExponent::TenThirds);
        let average_nm = average_torque_nm(&rating, LoadExponent::TenThirds, duty.input_rev, duty.input_rev_load);
        near(average_nm, 1_548.494_767_048_294_3);
        near(60.0 * duty.input_rev / 0.9 / 81.0, 15.555_555_555_555_557);
        let wear = spent(rated_input_rev(&rating), Ok(duty.input_rev_load), Ok(0.9 / 3600.0));
        near(wear.l10_h.unwrap(), 6_032.232_018_837_525);
    }
}
