//! The indicators that the formulas 2026.2 add: what of a record and its model goes into which law. Joints and
//! packs are in this folder.
//!
//! An input that the record lacks is told before a rating that the model lacks. Rows of the formulas 2026.1 have none of
//! these.

mod battery;
mod joint;

use tacho_config::Found;
use tacho_schemas::record::Record;

use super::assumed::AssumedOfJoint;
use super::path::{PathError, path_error};
use super::pose::{Pose, pose};
use super::{BatteryIndicators, FormulaSet, Indicator, JointIndicators, Method, Traced, brake, health, unrated};
pub use battery::FurtherBattery;
pub(super) use battery::of_battery;
pub(super) use joint::of_joint;

/// Further indicators of a joint: the columns of `joints` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurtherJoint {
    /// How `reducer_damage` was found: of which load.
    pub reducer_method: Method,
    /// How `reducer_l10_h` and `reducer_rul_h` were found: of which load, and by which hours.
    pub life_methods: [Method; 2],
    /// How `thermal_load_rate_pct` was found.
    pub thermal_method: Method,
    /// `average_torque_ratio`.
    pub average_torque_ratio: Traced,
    /// `momentary_peak_usage`.
    pub momentary_peak_usage: Indicator,
    /// `grease_usage`.
    pub grease_usage: Traced,
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
        path: path_error(record.motion.as_deref(), formulas),
        brakes_assumed: judged && brakes.is_some_and(|brakes| brakes.source.is_assumed()),
        geometric_assumed: wear.is_some_and(|(position, _)| of_joint(position).reducer)
            || pack.is_some_and(|(position, _)| of_pack(position))
            || accuracy.is_some_and(|(position, _)| of_joint(position).drive),
    }
}
