//! Settings of the admin endpoint: liveness, readiness, metrics.

use std::net::SocketAddr;

use toml::{Table, Value};

use crate::section::Section;

/// The admin endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where it listens; port 0 picks a free one. It asks nobody for a name.
    pub listen: SocketAddr,
}

impl AdminSettings {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self { listen: s.address("listen") }
    }

    pub(super) fn written(&self) -> Table {
        Table::from_iter([("listen".to_owned(), Value::from(self.listen.to_string()))])
    }
}
