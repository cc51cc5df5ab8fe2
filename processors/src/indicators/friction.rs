//! Friction of a joint's reference motion against that of the joint as new, and lost motion against its limits.
//!
//! The reference is Stribeck's curve of the model's configuration, best fitted at commissioning; load is to be that of the
//! reference. Trends of both figures are SQL.

use tacho_config::models::{FrictionModel, LostMotionLimits};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::Joint;

use super::{FormulaSet, Indicator, Method, Traced, health};

/// Friction ratio at which a joint's health is 0.
pub const FRICTION_RATIO_LIMIT: f64 = 1.6;

/// Friction of a joint as new at a speed, Nm: `F_c + (F_s − F_c)·exp(−(ω/ω_s)²) + F_v·ω`, for ω ≥ 0 in rad/s.
///
/// Source: Stribeck's curve with exponent 2, as in Bittencourt et al., J. Dyn. Syst. Meas. Control 134 (2012) 051013.
pub fn stribeck_nm(friction: &FrictionModel, speed_rad_s: f64) -> f64 {
    let ratio = speed_rad_s / friction.stribeck_speed_rad_s;
    let boundary = (friction.static_nm - friction.coulomb_nm) * libm::exp(-(ratio * ratio));
    friction.coulomb_nm + boundary + friction.viscous_nm_s_per_rad * speed_rad_s
}

/// Friction ratio, dimensionless: measured over that of the joint as new, `|F|/(F_ref(|ω|)·exp(−k·(T − T_0)))`. T is the
/// reducer's temperature, else the motor's, which the method says.
///
/// # Errors
/// [`Absent`] says what is missing; of the formulas 2026.3 on, [`Absent::OutOfRange`] of a test at rest or without torque: there was none.
///
/// Source: Stribeck's curve, with the temperature correction of greased gears; limits 1.3 and 1.6 are judgement.
pub fn friction_ratio(friction: Result<&FrictionModel, Absent>, joint: &Joint, formulas: FormulaSet) -> Traced {
    let (Some(speed), Some(torque)) = (joint.friction_test_speed_rad_s, joint.friction_test_torque_nm) else {
        return Err(Absent::InputMissing);
    };
    let friction = friction?;
    if formulas >= FormulaSet::Y2026R3 && (speed == 0.0 || torque == 0.0) {
        return Err(Absent::OutOfRange);
    }
    let (mut reference_nm, mut method) = (stribeck_nm(friction, speed.abs()), Method::Sent);
    if friction.temp_coefficient_per_k > 0.0 {
        let temp_c = match (joint.temp_reducer_c, joint.temp_motor_c) {
            (Some(temp_c), _) => temp_c,
            (None, Some(temp_c)) => {
                method = Method::MotorTemp;
                temp_c
            }
            (None, None) => return Err(Absent::InputMissing),
        };
        reference_nm *= libm::exp(-friction.temp_coefficient_per_k * (temp_c - friction.reference_temp_c));
    }
    Ok((torque.abs() / reference_nm, method))
}

/// Health of the friction: 1 as new, 0 at a ratio of 1.6.
pub fn friction_health(ratio: Indicator) -> Indicator {
    health::between(ratio?, 1.0, FRICTION_RATIO_LIMIT)
}

/// Health of the lost motion: 1 as new, 0 at its limit.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: lost motion under ±3 to 4 % of the rated torque; two to three times the new value is usual as limit.
pub fn lost_motion_health(limits: Result<&LostMotionLimits, Absent>, lost_motion_arcmin: Option<f64>) -> Indicator {
    let lost_motion_arcmin = lost_motion_arcmin.ok_or(Absent::InputMissing)?;
    let limits = limits?;
    health::between(lost_motion_arcmin, limits.reference_arcmin, limits.limit_arcmin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn friction(temp_coefficient_per_k: f64) -> FrictionModel {
        FrictionModel {
            coulomb_nm: 10.0,
            static_nm: 14.0,
            stribeck_speed_rad_s: 0.1,
            viscous_nm_s_per_rad: 5.0,
            reference_temp_c: 30.0,
            temp_coefficient_per_k,
            source: "test".into(),
        }
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn the_curve_falls_from_static_friction_and_rises_with_speed() {
        near(stribeck_nm(&friction(0.0), 0.05), 13.365_203_132_285_62);
        near(stribeck_nm(&friction(0.0), 1.0), 15.0);
        near(stribeck_nm(&friction(0.0), 0.0), 14.0);
    }

    fn friction_ratio(friction: Result<&FrictionModel, Absent>, joint: &Joint) -> Traced {
        super::friction_ratio(friction, joint, FormulaSet::Y2026R3)
    }

    #[test]
    fn a_test_without_speed_or_torque_is_none() {
        let of = |speed, torque, formulas| {
            let (friction_test_speed_rad_s, friction_test_torque_nm) = (Some(speed), Some(torque));
            let joint = Joint { friction_test_speed_rad_s, friction_test_torque_nm, ..Joint::default() };
            super::friction_ratio(Ok(&friction(0.0)), &joint, formulas)
        };
        for (speed, torque) in [(0.0, 12.0), (-0.0, 0.0), (1.0, 0.0), (1.0, -0.0)] {
            assert_eq!(of(speed, torque, FormulaSet::Y2026R3), Err(Absent::OutOfRange), "{speed} {torque}");
        }
        assert_eq!(of(1.0, 0.0, FormulaSet::Y2026R2), Ok((0.0, Method::Sent)), "as the former formulas had it");
        assert_eq!(of(0.0, 14.0, FormulaSet::Y2026R2), Ok((1.0, Method::Sent)));
        assert_eq!(of(-1.0, -15.0, FormulaSet::Y2026R3), Ok((1.0, Method::Sent)));
    }

    #[test]
    fn a_warm_joint_is_held_against_the_friction_of_a_warm_one() {
        let joint = Joint {
            friction_test_speed_rad_s: Some(-1.0),
            friction_test_torque_nm: Some(-18.0),
            temp_motor_c: Some(40.0),
            ..Joint::default()
        };
        let ratio = |friction, joint| friction_ratio(Ok(&friction), joint).unwrap();
        near(ratio(friction(0.0), &joint).0, 1.2);
        assert_eq!(ratio(friction(0.0), &joint).1, Method::Sent, "the temperature does not matter");
        near(ratio(friction(0.02), &joint).0, 1.2 * libm::exp(0.2));
        assert_eq!(ratio(friction(0.02), &joint).1, Method::MotorTemp);
        let of_reducer = Joint { temp_reducer_c: Some(30.0), ..joint.clone() };
        assert_eq!(ratio(friction(0.02), &of_reducer), (1.2, Method::Sent));
        near(friction_health(Ok(1.3)).unwrap(), 0.5);
        let no_temp = Joint { temp_motor_c: None, ..joint.clone() };
        assert_eq!(friction_ratio(Ok(&friction(0.02)), &no_temp), Err(Absent::InputMissing));
        assert_eq!(friction_ratio(Err(Absent::RatingMissing), &joint), Err(Absent::RatingMissing));
        assert_eq!(friction_ratio(Ok(&friction(0.0)), &Joint::default()), Err(Absent::InputMissing));
    }

    #[test]
    fn lost_motion_is_judged_between_new_and_limit() {
        let limits = LostMotionLimits { reference_arcmin: 1.0, limit_arcmin: 3.0, source: "test".into() };
        assert_eq!(lost_motion_health(Ok(&limits), Some(2.0)), Ok(0.5));
        assert_eq!(lost_motion_health(Ok(&limits), None), Err(Absent::InputMissing));
        assert_eq!(lost_motion_health(Err(Absent::RatingMissing), Some(2.0)), Err(Absent::RatingMissing));
    }
}
