//! The monitored items of a server: from the nodes of the mapping to what is subscribed, in calls that the server bears.
//!
//! One node that is not there keeps no other away: it is told as a bad value and tried again.

mod asked;
mod kept;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::time::{Duration, Instant};

use opcua::client::services::{CreateMonitoredItems, DeleteMonitoredItems};
use opcua::client::{Session, UARequest as _};
use opcua::types::{
    AttributeId, DataValue, Error, ExtensionObject, MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters,
    NamespaceMap, NodeId, NumericRange, QualifiedName, ReadValueId, StatusCode, TimestampsToReturn,
};
use tacho_config::settings::opcua::{ServerSettings, SignalMapping};
use tracing::{info, warn};

use super::pump::Source;
use crate::opcua::cutter::Table;
use crate::opcua::value::{OVERFLOW, Sample};

/// First and longest pause before a node that is not there is tried again.
const AGAIN_MIN: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_secs(300);
/// Least and greatest queue of a node on the server.
const QUEUE_MIN: u32 = 2;
const QUEUE_MAX: u32 = 20_000;

/// The signals of a server as it is subscribed to.
#[derive(Debug)]
pub(super) struct Items {
    signals: Vec<SignalMapping>,
    sampling: Duration,
    outage: Duration,
    per_call: usize,
    nodes: Vec<Result<NodeId, StatusCode>>,
    /// Why a signal must not be taken, though its node is there: of its unit.
    refused: Vec<Option<StatusCode>>,
    /// Number of each monitored item on the server.
    ids: Vec<Option<u32>>,
    /// Length of each item's queue on the server.
    queues: Vec<u32>,
    missing: BTreeMap<u32, Missing>,
    /// Table of the signals with the units that the server told.
    pub(super) table: Table,
    base: Table,
}

/// A node that is not there.
#[derive(Debug, Clone, Copy)]
struct Missing {
    /// Why; good if it was not tried yet.
    status: StatusCode,
    next_try: Instant,
    pause: Duration,
}

impl Items {
    pub(super) fn of(server: &ServerSettings) -> Self {
        let signals: Vec<_> = server.robots.iter().flat_map(|robot| robot.signals.clone()).collect();
        let table = Table::of(server);
        Self {
            ids: vec![None; signals.len()],
            queues: vec![QUEUE_MAX; signals.len()],
            nodes: vec![Err(StatusCode::BadNodeIdUnknown); signals.len()],
            refused: vec![None; signals.len()],
            signals,
            sampling: server.sampling_interval,
            outage: server.outage,
            per_call: server.items_per_call_max,
            missing: BTreeMap::new(),
            base: table.clone(),
            table,
        }
    }

    /// Digest of what is subscribed: a subscription of another mapping must not be gone on with.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for signal in &self.signals {
            (&signal.node, signal.index, self.sampling(signal)).hash(&mut hasher);
        }
        // Numbers of nodes may have moved with their namespaces.
        for node in self.nodes.iter().flatten() {
            node.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Asks the server for its namespaces, limits and units.
    pub(super) async fn resolve(&mut self, session: &Session) -> Result<(), Error> {
        let namespaces = session.read_namespace_array().await?;
        self.nodes = self.signals.iter().map(|signal| node_id(&signal.node, &namespaces)).collect();
        self.limit(session).await;
        let all: Vec<_> = (0..self.signals.len()).collect();
        self.ask_units(session, &all).await
    }

    /// Subscribes to what is not yet; gives the signals whose nodes are newly known to be missing.
    pub(super) async fn create(
        &mut self,
        session: &Session,
        subscription: u32,
    ) -> Result<Vec<(u32, DataValue)>, Error> {
        let wanted: Vec<_> = (0..).zip(&self.ids).filter(|(_, id)| id.is_none()).map(|(signal, _)| signal).collect();
        self.create_these(session, subscription, wanted).await
    }

    /// Tries again what was missing and is due.
    pub(super) async fn again(&mut self, session: &Session, subscription: u32) -> Result<Vec<(u32, DataValue)>, Error> {
        let now = Instant::now();
        let due: Vec<u32> =
            self.missing.iter().filter(|(_, missing)| missing.next_try <= now).map(|(s, _)| *s).collect();
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let namespaces = session.read_namespace_array().await?;
        let places: Vec<_> = due.iter().filter_map(|signal| usize::try_from(*signal).ok()).collect();
        for place in &places {
            self.nodes[*place] = node_id(&self.signals[*place].node, &namespaces);
        }
        self.ask_units(session, &places).await?;
        let lacked = self.missing.clone();
        let bad = self.create_these(session, subscription, due).await?;
        let is_more =
            |(signal, missing): &(&u32, &Missing)| missing.status.is_good() && !self.missing.contains_key(signal);
        let nodes = lacked.iter().filter(is_more).count();
        if nodes > 0 {
            info!(subscription, nodes, "subscribed to more nodes");
        }
        Ok(bad)
    }

    /// The node of a signal is gone: its item is deleted, and it is tried again later.
    pub(super) async fn lost(&mut self, session: &Session, subscription: u32, signal: u32, status: StatusCode) {
        let place = usize::try_from(signal).unwrap_or(usize::MAX);
        let Some(id) = self.ids.get_mut(place).and_then(Option::take) else { return };
        let deleted = DeleteMonitoredItems::new(subscription, session).item(id).send(session.channel()).await;
        if let Err(error) = deleted {
            warn!(%error, node = self.signals[place].node, "the item of a lost node stays");
        }
        self.misses(signal, status);
    }

    /// Marks the signals of a backlog whose queue was full as overflowed: not every server says so itself.
    pub(super) fn mark_full(&self, samples: &mut [Sample]) {
        let mut counts = BTreeMap::<u32, u32>::new();
        for sample in samples.iter() {
            *counts.entry(sample.signal).or_default() += 1;
        }
        for sample in samples {
            let queue = usize::try_from(sample.signal).ok().and_then(|place| self.queues.get(place)).copied();
            // The first of each alone: what is missing lies before it.
            if counts.remove(&sample.signal).zip(queue).is_some_and(|(count, queue)| count >= queue) {
                sample.status |= OVERFLOW;
            }
        }
    }

    /// What is subscribed to.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        let there = (0_u32..).zip(self.nodes.iter().zip(&self.signals));
        let there = there.filter(|(signal, _)| !self.missing.contains_key(signal));
        there.filter_map(|(signal, (node, mapping))| {
            let range = mapping.index.map_or(NumericRange::None, NumericRange::Index);
            Some(Source { signal, node: node.clone().ok()?, range })
        })
    }

    /// The signals whose nodes are not there.
    pub(super) fn missing(&self) -> Vec<u32> {
        self.missing.keys().copied().collect()
    }

    /// Length of the server's queue of each signal.
    pub(super) fn queues(&self) -> Vec<u32> {
        self.queues.clone()
    }

    async fn create_these(
        &mut self,
        session: &Session,
        subscription: u32,
        signals: Vec<u32>,
    ) -> Result<Vec<(u32, DataValue)>, Error> {
        let mut bad = Vec::new();
        let mut rest = signals.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.per_call));
            match self.create_call(session, subscription, now, &mut bad).await {
                Ok(()) => rest = later,
                Err(error) if error.status() == StatusCode::BadTooManyOperations && self.per_call > 1 => {
                    self.per_call = (self.per_call / 2).max(1);
                    info!(per_call = self.per_call, "the server takes fewer items per call");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(bad)
    }

    async fn create_call(
        &mut self,
        session: &Session,
        subscription: u32,
        signals: &[u32],
        bad: &mut Vec<(u32, DataValue)>,
    ) -> Result<(), Error> {
        let (mut asked, mut items) = (Vec::new(), Vec::new());
        for signal in signals {
            match self.request(*signal) {
                Ok(item) => {
                    asked.push(*signal);
                    items.push(item);
                }
                Err(status) => bad.extend(self.misses(*signal, status)),
            }
        }
        if items.is_empty() {
            return Ok(());
        }
        let call = CreateMonitoredItems::new(subscription, session);
        let call = call.timestamps_to_return(TimestampsToReturn::Both).items_to_create(items);
        let created = call.send(session.channel()).await?;
        for (signal, created) in asked.into_iter().zip(created.results) {
            let result = created.result;
            let place = usize::try_from(signal).unwrap_or(usize::MAX);
            if result.status_code.is_good() {
                self.ids[place] = Some(result.monitored_item_id);
                self.queues[place] = result.revised_queue_size.max(1);
                if self.missing.remove(&signal).is_some_and(|missing| missing.status.is_bad()) {
                    info!(node = self.signals[place].node, "a node that was missing is there");
                }
            } else {
                bad.extend(self.misses(signal, result.status_code));
            }
        }
        Ok(())
    }

    fn request(&self, signal: u32) -> Result<MonitoredItemCreateRequest, StatusCode> {
        let place = usize::try_from(signal).unwrap_or(usize::MAX);
        let (mapping, node) = (&self.signals[place], self.nodes[place].clone()?);
        if let Some(status) = self.refused[place] {
            return Err(status);
        }
        let sampling = self.sampling(mapping);
        let read = ReadValueId {
            node_id: node,
            attribute_id: AttributeId::Value as u32,
            index_range: mapping.index.map_or(NumericRange::None, NumericRange::Index),
            data_encoding: QualifiedName::null(),
        };
        let queue = self.outage.as_millis().div_ceil(sampling.as_millis().max(1));
        let parameters = MonitoringParameters {
            // Not 0, which asyncua takes for none.
            client_handle: signal.saturating_add(1),
            sampling_interval: sampling.as_secs_f64() * 1000.0,
            filter: ExtensionObject::null(),
            queue_size: u32::try_from(queue).unwrap_or(QUEUE_MAX).clamp(QUEUE_MIN, QUEUE_MAX),
            discard_oldest: true,
        };
        Ok(MonitoredItemCreateRequest::new(read, MonitoringMode::Reporting, parameters))
    }

    fn sampling(&self, signal: &SignalMapping) -> Duration {
        signal.sampling_interval.unwrap_or(self.sampling)
    }

    /// Notes that a node is missing; gives it as a bad value, where that is news.
    fn misses(&mut self, signal: u32, status: StatusCode) -> Option<(u32, DataValue)> {
        let before = self.missing.get(&signal).copied();
        let pause = before.map_or(AGAIN_MIN, |before| (before.pause * 2).min(AGAIN_MAX));
        self.missing.insert(signal, Missing { status, next_try: Instant::now() + pause, pause });
        if before.is_some_and(|before| before.status == status) {
            return None;
        }
        let place = usize::try_from(signal).unwrap_or(usize::MAX);
        warn!(node = self.signals[place].node, %status, "a node cannot be subscribed to; it is tried again");
        Some((signal, DataValue { status: Some(status), ..DataValue::default() }))
    }
}

/// The node of a mapping, in the namespaces that the server has now.
fn node_id(text: &str, namespaces: &NamespaceMap) -> Result<NodeId, StatusCode> {
    let text = match text.strip_prefix("nsu=").and_then(|rest| rest.split_once(';')) {
        Some((uri, rest)) => {
            let index = namespaces.get_index(uri).ok_or(StatusCode::BadNodeIdUnknown)?;
            format!("ns={index};{rest}")
        }
        None => text.to_owned(),
    };
    NodeId::from_str(&text)
}
