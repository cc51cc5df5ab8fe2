//! What a server is asked before it is subscribed to: how many items a call may have, and the units of its values.

use std::collections::BTreeMap;

use opcua::client::Session;
use opcua::types::{
    BrowsePath, EUInformation, NodeId, QualifiedName, ReadValueId, ReferenceTypeId, RelativePath, RelativePathElement,
    TimestampsToReturn, VariableId, Variant,
};
use tacho_config::settings::opcua::Unit;

use super::Items;

impl Items {
    /// Lowers the number of items of a call to the server's own limit.
    pub(super) async fn limit(&mut self, session: &Session) {
        let node = VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall;
        let read = ReadValueId::from(NodeId::from(node));
        let limits = session.read(&[read], TimestampsToReturn::Neither, 0.0).await.unwrap_or_default();
        if let Some(Variant::UInt32(limit @ 1..)) = limits.into_iter().next().and_then(|limit| limit.value) {
            self.per_call = self.per_call.min(usize::try_from(limit).unwrap_or(usize::MAX));
        }
    }

    /// Units of the signals for which the mapping has none, as far as the server names them.
    pub(super) async fn units(&self, session: &Session) -> BTreeMap<usize, Unit> {
        let mut units = BTreeMap::new();
        let asked = self.signals.iter().enumerate().filter(|(_, s)| s.unit.is_none() && s.field.unit().is_some());
        let asked: Vec<_> = asked.filter_map(|(index, _)| Some((index, self.nodes[index].clone().ok()?))).collect();
        for chunk in asked.chunks(self.per_call) {
            let paths: Vec<_> = chunk.iter().map(|(_, node)| unit_of(node.clone())).collect();
            let Ok(found) = session.translate_browse_paths_to_node_ids(&paths).await else { return units };
            let (mut places, mut reads) = (Vec::new(), Vec::new());
            for ((index, _), result) in chunk.iter().zip(found) {
                if let Some(target) = result.targets.unwrap_or_default().into_iter().next() {
                    places.push(*index);
                    reads.push(ReadValueId::from(target.target_id.node_id));
                }
            }
            if reads.is_empty() {
                continue;
            }
            let Ok(values) = session.read(&reads, TimestampsToReturn::Neither, 0.0).await else { return units };
            for (index, value) in places.into_iter().zip(values) {
                if let Some(Variant::ExtensionObject(object)) = value.value
                    && let Some(unit) = object.inner_as::<EUInformation>()
                {
                    let shown = unit.display_name.text.value().clone().unwrap_or_default();
                    units.extend(Unit::of_server(unit.unit_id, &shown).map(|unit| (index, unit)));
                }
            }
        }
        units
    }
}

/// The way from a variable to its unit.
fn unit_of(node: NodeId) -> BrowsePath {
    let element = RelativePathElement {
        reference_type_id: ReferenceTypeId::HasProperty.into(),
        is_inverse: false,
        include_subtypes: true,
        target_name: QualifiedName::new(0, "EngineeringUnits"),
    };
    BrowsePath { starting_node: node, relative_path: RelativePath { elements: Some(vec![element]) } }
}
