//! The one link by which messages enter the router: ordinary publishes, wills, and telemetry after its delivery.
//!
//! The front has acknowledged or will acknowledge them itself, in order, so all enter at QoS 0. What the router
//! forgets of a message (its QoS, its retain flag, its publisher) travels in a user property of a name that no
//! client can send, and is taken out before a subscriber sees the message.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rumqttd::protocol::{Packet, Publish, PublishProperties};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::error;

use super::router::{Links, RouterGone, RouterLink, inner_topic};

/// U+0000 is not allowed in MQTT strings.
const MARKER: &str = "\0";
/// Packets in the link at which the bridge waits for the router.
const LINK_PACKETS_MAX: usize = 1_000;
/// What a message costs besides its bytes.
const MESSAGE_OVERHEAD_BYTES: usize = 256;
const BATCHES_MAX: usize = 1_024;

/// A message for the router.
#[derive(Debug)]
pub(crate) struct Message {
    /// Topic.
    pub(crate) topic: String,
    /// Payload: a copy of its own, because the router keeps it in its segments.
    pub(crate) payload: Bytes,
    /// How it came.
    pub(crate) marker: Marker,
    /// MQTT 5 properties of an ordinary publish.
    pub(crate) properties: Option<Box<PublishProperties>>,
}

/// What the router forgets of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    /// QoS of the publish.
    pub(crate) qos: u8,
    /// Retain flag of the publish.
    pub(crate) retain: bool,
    /// Number of the publishing connection.
    pub(crate) from: u64,
}

impl Message {
    /// What it counts against bounds.
    pub(crate) fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len() + MESSAGE_OVERHEAD_BYTES
    }

    fn into_packet(self) -> Packet {
        let mut properties = self.properties.map_or_else(PublishProperties::default, |boxed| *boxed);
        properties.topic_alias = None;
        let Marker { qos, retain, from } = self.marker;
        let value = format!("{qos}{}{from}", u8::from(retain));
        properties.user_properties.insert(0, (MARKER.to_owned(), value));
        let publish = Publish::new(Bytes::from(inner_topic(&self.topic)), self.payload, retain);
        Packet::Publish(publish, Some(properties))
    }
}

/// Takes the marker out of a forwarded message's properties.
pub(crate) fn take_marker(properties: &mut Option<PublishProperties>) -> Option<Marker> {
    let held = properties.as_mut()?;
    if held.user_properties.first().is_none_or(|(name, _)| name != MARKER) {
        return None;
    }
    let (_, value) = held.user_properties.remove(0);
    if *held == PublishProperties::default() {
        *properties = None;
    }
    Some(Marker {
        qos: value.get(0..1)?.parse().ok()?,
        retain: value.get(1..2)? == "1",
        from: value.get(2..)?.parse().ok()?,
    })
}

enum Given {
    Messages(Vec<Message>, OwnedSemaphorePermit),
    Nudge,
}

/// Handle to the bridge's thread, which ends with the last handle.
#[derive(Debug)]
pub(crate) struct Bridge {
    queue: mpsc::Sender<Given>,
    budget: Arc<Semaphore>,
    budget_bytes: usize,
}

impl Bridge {
    /// Opens the bridge's link and starts its thread.
    ///
    /// # Errors
    /// [`RouterGone`] if the router does not answer or the system gives no thread.
    pub(crate) fn start(links: &Arc<Links>, budget_bytes: usize) -> Result<Self, RouterGone> {
        let link = links.open_bridge()?;
        let (queue, given) = mpsc::channel(BATCHES_MAX);
        thread::Builder::new()
            .name("mqtt-bridge".to_owned())
            .spawn(move || carry(link, given))
            .map_err(|_no_thread| RouterGone)?;
        Ok(Self { queue, budget: Arc::new(Semaphore::new(budget_bytes)), budget_bytes })
    }

    /// Gives messages to the router, in order; waits while too many bytes are on their way.
    ///
    /// # Errors
    /// [`RouterGone`].
    pub(crate) async fn give(&self, messages: Vec<Message>) -> Result<(), RouterGone> {
        let permits = self.permits(&messages);
        let permit = Arc::clone(&self.budget).acquire_many_owned(permits).await;
        let permit = permit.map_err(|_closed| RouterGone)?;
        self.queue.send(Given::Messages(messages, permit)).await.map_err(|_gone| RouterGone)
    }

    /// Gives messages to the router if there is room at once; `false` if they were dropped.
    pub(crate) fn offer(&self, messages: Vec<Message>) -> bool {
        let permits = self.permits(&messages);
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(permits);
        permit.is_ok_and(|permit| self.queue.try_send(Given::Messages(messages, permit)).is_ok())
    }

    /// Makes the router go on.
    ///
    /// It sleeps when the first connection of its ready queue is gone, whatever stands behind it; any event wakes it.
    pub(crate) fn nudge(&self) {
        // A full queue is as good as a nudge.
        self.queue.try_send(Given::Nudge).unwrap_or_default();
    }

    fn permits(&self, messages: &[Message]) -> u32 {
        let bytes: usize = messages.iter().map(Message::bytes).sum();
        u32::try_from(bytes.min(self.budget_bytes)).unwrap_or(u32::MAX)
    }
}

/// A thread, not a task: the router's channel blocks its sender.
fn carry(mut link: RouterLink, mut queue: mpsc::Receiver<Given>) {
    while let Some(given) = queue.blocking_recv() {
        let carried = match given {
            Given::Nudge => link.nudge(),
            // The permit goes back when the router has taken the messages, or most of them.
            Given::Messages(messages, _permit) => {
                let carried = link.give_all(messages.into_iter().map(Message::into_packet));
                while carried.is_ok() && link.waiting() > LINK_PACKETS_MAX {
                    thread::sleep(Duration::from_micros(100));
                }
                carried
            }
        };
        if carried.is_err() {
            error!("the MQTT router has ended");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_survives_beside_the_clients_own_properties() {
        let marker = Marker { qos: 2, retain: true, from: 42 };
        let own = PublishProperties {
            user_properties: vec![("a".to_owned(), "b".to_owned())],
            ..PublishProperties::default()
        };
        for properties in [None, Some(Box::new(own.clone()))] {
            let expected = properties.as_deref().cloned();
            let message = Message { topic: "é".into(), payload: Bytes::new(), marker, properties };
            let Packet::Publish(publish, mut carried) = message.into_packet() else { unreachable!() };
            assert_eq!(&publish.topic[..], "/é".as_bytes());
            assert_eq!(take_marker(&mut carried), Some(marker));
            assert_eq!(carried, expected);
        }
        assert_eq!(take_marker(&mut Some(own)), None);
    }
}
