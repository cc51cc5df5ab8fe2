//! A device's MQTT client: publishes at QoS 1, pipelined and in order, and publishes again after a reconnect
//! what was not acknowledged.
//!
//! The protocol is rumqttc's; here is only what a device with a memory does around it.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, QoS};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::tally::Tally;

/// Publishes that may be unacknowledged at a time on one connection.
const IN_FLIGHT: usize = 100;
/// Pause before a reconnect; it doubles with each failure up to [`RECONNECT_MAX`].
const RECONNECT: Duration = Duration::from_millis(200);
/// Longest pause before a reconnect.
const RECONNECT_MAX: Duration = Duration::from_secs(2);
/// Attempts after which it is told that the broker cannot be reached.
const TOLD_AFTER: u32 = 3;
/// Attempts after which a device that was never let in gives up.
const ATTEMPTS: u32 = 12;

/// Where and as whom to connect.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User name and password.
    pub(crate) user: Option<(String, String)>,
}

/// One publish, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// What the journal says of it once it is acknowledged.
    pub(crate) label: String,
}

/// One device with its connection.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) broker: Broker,
    pub(crate) client_id: String,
    pub(crate) tally: Tally,
}

/// Why a connection ended.
enum Ended {
    AllAcknowledged,
    /// Whether the broker had let the device in.
    Lost {
        got_in: bool,
    },
}

impl Device {
    /// Publishes what `outbox` gives, until it is closed and everything is acknowledged, or until `stop`.
    pub(crate) async fn run(self, mut outbox: mpsc::Receiver<Outbound>, stop: CancellationToken) {
        let mut unacknowledged = VecDeque::new();
        let (mut pause, mut failures) = (RECONNECT, 0);
        while !stop.is_cancelled() {
            let got_in = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.connection(&mut outbox, &mut unacknowledged, failures) => match ended {
                    Ended::AllAcknowledged => return,
                    Ended::Lost { got_in } => got_in,
                },
            };
            self.tally.reconnect();
            (pause, failures) = if got_in { (RECONNECT, 0) } else { ((2 * pause).min(RECONNECT_MAX), failures + 1) };
            if failures == TOLD_AFTER && self.tally.shut_out() {
                warn!(host = %self.broker.host, port = self.broker.port, "the broker cannot be reached, or does not let clients in; they go on trying");
            }
            if failures >= ATTEMPTS && self.tally.connections() == 0 {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn connection(
        &self,
        outbox: &mut mpsc::Receiver<Outbound>,
        unacknowledged: &mut VecDeque<Outbound>,
        failures: u32,
    ) -> Ended {
        let (client, events) = AsyncClient::new(self.options(), 2 * IN_FLIGHT);
        let (acks_in, mut acks) = mpsc::channel(2 * IN_FLIGHT);
        let driver = DropGuard(tokio::spawn(drive(events, acks_in)));
        if acks.recv().await != Some(Seen::Connected) {
            return Ended::Lost { got_in: false };
        }
        self.tally.connected();
        if failures >= TOLD_AFTER && self.tally.let_in() {
            warn!(host = %self.broker.host, port = self.broker.port, "the broker lets all clients in again");
        }
        let lost = Ended::Lost { got_in: true };
        for outbound in unacknowledged.iter() {
            if !self.publish(&client, outbound) {
                return lost;
            }
        }
        let mut open = true;
        while open || !unacknowledged.is_empty() {
            tokio::select! {
                seen = acks.recv() => match (seen, unacknowledged.pop_front()) {
                    (Some(Seen::Acknowledged), Some(outbound)) => self.tally.acknowledged(&outbound.label),
                    (_, None) => return lost,
                    (_, Some(outbound)) => {
                        unacknowledged.push_front(outbound);
                        return lost;
                    }
                },
                outbound = outbox.recv(), if open && unacknowledged.len() < IN_FLIGHT => match outbound {
                    None => open = false,
                    Some(outbound) => {
                        self.tally.sent();
                        let queued = self.publish(&client, &outbound);
                        unacknowledged.push_back(outbound);
                        if !queued {
                            return lost;
                        }
                    }
                },
            }
        }
        if client.disconnect().await.is_ok() {
            driver.finish().await;
        }
        Ended::AllAcknowledged
    }

    /// Queues a publish; the queue is as long as what may be in flight, so it has room while the connection lives.
    fn publish(&self, client: &AsyncClient, outbound: &Outbound) -> bool {
        client
            .try_publish(&outbound.topic, QoS::AtLeastOnce, false, outbound.payload.as_slice())
            .inspect_err(|error| debug!(client_id = %self.client_id, %error, "publish not queued"))
            .is_ok()
    }

    fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.broker.host, self.broker.port);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_clean_session(true);
        options.set_inflight(u16::try_from(IN_FLIGHT).unwrap_or(u16::MAX));
        options.set_max_packet_size(4 << 20, 16 << 20);
        if let Some((user, password)) = &self.broker.user {
            options.set_credentials(user, password);
        }
        options
    }
}

/// What the connection's driver saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Connected,
    Acknowledged,
}

/// Polls the connection until it is lost.
async fn drive(mut events: EventLoop, seen: mpsc::Sender<Seen>) {
    loop {
        let step = match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => Seen::Connected,
            Ok(Event::Incoming(Incoming::PubAck(_))) => Seen::Acknowledged,
            Ok(_) => continue,
            Err(error) => {
                debug!(%error, "connection lost");
                return;
            }
        };
        if seen.send(step).await.is_err() {
            return;
        }
    }
}

/// Ends the driver with the connection that it drives.
struct DropGuard(tokio::task::JoinHandle<()>);

impl DropGuard {
    /// Waits a moment for the DISCONNECT to leave.
    async fn finish(mut self) {
        if tokio::time::timeout(Duration::from_secs(1), &mut self.0).await.is_err() {
            debug!("the broker did not close the connection");
        }
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}
