//! Laws that a query asks: probabilities of failure, and ageing of batteries under a constant stress.
//!
//! Those in the root of time or charge hold for one stress only: where it varies they need its history, which a record has
//! not, so they are no columns.

use super::Formula;

/// Shape of the Weibull distribution of strain-wave bearings: with it L50 is five times L10.
const BETA: f64 = 1.170_504_554_525_905_9;
const GAS: f64 = 8.314;
const ZERO_C_IN_K: f64 = 273.15;
const SCHMALSTIEG: &str = "Schmalstieg et al. 2014, J. Power Sources 257, for NMC cells of 2.15 Ah (Sanyo UR18650E)";

/// A temperature in K; none at or below absolute zero, where the laws mean nothing.
fn kelvin(temp_c: f64) -> Option<f64> {
    Some(temp_c + ZERO_C_IN_K).filter(|temp_k| *temp_k > 0.0)
}

pub(super) static FORMULAS: [Formula; 11] = [
    Formula {
        name: "weibull_failure",
        arguments: &["damage"],
        gives: "probability that a reducer of this damage has failed: `1 − 0.9^(D^β)`, β = 1.1705; 0.1 at D = 1",
        source: "Weibull with L50 = 5·L10, Harmonic Drive HFUS-2A manual p. 21",
        compute: |of| (of[0] >= 0.0).then(|| 1.0 - libm::pow(0.9, libm::pow(of[0], BETA))),
    },
    Formula {
        name: "weibull_failure_next",
        arguments: &["damage", "further_damage"],
        gives: "probability that a reducer that still runs at D fails within ΔD: `1 − 0.9^((D + ΔD)^β − D^β)`",
        source: "as `weibull_failure`, conditional",
        compute: |of| {
            (of[0] >= 0.0 && of[1] >= 0.0)
                .then(|| 1.0 - libm::pow(0.9, libm::pow(of[0] + of[1], BETA) - libm::pow(of[0], BETA)))
        },
    },
    Formula {
        name: "arrhenius_factor",
        arguments: &["activation_ev", "reference_c", "temp_c"],
        gives: "how much faster something ages at `temp_c` than at `reference_c`",
        source: "Arrhenius' law, k_B = 8.617333262e-5 eV/K",
        compute: |of| {
            let inverse = 1.0 / kelvin(of[1])? - 1.0 / kelvin(of[2])?;
            Some(libm::exp(of[0] / 8.617_333_262e-5 * inverse))
        },
    },
    Formula {
        name: "lost_motion_arcmin",
        arguments: &["forward_rad", "backward_rad"],
        gives: "lost motion of two differences between motor (over the ratio) and joint, in arcmin",
        source: "definition, at ±4 % of the rated torque (RV: 3 %)",
        compute: |of| Some((of[0] - of[1]).abs().to_degrees() * 60.0),
    },
    Formula {
        name: "phm08_score",
        arguments: &["early_by"],
        gives: "penalty of a prediction that is early (negative) or late: `e^(−d/13) − 1` or `e^(d/10) − 1`",
        source: "PHM 2008 data challenge",
        compute: |of| Some(if of[0] < 0.0 { libm::exp(-of[0] / 13.0) } else { libm::exp(of[0] / 10.0) } - 1.0),
    },
    Formula {
        name: "xu_loss",
        arguments: &["ageing"],
        gives: "share of the capacity lost at Xu's ageing f: `1 − α·e^(−β·f) − (1 − α)·e^(−f)`",
        source: "Xu et al. 2016, doi 10.1109/TSG.2016.2578950",
        compute: |of| {
            let loss = 1.0 - 5.75e-2 * libm::exp(-121.0 * of[0]) - (1.0 - 5.75e-2) * libm::exp(-of[0]);
            (of[0] >= 0.0).then_some(loss)
        },
    },
    Formula {
        name: "schmalstieg_capacity",
        arguments: &["voltage_v", "voltage_rms_v", "temp_c", "days", "depth_of_discharge", "throughput_ah"],
        gives: "remaining share of the capacity at constant stress: `1 − α·t^0.75 − β·√Q`, of one cell",
        source: SCHMALSTIEG,
        compute: |of| {
            let alpha = (7.543 * of[0] - 23.75) * 1e6 * libm::exp(-6976.0 / kelvin(of[2])?);
            let beta = 7.348e-3 * (of[1] - 3.667) * (of[1] - 3.667) + 7.6e-4 + 4.081e-3 * of[4];
            Some(1.0 - alpha * libm::pow(of[3], 0.75) - beta * of[5].sqrt())
        },
    },
    Formula {
        name: "schmalstieg_resistance",
        arguments: &["voltage_v", "voltage_rms_v", "temp_c", "days", "depth_of_discharge", "throughput_ah"],
        gives: "resistance over that as new, at constant stress: `1 + α·t^0.75 + β·Q`, of one cell",
        source: SCHMALSTIEG,
        compute: |of| {
            let alpha = (5.270 * of[0] - 16.32) * 1e5 * libm::exp(-5986.0 / kelvin(of[2])?);
            let beta = 2.153e-4 * (of[1] - 3.725) * (of[1] - 3.725) - 1.521e-5 + 2.798e-4 * of[4];
            Some(1.0 + alpha * libm::pow(of[3], 0.75) + beta.max(1.5e-5) * of[5])
        },
    },
    Formula {
        name: "naumann_calendar_loss",
        arguments: &["state_of_charge", "seconds"],
        gives: "share of the capacity lost at rest at 25 °C: `1.2571e-5·(2.8575·(SoC − 0.5)³ + 0.60225)·√t`",
        source: "Naumann et al. 2018, J. Energy Storage 17, for iron-phosphate cells",
        compute: |of| {
            let off = of[0] - 0.5;
            Some(1.2571e-5 * (2.8575 * off * off * off + 0.60225) * of[1].sqrt())
        },
    },
    Formula {
        name: "naumann_cycle_loss",
        arguments: &["c_rate", "depth_of_discharge", "full_cycles"],
        gives: "share of the capacity lost by cycles: `(0.0630·C + 0.0971)·(4.0253·(DoD − 0.6)³ + 1.0923)·√FEC/100`",
        source: "Naumann et al. 2020, J. Power Sources 451, for iron-phosphate cells",
        compute: |of| {
            let off = of[1] - 0.6;
            Some((0.0630 * of[0] + 0.0971) * (4.0253 * off * off * off + 1.0923) * of[2].sqrt() / 100.0)
        },
    },
    Formula {
        name: "wang_cycle_loss",
        arguments: &["factor_b", "c_rate", "temp_c", "throughput_ah"],
        gives: "share of the capacity lost by cycles: `B·exp((−31700 + 370.3·C)/(R·T))·Ah^0.55/100`; B is 31,630 at C/2",
        source: "Wang et al. 2011, J. Power Sources 196, for iron-phosphate cells of 2.2 Ah",
        compute: |of| {
            let rate = libm::exp((-31_700.0 + 370.3 * of[1]) / (GAS * kelvin(of[2])?));
            Some(of[0] * rate * libm::pow(of[3], 0.55) / 100.0)
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn near(name: &str, arguments: &[f64], expected: f64) {
        let formula = FORMULAS.iter().find(|formula| formula.name == name).unwrap();
        assert_eq!(formula.arguments.len(), arguments.len(), "{name}");
        let found = formula.value(arguments).unwrap();
        assert!((found / expected - 1.0).abs() < 1e-8, "{name}{arguments:?}: {found} is not {expected}");
    }

    #[test]
    fn failures_have_a_tenth_at_the_rated_life_and_a_half_at_five_of_them() {
        for (damage, expected) in
            [(0.25, 0.020_580_509_49), (0.5, 0.045_729_484_53), (1.0, 0.1), (2.0, 0.211_132_108_87), (5.0, 0.5)]
        {
            near("weibull_failure", &[damage], expected);
        }
        near("weibull_failure_next", &[0.5, 0.1], 0.011_073_403_579_718_2);
    }

    #[test]
    fn small_formulas_have_their_values() {
        near("arrhenius_factor", &[0.7, 40.0, 70.0], 9.658_393_589_414_06);
        near("lost_motion_arcmin", &[3.2e-4, -2.6e-4], 1.993_893_127_055_265);
        near("phm08_score", &[-10.0], 1.158_105_533_948_444_6);
        near("phm08_score", &[10.0], 1.718_281_828_459_045);
    }

    #[test]
    fn batteries_age_as_their_papers_say() {
        near("xu_loss", &[0.013_055_904], 0.057_878_851_269_218_32);
        let stress = [3.7, 3.7, 35.0, 365.0, 0.8, 430.0];
        near("schmalstieg_capacity", &stress, 0.865_203_596_143_735_3);
        near("schmalstieg_resistance", &stress, 1.186_948_868_642_363_7);
        near("naumann_calendar_loss", &[0.8, 365.0 * 86_400.0], 0.047_962_329_734_375_884);
        near("naumann_cycle_loss", &[0.5, 0.8, 100.0], 0.014_461_100_864);
        let wang = FORMULAS.iter().find(|formula| formula.name == "wang_cycle_loss").unwrap();
        assert!((wang.value(&[31_630.0, 0.5, 25.0, 2000.0]).unwrap() - 0.062_258).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_number_is_null() {
        let weibull = &FORMULAS[0];
        assert_eq!(weibull.value(&[-1.0]), None);
        let value =
            |name, arguments: &[f64]| FORMULAS.iter().find(|formula| formula.name == name).unwrap().value(arguments);
        assert_eq!(value("arrhenius_factor", &[1e9, 40.0, 90.0]), None, "infinite");
        assert_eq!(value("arrhenius_factor", &[0.5, 40.0, -274.0]), None, "below absolute zero");
        assert_eq!(value("arrhenius_factor", &[0.5, -300.0, 40.0]), None, "below absolute zero");
        assert_eq!(value("xu_loss", &[-1.0]), None);
        assert_eq!(value("xu_loss", &[0.0]), Some(0.0));
        assert_eq!(value("schmalstieg_capacity", &[3.7, 3.7, -300.0, 365.0, 0.8, 430.0]), None);
        assert_eq!(value("schmalstieg_resistance", &[3.7, 3.7, -300.0, 365.0, 0.8, 430.0]), None);
        assert_eq!(value("wang_cycle_loss", &[31_630.0, 0.5, -300.0, 2000.0]), None);
    }
}
