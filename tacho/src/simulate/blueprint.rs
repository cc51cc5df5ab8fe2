//! The models that a simulated fleet is made of: shipped model configurations, read as building plans.

use std::f64::consts::TAU;

use tacho_config::models::{BatteryModel, JointModel};
use tacho_config::{Models, RobotModel};
use tacho_schemas::record::RobotKind;

/// A robot model as the simulator builds it.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    /// Manufacturer and model segments of the ID, 10 characters.
    pub(crate) segments: String,
    pub(crate) kind: RobotKind,
    pub(crate) joints: Vec<JointPlan>,
    pub(crate) packs: Vec<PackPlan>,
}

/// A joint as the simulator builds it.
#[derive(Debug, Clone)]
pub(crate) struct JointPlan {
    pub(crate) name: Box<str>,
    pub(crate) ratio: f64,
    pub(crate) rated_torque_nm: f64,
    pub(crate) rated_current_a: f64,
    /// Mean input speed while in motion.
    pub(crate) mean_input_rpm: f64,
    /// Whether its controller keeps spectra of load and temperature.
    pub(crate) spectra: bool,
}

/// A battery pack as the simulator builds it.
#[derive(Debug, Clone)]
pub(crate) struct PackPlan {
    pub(crate) pack_id: Box<str>,
    pub(crate) nominal_ah: f64,
    pub(crate) cells: f64,
    /// Voltage of a cell in the middle of its charge.
    pub(crate) cell_v: f64,
}

/// The shipped models that a fleet is built of, as often as they stand here: mostly arms, some humanoids and
/// mobile robots.
const FLEET: [&str; 5] = ["kestrel-k6", "kestrel-k6", "alder-h1", "kestrel-k6", "drover-d2"];

/// What a joint without a rating turns under, for want of a catalogue.
const UNRATED_TORQUE_NM: f64 = 20.0;

/// The models of a fleet: its `n`th robot is built of the model at `n` modulo their number.
pub(crate) fn fleet() -> Vec<Blueprint> {
    let models = Models::builtin();
    FLEET
        .iter()
        .map(|name| of(models.by_name(name).expect("the fleet's models are shipped, which a test checks")))
        .collect()
}

fn of(model: &RobotModel) -> Blueprint {
    let pack = |battery: &BatteryModel| PackPlan {
        pack_id: "PK-1".into(),
        nominal_ah: battery.nominal_capacity_ah,
        cells: f64::from(battery.cells_in_series),
        cell_v: battery.nominal_voltage_v / f64::from(battery.cells_in_series),
    };
    Blueprint {
        segments: model.matches.first().cloned().unwrap_or_default(),
        kind: model.kind,
        joints: model.joints.iter().map(|plan| joint(plan, model.kind)).collect(),
        packs: model.battery.iter().map(pack).collect(),
    }
}

/// Humanoids keep spectra, as the newest controllers do; arms tell what a usual one does.
fn joint(model: &JointModel, kind: RobotKind) -> JointPlan {
    let rating = model.reducer.rating();
    let ratio = rating.map_or(20.0, |rating| rating.gear_ratio);
    // On average a joint turns at 60 % of its limit at the most.
    let limit_rpm = model.max_speed_rad_s.map_or(f64::INFINITY, |limit| 0.6 * limit * ratio * 60.0 / TAU);
    JointPlan {
        name: model.name.as_str().into(),
        ratio,
        rated_torque_nm: rating.map_or(UNRATED_TORQUE_NM, |rating| rating.rated_torque_nm),
        rated_current_a: model.continuous_current_a.unwrap_or(5.0),
        mean_input_rpm: rating.map_or(1000.0, |rating| rating.rated_speed_rpm * 0.4).min(limit_rpm),
        spectra: kind == RobotKind::Humanoid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_is_mixed_and_every_model_has_an_id_and_joints() {
        let fleet = fleet();
        for blueprint in &fleet {
            assert_eq!(blueprint.segments.len(), 10);
            assert!(!blueprint.joints.is_empty());
        }
        assert!(RobotKind::ALL.iter().all(|kind| fleet.iter().any(|blueprint| blueprint.kind == *kind)));
    }
}
