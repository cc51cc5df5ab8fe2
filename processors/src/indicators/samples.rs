//! Samples of a joint, if they can be of their window.
//!
//! What is computed from samples is told of the window. A step in another unit, or samples of another window, would make it a
//! figure of nothing; samples of a part of the window are fine.

use tacho_schemas::reason::Absent;
use tacho_schemas::record::JointSamples;

use super::FormulaSet;
use super::battery::SPAN_TOLERANCE;

/// The samples of a window of `window_s` seconds. Each stands for one step: of the formulas 2026.3 on, all of them take no longer
/// than the window with a tolerance of 1 % of it and one step. Without a step nothing is told of their time.
///
/// # Errors
/// [`Absent::InputMissing`] if there are none, [`Absent::Inconsistent`] if they take longer than their window.
pub fn of_window(samples: Option<&JointSamples>, window_s: f64, formulas: FormulaSet) -> Result<&JointSamples, Absent> {
    let samples = samples.ok_or(Absent::InputMissing)?;
    let span_s = samples.dt_s.map_or(0.0, |dt_s| dt_s * steps(samples));
    if formulas >= FormulaSet::Y2026R3 && span_s > window_s * (1.0 + SPAN_TOLERANCE) {
        return Err(Absent::Inconsistent);
    }
    Ok(samples)
}

/// Steps between the first sample and the last; all arrays have one length.
fn steps(samples: &JointSamples) -> f64 {
    let arrays = [
        &samples.velocity_rad_s,
        &samples.torque_nm,
        &samples.current_a,
        &samples.position_rad,
        &samples.torque_model_nm,
    ];
    let length = arrays.into_iter().flatten().map(|values| values.len()).next().unwrap_or_default();
    f64::from(u32::try_from(length.saturating_sub(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dt_s: Option<f64>, count: usize, window_s: f64, formulas: FormulaSet) -> Result<(), Absent> {
        let torque_nm = Some(vec![1.0; count].into());
        let samples = JointSamples { dt_s, torque_nm, ..JointSamples::default() };
        of_window(Some(&samples), window_s, formulas).map(|_| ())
    }

    #[test]
    fn samples_are_of_their_window_or_of_a_part_of_it() {
        let now = |dt_s, count, window_s| of(dt_s, count, window_s, FormulaSet::Y2026R3);
        assert_eq!(now(Some(0.01), 512, 60.0), Ok(()), "a part");
        assert_eq!(now(Some(1.0), 10, 10.0), Ok(()));
        assert_eq!(now(Some(1.0), 11, 10.0), Ok(()), "both ends of the window are sampled");
        assert_eq!(now(Some(1.0), 102, 100.0), Ok(()), "1 % and one step");
        assert_eq!(now(Some(1.0), 103, 100.0), Err(Absent::Inconsistent));
        assert_eq!(now(Some(10.0), 512, 0.0), Err(Absent::Inconsistent), "5,120 s of an instant");
        assert_eq!(now(Some(10.0), 1, 0.0), Ok(()), "one value of an instant");
        assert_eq!(now(None, 512, 0.0), Ok(()), "of no known time");
        assert_eq!(of(Some(10.0), 512, 0.0, FormulaSet::Y2026R2), Ok(()), "as the former formulas had it");
        assert_eq!(of_window(None, 60.0, FormulaSet::Y2026R3), Err(Absent::InputMissing));
    }
}
