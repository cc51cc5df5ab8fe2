//! rumqttd's router behind the front: its links, their names, and what must never reach it.
//!
//! The router disconnects, or panics on, what it does not expect, so the front checks everything first. Topics and
//! filters are given with a `/` before them: the router slices a topic's first byte and panics inside a character.
//! Link names come from a pool, because the router remembers every name that it ever saw.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{Disconnect, DisconnectReasonCode, Packet};
use rumqttd::{Notification, Router, RouterConfig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::reason::Reason;
use super::settings::MqttSettings;

/// The router thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RouterGone;

type OpenLink = dyn Fn(&str, bool) -> Result<(LinkTx, LinkRx), RouterGone> + Send + Sync;

/// Opens links to the router thread.
pub(crate) struct Links {
    open: Box<OpenLink>,
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

/// An open link. Dropping it says DISCONNECT to the router: a link cannot say "connection lost".
pub(crate) struct RouterLink {
    tx: LinkTx,
    rx: LinkRx,
    gone: CancellationToken,
    _place: Option<OwnedSemaphorePermit>,
}

/// The topic or filter by which the router knows one of ours.
pub(crate) fn inner_topic(topic: &str) -> String {
    format!("/{topic}")
}

impl Links {
    /// Starts the router thread.
    pub(crate) fn start(settings: &MqttSettings) -> Arc<Self> {
        let config = RouterConfig {
            max_connections: settings.max_links + 16,
            // Read at once for a QoS 0 subscriber, and its retained messages beyond are lost.
            max_outgoing_packet_count: settings.max_retained as u64 + 200,
            max_segment_size: 64 << 10,
            max_segment_count: 2,
            ..RouterConfig::default()
        };
        let router = Router::new(0, config).spawn();
        let open = move |name: &str, clean| {
            let (tx, rx, _connack) = rumqttd::local::LinkBuilder::new(name, router.clone())
                .clean_session(clean)
                .build()
                .map_err(|_gone| RouterGone)?;
            Ok((tx, rx))
        };
        Arc::new(Self {
            open: Box::new(open),
            slots: Mutex::default(),
            places: Arc::new(Semaphore::new(settings.max_links)),
            gone: CancellationToken::new(),
        })
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

    fn open(&self, name: &str, clean: bool, place: Option<OwnedSemaphorePermit>) -> Result<RouterLink, RouterGone> {
        let (tx, rx) = (self.open)(name, clean).inspect_err(|_gone| self.gone.cancel())?;
        Ok(RouterLink { tx, rx, gone: self.gone.clone(), _place: place })
    }

    /// Opens the link of the bridge; blocks until the router answers.
    pub(crate) fn open_bridge(&self) -> Result<RouterLink, RouterGone> {
        self.open("bridge", true, None)
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl Slot {
    /// Opens the link of this name.
    ///
    /// # Errors
    /// [`RouterGone`] if the router does not answer.
    pub(crate) async fn open(&self, memory: Memory, place: OwnedSemaphorePermit) -> Result<RouterLink, RouterGone> {
        let name = format!("s{}", self.number);
        let links = Arc::clone(&self.links);
        // `LinkBuilder::build` blocks until the router thread answers.
        let opening = tokio::task::spawn_blocking(move || {
            if memory == Memory::Fresh {
                drop(links.open(&name, true, None)?);
            }
            links.open(&name, memory == Memory::None, Some(place))
        });
        opening.await.map_err(|_panicked| RouterGone)?
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.links.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.free.push(self.number);
    }
}

impl RouterLink {
    /// Gives a packet to the router; blocks shortly while its channel is full.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn give(&mut self, packet: Packet) -> Result<(), RouterGone> {
        match self.tx.send(packet).now_or_never() {
            Some(Ok(_queued)) => Ok(()),
            _ => {
                self.gone.cancel();
                Err(RouterGone)
            }
        }
    }

    /// Gives many packets with one event for the router.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn give_all(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), RouterGone> {
        let mut packets: Vec<Packet> = packets.into_iter().collect();
        let Some(last) = packets.pop() else {
            return Ok(());
        };
        self.tx.buffer().extend(packets);
        self.give(last)
    }

    /// Packets that the router has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.tx.buffer().len()
    }

    /// The next word of the router; may be dropped while it waits.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn next(&mut self) -> Result<Option<Notification>, RouterGone> {
        self.rx.next().await.map_err(|_gone| {
            self.gone.cancel();
            RouterGone
        })
    }

    /// Asks for more after [`Notification::Unschedule`]; must not be dropped while it waits.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn wake(&self) -> Result<(), RouterGone> {
        self.rx.wake().await.map_err(|_gone| RouterGone)
    }
}

impl Drop for RouterLink {
    fn drop(&mut self) {
        let disconnect = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
        // Without a router there is nothing to leave.
        self.give(Packet::Disconnect(disconnect, None)).unwrap_or_default();
    }
}

impl fmt::Debug for RouterLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterLink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_used_again() {
        let links = Links::start(&MqttSettings::default());
        let first = links.slot();
        let second = links.slot();
        assert_eq!((first.number, second.number), (1, 2));
        drop(first);
        assert_eq!(links.slot().number, 1);
    }
}
