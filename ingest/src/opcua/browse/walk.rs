//! The nodes below `Objects`, each once, by the way on which it was met first.

use std::collections::{HashSet, VecDeque};

use opcua::client::Session;
use opcua::types::{
    BrowseDescription, BrowseDirection, BrowseResult, Error, NodeClass, NodeId, ObjectId, ReferenceDescription,
    ReferenceTypeId,
};

/// Nodes that are looked at; a server has seldom more, and a person reads fewer.
const NODES_MAX: usize = 200_000;
/// Nodes of one call.
const PER_CALL: usize = 50;
/// Objects and variables.
const CLASSES: u32 = 3;
/// All that a reference may tell.
const EVERYTHING: u32 = 0x3f;
const UNITS: &str = "EngineeringUnits";

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) name: String,
    pub(super) type_definition: NodeId,
    pub(super) parent: Option<usize>,
    is_variable: bool,
    is_property: bool,
    /// Where other references lead.
    pub(super) links: Vec<NodeId>,
    unit: Option<NodeId>,
}

/// The nodes of a server.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

impl Node {
    /// Whether it is a variable of its own, and not what describes another one.
    pub(super) fn is_value(&self) -> bool {
        self.is_variable && !self.is_property
    }
}

impl Tree {
    pub(super) async fn walk(session: &Session) -> Result<Self, Error> {
        let root = Node {
            id: ObjectId::ObjectsFolder.into(),
            name: String::new(),
            type_definition: NodeId::null(),
            parent: None,
            is_variable: false,
            is_property: false,
            links: Vec::new(),
            unit: None,
        };
        // The server's diagnostics of itself are no robot.
        let mut seen = HashSet::from([root.id.clone(), ObjectId::Server.into()]);
        let (mut tree, mut open) = (Self { nodes: vec![root] }, VecDeque::from([0]));
        while !open.is_empty() && tree.nodes.len() < NODES_MAX {
            let now: Vec<usize> = open.drain(..open.len().min(PER_CALL)).collect();
            let asked: Vec<_> = now.iter().map(|place| forward(tree.nodes[*place].id.clone())).collect();
            let results = session.browse(&asked, 0, None).await?;
            for (place, result) in now.into_iter().zip(results) {
                for reference in all(session, result).await? {
                    tree.meet(place, reference, &mut seen, &mut open);
                }
            }
        }
        Ok(tree)
    }

    fn meet(
        &mut self,
        parent: usize,
        reference: ReferenceDescription,
        seen: &mut HashSet<NodeId>,
        open: &mut VecDeque<usize>,
    ) {
        let id = reference.node_id.node_id;
        let is = |kind: ReferenceTypeId| reference.reference_type_id == NodeId::from(kind);
        let is_property = is(ReferenceTypeId::HasProperty);
        let leads_down = is_property
            || is(ReferenceTypeId::HasComponent)
            || is(ReferenceTypeId::HasOrderedComponent)
            || is(ReferenceTypeId::Organizes);
        if !leads_down {
            self.nodes[parent].links.push(id);
            return;
        }
        let name = reference.browse_name.name.value().clone().unwrap_or_default();
        if is_property && name == UNITS {
            self.nodes[parent].unit = Some(id);
            return;
        }
        if !seen.insert(id.clone()) {
            return;
        }
        open.push_back(self.nodes.len());
        self.nodes.push(Node {
            id,
            name,
            type_definition: reference.type_definition.node_id,
            parent: Some(parent),
            is_variable: reference.node_class == NodeClass::Variable,
            is_property,
            links: Vec::new(),
            unit: None,
        });
    }

    /// The node that holds a variable's unit.
    pub(super) fn unit_of(&self, place: usize) -> Option<NodeId> {
        self.nodes[place].unit.clone()
    }

    /// The node and those above it, from the nearest on.
    pub(super) fn upwards(&self, place: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(place), |place| self.nodes[*place].parent)
    }

    /// Names from `Objects` to a node.
    pub(super) fn path(&self, place: usize) -> String {
        let names: Vec<_> = self.upwards(place).map(|place| self.nodes[place].name.as_str()).collect();
        names.iter().rev().skip(1).copied().collect::<Vec<_>>().join("/")
    }
}

/// All references of a result, however many answers they take.
async fn all(session: &Session, mut result: BrowseResult) -> Result<Vec<ReferenceDescription>, Error> {
    let mut references = result.references.take().unwrap_or_default();
    while !result.continuation_point.is_null_or_empty() {
        let next = session.browse_next(false, &[result.continuation_point.clone()]).await?;
        let Some(more) = next.into_iter().next() else { break };
        result = more;
        references.extend(result.references.take().unwrap_or_default());
    }
    Ok(references)
}

fn forward(node: NodeId) -> BrowseDescription {
    describe(node, BrowseDirection::Forward, ReferenceTypeId::HierarchicalReferences, CLASSES)
}

/// A question for the references of a node.
pub(super) fn describe(
    node: NodeId,
    direction: BrowseDirection,
    kind: ReferenceTypeId,
    classes: u32,
) -> BrowseDescription {
    BrowseDescription {
        node_id: node,
        browse_direction: direction,
        reference_type_id: kind.into(),
        include_subtypes: true,
        node_class_mask: classes,
        result_mask: EVERYTHING,
    }
}
