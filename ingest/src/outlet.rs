//! The only way out of a source: stamps identity and time of receipt once, and appends to the log.
//!
//! The clock of receipt is read here and nowhere after, so that a replay of the log sees the same time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tacho_log::{Append, AppendError, Appender, Delivery, Lane};
use tacho_schemas::{Envelope, RawKind, RecordId, RobotKey};
use uuid::Uuid;

/// Appends what sources received; clones share one session and its counter.
#[derive(Debug, Clone)]
pub struct Outlet {
    appender: Appender,
    session: Uuid,
    counter: Arc<AtomicU64>,
}

/// The outlet of one sender: its batches do not overtake each other, also when some are refused.
pub struct OutletLane {
    outlet: Outlet,
    lane: Lane,
}

impl Outlet {
    /// An outlet into a log; draws the session of its record IDs.
    pub fn new(appender: impl Into<Appender>) -> Self {
        Self { appender: appender.into(), session: Uuid::new_v4(), counter: Arc::new(AtomicU64::new(0)) }
    }

    /// The outlet of one sender.
    pub fn lane(&self) -> OutletLane {
        OutletLane { lane: self.appender.lane(), outlet: self.clone() }
    }

    /// An envelope that still lacks its ID and its time of receipt.
    pub fn envelope(
        &self,
        robot: RobotKey,
        topic_id: Option<Arc<str>>,
        principal: &Arc<str>,
        kind: RawKind,
    ) -> Envelope {
        Envelope {
            id: RecordId { session: self.session, counter: 0 },
            received_at_us: 0,
            robot,
            topic_id,
            principal: Arc::clone(principal),
            kind,
        }
    }

    fn stamp(&self, batch: &mut [Append]) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let first = self.counter.fetch_add(count, Ordering::Relaxed);
        let received_at_us = now_us();
        for (counter, append) in (first..).zip(batch) {
            append.envelope.id.counter = counter;
            append.envelope.received_at_us = received_at_us;
        }
    }
}

impl OutletLane {
    /// The outlet that this lane belongs to.
    pub fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    /// Stamps a batch now, then waits for room in the log and queues it; the records are durable when the delivery
    /// resolves.
    ///
    /// # Errors
    /// [`AppendError`]: none of the batch was appended.
    pub fn enqueue(
        self: &Arc<Self>,
        mut batch: Vec<Append>,
    ) -> impl Future<Output = Result<Delivery, AppendError>> + Send + 'static {
        self.outlet.stamp(&mut batch);
        let lane = Arc::clone(self);
        async move { lane.lane.enqueue(batch).await }
    }
}

impl fmt::Debug for OutletLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutletLane").finish_non_exhaustive()
    }
}

/// Now, Unix microseconds UTC.
pub(crate) fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}
