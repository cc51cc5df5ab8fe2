//! What a server has: its robots by the types of their companion specification, and its variables, with units and values.
//!
//! What a person sees of it and what the bridge maps by itself is the same.

mod calls;
mod found;
mod kinds;
mod robotics;
mod variable;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use opcua::client::{Session, SessionPollResult};
use opcua::types::{Error, NamespaceMap, NodeId, ObjectId};
use tacho_config::settings::opcua::ServerSettings;
use tokio::time::timeout;

use super::link::advice;
use super::link::connect::{ConnectError, Door, connect};
use super::trust::TrustStore;
use calls::Calls;
use kinds::Seen;
use walk::Tree;

#[cfg(test)]
pub(super) use found::tests::signal;
pub use found::{FoundRobot, FoundSignal};
pub use variable::Variable;

/// Longest time until there is a session.
const CONNECT: Duration = Duration::from_secs(30);
/// Longest time for a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
const DI: &str = "http://opcfoundation.org/UA/DI/";
/// Number of the object below which DI has all devices.
const DEVICE_SET: u32 = 5001;

/// What a server has.
#[derive(Debug)]
pub struct Found {
    /// Its robots, by their types.
    pub robots: Vec<FoundRobot>,
    /// Whether the server knows the types of Robotics at all.
    pub knows_robotics: bool,
    /// Its other variables, in the order of the walk.
    pub others: Vec<Variable>,
    /// Whether everything was looked at.
    pub is_whole: bool,
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
        let hint = match &error {
            ConnectError::NoEndpoint { .. } => ": name one of them by --security and --mode",
            _ => "",
        };
        Self::Connect(format!("{error}{hint}"))
    }
}

impl From<Error> for BrowseError {
    fn from(error: Error) -> Self {
        Self::Server(error.to_string())
    }
}

/// What was seen of a server.
struct Look {
    seen: Seen,
    /// Places of nodes whose names are known.
    named: Vec<usize>,
    /// What was read, by places in the tree.
    variables: BTreeMap<usize, Variable>,
}

/// Looks through a server of the settings; what these map of it does not count.
///
/// # Errors
/// [`BrowseError`] says what is in the way.
pub async fn browse(server: &ServerSettings, trust: &TrustStore) -> Result<Found, BrowseError> {
    let Door { session, event_loop, .. } = connect(server, trust).await?;
    let events = event_loop.enter();
    tokio::pin!(events);
    let opened = async {
        loop {
            match events.next().await {
                Some(Ok(SessionPollResult::Reconnected(_))) => return Ok(()),
                Some(Ok(SessionPollResult::ReconnectFailed(status)) | Err(status)) => {
                    return Err(BrowseError::Connect(advice(status)));
                }
                Some(Ok(_)) => {}
                None => return Err(BrowseError::Connect("the server opens no session".to_owned())),
            }
        }
    };
    let late = |_late| Err(BrowseError::Connect(format!("the server opens no session within {CONNECT:?}")));
    timeout(CONNECT, opened).await.unwrap_or_else(late)?;
    // The session lives by its events.
    let found = tokio::select! {
        found = look_through(&session) => found?,
        () = ended(&mut events) => return Err(BrowseError::Server("the session ended".to_owned())),
    };
    // Whoever does not answer a goodbye is left without one.
    let goodbye = async { tokio::join!(session.disconnect(), ended(&mut events)) };
    let _gone = timeout(GOODBYE, goodbye).await.is_ok();
    Ok(found)
}

async fn ended(events: &mut (impl Stream + Unpin)) {
    while events.next().await.is_some() {}
}

/// The robots of a server, by their types.
///
/// # Errors
/// If the server cannot be asked.
pub(super) async fn robots(session: &Session) -> Result<Vec<FoundRobot>, Error> {
    let namespaces = session.read_namespace_array().await?;
    if namespaces.get_index(robotics::NAMESPACE).is_none() {
        return Ok(Vec::new());
    }
    let device_set = namespaces.get_index(DI).map(|index| NodeId::new(index, DEVICE_SET));
    let objects = NodeId::from(ObjectId::ObjectsFolder);
    // A server may have its robots elsewhere, though it must not.
    for root in device_set.into_iter().chain([objects]) {
        let look = Look::below(root, &namespaces, false, session).await?;
        let robots = look.robots();
        if !robots.is_empty() {
            return Ok(robots);
        }
    }
    Ok(Vec::new())
}

async fn look_through(session: &Session) -> Result<Found, Error> {
    let namespaces = session.read_namespace_array().await?;
    let look = Look::below(ObjectId::ObjectsFolder.into(), &namespaces, true, session).await?;
    let robots = look.robots().into_iter().map(|robot| robot.without_contradictions(|_| false));
    let robots: Vec<_> = robots.collect();
    let listed = |robot: &FoundRobot| {
        let mapped = robot.signals.iter().map(|signal| signal.variable.node.clone());
        mapped.chain(robot.left.iter().map(|(variable, _)| variable.node.clone())).collect::<Vec<_>>()
    };
    let listed: BTreeSet<_> = robots.iter().flat_map(listed).collect();
    let is_other = |(place, variable): &(&usize, &Variable)| {
        look.seen.tree.nodes[**place].is_value() && !listed.contains(&variable.node)
    };
    let others = look.variables.iter().filter(is_other).map(|(_, variable)| variable.clone()).collect();
    let knows_robotics = namespaces.get_index(robotics::NAMESPACE).is_some();
    Ok(Found { robots, knows_robotics, others, is_whole: look.seen.tree.is_whole })
}

impl Look {
    /// Looks at what lies below a node; reads all variables, or only those of robots.
    async fn below(root: NodeId, namespaces: &NamespaceMap, all: bool, session: &Session) -> Result<Self, Error> {
        let mut calls = Calls::new(session);
        let tree = Tree::below(root, &mut calls).await?;
        let seen = Seen::of(tree, namespaces.get_index(robotics::NAMESPACE), &mut calls).await?;
        let (named, mut places) = (robotics::named(&seen), BTreeSet::new());
        for device in robotics::devices(&seen) {
            places.extend(robotics::candidates(&seen, &named, device).into_iter().map(|candidate| candidate.place));
            places.extend(robotics::gears(&seen, &named, device).into_values());
            places.extend(robotics::identification(&seen, &named, device));
        }
        if all {
            places.extend((0..seen.tree.nodes.len()).filter(|place| seen.tree.nodes[*place].is_value()));
        }
        let places: Vec<_> = places.into_iter().collect();
        let read = Variable::read(&seen.tree, &places, namespaces, &mut calls).await?;
        Ok(Self { seen, named, variables: places.into_iter().zip(read).collect() })
    }

    fn robots(&self) -> Vec<FoundRobot> {
        robotics::devices(&self.seen).into_iter().map(|device| FoundRobot::of(self, device)).collect()
    }
}
