//! An open link to the router, and how it is closed without killing the router.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use rumqttd::Notification;
use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{Disconnect, DisconnectReasonCode, Packet};
use tokio::sync::OwnedSemaphorePermit;

use super::{Links, RouterGone};

/// An open link. Dropping it says DISCONNECT to the router: a link cannot say "connection lost".
///
/// The router takes packets out of a link's buffer ahead of the events that announce them, so a DISCONNECT overtakes
/// an earlier wake-up, and a wake-up of a link that is gone panics the router. Hence [`RouterLink::close`] waits
/// until wake-ups were handled, and a link that was woken and just dropped says nothing: the router replaces it when
/// its name is used again.
pub(crate) struct RouterLink {
    tx: LinkTx,
    rx: LinkRx,
    links: Arc<Links>,
    woken: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl RouterLink {
    pub(super) fn new((tx, rx): (LinkTx, LinkRx), links: Arc<Links>, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { tx, rx, links, woken: false, _place: place }
    }

    /// Gives a packet to the router; blocks shortly while its channel is full.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn give(&mut self, packet: Packet) -> Result<(), RouterGone> {
        match self.tx.send(packet).now_or_never() {
            Some(Ok(_queued)) => Ok(()),
            _ => Err(self.gone()),
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
        let word = self.rx.next().await;
        word.map_err(|_gone| self.gone())
    }

    /// Asks for more after [`Notification::Unschedule`]; must not be dropped while it waits.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn wake(&mut self) -> Result<(), RouterGone> {
        self.woken = true;
        let woken = self.rx.wake().await;
        woken.map_err(|_gone| self.gone())
    }

    /// Makes the router look at its queue again; for the one link that is never closed.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) fn nudge(&mut self) -> Result<(), RouterGone> {
        self.woken = true;
        self.rx.ready().map_err(|_gone| self.gone())
    }

    /// Closes the link.
    pub(crate) async fn close(mut self) {
        // Without an answer there is no router that could be harmed.
        if self.woken && self.links.barrier().await.is_ok() {
            self.woken = false;
        }
    }

    fn gone(&self) -> RouterGone {
        self.links.gone.cancel();
        RouterGone
    }
}

impl Drop for RouterLink {
    fn drop(&mut self) {
        if !self.woken {
            let disconnect = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
            // Without a router there is nothing to leave.
            self.give(Packet::Disconnect(disconnect, None)).unwrap_or_default();
        }
    }
}

impl fmt::Debug for RouterLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterLink").field("woken", &self.woken).finish_non_exhaustive()
    }
}
