//! Sanity of a joint: the range of each field, narrowed by what the model bears, and what may not contradict itself.

use tacho_config::models::{JointModel, RobotModel};
use tacho_config::{Limits, SanityRange};
use tacho_schemas::reason::{FlagReason, RejectReason};
use tacho_schemas::record::{Joint, JointSamples};

use super::place::Place;
use super::sieve::{MAGNITUDE, Sieve, even};
use crate::indicators::duty::LoadExponent;
use crate::indicators::{FormulaSet, load};

/// How far Σ `load_hist_rev` may be off `input_rev`, as a share of it.
const HISTOGRAM_TOLERANCE: f64 = 0.01;
/// How far a root mean square may be above the greatest magnitude, as a share of it: both are rounded by the device.
const RMS_TOLERANCE: f64 = 0.01;
/// Time between samples, in s.
const SAMPLE_STEP: SanityRange = even(1e-6, 3600.0);

/// Judges a joint; whether it may stay. Wrong samples are dropped without their joint.
pub(super) fn check(
    joint: &mut Joint,
    model: Option<&JointModel>,
    (robot, formulas): (&RobotModel, FormulaSet),
    sieve: &mut Sieve<'_>,
) -> bool {
    let at = Place::Element("joints", joint.index);
    let limits = &robot.limits;
    let ranges = Ranges::of(model, limits);
    if let Some(samples) = &joint.samples {
        let within = Place::Within("joints", joint.index, "samples");
        if !sieve.part(within, |sieve| check_samples(samples, within, &ranges, limits, sieve)) {
            joint.samples = None;
        }
    }
    sieve.part(at, |sieve| {
        if model.is_none() {
            sieve.flag(FlagReason::JointUnknown, at.field("name"));
        }
        counters(joint, at, &limits.counter, sieve);
        window(joint, at, &ranges, limits, sieve);
        tests(joint, at, &ranges, sieve);
        consistency(joint, at, sieve);
        let rated = model.filter(|_| !robot.generic);
        if formulas >= FormulaSet::Y2026R3
            && (load::exceeds_turns(joint) || rated.is_some_and(|model| is_beyond(joint, model)))
        {
            sieve.inconsistent(at, "input_rev_load");
        }
    })
}

/// Ranges of a joint's torque, current and speed: the suspect bounds are those of its model, where they are narrower.
struct Ranges {
    torque: SanityRange,
    current: SanityRange,
    speed: SanityRange,
}

impl Ranges {
    fn of(model: Option<&JointModel>, limits: &Limits) -> Self {
        let repeated_peak_nm =
            model.and_then(|joint| joint.reducer.rating()).map(|rating| rating.repeated_peak_torque_nm);
        let current_a = model.and_then(|joint| joint.continuous_current_a);
        Self {
            torque: narrowed(&limits.joint_torque_nm, repeated_peak_nm.or(model.and_then(|joint| joint.max_torque_nm))),
            current: narrowed(
                &limits.joint_current_a,
                current_a.map(|amperes| amperes * limits.current_suspect_factor),
            ),
            speed: narrowed(&limits.joint_speed_rad_s, model.and_then(|joint| joint.max_speed_rad_s)),
        }
    }
}

/// The range with suspect bounds of ±`bound`, where that is narrower.
fn narrowed(range: &SanityRange, bound: Option<f64>) -> SanityRange {
    let bound = bound.unwrap_or(f64::INFINITY);
    SanityRange { suspect_min: range.suspect_min.max(-bound), suspect_max: range.suspect_max.min(bound), ..*range }
}

fn counters(joint: &Joint, at: Place, counter: &SanityRange, sieve: &mut Sieve<'_>) {
    sieve.value(at, "input_rev", joint.input_rev, counter);
    sieve.value(at, "input_rev_load", joint.input_rev_load, counter);
    sieve.list(at, "load_hist_rev", joint.load_hist_rev.as_ref().map(|bins| &bins[..]), counter);
    sieve.list(at, "grease_temp_hist_rev", joint.grease_temp_hist_rev.as_ref().map(|bins| &bins[..]), counter);
    sieve.list(at, "temp_hist_h", joint.temp_hist_h.as_ref().map(|bins| &bins[..]), counter);
    sieve.list(at, "rainflow_hist_cycles", joint.rainflow_hist_cycles.as_ref().map(|bins| &bins[..]), counter);
    sieve.count(at, "peak_torque_count", joint.peak_torque_count, counter);
    sieve.count(at, "momentary_peak_count", joint.momentary_peak_count, counter);
}

fn window(joint: &Joint, at: Place, ranges: &Ranges, limits: &Limits, sieve: &mut Sieve<'_>) {
    sieve.magnitude(at, "torque_rms_nm", joint.torque_rms_nm, &ranges.torque);
    sieve.magnitude(at, "torque_absmax_nm", joint.torque_absmax_nm, &ranges.torque);
    sieve.value(at, "torque_mean_nm", joint.torque_mean_nm, &ranges.torque);
    sieve.magnitude(at, "current_rms_a", joint.current_rms_a, &ranges.current);
    sieve.magnitude(at, "current_absmax_a", joint.current_absmax_a, &ranges.current);
    sieve.magnitude(at, "speed_rms_rad_s", joint.speed_rms_rad_s, &ranges.speed);
    sieve.magnitude(at, "speed_absmax_rad_s", joint.speed_absmax_rad_s, &ranges.speed);
    sieve.value(at, "temp_motor_c", joint.temp_motor_c, &limits.temp_motor_c);
    sieve.value(at, "temp_reducer_c", joint.temp_reducer_c, &limits.temp_reducer_c);
    sieve.value(at, "temp_drive_c", joint.temp_drive_c, &limits.temp_drive_c);
    let position = &limits.joint_position_rad;
    sieve.magnitude(at, "following_error_rms_rad", joint.following_error_rms_rad, position);
    sieve.magnitude(at, "following_error_max_rad", joint.following_error_max_rad, position);
}

fn tests(joint: &Joint, at: Place, ranges: &Ranges, sieve: &mut Sieve<'_>) {
    sieve.magnitude(at, "torque_residual_rms_nm", joint.torque_residual_rms_nm, &ranges.torque);
    sieve.value(at, "friction_residual_nm", joint.friction_residual_nm, &ranges.torque);
    sieve.value(at, "friction_test_speed_rad_s", joint.friction_test_speed_rad_s, &ranges.speed);
    sieve.value(at, "friction_test_torque_nm", joint.friction_test_torque_nm, &ranges.torque);
    sieve.value(at, "lost_motion_arcmin", joint.lost_motion_arcmin, &MAGNITUDE);
    sieve.value(at, "brake_hold_ratio", joint.brake_hold_ratio, &MAGNITUDE);
}

fn check_samples(samples: &JointSamples, at: Place, ranges: &Ranges, limits: &Limits, sieve: &mut Sieve<'_>) {
    let arrays = [
        ("position_rad", samples.position_rad.as_deref(), &limits.joint_position_rad),
        ("velocity_rad_s", samples.velocity_rad_s.as_deref(), &ranges.speed),
        ("torque_nm", samples.torque_nm.as_deref(), &ranges.torque),
        ("torque_model_nm", samples.torque_model_nm.as_deref(), &ranges.torque),
        ("current_a", samples.current_a.as_deref(), &ranges.current),
    ];
    sieve.value(at, "dt_s", samples.dt_s, &SAMPLE_STEP);
    for (field, values, range) in arrays {
        sieve.list(at, field, values, range);
    }
    sieve.equal_lengths(at, arrays.map(|(field, values, _)| (field, values)));
}

/// The sum of the histogram is the counter's; a root mean square is not above its greatest magnitude.
fn consistency(joint: &Joint, at: Place, sieve: &mut Sieve<'_>) {
    if let (Some(input_rev), Some(bins)) = (joint.input_rev, &joint.load_hist_rev) {
        let sum: f64 = bins.iter().sum();
        if (sum - input_rev).abs() > HISTOGRAM_TOLERANCE * input_rev {
            sieve.wrong(at, "load_hist_rev", RejectReason::Consistency, ", its sum is not input_rev");
        }
    }
    // With neutral values for absent ones: a comparison of what memory happens to hold is slow where that is a denormal number.
    let mut ordered = |field, rms: Option<f64>, greatest: Option<f64>| {
        if rms.unwrap_or(0.0) > greatest.unwrap_or(f64::INFINITY) * (1.0 + RMS_TOLERANCE) {
            sieve.inconsistent(at, field);
        }
    };
    ordered("torque_rms_nm", joint.torque_rms_nm, joint.torque_absmax_nm);
    ordered("current_rms_a", joint.current_rms_a, joint.current_absmax_a);
    ordered("speed_rms_rad_s", joint.speed_rms_rad_s, joint.speed_absmax_rad_s);
    ordered("following_error_rms_rad", joint.following_error_rms_rad, joint.following_error_max_rad);
}

/// Whether `input_rev_load` cannot be of the model's reducer: then it has no damage.
fn is_beyond(joint: &Joint, model: &JointModel) -> bool {
    LoadExponent::of(&model.reducer).is_some_and(|(rating, exponent)| load::is_impossible(joint, rating, exponent))
}
