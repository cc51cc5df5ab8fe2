//! The indicators that the formulas 2026.2 add: what of a record and its model goes into which law. Packs are in [`battery`].
//!
//! An input that the record lacks is told before a rating that the model lacks. Rows of the formulas 2026.1 have none of
//! these.

mod battery;

use tacho_config::Found;
use tacho_config::models::{JointModel, Reducer, ReducerRating};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Counters, Joint, Record};

use super::assumed::AssumedOfJoint;
use super::duty::{self, LoadExponent};
use super::path::{PathError, path_error};
use super::pose::{Pose, pose};
use super::strain_wave::ReducerWear;
use super::{
    BatteryIndicators, FormulaSet, Indicator, JointIndicators, Method, Traced, bearing, brake, fatigue,
    following_error, friction, grease, health, hours, least, rv, strain_wave, temperature, thermal_load, torque,
    unrated,
};
pub use battery::FurtherBattery;
pub(super) use battery::of_battery;

/// Samples of a joint at most.
const JOINT_SAMPLES: usize = 512;

/// Further indicators of a joint: the columns of `joints` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurtherJoint {
    /// How `reducer_damage`, and what follows from it, was found.
    pub reducer_method: Method,
    /// By which hours `reducer_l10_h` and `reducer_rul_h` were found.
    pub hours_method: Method,
    /// How `thermal_load_rate_pct` was found.
    pub thermal_method: Method,
    /// `average_torque_ratio`.
    pub average_torque_ratio: Indicator,
    /// `momentary_peak_usage`.
    pub momentary_peak_usage: Indicator,
    /// `grease_usage`.
    pub grease_usage: Indicator,
    /// `bearing_damage`.
    pub bearing_damage: Traced,
    /// `fatigue_damage`.
    pub fatigue_damage: Indicator,
    /// `fatigue_damage_window`.
    pub fatigue_damage_window: Indicator,
    /// `reducer_damage_window`.
    pub reducer_damage_window: Indicator,
    /// `torque_residual_norm`.
    pub torque_residual_norm: Traced,
    /// `friction_excess_nm`.
    pub friction_excess_nm: Traced,
    /// `friction_ratio`.
    pub friction_ratio: Traced,
    /// `lost_motion_health`.
    pub lost_motion_health: Indicator,
    /// `temp_equivalent_h`.
    pub temp_equivalent_h: Indicator,
    /// `winding_damage`.
    pub winding_damage: Indicator,
    /// Which ratings that went in are assumed; none before the formulas 2026.3, which do not tell.
    pub assumed: AssumedOfJoint,
    /// Whether `component_health_index` rests on one of them.
    pub health_assumed: bool,
}

/// Further indicators of a robot: the columns of `records` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurtherRecord {
    /// `robot_health_geometric`.
    pub health_geometric: Indicator,
    /// `brake_damage`.
    pub brake_damage: Traced,
    /// `pose_accuracy_mm` and its companions.
    pub pose: Pose,
    /// `path_rms_m` and its companions.
    pub path: PathError,
    /// Whether the energies of the brakes are assumed.
    pub brakes_assumed: bool,
    /// Whether a part of `robot_health_geometric` rests on an assumed rating.
    pub geometric_assumed: bool,
}

/// A reducer with its life law.
#[derive(Debug, Clone, Copy)]
struct Law<'a> {
    rating: &'a ReducerRating,
    exponent: LoadExponent,
    rated_input_rev: f64,
}

impl<'a> Law<'a> {
    fn of(model: Option<&'a JointModel>, unrated: Absent) -> Result<Self, Absent> {
        let (rating, exponent, rated_input_rev) = match model.map(|model| &model.reducer) {
            Some(Reducer::StrainWave(rating)) => (rating, LoadExponent::Cube, strain_wave::rated_input_rev(rating)),
            Some(Reducer::Rv(rating)) => (rating, LoadExponent::TenThirds, rv::rated_input_rev(rating)),
            Some(Reducer::Unrated) | None => return Err(unrated),
        };
        Ok(Self { rating, exponent, rated_input_rev })
    }

    fn load_revolutions(&self, joint: &Joint) -> Indicator {
        let (counter, bins) = (joint.input_rev_load, joint.load_hist_rev.as_deref());
        match self.exponent {
            LoadExponent::Cube => strain_wave::load_revolutions(counter, bins),
            LoadExponent::TenThirds => rv::load_revolutions(counter, bins),
        }
    }

    fn wear(&self, rev_load: Indicator, operating_h: Indicator) -> ReducerWear {
        strain_wave::spent(self.rated_input_rev, rev_load, operating_h)
    }
}

/// All indicators of a joint by the formulas 2026.2 and later.
pub(super) fn of_joint(
    joint: &Joint,
    counters: &Counters,
    model: Option<&JointModel>,
    (found, formulas): (Found<'_>, FormulaSet),
) -> JointIndicators {
    let judged = formulas >= FormulaSet::Y2026R3;
    let unrated = unrated(found, formulas);
    let model = model.filter(|_| !(judged && found.model.generic));
    let law = Law::of(model, unrated);
    let rev_load = law.and_then(|law| law.load_revolutions(joint));
    let hours = if judged {
        hours::of_component(joint, counters)
    } else {
        hours::of_robot(counters, joint.component_epoch).map(|hours| (hours, Method::Sent))
    };
    let wear = match law {
        Ok(law) => law.wear(rev_load, hours.map(|(hours, _)| hours)),
        Err(reason) => ReducerWear::absent(reason),
    };
    let continuous_current_a = model.and_then(|model| model.continuous_current_a).ok_or(unrated);
    let thermal_load_rate_pct = thermal_load::thermal_load_rate_pct(continuous_current_a, super::current_rms_a(joint));
    let limits = model.and_then(|model| model.following_error.as_ref()).ok_or(unrated);
    let following_error_health = following_error::following_error_health(limits, joint.following_error_rms_rad);
    let mut further = further(joint, (model, unrated), law, rev_load);
    if judged {
        further.hours_method = hours.map_or(Method::Sent, |(_, method)| method);
        further.assumed = model.map(AssumedOfJoint::of).unwrap_or_default();
    } else {
        further.bearing_damage = untold(further.bearing_damage);
        further.friction_ratio = untold(further.friction_ratio);
    }
    let (health_index, health_assumed) = health_of(&wear, following_error_health, &further);
    further.health_assumed = health_assumed;
    JointIndicators { wear, thermal_load_rate_pct, following_error_health, health_index, further: Some(further) }
}

/// The least health of a joint, and whether it rests on an assumed rating.
fn health_of(wear: &ReducerWear, following_error_health: Indicator, further: &FurtherJoint) -> (Indicator, bool) {
    let assumed = &further.assumed;
    let healths = [
        wear.damage.map(health::of_damage),
        following_error_health,
        further.bearing_damage.map(|(damage, _)| health::of_damage(damage)),
        further.fatigue_damage.map(health::of_damage),
        further.winding_damage.map(health::of_damage),
        friction::friction_health(further.friction_ratio.map(|(ratio, _)| ratio)),
        further.lost_motion_health,
    ];
    let assumptions = [
        assumed.reducer,
        assumed.drive,
        assumed.bearing,
        assumed.fatigue,
        assumed.winding,
        assumed.friction,
        assumed.lost_motion,
    ];
    let (health, position) = least(&healths);
    (health, position.is_some_and(|position| assumptions[position]))
}

/// The value as the formulas before 2026.3 told it: without its method.
fn untold(traced: Traced) -> Traced {
    traced.map(|(value, _)| (value, Method::Sent))
}

fn further(
    joint: &Joint,
    (model, unrated): (Option<&JointModel>, Absent),
    law: Result<Law<'_>, Absent>,
    rev_load: Indicator,
) -> FurtherJoint {
    let laws = model.map(|model| &model.laws);
    let samples = joint.samples.as_deref();
    let torques = samples.and_then(|samples| samples.torque_nm.as_deref());
    let fatigue_model = laws.and_then(|laws| laws.fatigue.as_ref()).ok_or(unrated);
    let bearing_model = laws.and_then(|laws| laws.bearing.as_ref()).ok_or(unrated);
    let load_hist = joint.load_hist_rev.as_deref();
    let geometry = law.map(|law| (law.rating.gear_ratio, law.rating.rated_torque_nm));
    let ratio = |law: Law<'_>| duty::average_torque_ratio(law.rating, law.exponent, joint.input_rev, rev_load);
    FurtherJoint {
        hours_method: Method::Sent,
        assumed: AssumedOfJoint::default(),
        health_assumed: false,
        reducer_method: if joint.input_rev_load.is_some() { Method::Sent } else { Method::LoadHistogram },
        thermal_method: if joint.current_rms_a.is_some() { Method::Sent } else { Method::Samples },
        average_torque_ratio: law.and_then(ratio),
        momentary_peak_usage: peaks(joint, law, laws.and_then(|laws| laws.momentary_peak.as_ref()).ok_or(unrated)),
        grease_usage: grease::grease_usage(
            laws.and_then(|laws| laws.grease.as_ref()).ok_or(unrated),
            joint.grease_temp_hist_rev.as_deref(),
            mean_power(joint, law, rev_load),
        ),
        bearing_damage: match (geometry, joint.input_rev, load_hist) {
            (Err(_), None, None) => Err(Absent::CounterMissing),
            (geometry, input_rev, bins) => {
                geometry.and_then(|geometry| bearing::bearing_damage(bearing_model, geometry, input_rev, bins))
            }
        },
        fatigue_damage: match (joint.rainflow_hist_cycles.as_deref(), law) {
            (None, _) => Err(Absent::CounterMissing),
            (Some(_), Err(reason)) => Err(reason),
            (bins, Ok(law)) => fatigue::fatigue_damage(fatigue_model, law.rating.momentary_peak_torque_nm, bins),
        },
        fatigue_damage_window: fatigue::fatigue_damage_window::<JOINT_SAMPLES>(fatigue_model, torques),
        reducer_damage_window: match samples {
            None => Err(Absent::InputMissing),
            samples => law.and_then(|law| {
                let duty = duty::of_samples(samples, law.rating, law.exponent)?;
                Ok(duty.input_rev_load / law.rated_input_rev)
            }),
        },
        torque_residual_norm: torque::torque_residual_norm(joint, geometry.map(|(_, rated_nm)| rated_nm)),
        friction_excess_nm: torque::friction_excess_nm(joint),
        friction_ratio: friction::friction_ratio(laws.and_then(|laws| laws.friction.as_ref()).ok_or(unrated), joint),
        lost_motion_health: friction::lost_motion_health(
            laws.and_then(|laws| laws.lost_motion.as_ref()).ok_or(unrated),
            joint.lost_motion_arcmin,
        ),
        temp_equivalent_h: temperature::temp_equivalent_h(joint.temp_hist_h.as_deref()),
        winding_damage: temperature::winding_damage(
            laws.and_then(|laws| laws.winding.as_ref()).ok_or(unrated),
            joint.temp_hist_h.as_deref(),
        ),
    }
}

fn peaks(
    joint: &Joint,
    law: Result<Law<'_>, Absent>,
    peak: Result<&tacho_config::models::MomentaryPeakModel, Absent>,
) -> Indicator {
    let count = joint.momentary_peak_count.ok_or(Absent::CounterMissing)?;
    duty::momentary_peak_usage(law?.rating.gear_ratio, peak, Some(count))
}

/// (T_av/T_N)^p over the life so far.
fn mean_power(joint: &Joint, law: Result<Law<'_>, Absent>, rev_load: Indicator) -> Indicator {
    law?;
    let input_rev = joint.input_rev.ok_or(Absent::CounterMissing)?;
    if input_rev > 0.0 { Ok(rev_load? / input_rev) } else { Err(Absent::NoRotation) }
}

/// Further indicators of a robot, of which `joints` and `batteries` are known.
pub fn of_record(
    record: &Record,
    joints: &[JointIndicators],
    batteries: &[BatteryIndicators],
    (found, formulas): (Found<'_>, FormulaSet),
) -> FurtherRecord {
    let judged = formulas >= FormulaSet::Y2026R3;
    let unrated = unrated(found, formulas);
    let worst = |parts: &mut dyn Iterator<Item = Indicator>| health::weakest(parts);
    let of_joint = |position: usize| joints[position].further.map(|further| further.assumed).unwrap_or_default();
    let of_pack = |position: usize| batteries[position].further.is_some_and(|further| further.assumed.pack);
    let wear = worst(&mut joints.iter().map(|joint| joint.wear.damage.map(health::of_damage)));
    let pack = worst(&mut batteries.iter().map(|pack| pack.health_index));
    let accuracy = worst(&mut joints.iter().map(|joint| joint.following_error_health));
    let parts = [wear, pack, accuracy].map(|part| part.map(|(_, health)| health));
    let model = Some(found.model).filter(|model| !(judged && model.generic));
    let weights = model.and_then(|model| model.health);
    let weights = weights.map(|weights| [weights.joints, weights.batteries, weights.accuracy]).ok_or(unrated);
    let brakes = model.and_then(|model| model.brakes.as_ref());
    FurtherRecord {
        health_geometric: health::geometric(parts, weights),
        brake_damage: brake::brake_damage(brakes.ok_or(unrated), &record.counters),
        pose: pose(record.pose_test.as_deref(), formulas),
        path: path_error(record.motion.as_deref()),
        brakes_assumed: judged && brakes.is_some_and(|brakes| brakes.source.is_assumed()),
        geometric_assumed: wear.is_some_and(|(position, _)| of_joint(position).reducer)
            || pack.is_some_and(|(position, _)| of_pack(position))
            || accuracy.is_some_and(|(position, _)| of_joint(position).drive),
    }
}
