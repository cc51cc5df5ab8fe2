//! The nodes below an object, each once, with all the ways that lead to it.
//!
//! Only components, properties and what is organised is walked: other references lead in circles, such as from a
//! controller to the robots that it controls.

use std::collections::{HashMap, HashSet, VecDeque};

use opcua::types::{
    BrowseDirection, Error, NodeClass, NodeId, ObjectId, ReferenceDescription, ReferenceTypeId, VariableTypeId,
};

use super::calls::{Calls, question};

/// Nodes that are looked at; a server has seldom more, and a person reads fewer.
const NODES_MAX: usize = 200_000;
/// Nodes of one round.
const ROUND: usize = 1_000;
/// Objects and variables.
const CLASSES: u32 = 3;
const UNITS: &str = "EngineeringUnits";

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) name: String,
    pub(super) type_definition: NodeId,
    /// Those that it was met below, in that order; only the first node has none.
    parents: Vec<usize>,
    is_variable: bool,
    is_property: bool,
    /// The node that holds its unit.
    pub(super) unit: Option<NodeId>,
}

/// The nodes below an object.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    places: HashMap<NodeId, usize>,
    /// Whether all nodes were looked at.
    pub(super) is_whole: bool,
}

impl Node {
    fn root(id: NodeId) -> Self {
        let (name, type_definition, parents, unit) = (String::new(), NodeId::null(), Vec::new(), None);
        Self { id, name, type_definition, parents, is_variable: false, is_property: false, unit }
    }

    /// Whether it is a variable of its own, and not what describes another node.
    pub(super) fn is_value(&self) -> bool {
        self.is_variable && !self.is_property
    }

    pub(super) fn is_property(&self) -> bool {
        self.is_property
    }
}

impl Tree {
    pub(super) async fn below(root: NodeId, calls: &mut Calls<'_>) -> Result<Self, Error> {
        let mut tree =
            Self { places: HashMap::from([(root.clone(), 0)]), nodes: vec![Node::root(root)], is_whole: true };
        let mut open = VecDeque::from([0]);
        while !open.is_empty() {
            if tree.nodes.len() >= NODES_MAX {
                tree.is_whole = false;
                break;
            }
            let now: Vec<usize> = open.drain(..open.len().min(ROUND)).collect();
            let down = |kind| {
                let of =
                    |place: &usize| question(tree.nodes[*place].id.clone(), BrowseDirection::Forward, kind, CLASSES);
                now.iter().map(of).collect::<Vec<_>>()
            };
            let (aggregates, organizes) = (down(ReferenceTypeId::Aggregates), down(ReferenceTypeId::Organizes));
            for asked in [aggregates, organizes] {
                for (place, references) in now.iter().zip(calls.browse(&asked).await?) {
                    open.extend(references.into_iter().filter_map(|reference| tree.meet(*place, reference)));
                }
            }
        }
        Ok(tree)
    }

    /// Takes up what a reference leads to; gives it if it is to be looked into.
    fn meet(&mut self, parent: usize, reference: ReferenceDescription) -> Option<usize> {
        let id = reference.node_id.node_id;
        let type_definition = reference.type_definition.node_id;
        let is_property = reference.reference_type_id == ReferenceTypeId::HasProperty
            || type_definition == VariableTypeId::PropertyType;
        let name = reference.browse_name.name.value().clone().unwrap_or_default();
        // The server's diagnostics of itself are no robot, and a placeholder of a type is no part of one.
        let is_placeholder = name.starts_with('<') && name.ends_with('>');
        if reference.node_id.server_index != 0 || id == ObjectId::Server || is_placeholder {
            return None;
        }
        if is_property && name == UNITS {
            self.nodes[parent].unit = Some(id);
            return None;
        }
        if let Some(place) = self.places.get(&id).copied() {
            let parents = &mut self.nodes[place].parents;
            if place != 0 && !parents.contains(&parent) {
                parents.push(parent);
            }
            return None;
        }
        let place = self.nodes.len();
        self.places.insert(id.clone(), place);
        let is_variable = reference.node_class == NodeClass::Variable;
        let (parents, unit) = (vec![parent], None);
        self.nodes.push(Node { id, name, type_definition, parents, is_variable, is_property, unit });
        (!is_property).then_some(place)
    }

    pub(super) fn place_of(&self, id: &NodeId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The node and those above it on all ways, from the nearest on.
    pub(super) fn upwards(&self, place: usize) -> Vec<usize> {
        let (mut above, mut seen, mut next) = (vec![place], HashSet::from([place]), 0);
        while let Some(place) = above.get(next) {
            let parents = self.nodes[*place].parents.iter().copied();
            let parents: Vec<_> = parents.filter(|parent| seen.insert(*parent)).collect();
            above.extend(parents);
            next += 1;
        }
        above
    }

    /// Whether a node stands directly below another, or in its folder `Identification`.
    pub(super) fn identifies(&self, place: usize, device: usize) -> bool {
        let parents = &self.nodes[place].parents;
        let is_folder = |parent: &usize| {
            let folder = &self.nodes[*parent];
            folder.name == "Identification" && folder.parents.contains(&device)
        };
        parents.contains(&device) || parents.iter().any(is_folder)
    }

    /// Whether a node of this name stands above one and below another.
    pub(super) fn is_within(&self, place: usize, folder: &str) -> bool {
        self.upwards(place).iter().skip(1).any(|place| self.nodes[*place].name == folder)
    }

    /// Names on the way on which a node was met first.
    pub(super) fn path(&self, place: usize) -> String {
        // A first parent was met before its child: this comes to an end.
        let way = std::iter::successors(Some(place), |place| self.nodes[*place].parents.first().copied());
        let mut names: Vec<_> =
            way.map(|place| self.nodes[place].name.as_str()).filter(|name| !name.is_empty()).collect();
        names.reverse();
        names.join("/")
    }
}
