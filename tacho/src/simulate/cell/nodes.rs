//! The nodes of a cell: objects, variables with their units, properties; and which of them show what of a robot.

use opcua::nodes::{ObjectBuilder, ReferenceDirection, VariableBuilder};
use opcua::server::address_space::AddressSpace;
use opcua::types::{
    DataTypeId, EUInformation, ExtensionObject, LocalizedText, NodeId, ObjectTypeId, QualifiedName, ReferenceTypeId,
    VariableTypeId, Variant,
};

use super::types::{DI, OWN, ROBOTICS};
use crate::simulate::live::Moment;

/// Namespace of codes of UNECE Recommendation 20 (OPC 10000-8, 5.6.3.3).
const UNECE: &str = "http://www.opcfoundation.org/UA/units/un/cefact";

/// What a variable shows of a robot.
type Read = Box<dyn Fn(&Moment) -> Variant + Send>;

/// A variable, and what it shows of which robot.
pub(super) struct Shown {
    node: NodeId,
    robot: usize,
    read: Read,
    last: Option<Variant>,
}

/// A unit: its code of UNECE Recommendation 20, and what people read.
#[derive(Debug, Clone, Copy)]
pub(super) struct EngineeringUnit(pub(super) &'static str, pub(super) &'static str);

/// The nodes of a server, while the cell's are added.
pub(super) struct Nodes<'a> {
    space: &'a mut AddressSpace,
    own: u16,
    di: u16,
    robotics: u16,
    shown: Vec<Shown>,
}

/// In which namespace a name stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Own,
    Di,
    Robotics,
}

impl Shown {
    /// What it shows now, if that is something else than before.
    pub(super) fn changed(&mut self, moments: &[Moment]) -> Option<(NodeId, Variant)> {
        let value = (self.read)(moments.get(self.robot)?);
        if self.last.as_ref() == Some(&value) {
            return None;
        }
        self.last = Some(value.clone());
        Some((self.node.clone(), value))
    }
}

impl<'a> Nodes<'a> {
    /// Those of a server; `None` if it lacks the namespaces of the types.
    pub(super) fn of(space: &'a mut AddressSpace) -> Option<Self> {
        let [own, di, robotics] = [OWN, DI, ROBOTICS].map(|uri| space.namespace_index(uri));
        Some(Self { own: own?, di: di?, robotics: robotics?, space, shown: Vec::new() })
    }

    /// The variables that show something.
    pub(super) fn shown(self) -> Vec<Shown> {
        self.shown
    }

    /// A node of DI, by its number.
    pub(super) fn di(&self, number: u32) -> NodeId {
        NodeId::new(self.di, number)
    }

    /// A node of Robotics, by its number.
    pub(super) fn robotics(&self, number: u32) -> NodeId {
        NodeId::new(self.robotics, number)
    }

    fn name(&self, of: Of, name: &str) -> QualifiedName {
        let namespace = match of {
            Of::Own => self.own,
            Of::Di => self.di,
            Of::Robotics => self.robotics,
        };
        QualifiedName::new(namespace, name)
    }

    /// The ID of a node below another: the names on the way to it.
    fn below(&self, parent: &NodeId, name: &str) -> NodeId {
        let id = if parent.namespace == self.own { format!("{}.{name}", parent.identifier) } else { name.to_owned() };
        NodeId::new(self.own, id.trim_start_matches("s=").to_owned())
    }

    /// An object of a type below another.
    pub(super) fn object(&mut self, parent: &NodeId, of: Of, name: &str, kind: impl Into<NodeId>) -> NodeId {
        let id = self.below(parent, name);
        ObjectBuilder::new(&id, self.name(of, name), name)
            .has_type_definition(kind)
            .component_of(parent.clone())
            .insert(self.space);
        id
    }

    /// A folder for the parts of an object.
    pub(super) fn folder(&mut self, parent: &NodeId, name: &str) -> NodeId {
        self.object(parent, Of::Robotics, name, ObjectTypeId::FolderType)
    }

    /// The parameters of an object.
    pub(super) fn parameters(&mut self, parent: &NodeId) -> NodeId {
        self.object(parent, Of::Di, "ParameterSet", ObjectTypeId::BaseObjectType)
    }

    /// A property with its value, which stays.
    pub(super) fn property(&mut self, parent: &NodeId, of: Of, name: &str, value: impl Into<Variant>) {
        self.typed_property(parent, of, name, None, value);
    }

    /// The same, of a data type of its own.
    pub(super) fn typed_property(
        &mut self,
        parent: &NodeId,
        of: Of,
        name: &str,
        data_type: Option<NodeId>,
        value: impl Into<Variant>,
    ) {
        let (id, value) = (self.below(parent, name), value.into());
        let data_type = data_type.or_else(|| Some(value.data_type()?.node_id)).unwrap_or_default();
        VariableBuilder::new(&id, self.name(of, name), name)
            .data_type(data_type)
            .value(value)
            .has_type_definition(VariableTypeId::PropertyType)
            .property_of(parent.clone())
            .insert(self.space);
    }

    /// A variable of a data type that shows something of a robot.
    pub(super) fn variable(
        &mut self,
        (parent, of, name): (&NodeId, Of, &str),
        data_type: impl Into<NodeId>,
        robot: usize,
        read: impl Fn(&Moment) -> Variant + Send + 'static,
    ) {
        let id = self.add_variable((parent, of, name), data_type.into(), VariableTypeId::BaseDataVariableType);
        self.shows(id, robot, Box::new(read));
    }

    /// A number with a unit that shows something of a robot.
    pub(super) fn analog(
        &mut self,
        (parent, of, name): (&NodeId, Of, &str),
        unit: EngineeringUnit,
        robot: usize,
        read: impl Fn(&Moment) -> f64 + Send + 'static,
    ) {
        let id = self.add_variable((parent, of, name), DataTypeId::Double.into(), VariableTypeId::AnalogUnitType);
        let (unit, property) = (unit.information(), self.below(&id, "EngineeringUnits"));
        VariableBuilder::new(&property, QualifiedName::new(0, "EngineeringUnits"), "EngineeringUnits")
            .data_type(DataTypeId::EUInformation)
            .value(Variant::ExtensionObject(ExtensionObject::from_message(unit)))
            .has_type_definition(VariableTypeId::PropertyType)
            .property_of(id.clone())
            .insert(self.space);
        self.shows(id, robot, Box::new(move |moment| Variant::Double(read(moment))));
    }

    /// Has one node refer to another by a type of reference of Robotics.
    pub(super) fn refer(&mut self, from: &NodeId, to: &NodeId, by: u32) {
        let by = self.robotics(by);
        self.space.insert_reference(from, to, by);
    }

    fn add_variable(
        &mut self,
        (parent, of, name): (&NodeId, Of, &str),
        data_type: NodeId,
        kind: VariableTypeId,
    ) -> NodeId {
        let id = self.below(parent, name);
        VariableBuilder::new(&id, self.name(of, name), name)
            .data_type(data_type)
            .has_type_definition(kind)
            .reference(parent.clone(), ReferenceTypeId::HasComponent, ReferenceDirection::Inverse)
            .insert(self.space);
        id
    }

    fn shows(&mut self, node: NodeId, robot: usize, read: Read) {
        self.shown.push(Shown { node, robot, read, last: None });
    }
}

impl EngineeringUnit {
    fn information(self) -> EUInformation {
        let Self(code, shown) = self;
        EUInformation {
            namespace_uri: UNECE.into(),
            unit_id: code.bytes().fold(0, |id, byte| id << 8 | i32::from(byte)),
            display_name: LocalizedText::new("", shown),
            description: LocalizedText::new("", shown),
        }
    }
}
