//! What a link counts about itself.

use metrics::{Counter, Gauge, counter, gauge};

/// Figures of one server.
pub(super) struct Meters {
    server: String,
    connected: Gauge,
    samples: Counter,
    republished: Counter,
    history: Counter,
    gaps: Counter,
    full: Counter,
}

impl Meters {
    pub(super) fn of(server: &str) -> Self {
        let label = || server.to_owned();
        Self {
            server: label(),
            connected: gauge!("tacho_opcua_connected", "server" => label()),
            samples: counter!("tacho_opcua_samples_total", "server" => label()),
            republished: counter!("tacho_opcua_republished_total", "server" => label()),
            history: counter!("tacho_opcua_history_total", "server" => label()),
            gaps: counter!("tacho_opcua_gaps_total", "server" => label()),
            full: counter!("tacho_opcua_journal_full_total", "server" => label()),
        }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn connected(&self, is: bool) {
        self.connected.set(f64::from(u8::from(is)));
    }

    pub(super) fn samples(&self, count: usize) {
        self.samples.increment(count as u64);
    }

    pub(super) fn republished(&self) {
        self.republished.increment(1);
    }

    pub(super) fn history(&self, count: usize) {
        self.history.increment(count as u64);
    }

    pub(super) fn gap(&self) {
        self.gaps.increment(1);
    }

    pub(super) fn full(&self) {
        self.full.increment(1);
    }
}
