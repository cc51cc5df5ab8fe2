//! Faults of the storage that a test can order: a constructor argument, in every build.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use super::shared::locked;

/// What the storage was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Create a file.
    Create,
    /// Write bytes.
    Write,
    /// Make a file's bytes durable.
    Sync,
    /// Shorten or remove a file.
    Cut,
}

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; an I/O error.
    Io,
    /// Nothing is done; no space is left on the device.
    DiskFull,
    /// Half of the bytes are written, then an I/O error.
    ShortWrite,
}

#[derive(Debug, Default)]
struct Plan {
    done: HashMap<Operation, u64>,
    planned: HashMap<(Operation, u64), Fault>,
    full: bool,
}

/// The faults that are ordered for one log; clones share them.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Mutex<Plan>>>);

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(armed)" } else { "Faults(none)" })
    }
}

impl Faults {
    /// No faults: what production has.
    pub fn none() -> Self {
        Self(None)
    }

    /// A plan of faults, still empty.
    pub fn armed() -> Self {
        Self(Some(Arc::default()))
    }

    /// Orders a fault for the `nth` such operation from now on, counted from 0. Does nothing on [`Faults::none`].
    pub fn order(&self, operation: Operation, nth: u64, fault: Fault) {
        if let Some(plan) = &self.0 {
            let mut plan = locked(plan);
            let done = plan.done.get(&operation).copied().unwrap_or(0);
            plan.planned.insert((operation, done + nth), fault);
        }
    }

    /// From now on no space is left for creating or writing, or there is again.
    pub fn set_disk_full(&self, full: bool) {
        if let Some(plan) = &self.0 {
            locked(plan).full = full;
        }
    }

    /// How the next such operation goes wrong, if it does.
    pub(crate) fn next(&self, operation: Operation) -> Option<Fault> {
        let mut plan = locked(self.0.as_ref()?);
        let done = plan.done.entry(operation).or_insert(0);
        let nth = *done;
        *done += 1;
        let full = plan.full && matches!(operation, Operation::Create | Operation::Write);
        plan.planned.remove(&(operation, nth)).or(full.then_some(Fault::DiskFull))
    }

    /// Fails if the next such operation is to go wrong.
    pub(crate) fn check(&self, operation: Operation) -> io::Result<()> {
        match self.next(operation) {
            None => Ok(()),
            Some(fault) => Err(fault.error()),
        }
    }
}

impl Fault {
    /// The error as the operating system would give it.
    pub(crate) fn error(self) -> io::Error {
        match self {
            Self::DiskFull => io::Error::new(io::ErrorKind::StorageFull, "no space left on device (ordered)"),
            Self::Io | Self::ShortWrite => io::Error::other("input/output error (ordered)"),
        }
    }
}
