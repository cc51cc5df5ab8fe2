//! What a server has: its variables, with types, units and values, so that a person sees what could be mapped.
//!
//! Only components, properties and what is organised below `Objects` is walked: other references lead in circles, such as
//! from a controller to the robots that it controls. What becomes of it is said in [`mapping`].

mod mapping;
mod robotics;
mod walk;

use std::time::Duration;

use opcua::client::Session;
use opcua::types::{EUInformation, Error, NodeId, ReadValueId, StatusCode, TimestampsToReturn, VariableId, Variant};
use tacho_config::settings::opcua::ServerSettings;
use tokio::time::timeout;

use super::link::connect::{ConnectError, connect};
use super::trust::TrustStore;
use walk::Tree;

/// Longest time until there is a session.
const CONNECT: Duration = Duration::from_secs(30);
/// Values of one call.
const PER_CALL: usize = 100;
const VALUE_CHARS_MAX: usize = 60;

/// What a server has.
#[derive(Debug)]
pub struct Found {
    /// Its variables, in the order of the walk.
    pub variables: Vec<Variable>,
    /// A configuration of the bridge that has of it what is known by its types.
    pub mapping: String,
}

/// A variable of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// As a mapping names it.
    pub node: String,
    /// Names from `Objects` to it.
    pub path: String,
    /// Type of its value.
    pub data_type: String,
    /// Its unit, as the server shows it.
    pub unit: Option<String>,
    /// Its value, or why there is none.
    pub value: String,
    /// Its place in the tree.
    place: usize,
    unit_id: i32,
}

/// Why a server cannot be looked through.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// There is no session.
    #[error("{0}")]
    Connect(String),
    /// It refuses a question, or does not answer.
    #[error("the server does not tell what it has: {0}")]
    Server(String),
}

impl From<ConnectError> for BrowseError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error.to_string())
    }
}

impl From<Error> for BrowseError {
    fn from(error: Error) -> Self {
        Self::Server(error.to_string())
    }
}

/// Looks through a server of the settings; what these map of it does not count.
///
/// # Errors
/// [`BrowseError`] says what is in the way.
pub async fn browse(server: &ServerSettings, trust: &TrustStore) -> Result<Found, BrowseError> {
    let door = connect(server, trust).await?;
    let running = door.event_loop.spawn();
    let found = match timeout(CONNECT, door.session.wait_for_connection()).await {
        Ok(true) => look_through(&door.session, server).await,
        Ok(false) | Err(_) => Err(BrowseError::Connect("the server does not open a session".to_owned())),
    };
    let _gone = timeout(Duration::from_secs(2), door.session.disconnect()).await;
    running.abort();
    found
}

async fn look_through(session: &Session, server: &ServerSettings) -> Result<Found, BrowseError> {
    let namespaces = namespaces(session).await?;
    let tree = Tree::walk(session).await?;
    let nodes: Vec<_> = tree.nodes.iter().enumerate().filter(|(_, node)| node.is_value()).collect();
    let mut variables = Vec::new();
    for chunk in nodes.chunks(PER_CALL) {
        let asked = chunk.iter().flat_map(|(place, node)| [Some(node.id.clone()), tree.unit_of(*place)]);
        let reads: Vec<_> = asked.flatten().map(ReadValueId::from).collect();
        let mut values = session.read(&reads, TimestampsToReturn::Neither, 0.0).await?.into_iter();
        for (place, node) in chunk {
            let value = values.next().unwrap_or_default();
            let unit = tree.unit_of(*place).and_then(|_| values.next()).and_then(|unit| unit.value);
            let unit = unit.as_ref().and_then(unit_information);
            let bad = value.status.filter(StatusCode::is_bad).map(|status| status.to_string());
            let shown = value.value.as_ref().map_or_else(|| "-".to_owned(), shown);
            variables.push(Variable {
                node: text_of(&node.id, &namespaces),
                path: tree.path(*place),
                data_type: value.value.as_ref().map_or_else(|| "-".to_owned(), |value| type_of(value)),
                unit: unit.as_ref().map(|unit| unit.display_name.text.value().clone().unwrap_or_default()),
                unit_id: unit.map_or(0, |unit| unit.unit_id),
                value: bad.unwrap_or(shown),
                place: *place,
            });
        }
    }
    let robots = robotics::robots(session, &tree, &namespaces).await?;
    let mapping = mapping::written(server, &robots, &variables);
    Ok(Found { variables, mapping })
}

fn unit_information(value: &Variant) -> Option<&EUInformation> {
    match value {
        Variant::ExtensionObject(object) => object.inner_as::<EUInformation>(),
        _ => None,
    }
}

/// URIs of the server's namespaces, by their numbers.
async fn namespaces(session: &Session) -> Result<Vec<String>, Error> {
    let read = ReadValueId::from(NodeId::from(VariableId::Server_NamespaceArray));
    let values = session.read(&[read], TimestampsToReturn::Neither, 0.0).await?;
    let Some(Variant::Array(array)) = values.into_iter().next().and_then(|value| value.value) else {
        return Ok(Vec::new());
    };
    let text = |value: Variant| match value {
        Variant::String(text) => text.value().clone().unwrap_or_default(),
        _ => String::new(),
    };
    Ok(array.values.into_iter().map(text).collect())
}

/// A node as a mapping names it: by the URI of its namespace.
fn text_of(node: &NodeId, namespaces: &[String]) -> String {
    let text = node.to_string();
    match (text.split_once(';'), namespaces.get(usize::from(node.namespace))) {
        (Some((_, rest)), Some(uri)) if node.namespace > 0 => format!("nsu={uri};{rest}"),
        _ => text,
    }
}

fn type_of(value: &Variant) -> String {
    match (value, value.scalar_type_id()) {
        (Variant::Array(array), _) => format!("{}[]", array.value_type),
        (_, Some(scalar)) => scalar.to_string(),
        (_, None) => "-".to_owned(),
    }
}

fn shown(value: &Variant) -> String {
    let text = match value {
        Variant::Array(array) => format!("{} values", array.values.len()),
        Variant::ExtensionObject(_) => "a structure".to_owned(),
        Variant::LocalizedText(text) => text.text.value().clone().unwrap_or_default(),
        value => value.to_string(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(VALUE_CHARS_MAX).collect()
}
