//! Indicators of a record: wear, load, accuracy and health, each a value or the reason why there is none.
//!
//! One file per law, with its source and its oracle; here is what of a record and of its model goes into which. Nothing
//! here knows tables: rows are built in [`crate::rows`]. Everything is `f64`, summed in order; what is transcendental comes
//! from `libm`, so that the same record gives the same bits on any machine.

pub mod assumed;
pub mod battery;
pub mod bearing;
pub mod brake;
pub mod catalogue;
pub mod duty;
pub mod fatigue;
pub mod following_error;
pub mod friction;
pub mod further;
pub mod grease;
pub mod health;
pub mod hours;
pub mod load;
mod method;
pub mod path;
pub mod pose;
pub mod rv;
pub mod samples;
pub mod strain_wave;
pub mod temperature;
pub mod thermal_load;
pub mod torque;
pub mod vibration;

use tacho_config::models::{JointModel, Reducer, ReducerRating};
use tacho_config::{FORMULAS, FORMULAS_2026_1, FORMULAS_2026_2, Found, FoundBy};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Battery, Counters, Joint, Record};

use battery::{CapacityMethod, ChargeSamples};
use duty::LoadExponent;
use further::{FurtherBattery, FurtherJoint};
pub use method::{Method, Traced};
use strain_wave::ReducerWear;

/// A value, or why there is none.
pub type Indicator = Result<f64, Absent>;

/// A set of formulas, as a configuration names it. Each release keeps those of the release before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormulaSet {
    /// Six indicators a joint, three a pack, and the robot's health.
    Y2026R1,
    /// Those, RV reducers among them, and the further ones of [`further`]; a joint's health is the least of more laws.
    Y2026R2,
    /// Those, held against what can be: a generic model is no model, a component that is named has its own hours, batteries that
    /// contradict themselves have no health; and each says where it has taken another way, or an assumed rating.
    Y2026R3,
}

impl FormulaSet {
    /// The set of a name, if this binary has it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            FORMULAS_2026_1 => Some(Self::Y2026R1),
            FORMULAS_2026_2 => Some(Self::Y2026R2),
            FORMULAS => Some(Self::Y2026R3),
            _ => None,
        }
    }
}

/// Indicators of one joint: the columns of `joints` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointIndicators {
    /// `reducer_damage`, `reducer_l10_h`, `reducer_rul_h`.
    pub wear: ReducerWear,
    /// `thermal_load_rate_pct`.
    pub thermal_load_rate_pct: Indicator,
    /// `following_error_health`.
    pub following_error_health: Indicator,
    /// `component_health_index`: the least of the joint's healths.
    pub health_index: Indicator,
    /// The further columns; none by the formulas 2026.1.
    pub further: Option<FurtherJoint>,
}

/// Indicators of one battery pack: the columns of `batteries` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatteryIndicators {
    /// `soh_capacity` and `soh_capacity_method`.
    pub soh_capacity: Result<(f64, CapacityMethod), Absent>,
    /// `equivalent_full_cycles`.
    pub equivalent_full_cycles: Indicator,
    /// `pack_health_index`.
    pub health_index: Indicator,
    /// The further columns; none by the formulas 2026.1.
    pub further: Option<FurtherBattery>,
}

/// Health of a robot: the columns `robot_health_index` and `robot_health_component`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RobotHealth<'a> {
    /// The least component health.
    pub index: f64,
    /// Name of the joint, or identity of the pack, that has it.
    pub component: &'a str,
    /// Whether it rests on an assumed rating.
    pub assumed: bool,
}

/// Indicators of a joint in a window of `window_s` seconds; `model` is what the robot's model says of it.
pub fn of_joint(
    joint: &Joint,
    (counters, window_s): (&Counters, f64),
    model: Option<&JointModel>,
    found: Found<'_>,
    formulas: FormulaSet,
) -> JointIndicators {
    if formulas >= FormulaSet::Y2026R2 {
        return further::of_joint(joint, (counters, window_s), model, (found, formulas));
    }
    let unrated = unrated(found, formulas);
    let wear = match strain_wave_rating(model, unrated) {
        Err(reason) => ReducerWear::absent(reason),
        Ok(rating) => {
            let bins = joint.load_hist_rev.as_deref();
            let rev_load = load::load_revolutions(joint.input_rev_load, bins, LoadExponent::Cube);
            let hours = hours::of_robot(counters, joint.component_epoch);
            strain_wave::wear(rating, rev_load.map(|(load, _)| load), hours)
        }
    };
    let continuous_current_a = model.and_then(|model| model.continuous_current_a).ok_or(unrated);
    let samples = samples::of_window(joint.samples.as_deref(), window_s, formulas);
    let rms_a = thermal_load::current_rms_a(joint, samples, formulas).map(|(rms_a, _)| rms_a);
    let thermal_load_rate_pct = thermal_load::thermal_load_rate_pct(continuous_current_a, rms_a);
    let limits = model.and_then(|model| model.following_error.as_ref()).ok_or(unrated);
    let following_error_health = following_error::following_error_health(limits, joint.following_error_rms_rad);
    let healths = [wear.damage.map(health::of_damage), following_error_health];
    let (health_index, _) = least(&healths);
    JointIndicators { wear, thermal_load_rate_pct, following_error_health, health_index, further: None }
}

/// Indicators of a battery pack in a window of `window_s` seconds.
pub fn of_battery(pack: &Battery, window_s: f64, found: Found<'_>, formulas: FormulaSet) -> BatteryIndicators {
    if formulas >= FormulaSet::Y2026R2 {
        return further::of_battery(pack, window_s, (found, formulas));
    }
    let model = found.model.battery.as_ref().ok_or(unrated(found, formulas));
    let nominal_ah = model.map(|model| model.nominal_capacity_ah);
    let soh_capacity = battery::soh_capacity(nominal_ah, pack.full_charge_ah, charge_samples(pack, window_s));
    let end_of_life = model.map(|model| model.end_of_life_soh);
    BatteryIndicators {
        soh_capacity,
        equivalent_full_cycles: battery::equivalent_full_cycles(nominal_ah, pack.discharged_ah, pack.charged_ah),
        health_index: battery::pack_health(soh_capacity.map(|(soh, _)| soh), end_of_life),
        further: None,
    }
}

/// Health of the robot by its weakest component: joints first, then packs.
///
/// # Errors
/// [`Absent::NotApplicable`] if the record has no component, else the first component's reason.
pub fn of_robot<'a>(
    record: &'a Record,
    joints: &[JointIndicators],
    batteries: &[BatteryIndicators],
) -> Result<RobotHealth<'a>, Absent> {
    let of_joints = joints.iter().map(|joint| joint.health_index);
    let of_packs = batteries.iter().map(|pack| pack.health_index);
    let healths = of_joints.chain(of_packs);
    let Some((position, index)) = health::weakest(healths.clone()) else {
        return Err(healths.filter_map(Result::err).next().unwrap_or(Absent::NotApplicable));
    };
    let names = record.joints.iter().map(|joint| &*joint.name);
    let names = names.chain(record.batteries.iter().map(|pack| &*pack.pack_id));
    let component = names.into_iter().nth(position).unwrap_or_default();
    let of_joints = joints.iter().map(|joint| joint.further.is_some_and(|further| further.health_assumed));
    let of_packs = batteries.iter().map(|pack| pack.further.is_some_and(|further| further.assumed.pack));
    let assumed = of_joints.chain(of_packs).nth(position).unwrap_or_default();
    Ok(RobotHealth { index, component, assumed })
}

/// The least of the healths that there are, with its position, else the first reason.
fn least(healths: &[Indicator]) -> (Indicator, Option<usize>) {
    match health::weakest(healths.iter().copied()) {
        Some((position, health)) => (Ok(health), Some(position)),
        None => {
            let reason = healths.iter().find_map(|health| health.err());
            (Err(reason.unwrap_or(Absent::NotApplicable)), None)
        }
    }
}

/// Why a number that the model does not say is absent: of a robot that only a generic model fits, nothing is known. A generic model
/// that the record names was a model like others before the formulas 2026.3.
fn unrated(found: Found<'_>, formulas: FormulaSet) -> Absent {
    let generic = found.by == FoundBy::Generic || formulas >= FormulaSet::Y2026R3 && found.model.generic;
    if generic { Absent::ModelUnknown } else { Absent::RatingMissing }
}

fn strain_wave_rating(model: Option<&JointModel>, unrated: Absent) -> Result<&ReducerRating, Absent> {
    match model.map(|model| &model.reducer) {
        Some(Reducer::StrainWave(rating)) => Ok(rating),
        Some(Reducer::Rv(_)) => Err(Absent::NotStrainWave),
        Some(Reducer::Unrated) | None => Err(unrated),
    }
}

fn charge_samples(pack: &Battery, window_s: f64) -> Option<ChargeSamples<'_>> {
    let samples = pack.samples.as_ref()?;
    Some(ChargeSamples {
        t_s: samples.t_s.as_ref()?,
        current_a: samples.current_a.as_ref()?,
        soc: samples.soc.as_deref(),
        window_soc: pack.soc_start.map(|start| (start, pack.soc_end)),
        window_s,
    })
}

/// A count as a float, which a count has fewer digits than.
#[expect(clippy::cast_precision_loss, reason = "no law and no range depends on the last digits of a count above 2^53")]
pub(crate) fn of_count(count: i64) -> f64 {
    count as f64
}
