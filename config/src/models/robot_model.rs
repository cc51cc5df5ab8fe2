//! One robot model: its joints, battery and ranges, and how robots of it are recognised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tacho_schemas::record::RobotKind;
use toml::Table;

use super::SEGMENTS_LEN;
use super::battery::BatteryModel;
use super::brakes::BrakeModel;
use super::joint::{JointModel, JointsEntry, SOURCE_BYTES_MAX};
use super::plausible;
use super::reducer::Reducer;
use crate::limits::{Limits, RangeChange};
use crate::problem::Problem;
use crate::section::Section;

/// Joints of a record at most, and so of a model, counting every name.
const JOINTS_MAX: usize = 256;

/// What is known of a robot model. Numbers are positive and in order; what is unknown is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobotModel {
    /// Its name, by which a record may ask for it (`model_config`).
    pub name: String,
    /// Kind of robot.
    #[serde(with = "super::kind_word")]
    pub kind: RobotKind,
    /// Whether it stands in for robots of its kind of which nothing better is known.
    pub generic: bool,
    /// Manufacturer and model segments (10 characters) that it matches.
    pub matches: Vec<String>,
    /// Joints by name.
    pub joints: Vec<JointModel>,
    /// What holds for joints of other names, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_joint: Option<JointModel>,
    /// Its battery packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<BatteryModel>,
    /// Its brakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brakes: Option<BrakeModel>,
    /// How parts weigh in the robot's health index, besides the weakest part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthWeights>,
    /// Bounds that differ from those of all robots, by the name of the quantity.
    pub limit_changes: BTreeMap<String, RangeChange>,
    /// Where the numbers are from in general, or "assumed".
    pub source: String,
    /// The ranges in force for this model: those of all robots, with the voltages of its battery and its own changes.
    #[serde(skip, default = "Limits::builtin")]
    pub limits: Limits,
}

/// Exponents of a weighted geometric mean: each 0 to 1, 1 together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthWeights {
    /// Weight of the weakest joint's wear.
    pub joints: f64,
    /// Weight of the weakest battery.
    pub batteries: f64,
    /// Weight of the worst following error.
    pub accuracy: f64,
}

impl RobotModel {
    /// The joint called `name` in records, or the entry for other names.
    pub fn joint(&self, name: &str) -> Option<&JointModel> {
        let named = self.joints.iter().find(|joint| joint.name == name);
        named.or(self.default_joint.as_ref())
    }

    /// Reads a model's file and adds all its problems to `problems`. The ranges are laid over the shipped ones.
    pub(super) fn read(table: &Table, problems: &mut Vec<Problem>) -> Self {
        let mut model = Section::read("", table, problems, Self::read_section);
        problems.extend(model.resolve_at(&Limits::builtin(), "limits"));
        model
    }

    fn read_section(s: &mut Section<'_>) -> Self {
        let kinds: Vec<_> = RobotKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
        let name = s.required("name", NAME_EXPECTED, String::new(), |value| {
            value.as_str().filter(|name| is_name(name)).map(str::to_owned)
        });
        let kind = s.choice("kind", &kinds).unwrap_or(RobotKind::Arm);
        let generic = s.optional("generic", "true or false", toml::Value::as_bool).unwrap_or(false);
        let matches = s.texts("matches");
        let reducers = s.named_sections("reducers", |_, inner| {
            let reducer = Reducer::read(inner);
            let disorders = reducer.rating().map(|rating| rating.disorders(inner.path()));
            inner.push_all(disorders.into_iter().flatten());
            inner.push_all(plausible::reducer(&reducer, inner.path()));
            reducer
        });
        let (joints, default_joint) = read_joints(s, &reducers);
        let battery = s.section("battery", |inner| {
            let battery = BatteryModel::read(inner);
            inner.push_all(battery.disorders(inner.path()));
            inner.push_all(plausible::battery(&battery, inner.path()));
            battery
        });
        let brakes = s.section("brakes", |inner| {
            let brakes = BrakeModel::read(inner);
            inner.push_all(plausible::brakes(&brakes, inner.path()));
            brakes
        });
        let health = s.section("health", |inner| {
            let weights = HealthWeights::read(inner);
            inner.push_all(weights.disorder(inner.path()));
            weights
        });
        let limit_changes = s.section("limits", read_limit_changes).unwrap_or_default();
        let source = s.text("source", SOURCE_BYTES_MAX);
        let model = Self {
            name,
            kind,
            generic,
            matches,
            joints,
            default_joint,
            battery,
            brakes,
            health,
            limit_changes,
            source,
            limits: Limits::builtin(),
        };
        let disorders = model.claims_in_disorder("");
        s.push_all(disorders);
        model
    }

    /// Lays the model's ranges over `base`; the problems that result stand at `NAME: limits`.
    pub(super) fn resolve(&mut self, base: &Limits) -> Vec<Problem> {
        let place = format!("{}: limits", self.name);
        self.resolve_at(base, &place)
    }

    fn resolve_at(&mut self, base: &Limits, place: &str) -> Vec<Problem> {
        self.limits = base.clone();
        let mut problems = Vec::new();
        for (name, range) in self.battery.iter().flat_map(BatteryModel::suspect_voltages) {
            self.limits.narrow(name, range);
        }
        for (name, change) in &self.limit_changes {
            problems.extend(self.limits.change(name, change, &format!("{place}.{name}")));
        }
        problems
    }

    /// Everything that is out of order in a model that did not come from a TOML file.
    pub(super) fn disorders(&self) -> Vec<Problem> {
        let place = |part: &str| format!("{}: {part}", self.name);
        let mut found = self.claims_in_disorder(&place(""));
        for joint in self.joints.iter().chain(&self.default_joint) {
            found.extend(joint.disorders(&place(&format!("joints.{}", joint.name))));
        }
        found.extend(self.battery.iter().flat_map(|battery| battery.disorders(&place("battery"))));
        found.extend(self.health.iter().flat_map(|health| health.disorder(&place("health"))));
        let known = |name: &String| Limits::NAMES.contains(&name.as_str());
        let unknown = self.limit_changes.keys().filter(|name| !known(name));
        found.extend(unknown.map(|name| Problem::new(place("limits"), name, "the name of a quantity")));
        found
    }

    /// What is wrong with the name, the segments and the names of joints; keys begin with `prefix`.
    fn claims_in_disorder(&self, prefix: &str) -> Vec<Problem> {
        let problem = |key: &str, value: &str, expected: &str| Problem::new(format!("{prefix}{key}"), value, expected);
        let mut found = Vec::new();
        for segments in &self.matches {
            let sound = segments.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
            if segments.len() != SEGMENTS_LEN || !sound {
                let expected = "10 characters of 0-9 and A-Z: 4 of the manufacturer, 6 of the model";
                found.push(problem("matches", segments, expected));
            }
        }
        if self.generic && !self.matches.is_empty() {
            let expected = "no segments: a generic model is found when no other matches";
            found.push(problem("matches", &self.matches.join(", "), expected));
        }
        if self.joints.is_empty() && self.default_joint.is_none() {
            found.push(problem("joints", "", "at least one joint, or one with `default = true`"));
        }
        if self.joints.len() > JOINTS_MAX {
            let count = self.joints.len().to_string();
            found.push(problem("joints", &count, &format!("at most {JOINTS_MAX} names of joints")));
        }
        let mut names: Vec<_> = self.joints.iter().map(|joint| joint.name.as_str()).collect();
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            found.push(problem("joints", pair[0], "each name of a joint once"));
        }
        found
    }
}

impl HealthWeights {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            joints: s.number("joints", 0.0..=1.0),
            batteries: s.number("batteries", 0.0..=1.0),
            accuracy: s.number("accuracy", 0.0..=1.0),
        }
    }

    /// NaN stands for what could not be read and was reported then.
    fn disorder(&self, place: &str) -> Option<Problem> {
        let sum = self.joints + self.batteries + self.accuracy;
        let negative = [self.joints, self.batteries, self.accuracy].iter().any(|weight| *weight < 0.0);
        ((sum - 1.0).abs() > 1e-9 || negative)
            .then(|| Problem::new(place, &format!("{sum} in all"), "weights from 0 to 1 that are 1 together"))
    }
}

const NAME_EXPECTED: &str = "a name of 1 to 64 characters of a-z, 0-9, `-`, `_` and `.`";

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

fn read_joints(s: &mut Section<'_>, reducers: &[(String, Reducer)]) -> (Vec<JointModel>, Option<JointModel>) {
    let mut default_joint = None;
    let mut named = Vec::new();
    let entries = s.array("joints", |inner| {
        let entry = JointsEntry::read(inner, reducers);
        let one = match &entry {
            JointsEntry::Named(joints) => joints.first(),
            JointsEntry::Default(joint) => Some(joint.as_ref()),
        };
        // All joints of an entry are alike, and their reducers were looked at where they are defined.
        let mut alike = one.cloned();
        if let Some(joint) = &mut alike {
            joint.reducer = Reducer::Unrated;
            inner.push_all(joint.disorders(inner.path()));
            inner.push_all(plausible::laws(&joint.laws, inner.path()));
        }
        entry
    });
    for entry in entries {
        match entry {
            JointsEntry::Named(joints) => named.extend(joints),
            JointsEntry::Default(_) if default_joint.is_some() => {
                s.problem("joints", "default = true", "at most one entry for other names");
            }
            JointsEntry::Default(joint) => default_joint = Some(*joint),
        }
    }
    (named, default_joint)
}

fn read_limit_changes(s: &mut Section<'_>) -> BTreeMap<String, RangeChange> {
    let names = Limits::NAMES.iter().copied();
    names.filter_map(|name| Some((name.to_owned(), s.section(name, RangeChange::read)?))).collect()
}
