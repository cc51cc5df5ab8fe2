//! Thermal load of a motor: the heat of its current as a share of what it bears for ever.
//!
//! One window only: how a winding warms up over minutes, and what temperature does to its life, is elsewhere.

use tacho_schemas::reason::Absent;

use super::Indicator;

/// Thermal load rate in %: `100 · I_rms² / I_cont²`; 100 is the motor's continuous limit, and more is no error.
///
/// * `continuous_current_a`: greatest continuous current of the motor, in A.
/// * `rms_a`: root mean square of the current in the window, in A.
///
/// # Errors
/// [`Absent`] says whether the record or the model's configuration lacks it.
///
/// Source: OPC 40010-1 (OPC UA for Robotics) `EffectiveLoadRate`: percent of the maximum continuous load, as the Joule
/// integral.
pub fn thermal_load_rate_pct(continuous_current_a: Result<f64, Absent>, rms_a: Option<f64>) -> Indicator {
    let continuous_current_a = continuous_current_a?;
    let rms_a = rms_a.ok_or(Absent::InputMissing)?;
    if continuous_current_a <= 0.0 {
        return Err(Absent::RatingMissing);
    }
    Ok(100.0 * (rms_a * rms_a) / (continuous_current_a * continuous_current_a))
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
        let rate = thermal_load_rate_pct(Ok(2.5), Some(rms_a)).expect("all is there");
        assert!((rate / 60.8 - 1.0).abs() < 1e-12, "{rate}");
    }

    #[test]
    fn no_samples_have_no_root_mean_square() {
        assert_eq!(rms(&[]), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(thermal_load_rate_pct(Ok(2.5), None), Err(Absent::InputMissing));
        assert_eq!(thermal_load_rate_pct(Ok(0.0), Some(1.0)), Err(Absent::RatingMissing));
        assert_eq!(thermal_load_rate_pct(Err(Absent::ModelUnknown), Some(1.0)), Err(Absent::ModelUnknown));
    }
}
