//! What stays of the items from session to session and from run to run, and what comes to them.

use std::time::Instant;

use opcua::types::StatusCode;
use tacho_config::settings::opcua::ServerSettings;

use super::{AGAIN_MIN, Items, Missing};
use crate::opcua::journal::Subscribed;

impl Items {
    /// Goes on with what a run of before had subscribed; nodes that it did not find are tried again.
    pub(in crate::opcua::link) fn goes_on(&mut self, subscribed: &Subscribed) {
        for (queue, known) in self.queues.iter_mut().zip(&subscribed.queues) {
            *queue = *known;
        }
        for signal in &subscribed.missing {
            let missing = Missing { status: StatusCode::BadNodeIdUnknown, next_try: Instant::now(), pause: AGAIN_MIN };
            self.missing.insert(*signal, missing);
        }
    }

    /// Forgets what was subscribed.
    pub(in crate::opcua::link) fn forget(&mut self) {
        self.ids.fill(None);
        self.missing.clear();
    }

    /// Takes up the signals of robots that came, to be subscribed to when missing nodes are tried again; none of those that
    /// are there has another number then. Gives whether it can: not where the others have changed.
    pub(in crate::opcua::link) fn grows(&mut self, server: &ServerSettings) -> bool {
        let (known, grown) = (self.signals.len(), Self::of(server));
        let is_more = grown.signals.starts_with(&self.signals)
            && grown.base.robots.starts_with(&self.base.robots)
            && grown.base.signals.starts_with(&self.base.signals);
        if !is_more {
            return false;
        }
        self.table.robots.clone_from(&grown.base.robots);
        self.table.signals.extend_from_slice(&grown.base.signals[known..]);
        self.ids.extend_from_slice(&grown.ids[known..]);
        self.queues.extend_from_slice(&grown.queues[known..]);
        self.nodes.extend_from_slice(&grown.nodes[known..]);
        self.refused.extend_from_slice(&grown.refused[known..]);
        let fresh = Missing { status: StatusCode::Good, next_try: Instant::now(), pause: AGAIN_MIN };
        let signals = (0..).zip(&grown.signals).skip(known);
        self.missing.extend(signals.map(|(signal, _)| (signal, fresh)));
        (self.signals, self.base) = (grown.signals, grown.base);
        true
    }
}
