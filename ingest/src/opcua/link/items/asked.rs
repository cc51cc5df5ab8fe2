//! What a server is asked before it is subscribed to: how many items a call may have, and the units of its values.

use std::collections::BTreeMap;

use opcua::client::Session;
use opcua::types::{
    BrowsePath, DataValue, EUInformation, Error, NodeId, QualifiedName, ReadValueId, ReferenceTypeId, RelativePath,
    RelativePathElement, StatusCode, TimestampsToReturn, VariableId, Variant,
};
use tacho_config::settings::opcua::{SignalMapping, Unit};
use tracing::{info, warn};

use super::Items;

/// Status of a signal whose unit is none of its field: its mapping, or the server's unit, has to be corrected.
const OTHER_UNIT: StatusCode = StatusCode::BadConfigurationError;

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

    /// Asks for the units of signals for which the mapping has none, and has their values read by them.
    ///
    /// # Errors
    /// If the server cannot be asked: then it is not known what its values mean.
    pub(super) async fn ask_units(&mut self, session: &Session, signals: &[usize]) -> Result<(), Error> {
        let asks = |signal: &SignalMapping| signal.unit.is_none() && signal.field.unit().is_some();
        let asked = signals.iter().filter(|index| asks(&self.signals[**index]));
        let asked: Vec<_> = asked.filter_map(|index| Some((*index, self.nodes[*index].clone().ok()?))).collect();
        let (mut rest, mut per_call) = (asked.as_slice(), self.per_call);
        let mut told = BTreeMap::new();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(per_call));
            match units(session, now).await {
                Ok(units) => {
                    told.extend(units);
                    rest = later;
                }
                Err(error) if error.status() == StatusCode::BadTooManyOperations && per_call > 1 => per_call /= 2,
                Err(error) if is_unable(error.status()) => {
                    info!(status = %error.status(), "the server cannot be asked for units");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let mut untold = Vec::new();
        for index in signals {
            let unit =
                self.signals[*index].unit.map_or_else(|| told.remove(index).unwrap_or(Told::Nothing), Told::Unit);
            if matches!(unit, Told::Nothing) && self.signals[*index].field.unit().is_some() {
                untold.push(self.signals[*index].field.to_string());
            }
            self.reads_by(*index, unit);
        }
        if let Some(first) = untold.first() {
            let fields = untold.len();
            info!(fields, first, "neither mapping nor server names a unit; values are taken in the field's own");
        }
        Ok(())
    }

    /// Has the values of a signal read by a unit; by one of something else they are not read at all.
    fn reads_by(&mut self, index: usize, told: Told) {
        let (mapping, entry) = (&self.signals[index], &mut self.table.signals[index]);
        let (node, field) = (&mapping.node, mapping.field.to_string());
        entry.clone_from(&self.base.signals[index]);
        let own = mapping.field.unit();
        let (status, why) = match told {
            Told::Nothing => (None, String::new()),
            Told::Unit(unit) => match own.and_then(|own| unit.into_unit(own)) {
                Some((factor, offset)) => {
                    entry.then(factor, offset);
                    (None, String::new())
                }
                None => {
                    let of = own.map_or_else(String::new, |own| own.dimension().to_string());
                    let why =
                        format!("the server names the unit {unit}, of {}, where {of} is wanted", unit.dimension());
                    (Some(OTHER_UNIT), why)
                }
            },
            Told::Other(name) => (Some(OTHER_UNIT), format!("the server names the unit {name:?}, which is not known")),
            Told::Unread(status) => (Some(status), format!("the server does not give its unit: {status}")),
        };
        if status.is_some() && self.refused[index] != status {
            warn!(node, field, why, "a signal is not taken; correct the node, the unit there, or set `unit` here");
        }
        self.refused[index] = status;
    }
}

/// What a server says of a unit.
enum Told {
    /// It names none.
    Nothing,
    /// It names a known one.
    Unit(Unit),
    /// It names another one.
    Other(String),
    /// It has one that cannot be read.
    Unread(StatusCode),
}

async fn units(session: &Session, asked: &[(usize, NodeId)]) -> Result<Vec<(usize, Told)>, Error> {
    let paths: Vec<_> = asked.iter().map(|(_, node)| unit_of(node.clone())).collect();
    let found = session.translate_browse_paths_to_node_ids(&paths).await?;
    let (mut places, mut reads, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for ((index, _), result) in asked.iter().zip(found) {
        let target = result.targets.unwrap_or_default().into_iter().next();
        match target.filter(|_| result.status_code.is_good()) {
            Some(target) => {
                places.push(*index);
                reads.push(ReadValueId::from(target.target_id.node_id));
            }
            // That the node itself is not there is told where it is subscribed to.
            None if result.status_code.is_good() || is_absent(result.status_code) => {}
            None => told.push((*index, Told::Unread(result.status_code))),
        }
    }
    if !reads.is_empty() {
        let values = session.read(&reads, TimestampsToReturn::Neither, 0.0).await?;
        told.extend(places.into_iter().zip(values).map(|(index, value)| (index, Told::of(value))));
    }
    Ok(told)
}

impl Told {
    fn of(value: DataValue) -> Self {
        if let Some(status) = value.status.filter(|status| status.is_bad()) {
            return Self::Unread(status);
        }
        let Some(Variant::ExtensionObject(object)) = value.value else { return Self::Nothing };
        let Some(unit) = object.inner_as::<EUInformation>() else { return Self::Nothing };
        let shown = unit.display_name.text.value().clone().unwrap_or_default();
        match Unit::of_server(unit.unit_id, &shown) {
            Some(unit) => Self::Unit(unit),
            None if shown.trim().is_empty() && unit.unit_id <= 0 => Self::Nothing,
            None if shown.trim().is_empty() => Self::Other(unit.unit_id.to_string()),
            None => Self::Other(shown),
        }
    }
}

/// Whether a status says that there is no such property, or no such node.
fn is_absent(status: StatusCode) -> bool {
    [StatusCode::BadNoMatch, StatusCode::BadNodeIdUnknown, StatusCode::BadNodeIdInvalid].contains(&status)
}

/// Whether a status says that the server has not this service at all.
fn is_unable(status: StatusCode) -> bool {
    [StatusCode::BadServiceUnsupported, StatusCode::BadNotImplemented, StatusCode::BadNotSupported].contains(&status)
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
