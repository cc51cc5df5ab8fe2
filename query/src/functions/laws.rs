//! Laws that a query asks: probabilities of failure, and how far a prediction may be off. Those of bearings and of batteries
//! are in files of their own.

mod batteries;
mod bearings;

use super::Formula;

/// Shape of the Weibull distribution of strain-wave bearings: with it L50 is five times L10.
const BETA: f64 = 1.170_504_554_525_905_9;
const ZERO_C_IN_K: f64 = 273.15;

/// `1 − 0.9^x`, exact also of small x.
fn failed(x: f64) -> f64 {
    -libm::expm1(x * libm::log(0.9))
}

/// A share of a whole; none outside of 0 to 1, where an empirical law means nothing.
fn share(of: f64) -> Option<f64> {
    Some(of).filter(|of| (0.0..=1.0).contains(of))
}

/// A temperature in K; none at or below absolute zero, where the laws mean nothing.
fn kelvin(temp_c: f64) -> Option<f64> {
    Some(temp_c + ZERO_C_IN_K).filter(|temp_k| *temp_k > 0.0)
}

/// All of them, in the order in which they are documented.
pub(super) fn formulas() -> impl Iterator<Item = &'static Formula> {
    FORMULAS.iter().chain(&bearings::FORMULAS).chain(&batteries::FORMULAS)
}

static FORMULAS: [Formula; 6] = [
    Formula {
        name: "weibull_failure",
        arguments: &["damage"],
        gives: "probability that a reducer of this damage has failed: `1 − 0.9^(D^β)`, β = 1.1705; 0.1 at D = 1",
        source: "Weibull with L50 = 5·L10, Harmonic Drive HFUS-2A manual p. 21",
        compute: |of| (of[0] >= 0.0).then(|| failed(libm::pow(of[0], BETA))),
    },
    Formula {
        name: "weibull_failure_next",
        arguments: &["damage", "further_damage"],
        gives: "probability that a reducer that still runs at D fails within ΔD: `1 − 0.9^((D + ΔD)^β − D^β)`",
        source: "as `weibull_failure`, conditional",
        compute: |of| {
            (of[0] >= 0.0 && of[1] >= 0.0).then(|| failed(libm::pow(of[0] + of[1], BETA) - libm::pow(of[0], BETA)))
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
        name: "alpha_lambda",
        arguments: &["predicted_rul", "true_rul"],
        gives: "1 if a remaining life was predicted within ±20 % of the true one, 0 if not",
        source: "Saxena et al. 2010, Int. J. Prognostics and Health Management 1, the α-λ metric with α = 0.2",
        compute: |of| (of[1] >= 0.0).then(|| if (of[0] - of[1]).abs() <= 0.2 * of[1] { 1.0 } else { 0.0 }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, arguments: &[f64]) -> Option<f64> {
        let formula = formulas().find(|formula| formula.name == name).unwrap();
        assert_eq!(formula.arguments.len(), arguments.len(), "{name}");
        formula.value(arguments)
    }

    /// `name` of some arguments, to eight digits.
    pub(super) fn near(name: &str, arguments: &[f64], expected: f64) {
        let found = value(name, arguments).unwrap();
        assert!((found / expected - 1.0).abs() < 1e-8, "{name}{arguments:?}: {found} is not {expected}");
    }

    #[test]
    fn failures_have_a_tenth_at_the_rated_life_and_a_half_at_five_of_them() {
        for (damage, expected) in
            [(0.25, 0.020_580_509_49), (0.5, 0.045_729_484_53), (1.0, 0.1), (2.0, 0.211_132_108_87), (5.0, 0.5)]
        {
            near("weibull_failure", &[damage], expected);
        }
        near("weibull_failure", &[1e-9], 0.105_360_515_657_826_28 * libm::pow(1e-9, BETA));
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
    fn a_prediction_counts_within_a_fifth_of_the_truth() {
        for (predicted, right) in [(79.0, 0.0), (80.5, 1.0), (100.0, 1.0), (119.5, 1.0), (121.0, 0.0)] {
            assert_eq!(value("alpha_lambda", &[predicted, 100.0]), Some(right), "{predicted}");
        }
        assert_eq!(value("alpha_lambda", &[5.0, -1.0]), None);
    }

    #[test]
    fn what_is_no_number_is_null() {
        assert_eq!(value("weibull_failure", &[-1.0]), None);
        assert_eq!(value("arrhenius_factor", &[1e9, 40.0, 90.0]), None, "infinite");
        assert_eq!(value("arrhenius_factor", &[0.5, 40.0, -274.0]), None, "below absolute zero");
        assert_eq!(value("arrhenius_factor", &[0.5, -300.0, 40.0]), None, "below absolute zero");
        assert_eq!(value("xu_loss", &[-1.0]), None);
        assert_eq!(value("xu_loss", &[0.0]), Some(0.0));
        assert_eq!(value("schmalstieg_capacity", &[3.7, 3.7, -300.0, 365.0, 0.8, 430.0]), None);
        assert_eq!(value("schmalstieg_resistance", &[3.7, 3.7, -300.0, 365.0, 0.8, 430.0]), None);
        assert_eq!(value("wang_cycle_loss", &[31_630.0, 0.5, -300.0, 2000.0]), None);
        assert_eq!(value("naumann_calendar_loss", &[80.0, 1e6]), None, "percent");
        assert_eq!(value("naumann_cycle_loss", &[0.5, -3.0, 100.0]), None);
        assert_eq!(value("schmalstieg_capacity", &[3.7, 3.7, 35.0, 3.65e6, 0.8, 430.0]), None, "far beyond its end");
        assert_eq!(value("naumann_cycle_loss", &[0.5, f64::NAN, 100.0]), None);
    }
}
