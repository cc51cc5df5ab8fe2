//! Robots by the types of OPC 40010-1 (Robotics), also where a maker has types of his own below them: which variable of a
//! motion device, an axis, a motor, a controller or a safety state is which field.

use std::collections::HashMap;

use opcua::client::Session;
use opcua::types::{BrowseDirection, Error, Identifier, NodeId, ReferenceTypeId};
use tacho_config::settings::opcua::{CounterField, Field, JointField, RobotField};
use tacho_schemas::record::Severity;

use super::walk::{Tree, describe};

const NAMESPACE: &str = "http://opcfoundation.org/UA/Robotics/";
/// Types below each other that are followed.
const TYPES_MAX: usize = 16;
/// Object types.
const TYPE_CLASSES: u32 = 8;

/// A robot: the variables that feed its fields.
#[derive(Debug)]
pub(super) struct Robot {
    /// Place of its motion device in the tree.
    pub(super) place: usize,
    /// Places of variables, and their fields.
    pub(super) fields: Vec<(usize, Field)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    System,
    MotionDevice,
    Axis,
    PowerTrain,
    Motor,
    Load,
    Controller,
    TaskControl,
    SafetyState,
}

/// Numbers of types in the namespace.
const KINDS: [(u32, Kind); 9] = [
    (1002, Kind::System),
    (1004, Kind::MotionDevice),
    (16601, Kind::Axis),
    (16794, Kind::PowerTrain),
    (1019, Kind::Motor),
    (1018, Kind::Load),
    (1003, Kind::Controller),
    (1011, Kind::TaskControl),
    (1013, Kind::SafetyState),
];

/// The robots of a server, none where it has not the namespace.
pub(super) async fn robots(session: &Session, tree: &Tree, namespaces: &[String]) -> Result<Vec<Robot>, Error> {
    let Some(namespace) = namespaces.iter().position(|uri| uri == NAMESPACE) else { return Ok(Vec::new()) };
    let mut types = Types { namespace, known: HashMap::new() };
    let mut kinds = Vec::new();
    for node in &tree.nodes {
        kinds.push(types.kind(session, &node.type_definition).await?);
    }
    let seen = Seen { tree, kinds };
    let devices = (0..tree.nodes.len()).filter(|place| seen.kinds[*place] == Some(Kind::MotionDevice));
    Ok(devices.map(|place| Robot { place, fields: seen.fields(place) }).collect())
}

/// What a type is, by those above it.
struct Types {
    namespace: usize,
    known: HashMap<NodeId, Option<Kind>>,
}

impl Types {
    async fn kind(&mut self, session: &Session, of: &NodeId) -> Result<Option<Kind>, Error> {
        if let Some(kind) = self.known.get(of) {
            return Ok(*kind);
        }
        let (mut at, mut kind) = (of.clone(), None);
        for _ in 0..TYPES_MAX {
            kind = self.named(&at);
            if kind.is_some() || at.namespace == 0 {
                break;
            }
            let above = describe(at, BrowseDirection::Inverse, ReferenceTypeId::HasSubtype, TYPE_CLASSES);
            let result = session.browse(&[above], 1, None).await?.into_iter().next();
            let Some(reference) = result.and_then(|result| result.references?.into_iter().next()) else { break };
            at = reference.node_id.node_id;
        }
        self.known.insert(of.clone(), kind);
        Ok(kind)
    }

    fn named(&self, of: &NodeId) -> Option<Kind> {
        let Identifier::Numeric(number) = of.identifier else { return None };
        let is_it = |(known, _): &&(u32, Kind)| *known == number && usize::from(of.namespace) == self.namespace;
        KINDS.iter().find(is_it).map(|(_, kind)| *kind)
    }
}

/// The nodes, and what those of Robotics are.
struct Seen<'a> {
    tree: &'a Tree,
    kinds: Vec<Option<Kind>>,
}

impl Seen<'_> {
    /// The fields of a motion device: its own, and those of its system that belong to no other device.
    fn fields(&self, device: usize) -> Vec<(usize, Field)> {
        let system = self.above(device, Kind::System);
        let mut fields: Vec<(usize, Field)> = Vec::new();
        for (place, node) in self.tree.nodes.iter().enumerate().filter(|(_, node)| node.is_value()) {
            let is_ours = match self.above(place, Kind::MotionDevice) {
                Some(of) => of == device,
                None => system.is_some() && self.above(place, Kind::System) == system,
            };
            let Some(field) = self.field(place, &node.name).filter(|_| is_ours) else { continue };
            // Two controllers of a system do not both count a robot's hours.
            if !fields.iter().any(|(_, known)| *known == field) {
                fields.push((place, field));
            }
        }
        fields
    }

    fn field(&self, place: usize, name: &str) -> Option<Field> {
        let owner = self.tree.upwards(place).find(|place| self.kinds[*place].is_some())?;
        let joint = |field| self.joint(owner).map(|joint| Field::Joint(joint, field));
        match (self.kinds[owner]?, name) {
            (Kind::Axis, "ActualPosition") => joint(JointField::Position),
            (Kind::Axis, "ActualSpeed") => joint(JointField::Speed),
            (Kind::Motor, "MotorTemperature") => joint(JointField::TempMotor),
            (Kind::Load, "Mass") if self.tree.nodes[owner].name == "FlangeLoad" => {
                Some(Field::Robot(RobotField::Payload))
            }
            (Kind::Controller, "TotalPowerOnTime") => Some(Field::Counter(CounterField::PowerOn)),
            (Kind::Controller, "TotalEnergyConsumption") => Some(Field::Counter(CounterField::Energy)),
            (Kind::SafetyState, "OperationalMode") => Some(Field::Robot(RobotField::OperationalMode)),
            (Kind::SafetyState, "EmergencyStop") => Some(Field::Counter(CounterField::EStops)),
            (Kind::SafetyState, "ProtectiveStop") => Some(Field::Counter(CounterField::ProtectiveStops)),
            (Kind::TaskControl, "TaskProgramName") => Some(Field::Event(Severity::Info, "TASK_PROGRAM".to_owned())),
            (Kind::TaskControl, "ExecutionMode") => Some(Field::Event(Severity::Info, "EXECUTION_MODE".to_owned())),
            _ => None,
        }
    }

    /// The joint of an axis, or that of a motor: of the axis that requires its power train, or of that train alone.
    fn joint(&self, owner: usize) -> Option<String> {
        let name = |place: usize| Some(self.tree.nodes[place].name.clone());
        if self.kinds[owner] == Some(Kind::Axis) {
            return name(owner);
        }
        let train = self.above(owner, Kind::PowerTrain)?;
        let id = &self.tree.nodes[train].id;
        let requires = |place: &usize| {
            self.kinds[*place] == Some(Kind::Axis) && self.tree.nodes[*place].links.iter().any(|link| link == id)
        };
        let axis = (0..self.tree.nodes.len()).find(requires);
        name(axis.unwrap_or(train))
    }

    fn above(&self, place: usize, kind: Kind) -> Option<usize> {
        self.tree.upwards(place).find(|place| self.kinds[*place] == Some(kind))
    }
}
