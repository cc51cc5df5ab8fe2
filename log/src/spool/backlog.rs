//! What waits to be written to the spool, of all partitions in one row.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::asker::{Asker, Outcome};
use crate::embedded::chunk_bytes_max;
use crate::kafka::InFlight;
use crate::{Append, AppendError};

/// The row; bounded in bytes by the permits of those who wait.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

/// Records of one partition that wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) partition: i32,
    pub(crate) records: Vec<Append>,
    pub(crate) asked_by: AskedBy,
    /// Bytes that they take in a file, at most.
    bytes: usize,
}

/// Who is to be told.
#[derive(Debug)]
pub(crate) enum AskedBy {
    /// Nobody else has the records.
    Asker(Asker),
    /// Kafka was given them and has not confirmed them; whichever is first tells.
    InDoubt(Arc<InFlight>),
}

impl Waiting {
    pub(crate) fn new(partition: i32, records: Vec<Append>, asked_by: AskedBy) -> Self {
        let bytes = chunk_bytes_max(&records);
        Self { partition, records, asked_by, bytes }
    }
}

impl AskedBy {
    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt(_))
    }

    pub(crate) fn tell(self, outcome: Outcome) {
        match self {
            Self::Asker(asker) => asker.tell(outcome),
            Self::InDoubt(in_flight) => in_flight.tell(outcome),
        }
    }
}

impl Backlog {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the end; a closed row refuses.
    pub(crate) fn push(&self, waiting: Waiting) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return waiting.asked_by.tell(Err(AppendError::Closed));
        }
        state.waiting.push_back(waiting);
        drop(state);
        self.filled.notify_one();
    }

    /// Takes as many as fit `bytes_max`, at least one, and waits for it; `None` once the row is closed and empty.
    pub(crate) async fn take(&self, bytes_max: usize) -> Option<Vec<Waiting>> {
        loop {
            {
                let mut state = self.state();
                let mut bytes = 0;
                let mut taken = Vec::new();
                while let Some(next) = state.waiting.front() {
                    bytes += next.bytes;
                    if bytes > bytes_max && !taken.is_empty() {
                        break;
                    }
                    taken.extend(state.waiting.pop_front());
                }
                if !taken.is_empty() {
                    return Some(taken);
                }
                if state.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Refuses everything from now on; what waits is still taken.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }
}
