//! What waits to be written: bounded in bytes by permits that the callers hold until their delivery.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::chunk::Chunk;
use super::shared::locked;
use crate::room::Room;
use crate::{AppendError, Delivered};

/// A chunk on its way to the disk.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) chunk: Chunk,
    /// The number of failures that the chunk's lane has seen; none for a chunk without a lane.
    pub(crate) failures_seen: Option<u64>,
    pub(crate) done: oneshot::Sender<Result<Delivered, AppendError>>,
    /// Goes back when the chunk was delivered or refused.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// What the writer gets when it asks for work.
#[derive(Debug)]
pub(crate) enum Taken {
    /// At least one chunk; together they fit one group.
    Chunks(Vec<Pending>),
    /// The deadline passed.
    Deadline,
    /// Closed, and nothing is left.
    Closed,
}

/// The queue between all callers and the one writer.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    room: Room,
}

#[derive(Debug, Default)]
struct State {
    pending: VecDeque<Pending>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), room: Room::new(bytes_max) }
    }

    /// Waits, in the order of the calls, until this many bytes may be added.
    pub(crate) async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AppendError> {
        self.room.permit(bytes).await
    }

    /// Bytes that are waiting or being written.
    pub(crate) fn bytes(&self) -> usize {
        self.room.used()
    }

    pub(crate) fn push(&self, pending: Pending) -> Result<(), AppendError> {
        let mut state = locked(&self.state);
        if state.closed {
            return Err(AppendError::Closed);
        }
        // The writer sleeps only on an empty queue, so only the first chunk has to wake it.
        let first = state.pending.is_empty();
        state.pending.push_back(pending);
        drop(state);
        if first {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Takes as many chunks as fit `bytes_max`, and waits for the first one, at most until the deadline.
    pub(crate) fn take(&self, bytes_max: usize, deadline: Option<Instant>) -> Taken {
        let mut state = locked(&self.state);
        while state.pending.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            state = match deadline {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Taken::Deadline;
                    }
                    let woken = self.filled.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        let mut bytes = 0;
        let mut taken = Vec::new();
        while let Some(next) = state.pending.front() {
            bytes += next.chunk.frames.len();
            if bytes > bytes_max && !taken.is_empty() {
                break;
            }
            taken.extend(state.pending.pop_front());
        }
        Taken::Chunks(taken)
    }

    /// Refuses everything from now on; what is queued is still written.
    pub(crate) fn close(&self) {
        self.room.close();
        locked(&self.state).closed = true;
        self.filled.notify_one();
    }
}
