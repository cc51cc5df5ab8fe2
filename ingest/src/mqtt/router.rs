//! rumqttd's router behind the front: its thread, the links to it, and their names.
//!
//! The router disconnects, or panics on, what it does not expect, so the front checks everything first. Topics and
//! filters are given with a `/` before them: the router slices a topic's first byte and panics inside a character.
//! Link names come from a pool, because the router remembers every name that it ever saw.

mod link;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::{Router, RouterConfig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use self::link::RouterLink;
use super::reason::Reason;
use super::settings::MqttSettings;

/// How long the router may take to answer before it is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Links that wait to be opened.
const OPENINGS_MAX: usize = 1_024;

/// The router thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RouterGone;

type OpenLink = dyn Fn(&str, bool) -> Result<(LinkTx, LinkRx), RouterGone> + Send + Sync;
type Opening = Box<dyn FnOnce() + Send>;

/// Opens links to the router thread.
pub(crate) struct Links {
    open: Arc<OpenLink>,
    openings: mpsc::Sender<Opening>,
    slots: Mutex<Slots>,
    /// How many more links may be open: each takes some 100 KiB here and in the router.
    places: Arc<Semaphore>,
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct Slots {
    next: u32,
    free: Vec<u32>,
}

/// A link's name in the router; goes back to the pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u32,
    links: Arc<Links>,
}

/// What the router is to remember of a slot's earlier use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Nothing, neither before nor after: a session that ends with its connection.
    None,
    /// Nothing from before, but what comes: a new session that outlives its connection.
    Fresh,
    /// The stored session.
    Resumed,
}

/// The topic or filter by which the router knows one of ours.
pub(crate) fn inner_topic(topic: &str) -> String {
    format!("/{topic}")
}

impl Links {
    /// Starts the router thread, and the thread that opens links.
    ///
    /// # Errors
    /// [`RouterGone`] if the system gives no thread.
    pub(crate) fn start(settings: &MqttSettings) -> Result<Arc<Self>, RouterGone> {
        let config = RouterConfig {
            // Also for those whose names have not been used again since they were dropped.
            max_connections: 2 * settings.max_links + 64,
            // Read at once for a QoS 0 subscriber, and its retained messages beyond are lost.
            max_outgoing_packet_count: settings.max_retained as u64 + 200,
            max_segment_size: 64 << 10,
            max_segment_count: 2,
            ..RouterConfig::default()
        };
        let router = Router::new(0, config).spawn();
        let open = move |name: &str, clean| {
            let builder = LinkBuilder::new(name, router.clone()).clean_session(clean);
            let (tx, rx, _connack) = builder.build().map_err(|_gone| RouterGone)?;
            Ok((tx, rx))
        };
        // A thread of our own: `build` blocks until the router answers, for ever if it has panicked, and a runtime
        // would wait for that at its end.
        let (openings, mut waiting) = mpsc::channel::<Opening>(OPENINGS_MAX);
        thread::Builder::new()
            .name("mqtt-links".to_owned())
            .spawn(move || {
                while let Some(opening) = waiting.blocking_recv() {
                    opening()
                }
            })
            .map_err(|_no_thread| RouterGone)?;
        Ok(Arc::new(Self {
            open: Arc::new(open),
            openings,
            slots: Mutex::default(),
            places: Arc::new(Semaphore::new(settings.max_links)),
            gone: CancellationToken::new(),
        }))
    }

    /// Fires when the router thread was found to have ended.
    pub(crate) fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// Takes a name from the pool.
    pub(crate) fn slot(self: &Arc<Self>) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let number = slots.free.pop().unwrap_or_else(|| {
            slots.next += 1;
            slots.next
        });
        Slot { number, links: Arc::clone(self) }
    }

    /// Takes a place for a link.
    ///
    /// # Errors
    /// [`Reason::QuotaExceeded`] if there is none.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Reason> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_full| Reason::QuotaExceeded)
    }

    /// Opens the link of the bridge; blocks until the router answers.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn open_bridge(self: &Arc<Self>) -> Result<RouterLink, RouterGone> {
        let ends = (self.open)("bridge", true)?;
        Ok(RouterLink::new(ends, Arc::clone(self), None))
    }

    /// Opens a link; `forget`: the router is to forget the name's earlier use.
    async fn open(
        self: &Arc<Self>,
        name: String,
        clean: bool,
        forget: bool,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<RouterLink, RouterGone> {
        let (reply, answer) = oneshot::channel();
        let links = Arc::clone(self);
        let opening: Opening = Box::new(move || {
            let open = |clean, place| -> Result<RouterLink, RouterGone> {
                let ends = (links.open)(&name, clean)?;
                Ok(RouterLink::new(ends, Arc::clone(&links), place))
            };
            let forgotten = if forget { open(true, None).map(drop) } else { Ok(()) };
            // Nobody may wait any more; then the link is closed again.
            drop(reply.send(forgotten.and_then(|()| open(clean, place))));
        });
        let opened = async {
            self.openings.send(opening).await.ok()?;
            answer.await.ok()?.ok()
        };
        match tokio::time::timeout(PATIENCE, opened).await {
            Ok(Some(link)) => Ok(link),
            _ => {
                self.gone.cancel();
                Err(RouterGone)
            }
        }
    }

    /// Returns when the router has handled all that was sent to it before.
    async fn barrier(self: &Arc<Self>) -> Result<(), RouterGone> {
        let slot = self.slot();
        self.open(slot.name(), true, false, None).await.map(drop)
    }
}

impl Slot {
    /// Opens the link of this name.
    ///
    /// # Errors
    /// [`RouterGone`] if the router does not answer.
    pub(crate) async fn open(&self, memory: Memory, place: OwnedSemaphorePermit) -> Result<RouterLink, RouterGone> {
        let forget = memory == Memory::Fresh;
        self.links.open(self.name(), memory == Memory::None, forget, Some(place)).await
    }

    fn name(&self) -> String {
        format!("s{}", self.number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.links.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.free.push(self.number);
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("slots", &self.slots).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_used_again() {
        let links = Links::start(&MqttSettings::default()).unwrap();
        let first = links.slot();
        let second = links.slot();
        assert_eq!((first.number, second.number), (1, 2));
        drop(first);
        assert_eq!(links.slot().number, 1);
    }
}
