//! Following error of a joint: how far the position lags behind its target, judged between reference and limit.
//!
//! It is what a robot can know of its accuracy without outside metrology, and it is not pose accuracy (AP) after
//! ISO 9283, which needs a measured pose.

use tacho_config::models::FollowingErrorLimits;
use tacho_schemas::reason::Absent;

use super::{Indicator, health};

/// Health of the joint by the root mean square of target − actual position in the window, in rad.
///
/// # Errors
/// [`Absent`] says whether the record or the model's configuration lacks it.
///
/// Source: tracking error e = q_target − q_actual as ISO 9283:1998 leaves it to the controller; linear health
/// between a reference and a limit.
pub fn following_error_health(limits: Result<&FollowingErrorLimits, Absent>, rms_rad: Option<f64>) -> Indicator {
    let limits = limits?;
    let rms_rad = rms_rad.ok_or(Absent::InputMissing)?;
    health::between(rms_rad, limits.reference_rad, limits.limit_rad)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FollowingErrorLimits = FollowingErrorLimits { reference_rad: 0.000_2, limit_rad: 0.001_2 };

    #[test]
    fn an_error_halfway_to_the_limit_is_half_a_health() {
        let health = following_error_health(Ok(&LIMITS), Some(0.000_7)).expect("all is there");
        assert!((health - 0.5).abs() < 1e-12, "{health}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(following_error_health(Ok(&LIMITS), None), Err(Absent::InputMissing));
        assert_eq!(following_error_health(Err(Absent::ModelUnknown), Some(0.1)), Err(Absent::ModelUnknown));
    }
}
