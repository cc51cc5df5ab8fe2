//! What was sent and acknowledged: counts for the report, and a journal of every acknowledged record.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use serde::Serialize;

/// Shared counts of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    reconnects: AtomicU64,
    connections: AtomicU64,
    /// Devices that try again and again to be let in.
    shut_out: AtomicU64,
    journal: Option<Mutex<BufWriter<std::fs::File>>>,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Publishes handed to a connection, each counted once.
    pub(crate) sent: u64,
    /// Publishes that the broker acknowledged.
    pub(crate) acknowledged: u64,
    /// Connections that were lost and made again.
    pub(crate) reconnects: u64,
}

impl Counts {
    /// The outcome for a person.
    pub(crate) fn told(&self, interrupted: bool) -> String {
        let Self { sent, acknowledged, .. } = self;
        let cut = if interrupted { "interrupted: " } else { "" };
        match sent - acknowledged {
            _ if *sent == 0 => format!("{cut}no publish was sent"),
            0 => format!("{cut}{sent} publishes sent, all acknowledged"),
            open => format!("{cut}{sent} publishes sent, {acknowledged} acknowledged, {open} not"),
        }
    }
}

impl Tally {
    /// A tally that writes the label of every acknowledged publish to a file, one a line.
    pub(crate) fn with_journal(path: &Path) -> anyhow::Result<Self> {
        let file = std::fs::File::create(path).with_context(|| format!("journal {}", path.display()))?;
        Ok(Self(Arc::new(Inner { journal: Some(Mutex::new(BufWriter::new(file))), ..Inner::default() })))
    }

    /// Counts a publish that goes out for the first time.
    pub(crate) fn sent(&self) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an acknowledged publish and writes it down.
    pub(crate) fn acknowledged(&self, label: &str) {
        self.0.acknowledged.fetch_add(1, Ordering::Relaxed);
        if let Some(journal) = &self.0.journal
            && let Err(error) = writeln!(journal.lock().unwrap_or_else(PoisonError::into_inner), "{label}")
        {
            tracing::warn!(%error, "journal not written");
        }
    }

    /// Counts a connection that the broker accepted.
    pub(crate) fn connected(&self) {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections that the broker accepted so far, of all devices.
    pub(crate) fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Counts a device that cannot get in; whether it is the first.
    pub(crate) fn shut_out(&self) -> bool {
        self.0.shut_out.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Counts a device that gets in again; whether it was the last that could not.
    pub(crate) fn let_in(&self) -> bool {
        self.0.shut_out.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Counts a lost connection.
    pub(crate) fn reconnect(&self) {
        self.0.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            sent: self.0.sent.load(Ordering::Relaxed),
            acknowledged: self.0.acknowledged.load(Ordering::Relaxed),
            reconnects: self.0.reconnects.load(Ordering::Relaxed),
        }
    }

    /// Writes out what the journal still holds in memory.
    pub(crate) fn flush(&self) -> std::io::Result<()> {
        match &self.0.journal {
            None => Ok(()),
            Some(journal) => journal.lock().unwrap_or_else(PoisonError::into_inner).flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_fleet_the_first_that_is_shut_out_and_the_last_that_gets_in_are_told() {
        let tally = Tally::default();
        assert_eq!([(); 3].map(|()| tally.shut_out()), [true, false, false]);
        assert_eq!([(); 3].map(|()| tally.let_in()), [false, false, true]);
        assert!(tally.shut_out(), "and once more when it happens again");
    }

    #[test]
    fn a_person_is_told_what_is_not_acknowledged() {
        let counts = |acknowledged| Counts { sent: 5, acknowledged, reconnects: 0 };
        assert_eq!(counts(5).told(false), "5 publishes sent, all acknowledged");
        assert_eq!(Counts { sent: 0, ..counts(0) }.told(true), "interrupted: no publish was sent");
        assert_eq!(counts(3).told(true), "interrupted: 5 publishes sent, 3 acknowledged, 2 not");
    }
}
