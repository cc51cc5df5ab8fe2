//! Thermal load of a motor: the heat of its current as a share of what it bears for ever.
//!
//! One window only: how a winding warms up over minutes, and what temperature does to its life, is elsewhere.

use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Joint, JointSamples};

use super::{FormulaSet, Indicator, Method, Traced};

/// Thermal load rate in %: `100 · I_rms² / I_cont²`; 100 is the motor's continuous limit, and more is no error.
///
/// * `continuous_current_a`: greatest continuous current of the motor, in A.
/// * `rms_a`: root mean square of the current in the window, in A.
///
/// # Errors
/// [`Absent`] says whether the record or the model's configuration lacks it, or why there is no current.
///
/// Source: OPC 40010-1 (OPC UA for Robotics) `EffectiveLoadRate`: percent of the maximum continuous load, as the Joule
/// integral.
pub fn thermal_load_rate_pct(continuous_current_a: Result<f64, Absent>, rms_a: Indicator) -> Indicator {
    let continuous_current_a = continuous_current_a?;
    let rms_a = rms_a?;
    if continuous_current_a <= 0.0 {
        return Err(Absent::RatingMissing);
    }
    Ok(100.0 * (rms_a * rms_a) / (continuous_current_a * continuous_current_a))
}

/// Root mean square of the window's current, A: of the samples, else as sent; before the formulas 2026.3 as sent, else of the samples.
///
/// # Errors
/// Why there are no samples, [`Absent::InputMissing`] if they have no current, where none was sent.
pub fn current_rms_a(joint: &Joint, samples: Result<&JointSamples, Absent>, formulas: FormulaSet) -> Traced {
    let of_samples = samples.ok().and_then(|samples| rms(samples.current_a.as_deref()?));
    let of_samples = of_samples.map(|rms_a| (rms_a, Method::Samples));
    let sent = joint.current_rms_a.map(|rms_a| (rms_a, Method::Sent));
    let found = if formulas >= FormulaSet::Y2026R3 { of_samples.or(sent) } else { sent.or(of_samples) };
    found.ok_or(samples.err().unwrap_or(Absent::InputMissing))
}

/// Root mean square of samples at even steps, in their unit; `None` of no samples.
pub fn rms(samples: &[f64]) -> Option<f64> {
    if samples.is_empty() {
        return None;
    }
    let mut squares = 0.0;
    let mut count = 0.0;
    for sample in samples {
        squares += sample * sample;
        count += 1.0;
    }
    Some((squares / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currents_of_1_2_3_2_1_a_are_60_8_percent_of_a_motor_of_2_5_a() {
        let rms_a = rms(&[1.0, 2.0, 3.0, 2.0, 1.0]).expect("there are samples");
        assert!((rms_a / 1.949_358_868_961_792_7 - 1.0).abs() < 1e-12, "{rms_a}");
        let rate = thermal_load_rate_pct(Ok(2.5), Ok(rms_a)).expect("all is there");
        assert!((rate / 60.8 - 1.0).abs() < 1e-12, "{rate}");
    }

    #[test]
    fn no_samples_have_no_root_mean_square() {
        assert_eq!(rms(&[]), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(thermal_load_rate_pct(Ok(2.5), Err(Absent::InputMissing)), Err(Absent::InputMissing));
        assert_eq!(thermal_load_rate_pct(Ok(0.0), Ok(1.0)), Err(Absent::RatingMissing));
        assert_eq!(thermal_load_rate_pct(Err(Absent::ModelUnknown), Ok(1.0)), Err(Absent::ModelUnknown));
    }

    #[test]
    fn the_current_of_the_samples_goes_before_the_one_sent() {
        let samples = JointSamples { current_a: Some([3.0, 4.0].into()), ..JointSamples::default() };
        let sent = Joint { current_rms_a: Some(2.0), ..Joint::default() };
        let of_samples = (12.5_f64.sqrt(), Method::Samples);
        let (none, no_current) = (Joint::default(), JointSamples::default());
        let now = |joint, samples| current_rms_a(joint, samples, FormulaSet::Y2026R3);
        assert_eq!(now(&sent, Ok(&samples)), Ok(of_samples));
        assert_eq!(now(&none, Ok(&samples)), Ok(of_samples));
        assert_eq!(now(&sent, Ok(&no_current)), Ok((2.0, Method::Sent)));
        assert_eq!(now(&sent, Err(Absent::Inconsistent)), Ok((2.0, Method::Sent)));
        assert_eq!(now(&none, Err(Absent::Inconsistent)), Err(Absent::Inconsistent));
        assert_eq!(now(&none, Ok(&no_current)), Err(Absent::InputMissing));
        for former in [FormulaSet::Y2026R1, FormulaSet::Y2026R2] {
            assert_eq!(current_rms_a(&sent, Ok(&samples), former), Ok((2.0, Method::Sent)));
        }
    }
}
