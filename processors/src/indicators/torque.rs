//! Torque against the controller's model: how far it is off, and how much of that is friction.
//!
//! A wrong payload shifts the model, and with it both figures: compare windows of one payload only. The friction of a
//! reference motion is in [`super::friction`].

use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Joint, JointSamples};

use super::{Method, Traced};

/// Speed below which a joint is held to be at rest, rad/s: there friction has no direction.
pub const MOVING_RAD_S: f64 = 0.05;

/// Torque residual over the rated torque, dimensionless: `rms(τ − τ_model)/T_N`; of the samples, else as sent.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: UR RTDE `target_moment` against the measured moment; root mean square, normalised by T_N.
pub fn torque_residual_norm(joint: &Joint, rated_torque_nm: Result<f64, Absent>) -> Traced {
    let of_samples = joint.samples.as_deref().and_then(residual_rms_nm).map(|rms| (rms, Method::Samples));
    let sent = joint.torque_residual_rms_nm.map(|rms| (rms, Method::Sent));
    let (rms_nm, method) = of_samples.or(sent).ok_or(Absent::InputMissing)?;
    Ok((rms_nm / rated_torque_nm?, method))
}

/// Friction above the model, Nm: `mean((τ − τ_model)·sign ω)` while |ω| > 0.05 rad/s; of the samples, else as sent.
///
/// # Errors
/// [`Absent::InputMissing`] if neither is there, or no sample moves.
///
/// Source: residual of the joint's torque in the direction of motion (Bittencourt et al., LiTH-ISY-R-2948).
pub fn friction_excess_nm(joint: &Joint) -> Traced {
    let of_samples = joint.samples.as_deref().and_then(excess_nm).map(|excess| (excess, Method::Samples));
    let sent = joint.friction_residual_nm.map(|excess| (excess, Method::Sent));
    of_samples.or(sent).ok_or(Absent::InputMissing)
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

    #[test]
    fn the_samples_residual_is_1_2_percent_of_the_rated_torque() {
        let (norm, method) = torque_residual_norm(&joint(SPEEDS), Ok(87.0)).unwrap();
        assert!((norm / 0.011_934_112_507_970_033 - 1.0).abs() < 1e-12, "{norm}");
        assert!((norm * 87.0 / 1.038_267_788_193_392_8 - 1.0).abs() < 1e-12, "{norm}, in Nm");
        assert_eq!(method, Method::Samples);
        let (excess, method) = friction_excess_nm(&joint(SPEEDS)).unwrap();
        assert!((excess / 1.02 - 1.0).abs() < 1e-12, "{excess}");
        assert_eq!(method, Method::Samples);
    }

    #[test]
    fn without_samples_that_move_the_figure_as_sent_stands_in() {
        assert_eq!(friction_excess_nm(&joint([0.05; 10])), Ok((-1.5, Method::Sent)));
        let sent = Joint { samples: None, ..joint(SPEEDS) };
        assert_eq!(torque_residual_norm(&sent, Ok(87.0)), Ok((7.0 / 87.0, Method::Sent)));
        assert_eq!(torque_residual_norm(&sent, Err(Absent::ModelUnknown)), Err(Absent::ModelUnknown));
        assert_eq!(torque_residual_norm(&Joint::default(), Ok(87.0)), Err(Absent::InputMissing));
        assert_eq!(friction_excess_nm(&Joint::default()), Err(Absent::InputMissing));
    }
}
