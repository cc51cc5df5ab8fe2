//! Variables as a person reads them, and as a mapping names them: their values, units and types.

use opcua::types::{EUInformation, Error, NamespaceMap, NodeId, RationalNumber, StatusCode, Variant};
use tacho_config::settings::opcua::{Field, Unit};

use super::calls::Calls;
use super::walk::Tree;

const VALUE_CHARS_MAX: usize = 60;

/// A variable of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// As a mapping names it.
    pub node: String,
    /// Names from `Objects` to it.
    pub path: String,
    /// Its value with the unit that the server names, or why there is none.
    pub shown: String,
    /// Whether it has a value now.
    pub(super) has_value: bool,
    /// Its value where it is a text.
    pub(super) text: Option<String>,
    /// Its value where it is a fraction.
    pub(super) ratio: Option<f64>,
    unit: Option<ServerUnit>,
}

/// A unit as a server names it.
#[derive(Debug, Clone, PartialEq)]
struct ServerUnit {
    name: String,
    known: Option<Unit>,
}

impl Variable {
    /// Reads variables of a tree.
    pub(super) async fn read(
        tree: &Tree,
        places: &[usize],
        namespaces: &NamespaceMap,
        calls: &mut Calls<'_>,
    ) -> Result<Vec<Self>, Error> {
        let nodes: Vec<_> = places.iter().map(|place| tree.nodes[*place].id.clone()).collect();
        let values = calls.read(&nodes).await?;
        let with_unit: Vec<_> = places.iter().filter_map(|place| tree.nodes[*place].unit.clone()).collect();
        let mut units = calls.read(&with_unit).await?.into_iter();
        let read = places.iter().zip(values).map(|(place, value)| {
            let node = &tree.nodes[*place];
            let unit = node.unit.as_ref().and_then(|_| units.next()).and_then(|unit| ServerUnit::of(unit.value?));
            let bad = value.status.filter(StatusCode::is_bad).map(|status| status.to_string());
            let has_value = bad.is_none() && value.value.as_ref().is_some_and(|value| *value != Variant::Empty);
            let shown = bad.or_else(|| Some(shown(value.value.as_ref()?))).unwrap_or_else(|| "no value".to_owned());
            let shown = unit.as_ref().map_or_else(|| shown.clone(), |unit| format!("{shown} {}", unit.name));
            Self {
                node: named(&node.id, namespaces),
                path: tree.path(*place),
                shown: line(&shown),
                has_value,
                text: value.value.as_ref().and_then(text),
                ratio: value.value.as_ref().and_then(ratio),
                unit,
            }
        });
        Ok(read.collect())
    }

    /// Why it cannot be a field, as far as its unit tells.
    pub(super) fn misfit(&self, field: &Field) -> Option<String> {
        let (own, unit) = (field.unit()?, self.unit.as_ref()?);
        let known = unit.known.filter(|known| known.dimension() != own.dimension())?;
        Some(format!("its unit {known} is one of {}, and {field} is of {}", known.dimension(), own.dimension()))
    }
}

#[cfg(test)]
impl Variable {
    /// A variable of which only the node is known.
    pub(super) fn of_test(node: &str) -> Self {
        let (path, shown) = (String::new(), String::new());
        Self { node: node.to_owned(), path, shown, has_value: true, text: None, ratio: None, unit: None }
    }
}

impl ServerUnit {
    fn of(value: Variant) -> Option<Self> {
        let Variant::ExtensionObject(object) = value else { return None };
        let unit = object.inner_as::<EUInformation>()?;
        let name = unit.display_name.text.value().clone().unwrap_or_default();
        let known = Unit::of_server(unit.unit_id, &name);
        (known.is_some() || !name.trim().is_empty()).then_some(Self { name, known })
    }
}

/// A node as a mapping names it: by the URI of its namespace.
pub(super) fn named(node: &NodeId, namespaces: &NamespaceMap) -> String {
    let uri = namespaces.known_namespaces().iter().find(|(_, index)| **index == node.namespace).map(|(uri, _)| uri);
    match uri.filter(|_| node.namespace > 0) {
        Some(uri) => format!("nsu={uri};{}", node.identifier),
        None => node.to_string(),
    }
}

fn text(value: &Variant) -> Option<String> {
    match value {
        Variant::String(text) => text.value().clone(),
        Variant::LocalizedText(text) => text.text.value().clone(),
        _ => None,
    }
}

fn ratio(value: &Variant) -> Option<f64> {
    let Variant::ExtensionObject(object) = value else { return None };
    let ratio = object.inner_as::<RationalNumber>()?;
    (ratio.denominator != 0).then(|| f64::from(ratio.numerator) / f64::from(ratio.denominator))
}

fn shown(value: &Variant) -> String {
    match value {
        Variant::Empty => "no value".to_owned(),
        Variant::Array(array) => format!("{} values", array.values.len()),
        Variant::ExtensionObject(_) => ratio(value).map_or_else(|| "a structure".to_owned(), |ratio| ratio.to_string()),
        value => text(value).unwrap_or_else(|| value.to_string()),
    }
}

/// On one line, and not too long.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(VALUE_CHARS_MAX).collect()
}
