//! The indicators that the formulas 2026.2 add: what of a record and its model goes into which law.
//!
//! An input that the record lacks is told before a rating that the model lacks. Rows of the formulas 2026.1 have none of
//! these.

use tacho_config::Found;
use tacho_config::models::{JointModel, Reducer, ReducerRating};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Battery, Counters, Joint, Record};

use super::battery::{self, CapacityMethod, ageing, resistance, usage};
use super::duty::{self, LoadExponent};
use super::path::{PathError, path_error};
use super::pose::{Pose, pose};
use super::strain_wave::ReducerWear;
use super::{
    BatteryIndicators, Indicator, JointIndicators, Method, Traced, bearing, brake, charge_samples, fatigue,
    following_error, friction, grease, health, least, operating_h, rv, strain_wave, temperature, thermal_load, torque,
    unrated,
};

/// Samples of a joint at most.
const JOINT_SAMPLES: usize = 512;

/// Further indicators of a joint: the columns of `joints` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurtherJoint {
    /// How `reducer_damage`, and what follows from it, was found.
    pub reducer_method: Method,
    /// How `thermal_load_rate_pct` was found.
    pub thermal_method: Method,
    /// `average_torque_ratio`.
    pub average_torque_ratio: Indicator,
    /// `momentary_peak_usage`.
    pub momentary_peak_usage: Indicator,
    /// `grease_usage`.
    pub grease_usage: Indicator,
    /// `bearing_damage`.
    pub bearing_damage: Indicator,
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
    pub friction_ratio: Indicator,
    /// `lost_motion_health`.
    pub lost_motion_health: Indicator,
    /// `temp_equivalent_h`.
    pub temp_equivalent_h: Indicator,
    /// `winding_damage`.
    pub winding_damage: Indicator,
}

/// Further indicators of a pack: the columns of `batteries` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurtherBattery {
    /// `capacity_ah`.
    pub capacity_ah: Indicator,
    /// `end_of_life_ah`.
    pub end_of_life_ah: Indicator,
    /// `dcir_25c_mohm`.
    pub dcir_25c_mohm: Traced,
    /// `soh_resistance`.
    pub soh_resistance: Indicator,
    /// `c_rate_max`.
    pub c_rate_max: Traced,
    /// `cell_imbalance_mv`.
    pub cell_imbalance_mv: Indicator,
    /// `energy_efficiency`.
    pub energy_efficiency: Indicator,
    /// `xu_loss`.
    pub xu_loss: Traced,
    /// `cycle_damage`.
    pub cycle_damage: Indicator,
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

/// All indicators of a joint by the formulas 2026.2.
pub(super) fn of_joint(
    joint: &Joint,
    counters: &Counters,
    model: Option<&JointModel>,
    found: Found<'_>,
) -> JointIndicators {
    let unrated = unrated(found);
    let law = Law::of(model, unrated);
    let rev_load = law.and_then(|law| law.load_revolutions(joint));
    let wear = match law {
        Ok(law) => law.wear(rev_load, operating_h(counters, joint.component_epoch)),
        Err(reason) => ReducerWear::absent(reason),
    };
    let continuous_current_a = model.and_then(|model| model.continuous_current_a).ok_or(unrated);
    let thermal_load_rate_pct = thermal_load::thermal_load_rate_pct(continuous_current_a, super::current_rms_a(joint));
    let limits = model.and_then(|model| model.following_error.as_ref()).ok_or(unrated);
    let following_error_health = following_error::following_error_health(limits, joint.following_error_rms_rad);
    let further = further(joint, (model, unrated), law, rev_load);
    let healths = [
        wear.damage.map(health::of_damage),
        following_error_health,
        further.bearing_damage.map(health::of_damage),
        further.fatigue_damage.map(health::of_damage),
        further.winding_damage.map(health::of_damage),
        friction::friction_health(further.friction_ratio),
        further.lost_motion_health,
    ];
    JointIndicators {
        wear,
        thermal_load_rate_pct,
        following_error_health,
        health_index: least(&healths),
        further: Some(further),
    }
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

/// All indicators of a pack by the formulas 2026.2.
pub(super) fn of_battery(pack: &Battery, window_s: f64, found: Found<'_>) -> BatteryIndicators {
    let unrated = unrated(found);
    let model = found.model.battery.as_ref().ok_or(unrated);
    let nominal_ah = model.map(|model| model.nominal_capacity_ah);
    let samples = charge_samples(pack, window_s);
    let voltage_v = pack.samples.as_deref().and_then(|samples| samples.voltage_v.as_deref());
    let cut_off_v = model.ok().and_then(|model| model.cut_off_voltage_v);
    let full_discharge_ah = battery::full_discharge_ah(cut_off_v, voltage_v, samples.as_ref());
    let capacity = battery::capacity_ah(pack.full_charge_ah, full_discharge_ah, samples);
    let soh_capacity: Result<(f64, CapacityMethod), Absent> = battery::soh_of(nominal_ah, capacity);
    let resistance = model.and_then(|model| model.resistance.as_ref().ok_or(unrated));
    let dcir_25c_mohm = resistance::dcir_25c_mohm(pack, nominal_ah, resistance);
    let end_of_life = model.map(|model| model.end_of_life_soh);
    let cycle_life = model.and_then(|model| model.cycle_life.as_ref().ok_or(unrated));
    let further = FurtherBattery {
        capacity_ah: capacity.map(|(capacity_ah, _)| capacity_ah),
        end_of_life_ah: model.map(|model| model.end_of_life_soh * model.nominal_capacity_ah),
        dcir_25c_mohm,
        soh_resistance: resistance::soh_resistance(resistance, dcir_25c_mohm.map(|(mohm, _)| mohm)),
        c_rate_max: usage::c_rate_max(pack, nominal_ah),
        cell_imbalance_mv: usage::cell_imbalance_mv(pack, model),
        energy_efficiency: usage::energy_efficiency(pack, model),
        xu_loss: ageing::xu_loss(pack, model.map(|model| model.chemistry)),
        cycle_damage: ageing::cycle_damage(cycle_life, pack.soc_rainflow_hist_cycles.as_deref()),
    };
    BatteryIndicators {
        soh_capacity,
        equivalent_full_cycles: battery::equivalent_full_cycles(nominal_ah, pack.discharged_ah, pack.charged_ah),
        health_index: battery::pack_health(soh_capacity.map(|(soh, _)| soh), end_of_life),
        further: Some(further),
    }
}

/// Further indicators of a robot, of which `joints` and `batteries` are known.
pub fn of_record(
    record: &Record,
    joints: &[JointIndicators],
    batteries: &[BatteryIndicators],
    found: Found<'_>,
) -> FurtherRecord {
    let worst = |parts: &mut dyn Iterator<Item = Indicator>| health::weakest(parts).map(|(_, health)| health);
    let parts = [
        worst(&mut joints.iter().map(|joint| joint.wear.damage.map(health::of_damage))),
        worst(&mut batteries.iter().map(|pack| pack.health_index)),
        worst(&mut joints.iter().map(|joint| joint.following_error_health)),
    ];
    let weights = found.model.health.map(|weights| [weights.joints, weights.batteries, weights.accuracy]);
    FurtherRecord {
        health_geometric: health::geometric(parts, weights.ok_or(unrated(found))),
        brake_damage: brake::brake_damage(found.model.brakes.as_ref().ok_or(unrated(found)), &record.counters),
        pose: pose(record.pose_test.as_deref()),
        path: path_error(record.motion.as_deref()),
    }
}
