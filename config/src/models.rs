//! Robot models: what a catalogue or a data sheet says of a robot, found by its ID.
//!
//! The built-in ones are `models/*.toml`, compiled in; a folder of one's own is laid over them. Which formula uses which
//! number is the processors' business.

mod battery;
mod brakes;
mod builtin;
mod joint;
mod kind_word;
mod laws;
mod load;
mod plausible;
mod reducer;
mod robot_model;
mod source;

use std::collections::HashMap;
use std::path::Path;

use tacho_schemas::RobotId;
use tacho_schemas::record::RobotKind;

use crate::limits::Limits;
use crate::problem::{Problem, Problems};

pub use battery::{BatteryModel, Chemistry, CycleLife, Resistance};
pub use brakes::BrakeModel;
pub use joint::{FollowingErrorLimits, JointModel};
pub use laws::{
    BearingModel, FatigueModel, FrictionModel, GreaseModel, JointLaws, LostMotionLimits, MomentaryPeakModel, Rolling,
    WindingModel,
};
pub use reducer::{Reducer, ReducerRating};
pub use robot_model::{HealthWeights, RobotModel};
pub use source::Source;

/// Characters of manufacturer and model, by which a robot model is found.
const SEGMENTS_LEN: usize = 10;

/// A set of robot models with one generic model per kind, so that each robot finds one.
#[derive(Debug, Clone)]
pub struct Models {
    /// In the order of names.
    all: Vec<RobotModel>,
    by_name: HashMap<String, usize>,
    by_segments: HashMap<[u8; SEGMENTS_LEN], usize>,
    /// By the order of [`RobotKind::ALL`].
    generic: [usize; RobotKind::ALL.len()],
}

/// How a model was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// The record names it (`model_config`).
    Override,
    /// The manufacturer and model segments of the ID.
    Segments,
    /// Nothing better is known: the generic model of the robot's kind.
    Generic,
}

/// The model of a robot, and how it was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The model.
    pub model: &'a RobotModel,
    /// How it was found.
    pub by: FoundBy,
    /// Whether the record names a model that does not exist (flag `model_config_unknown`); `by` is then how else one was found.
    pub model_config_unknown: bool,
    /// Whether the record names another model than that of its ID's manufacturer and model, which is known (flag
    /// `model_config_differs`).
    pub model_config_differs: bool,
}

impl Models {
    /// The models of this release.
    pub fn builtin() -> Self {
        load::builtin().expect("the built-in models are sound, which a test of this crate checks")
    }

    /// The built-in models with those of a folder (`*.toml`) laid over them. Of the folder's models, one replaces the
    /// built-in model of its name, takes the segments that it matches, and, if it is generic, stands in for its kind.
    ///
    /// # Errors
    /// All [`Problems`] of all files at once, each with the name of its file.
    pub fn with_dir(dir: &Path) -> Result<Self, Problems> {
        load::with_dir(dir)
    }

    /// A set out of `models`, in any order.
    ///
    /// # Errors
    /// All [`Problems`]: a model that contradicts itself, a name or segments that two models claim, a kind without
    /// exactly one generic model.
    pub fn of(mut models: Vec<RobotModel>) -> Result<Self, Problems> {
        models.sort_by(|a, b| a.name.cmp(&b.name));
        let mut problems: Vec<Problem> = models.iter().flat_map(RobotModel::disorders).collect();
        let mut by_name = HashMap::new();
        let mut by_segments = HashMap::new();
        for (index, model) in models.iter().enumerate() {
            if by_name.insert(model.name.clone(), index).is_some() {
                problems.push(Problem::new("name", &model.name, "a name that no other model has"));
            }
            for segments in &model.matches {
                let Ok(key) = <[u8; SEGMENTS_LEN]>::try_from(segments.as_bytes()) else {
                    continue;
                };
                if let Some(other) = by_segments.insert(key, index) {
                    let other: &RobotModel = &models[other];
                    let expected = format!("segments that no other model matches; {} does", other.name);
                    problems.push(Problem::new(format!("{}: matches", model.name), segments, expected));
                }
            }
        }
        let mut generic = [0; RobotKind::ALL.len()];
        for (place, kind) in generic.iter_mut().zip(RobotKind::ALL.iter().copied()) {
            let found: Vec<_> = (0..models.len()).filter(|i| models[*i].generic && models[*i].kind == kind).collect();
            match found.as_slice() {
                [one] => *place = *one,
                several => {
                    let names: Vec<_> = several.iter().map(|i| models[*i].name.as_str()).collect();
                    let expected = "exactly one model with `generic = true` of this kind";
                    problems.push(Problem::new(format!("kind {kind}"), &names.join(", "), expected));
                }
            }
        }
        let models = Self { all: models, by_name, by_segments, generic };
        Problems::unless_none(problems, models)
    }

    /// The model of the robot `id`: the one that the record names, or that its ID's segments match, or the generic one
    /// of its kind. Always finds one.
    pub fn find(&self, id: &RobotId, kind: RobotKind, override_name: Option<&str>) -> Found<'_> {
        let key = <[u8; SEGMENTS_LEN]>::try_from(id.manufacturer_and_model().as_bytes());
        let by_segments = key.ok().and_then(|key| self.by_segments.get(&key));
        let named = override_name.map(|name| self.by_name.get(name));
        if let Some(Some(index)) = named {
            let model_config_differs = by_segments.is_some_and(|own| own != index);
            return Found { model_config_differs, ..self.found(*index, FoundBy::Override, false) };
        }
        let model_config_unknown = named.is_some();
        match by_segments {
            Some(index) => self.found(*index, FoundBy::Segments, model_config_unknown),
            None => self.found(self.generic[place_of(kind)], FoundBy::Generic, model_config_unknown),
        }
    }

    /// The model called `name`.
    pub fn by_name(&self, name: &str) -> Option<&RobotModel> {
        self.by_name.get(name).map(|index| &self.all[*index])
    }

    /// All models, in the order of names.
    pub fn all(&self) -> &[RobotModel] {
        &self.all
    }

    /// The same models with their ranges laid over `base` instead of the shipped ones.
    ///
    /// # Errors
    /// All [`Problems`]: bounds of a model that are out of order with those of `base`.
    pub fn resolved(mut self, base: &Limits) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        for model in &mut self.all {
            problems.extend(model.resolve(base));
        }
        Problems::unless_none(problems, self)
    }

    fn found(&self, index: usize, by: FoundBy, model_config_unknown: bool) -> Found<'_> {
        Found { model: &self.all[index], by, model_config_unknown, model_config_differs: false }
    }
}

/// The place of `kind` in [`RobotKind::ALL`].
fn place_of(kind: RobotKind) -> usize {
    match kind {
        RobotKind::Arm => 0,
        RobotKind::Humanoid => 1,
        RobotKind::Amr => 2,
    }
}

/// The lookups follow from the models.
impl PartialEq for Models {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

#[cfg(test)]
mod tests;
