//! All indicators of a joint by the formulas 2026.2 and later: what of a joint and its model goes into which law.

use tacho_config::Found;
use tacho_config::models::{JointLaws, JointModel, MomentaryPeakModel, ReducerRating};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Counters, Joint, JointSamples};

use super::FurtherJoint;
use crate::indicators::assumed::AssumedOfJoint;
use crate::indicators::duty::{self, LoadExponent};
use crate::indicators::strain_wave::ReducerWear;
use crate::indicators::{
    FormulaSet, Indicator, JointIndicators, Method, Traced, bearing, fatigue, following_error, friction, grease,
    health, hours, least, load, rv, samples, strain_wave, temperature, thermal_load, torque, unrated,
};

/// Samples of a joint at most.
const JOINT_SAMPLES: usize = 512;

/// A reducer with its life law.
#[derive(Debug, Clone, Copy)]
struct Law<'a> {
    rating: &'a ReducerRating,
    exponent: LoadExponent,
    rated_input_rev: f64,
}

impl<'a> Law<'a> {
    /// The law of a joint's reducer; why there is none: of the formulas 2026.3 on, no law applies to a joint that has no reducer, or one
    /// of a kind without a law.
    fn of(model: Option<&'a JointModel>, unrated: Absent, formulas: FormulaSet) -> Result<Self, Absent> {
        let reducer = &model.ok_or(unrated)?.reducer;
        let lawless = if formulas >= FormulaSet::Y2026R3 { Absent::NotApplicable } else { unrated };
        let (rating, exponent) = LoadExponent::of(reducer).ok_or(lawless)?;
        let rated_input_rev = match exponent {
            LoadExponent::Cube => strain_wave::rated_input_rev(rating),
            LoadExponent::TenThirds => rv::rated_input_rev(rating),
        };
        Ok(Self { rating, exponent, rated_input_rev })
    }

    /// Σ rev·(|T|/T_N)^p; of the formulas 2026.3 on, none of a counter that cannot be.
    fn load_revolutions(&self, joint: &Joint, formulas: FormulaSet) -> Traced {
        if formulas >= FormulaSet::Y2026R3 && load::is_impossible(joint, self.rating, self.exponent) {
            return Err(Absent::Inconsistent);
        }
        load::load_revolutions(joint.input_rev_load, joint.load_hist_rev.as_deref(), self.exponent)
    }

    fn wear(&self, rev_load: Indicator, operating_h: Indicator) -> ReducerWear {
        strain_wave::spent(self.rated_input_rev, rev_load, operating_h)
    }
}

/// What the laws of a joint share.
#[derive(Debug, Clone, Copy)]
struct Basis<'a> {
    model: Option<&'a JointModel>,
    /// Why a rating that the model lacks is absent.
    unrated: Absent,
    law: Result<Law<'a>, Absent>,
    rev_load: Traced,
    samples: Result<&'a JointSamples, Absent>,
    formulas: FormulaSet,
}

impl<'a> Basis<'a> {
    /// What the model has for a law.
    fn model_of<T>(&self, of: impl FnOnce(&'a JointLaws) -> Option<&'a T>) -> Result<&'a T, Absent> {
        self.model.and_then(|model| of(&model.laws)).ok_or(self.unrated)
    }
}

/// All indicators of a joint by the formulas 2026.2 and later, in a window of `window_s` seconds.
pub(in crate::indicators) fn of_joint(
    joint: &Joint,
    (counters, window_s): (&Counters, f64),
    model: Option<&JointModel>,
    (found, formulas): (Found<'_>, FormulaSet),
) -> JointIndicators {
    let judged = formulas >= FormulaSet::Y2026R3;
    let unrated = unrated(found, formulas);
    let model = model.filter(|_| !(judged && found.model.generic));
    let law = Law::of(model, unrated, formulas);
    let rev_load = law.and_then(|law| law.load_revolutions(joint, formulas));
    let hours = if judged {
        hours::of_component(joint, counters)
    } else {
        hours::of_robot(counters, joint.component_epoch).map(|hours| (hours, Method::Sent))
    };
    let wear = match law {
        Ok(law) => law.wear(value(rev_load), value(hours)),
        Err(reason) => ReducerWear::absent(reason),
    };
    let samples = samples::of_window(joint.samples.as_deref(), window_s, formulas);
    let rms_a = thermal_load::current_rms_a(joint, samples, formulas);
    let continuous_current_a = model.and_then(|model| model.continuous_current_a).ok_or(unrated);
    let thermal_load_rate_pct = thermal_load::thermal_load_rate_pct(continuous_current_a, value(rms_a));
    let limits = model.and_then(|model| model.following_error.as_ref()).ok_or(unrated);
    let following_error_health = following_error::following_error_health(limits, joint.following_error_rms_rad);
    let mut further = further(joint, &Basis { model, unrated, law, rev_load, samples, formulas });
    further.thermal_method = method(rms_a);
    if judged {
        further.life_methods = [method(rev_load), method(hours)];
        further.assumed = model.map(AssumedOfJoint::of).unwrap_or_default();
    } else {
        further.average_torque_ratio = untold(further.average_torque_ratio);
        further.grease_usage = untold(further.grease_usage);
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
        value(further.bearing_damage).map(health::of_damage),
        further.fatigue_damage.map(health::of_damage),
        further.winding_damage.map(health::of_damage),
        friction::friction_health(value(further.friction_ratio)),
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

fn value(traced: Traced) -> Indicator {
    traced.map(|(value, _)| value)
}

fn method(traced: Traced) -> Method {
    traced.map_or(Method::Sent, |(_, method)| method)
}

/// The value as the formulas before 2026.3 told it: without its method.
fn untold(traced: Traced) -> Traced {
    traced.map(|(value, _)| (value, Method::Sent))
}

fn further(joint: &Joint, basis: &Basis<'_>) -> FurtherJoint {
    let Basis { law, rev_load, samples, formulas, .. } = *basis;
    let torques = samples.and_then(|samples| samples.torque_nm.as_deref().ok_or(Absent::InputMissing));
    let fatigue_model = basis.model_of(|laws| laws.fatigue.as_ref());
    let geometry = law.map(|law| (law.rating.gear_ratio, law.rating.rated_torque_nm));
    FurtherJoint {
        life_methods: [Method::Sent; 2],
        assumed: AssumedOfJoint::default(),
        health_assumed: false,
        reducer_method: method(rev_load),
        thermal_method: Method::Sent,
        average_torque_ratio: law.and_then(|law| {
            let ratio = duty::average_torque_ratio(law.rating, law.exponent, joint.input_rev, value(rev_load))?;
            Ok((ratio, method(rev_load)))
        }),
        momentary_peak_usage: peaks(joint, law, basis.model_of(|laws| laws.momentary_peak.as_ref())),
        grease_usage: grease_usage(joint, basis),
        bearing_damage: bearing_damage(joint, basis, geometry),
        fatigue_damage: match (joint.rainflow_hist_cycles.as_deref(), law) {
            (None, _) => Err(Absent::CounterMissing),
            (Some(_), Err(reason)) => Err(reason),
            (bins, Ok(law)) => fatigue::fatigue_damage(fatigue_model, law.rating.momentary_peak_torque_nm, bins),
        },
        fatigue_damage_window: torques
            .and_then(|torques| fatigue::fatigue_damage_window::<JOINT_SAMPLES>(fatigue_model, Some(torques))),
        reducer_damage_window: samples.and_then(|samples| {
            let law = law?;
            let duty = duty::of_samples(Some(samples), law.rating, law.exponent)?;
            Ok(duty.input_rev_load / law.rated_input_rev)
        }),
        torque_residual_norm: torque::torque_residual_norm(joint, samples, geometry.map(|(_, rated_nm)| rated_nm)),
        friction_excess_nm: torque::friction_excess_nm(joint, samples),
        friction_ratio: friction::friction_ratio(basis.model_of(|laws| laws.friction.as_ref()), joint, formulas),
        lost_motion_health: friction::lost_motion_health(
            basis.model_of(|laws| laws.lost_motion.as_ref()),
            joint.lost_motion_arcmin,
        ),
        temp_equivalent_h: temperature::temp_equivalent_h(joint.temp_hist_h.as_deref()),
        winding_damage: temperature::winding_damage(
            basis.model_of(|laws| laws.winding.as_ref()),
            joint.temp_hist_h.as_deref(),
        ),
    }
}

fn peaks(joint: &Joint, law: Result<Law<'_>, Absent>, peak: Result<&MomentaryPeakModel, Absent>) -> Indicator {
    let count = joint.momentary_peak_count.ok_or(Absent::CounterMissing)?;
    duty::momentary_peak_usage(law?.rating.gear_ratio, peak, Some(count))
}

/// Of the reducer's grease: a joint to which no law of reducers applies has none.
fn grease_usage(joint: &Joint, basis: &Basis<'_>) -> Traced {
    let model = match basis.law {
        Err(Absent::NotApplicable) => Err(Absent::NotApplicable),
        _ => basis.model_of(|laws| laws.grease.as_ref()),
    };
    let usage = grease::grease_usage(model, joint.grease_temp_hist_rev.as_deref(), mean_power(joint, basis))?;
    Ok((usage, method(basis.rev_load)))
}

/// (T_av/T_N)^p over the life so far.
fn mean_power(joint: &Joint, basis: &Basis<'_>) -> Indicator {
    basis.law?;
    let input_rev = joint.input_rev.ok_or(Absent::CounterMissing)?;
    if input_rev > 0.0 { Ok(value(basis.rev_load)? / input_rev) } else { Err(Absent::NoRotation) }
}

fn bearing_damage(joint: &Joint, basis: &Basis<'_>, geometry: Result<(f64, f64), Absent>) -> Traced {
    let (input_rev, bins) = (joint.input_rev, joint.load_hist_rev.as_deref());
    if input_rev.is_none() && bins.is_none() {
        return Err(Absent::CounterMissing);
    }
    bearing::bearing_damage(basis.model_of(|laws| laws.bearing.as_ref()), geometry?, input_rev, bins)
}
