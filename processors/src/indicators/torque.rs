//! Torque against the controller's model: how far it is off, and how much of that is friction.
//!
//! A wrong payload shifts the model, and with it both figures: compare windows of one payload only. The friction of a
//! reference motion is in [`super::friction`].

use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Joint, JointSamples};

use super::{Method, Traced};

/// Speed below which a joint is held to be at rest, rad/s: there friction has no direction.
pub const MOVING_RAD_S: f64 = 0.05;

/// Samples that can be of their window, or why there are none.
type Samples<'a> = Result<&'a JointSamples, Absent>;

/// Torque residual over the rated torque, dimensionless: `rms(τ − τ_model)/T_N`; of the samples, else as sent.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: UR RTDE `target_moment` against the measured moment; root mean square, normalised by T_N.
pub fn torque_residual_norm(joint: &Joint, samples: Samples<'_>, rated_torque_nm: Result<f64, Absent>) -> Traced {
    let (rms_nm, method) = found(samples, residual_rms_nm, joint.torque_residual_rms_nm)?;
    Ok((rms_nm / rated_torque_nm?, method))
}

/// Friction above the model, Nm: `mean((τ − τ_model)·sign ω)` while |ω| > 0.05 rad/s; of the samples, else as sent.
///
/// # Errors
/// [`Absent::InputMissing`] if neither is there, or no sample moves; or why there are no samples.
///
/// Source: residual of the joint's torque in the direction of motion (Bittencourt et al., LiTH-ISY-R-2948).
pub fn friction_excess_nm(joint: &Joint, samples: Samples<'_>) -> Traced {
    found(samples, excess_nm, joint.friction_residual_nm)
}

/// What the samples give, else what was sent.
fn found(samples: Samples<'_>, of: impl FnOnce(&JointSamples) -> Option<f64>, sent: Option<f64>) -> Traced {
    let of_samples = samples.ok().and_then(of).map(|value| (value, Method::Samples));
    let sent = sent.map(|value| (value, Method::Sent));
    of_samples.or(sent).ok_or(samples.err().unwrap_or(Absent::InputMissing))
}

fn residual_rms_nm(samples: &JointSamples) -> Option<f64> {
    let (torques, modelled) = (samples.torque_nm.as_ref()?, samples.torque_model_nm.as_ref()?);
    let (mut squares, mut count) = (0.0, 0.0);
    for (torque, modelled) in torques.iter().zip(modelled.iter()) {
        squares += (torque - modelled) * (torque - modelled);
        count += 1.0;
    }
    (count > 0.0).then(|| (squares / count).sqrt())
}

fn excess_nm(samples: &JointSamples) -> Option<f64> {
    let (torques, modelled) = (samples.torque_nm.as_ref()?, samples.torque_model_nm.as_ref()?);
    let speeds = samples.velocity_rad_s.as_ref()?;
    let (mut sum, mut count) = (0.0, 0.0);
    for ((torque, modelled), speed) in torques.iter().zip(modelled.iter()).zip(speeds.iter()) {
        if speed.abs() > MOVING_RAD_S {
            sum += (torque - modelled) * speed.signum();
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joint(speeds: [f64; 10]) -> Joint {
        let samples = JointSamples {
            velocity_rad_s: Some(speeds.into()),
            torque_nm: Some([10.0, 12.0, 15.0, 20.0, 18.0, 12.0, 5.0, -4.0, -10.0, -6.0].into()),
            torque_model_nm: Some([9.0, 11.0, 14.0, 18.5, 17.0, 11.0, 4.2, -3.1, -8.8, -5.2].into()),
            ..JointSamples::default()
        };
        Joint {
            samples: Some(Box::new(samples)),
            torque_residual_rms_nm: Some(7.0),
            friction_residual_nm: Some(-1.5),
            ..Joint::default()
        }
    }

    const SPEEDS: [f64; 10] = [0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.3, -0.2, -0.5, -0.3];

    fn samples(joint: &Joint) -> Samples<'_> {
        joint.samples.as_deref().ok_or(Absent::InputMissing)
    }

    fn norm(joint: &Joint, rated_torque_nm: Result<f64, Absent>) -> Traced {
        torque_residual_norm(joint, samples(joint), rated_torque_nm)
    }

    fn excess(joint: &Joint) -> Traced {
        friction_excess_nm(joint, samples(joint))
    }

    #[test]
    fn the_samples_residual_is_1_2_percent_of_the_rated_torque() {
        let (norm, method) = norm(&joint(SPEEDS), Ok(87.0)).unwrap();
        assert!((norm / 0.011_934_112_507_970_033 - 1.0).abs() < 1e-12, "{norm}");
        assert!((norm * 87.0 / 1.038_267_788_193_392_8 - 1.0).abs() < 1e-12, "{norm}, in Nm");
        assert_eq!(method, Method::Samples);
        let (excess, method) = excess(&joint(SPEEDS)).unwrap();
        assert!((excess / 1.02 - 1.0).abs() < 1e-12, "{excess}");
        assert_eq!(method, Method::Samples);
    }

    #[test]
    fn without_samples_that_move_the_figure_as_sent_stands_in() {
        assert_eq!(excess(&joint([0.05; 10])), Ok((-1.5, Method::Sent)));
        let sent = Joint { samples: None, ..joint(SPEEDS) };
        assert_eq!(norm(&sent, Ok(87.0)), Ok((7.0 / 87.0, Method::Sent)));
        assert_eq!(norm(&sent, Err(Absent::ModelUnknown)), Err(Absent::ModelUnknown));
        assert_eq!(norm(&Joint::default(), Ok(87.0)), Err(Absent::InputMissing));
        assert_eq!(excess(&Joint::default()), Err(Absent::InputMissing));
    }

    #[test]
    fn samples_that_cannot_be_give_way_to_what_was_sent_and_are_the_reason_where_nothing_was() {
        let wrong = Err(Absent::Inconsistent);
        assert_eq!(torque_residual_norm(&joint(SPEEDS), wrong, Ok(70.0)), Ok((0.1, Method::Sent)));
        assert_eq!(friction_excess_nm(&joint(SPEEDS), wrong), Ok((-1.5, Method::Sent)));
        assert_eq!(torque_residual_norm(&Joint::default(), wrong, Ok(70.0)), Err(Absent::Inconsistent));
        assert_eq!(friction_excess_nm(&Joint::default(), wrong), Err(Absent::Inconsistent));
    }
}
