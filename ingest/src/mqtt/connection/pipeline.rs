//! From parsed packets to acknowledgements: bursts on their way into the log, many at a time, answered in order.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt as _;
use tacho_log::{Append, AppendError, Delivery};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::OutletLane;
use crate::mqtt::bridge::Message;
use crate::mqtt::broker::Broker;

/// What the packets of one read ask for.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// Telemetry.
    pub(crate) records: Vec<Append>,
    /// Ordinary publishes that go to the router.
    pub(crate) messages: Vec<Message>,
    /// Copies of the telemetry for subscribers, given to them after the delivery.
    pub(crate) copies: Vec<Message>,
    /// Acknowledgements as they will be written, after the delivery.
    pub(crate) acks: Vec<u8>,
    /// Publishes of QoS 1 among them.
    pub(crate) qos1: usize,
    /// Identifiers of the QoS 2 publishes among them.
    pub(crate) qos2: Vec<u16>,
    /// Bytes that the packets had.
    pub(crate) bytes: usize,
    /// Their share of the bytes of all connections.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Why a burst was not taken.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// By the log.
    Log(AppendError),
    /// By the router.
    RouterGone,
}

/// A burst after it was handed over, or while it waits for room in the log.
#[derive(Debug)]
struct Pending {
    delivery: Option<Delivery>,
    burst: Burst,
    since: Instant,
}

type Enqueueing = Pin<Box<dyn Future<Output = Result<Option<Delivery>, Trouble>> + Send>>;

/// The bursts of one connection.
#[derive(Default)]
pub(crate) struct Pipeline {
    /// The one burst that waits for room; nothing is read meanwhile.
    entering: Option<(Enqueueing, Pending)>,
    delivering: VecDeque<Pending>,
    bytes: usize,
    qos1: usize,
}

impl Burst {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.messages.is_empty() && self.acks.is_empty()
    }
}

impl Pipeline {
    /// Bytes that were received and are not delivered.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// QoS 1 publishes that are not acknowledged.
    pub(crate) fn qos1(&self) -> usize {
        self.qos1
    }

    /// Whether a burst waits for room.
    pub(crate) fn is_entering(&self) -> bool {
        self.entering.is_some()
    }

    /// Whether everything is delivered.
    pub(crate) fn is_empty(&self) -> bool {
        self.entering.is_none() && self.delivering.is_empty()
    }

    /// When the oldest burst that is not delivered was received.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let delivering = self.delivering.front().map(|pending| pending.since);
        delivering.or_else(|| self.entering.as_ref().map(|(_, pending)| pending.since))
    }

    /// Hands a burst over to the log and to the router.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(crate) fn submit(
        &mut self,
        broker: &Arc<Broker>,
        lane: &Arc<OutletLane>,
        burst: &mut Burst,
        now: Instant,
    ) -> Result<(), Trouble> {
        debug_assert!(self.entering.is_none(), "nothing is read while a burst waits for room");
        if burst.is_empty() {
            *burst = Burst::default();
            return Ok(());
        }
        let expected = burst.records.len();
        let mut burst = mem::take(burst);
        let records = mem::take(&mut burst.records);
        let messages = mem::take(&mut burst.messages);
        self.bytes += burst.bytes;
        self.qos1 += burst.qos1;
        let pending = Pending { delivery: None, burst, since: now };
        if expected == 0 && messages.is_empty() {
            self.delivering.push_back(pending);
            return Ok(());
        }
        let queued = (expected > 0).then(|| lane.enqueue(records));
        let broker = Arc::clone(broker);
        let mut entering: Enqueueing = Box::pin(async move {
            if !messages.is_empty() {
                broker.bridge.give(messages).await.map_err(|_gone| Trouble::RouterGone)?;
            }
            match queued {
                None => Ok(None),
                Some(queued) => queued.await.map(Some).map_err(Trouble::Log),
            }
        });
        match (&mut entering).now_or_never() {
            Some(Ok(delivery)) => self.entered(pending, delivery),
            Some(Err(trouble)) => return Err(self.give_up(trouble)),
            None => self.entering = Some((entering, pending)),
        }
        Ok(())
    }

    fn entered(&mut self, mut pending: Pending, delivery: Option<Delivery>) {
        pending.delivery = delivery;
        self.delivering.push_back(pending);
    }

    /// Waits until the burst that waits for room has entered, or the oldest burst is delivered, which is then
    /// returned with its age; may be dropped while it waits. Never ends while there is nothing to wait for.
    ///
    /// # Errors
    /// [`Trouble`]; then the pipeline is empty, because nothing that came after may be acknowledged either.
    pub(crate) async fn next(&mut self) -> Result<Option<(Burst, Instant)>, Trouble> {
        let moved = tokio::select! {
            delivered = front(&mut self.delivering) => delivered.map(|()| None).map_err(Trouble::Log),
            entered = enter(&mut self.entering) => entered.map(Some),
        };
        match moved {
            Ok(None) => Ok(self.pop()),
            Ok(Some(delivery)) => {
                if let Some((_, pending)) = self.entering.take() {
                    self.entered(pending, delivery);
                }
                Ok(None)
            }
            Err(trouble) => Err(self.give_up(trouble)),
        }
    }

    /// The oldest burst, if it is delivered.
    ///
    /// # Errors
    /// As [`Pipeline::next`].
    pub(crate) fn try_next(&mut self) -> Result<Option<(Burst, Instant)>, Trouble> {
        match front(&mut self.delivering).now_or_never() {
            None => Ok(None),
            Some(Ok(())) => Ok(self.pop()),
            Some(Err(error)) => Err(self.give_up(Trouble::Log(error))),
        }
    }

    fn give_up(&mut self, trouble: Trouble) -> Trouble {
        *self = Self::default();
        trouble
    }

    fn pop(&mut self) -> Option<(Burst, Instant)> {
        let Pending { burst, since, .. } = self.delivering.pop_front()?;
        self.bytes -= burst.bytes;
        self.qos1 -= burst.qos1;
        Some((burst, since))
    }
}

async fn front(delivering: &mut VecDeque<Pending>) -> Result<(), AppendError> {
    match delivering.front_mut() {
        None => std::future::pending().await,
        Some(pending) => match &mut pending.delivery {
            None => Ok(()),
            Some(delivery) => delivery.await.map(drop),
        },
    }
}

async fn enter(entering: &mut Option<(Enqueueing, Pending)>) -> Result<Option<Delivery>, Trouble> {
    match entering {
        None => std::future::pending().await,
        Some((enqueueing, _)) => enqueueing.await,
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("entering", &self.entering.is_some())
            .field("delivering", &self.delivering.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
