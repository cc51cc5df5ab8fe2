//! What the nodes of a server are by the types of OPC 40010-1 (Robotics), also where a maker has types of his own below
//! them; and which of them drive, move or control each other.

use std::collections::{BTreeSet, HashMap, HashSet};

use opcua::types::{BrowseDirection, Error, Identifier, NodeId, ReferenceTypeId};

use super::calls::{Calls, question};
use super::walk::Tree;

/// Types below each other that are followed.
const TYPES_MAX: usize = 16;
/// Object types.
const TYPE_CLASSES: u32 = 8;
/// Objects.
const OBJECT_CLASSES: u32 = 1;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    System,
    MotionDevice,
    Axis,
    PowerTrain,
    Motor,
    Gear,
    Load,
    Controller,
    TaskControl,
    SafetyState,
}

/// Numbers of the types in their namespace.
const KINDS: [(u32, Kind); 10] = [
    (1002, Kind::System),
    (1004, Kind::MotionDevice),
    (16601, Kind::Axis),
    (16794, Kind::PowerTrain),
    (1019, Kind::Motor),
    (1022, Kind::Gear),
    (1018, Kind::Load),
    (1003, Kind::Controller),
    (1011, Kind::TaskControl),
    (1013, Kind::SafetyState),
];

/// The nodes of a server, and what those of Robotics are.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) tree: Tree,
    kinds: Vec<Option<Kind>>,
    /// Which nodes refer to which others as what they require, move or control.
    links: BTreeSet<(usize, usize)>,
}

impl Seen {
    /// Asks what the nodes are; the types are in the namespace of a number, if the server has it.
    pub(super) async fn of(tree: Tree, namespace: Option<u16>, calls: &mut Calls<'_>) -> Result<Self, Error> {
        let Some(namespace) = namespace else {
            return Ok(Self { kinds: vec![None; tree.nodes.len()], tree, links: BTreeSet::new() });
        };
        let types = types(&tree, namespace, calls).await?;
        let kinds: Vec<_> = tree.nodes.iter().map(|node| types.get(&node.type_definition).copied()).collect();
        let refers = |place: &usize| matches!(kinds[*place], Some(Kind::Axis | Kind::PowerTrain | Kind::Controller));
        let from: Vec<_> = (0..kinds.len()).filter(refers).collect();
        let of = |place: &usize| {
            let (id, kind) = (tree.nodes[*place].id.clone(), ReferenceTypeId::HierarchicalReferences);
            question(id, BrowseDirection::Forward, kind, OBJECT_CLASSES)
        };
        let asked: Vec<_> = from.iter().map(of).collect();
        let mut links = BTreeSet::new();
        for (place, references) in from.into_iter().zip(calls.browse(&asked).await?) {
            let to = references.into_iter().filter_map(|reference| tree.place_of(&reference.node_id.node_id));
            links.extend(to.map(|to| (place, to)));
        }
        Ok(Self { tree, kinds, links })
    }

    pub(super) fn kind(&self, place: usize) -> Option<Kind> {
        self.kinds[place]
    }

    /// All nodes of a kind.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = usize> {
        (0..self.kinds.len()).filter(move |place| self.kinds[*place] == Some(kind))
    }

    /// The nearest node of a kind, the node itself or above it.
    pub(super) fn above(&self, place: usize, kind: Kind) -> Option<usize> {
        self.tree.upwards(place).into_iter().find(|place| self.kinds[*place] == Some(kind))
    }

    /// What of Robotics a node belongs to: the nearest above it.
    pub(super) fn owner(&self, place: usize) -> Option<(usize, Kind)> {
        self.tree.upwards(place).into_iter().find_map(|place| Some((place, self.kinds[place]?)))
    }

    /// Whether one of the two refers to the other.
    pub(super) fn linked(&self, one: usize, other: usize) -> bool {
        self.links.contains(&(one, other)) || self.links.contains(&(other, one))
    }
}

/// Those types of the nodes that are of Robotics, or below one.
async fn types(tree: &Tree, namespace: u16, calls: &mut Calls<'_>) -> Result<HashMap<NodeId, Kind>, Error> {
    let mut known = HashMap::new();
    let used: HashSet<_> = tree.nodes.iter().map(|node| node.type_definition.clone()).collect();
    // Each type, and which of those above it is looked at now.
    let mut open: Vec<_> = used.into_iter().map(|of| (of.clone(), of)).collect();
    for _ in 0..TYPES_MAX {
        open.retain(|(of, at)| match named(at, namespace) {
            Some(kind) => {
                known.insert(of.clone(), kind);
                false
            }
            None => at.namespace != 0,
        });
        let above = |(_, at): &(NodeId, NodeId)| {
            question(at.clone(), BrowseDirection::Inverse, ReferenceTypeId::HasSubtype, TYPE_CLASSES)
        };
        let asked: Vec<_> = open.iter().map(above).collect();
        let answers = calls.browse(&asked).await?.into_iter();
        let next = open.into_iter().zip(answers);
        open = next.filter_map(|((of, _), above)| Some((of, above.into_iter().next()?.node_id.node_id))).collect();
    }
    Ok(known)
}

fn named(of: &NodeId, namespace: u16) -> Option<Kind> {
    let Identifier::Numeric(number) = of.identifier else { return None };
    let kind = KINDS.iter().find(|(known, _)| *known == number).map(|(_, kind)| *kind);
    kind.filter(|_| of.namespace == namespace)
}
