//! Numbers of a model that are each within their range, and together cannot be: mostly another unit, or the other shaft.
//!
//! Asked of files only. A snapshot of an earlier release that has such numbers stays readable, so that its rows can be replayed.

use super::battery::BatteryModel;
use super::brakes::BrakeModel;
use super::laws::JointLaws;
use super::reducer::Reducer;
use crate::problem::Problem;

/// Greatest rated output speed of an RV reducer, rpm; 15 is usual.
const RV_OUTPUT_MAX_RPM: f64 = 200.0;
/// Least cut-off voltage, as a share of the nominal voltage; at most it is that voltage.
const CUT_OFF_MIN: f64 = 0.3;
/// Greatest energy of one stop, as a share of the energy of the brakes' life.
const STOP_MAX: f64 = 0.01;

/// A rated speed that is that of the input where the output's is meant. NaN stands for what could not be read and was reported then,
/// here and below.
pub(super) fn reducer(reducer: &Reducer, place: &str) -> Option<Problem> {
    let Reducer::Rv(rating) = reducer else { return None };
    let expected = format!("at most {RV_OUTPUT_MAX_RPM}: N_0 of an RV reducer is the speed of its output, 15 is usual");
    let speed = rating.rated_speed_rpm;
    (speed > RV_OUTPUT_MAX_RPM).then(|| Problem::new(format!("{place}.rated_speed_rpm"), &speed.to_string(), expected))
}

/// A bearing that its load destroys, and friction that is less at rest than in motion.
pub(super) fn laws(laws: &JointLaws, place: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(bearing) = laws.bearing.as_ref().filter(|law| law.dynamic_rating_n <= law.load_n) {
        let expected = format!("above load_n ({}): C is several times P", bearing.load_n);
        let value = bearing.dynamic_rating_n.to_string();
        found.push(Problem::new(format!("{place}.bearing.dynamic_rating_n"), &value, expected));
    }
    if let Some(friction) = laws.friction.as_ref().filter(|law| law.static_nm < law.coulomb_nm) {
        let expected =
            format!("at least coulomb_nm ({}): Stribeck's curve falls from static friction", friction.coulomb_nm);
        let value = friction.static_nm.to_string();
        found.push(Problem::new(format!("{place}.friction.static_nm"), &value, expected));
    }
    found
}

/// A cut-off voltage that is a cell's, or that a discharge never comes down to.
pub(super) fn battery(battery: &BatteryModel, place: &str) -> Option<Problem> {
    let (cut_off_v, nominal_v) = (battery.cut_off_voltage_v?, battery.nominal_voltage_v);
    let least_v = CUT_OFF_MIN * nominal_v;
    (cut_off_v < least_v || cut_off_v > nominal_v).then(|| {
        let expected = format!("{least_v:.1} to {nominal_v} V, of the pack: 0.3 to 1 of nominal_voltage_v");
        Problem::new(format!("{place}.cut_off_voltage_v"), &cut_off_v.to_string(), expected)
    })
}

/// Brakes whose life is a hundred stops or fewer.
pub(super) fn brakes(brakes: &BrakeModel, place: &str) -> Option<Problem> {
    let (stop_j, life_j) = (brakes.stop_energy_j?, brakes.life_energy_j);
    (stop_j > STOP_MAX * life_j).then(|| {
        let expected = format!("at most 1 % of life_energy_j ({life_j}): the energy of one stop, in J");
        Problem::new(format!("{place}.stop_energy_j"), &stop_j.to_string(), expected)
    })
}
