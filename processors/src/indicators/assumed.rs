//! Which ratings of a robot's model are assumed, by the sources that its file gives: what is computed from them says so in `methods`.

use tacho_config::models::{BatteryModel, JointModel};

/// Assumed ratings of a joint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssumedOfJoint {
    /// Of the reducer.
    pub reducer: bool,
    /// Of motor and controller: continuous current, following errors.
    pub drive: bool,
    /// Of the torque cycles; with the reducer's T_M.
    pub fatigue: bool,
    /// Of the output bearing; with the gear ratio.
    pub bearing: bool,
    /// Of the grease.
    pub grease: bool,
    /// Of the winding.
    pub winding: bool,
    /// Of the friction as new.
    pub friction: bool,
    /// Of the lost motion.
    pub lost_motion: bool,
    /// Of momentary peaks; with the gear ratio.
    pub momentary_peak: bool,
}

impl AssumedOfJoint {
    /// What the sources of a model say.
    pub fn of(model: &JointModel) -> Self {
        let laws = &model.laws;
        let reducer = model.reducer.rating().is_some_and(|rating| rating.source.is_assumed());
        Self {
            reducer,
            drive: model.source.is_assumed(),
            fatigue: reducer || laws.fatigue.as_ref().is_some_and(|law| law.source.is_assumed()),
            bearing: reducer || laws.bearing.as_ref().is_some_and(|law| law.source.is_assumed()),
            grease: laws.grease.as_ref().is_some_and(|law| law.source.is_assumed()),
            winding: laws.winding.as_ref().is_some_and(|law| law.source.is_assumed()),
            friction: laws.friction.as_ref().is_some_and(|law| law.source.is_assumed()),
            lost_motion: laws.lost_motion.as_ref().is_some_and(|law| law.source.is_assumed()),
            momentary_peak: reducer || laws.momentary_peak.as_ref().is_some_and(|law| law.source.is_assumed()),
        }
    }
}

/// Assumed ratings of a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssumedOfBattery {
    /// Of the pack itself: capacity, end of life.
    pub pack: bool,
    /// Of its resistance.
    pub resistance: bool,
    /// Of its cycles by depth.
    pub cycle_life: bool,
}

impl AssumedOfBattery {
    /// What the sources of a model say.
    pub fn of(model: &BatteryModel) -> Self {
        Self {
            pack: model.source.is_assumed(),
            resistance: model.resistance.as_ref().is_some_and(|part| part.source.is_assumed()),
            cycle_life: model.cycle_life.as_ref().is_some_and(|part| part.source.is_assumed()),
        }
    }
}
