//! One client's connection after its CONNACK: a single task that reads, hands over, acknowledges and forwards.
//!
//! The loop only chooses; what is done about an event stands in the methods here and in the files below.

mod dispatch;
mod finish;
mod handshake;
mod input;
mod oversize;
mod pipeline;
mod publishing;
mod subscribing;
mod timers;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use futures::FutureExt as _;
use rumqttd::Notification;
use tacho_log::AppendError;
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use self::dispatch::Parsed;
use self::input::{Heard, Input};
use self::oversize::Oversize;
use self::pipeline::{Burst, Pipeline, Trouble};
use super::auth::Principal;
use super::broker::Broker;
use super::link::{Flow, SessionLink, Subscriptions};
use super::reason::{End, Reason};
use super::router::{Memory, RouterGone};
use super::sessions::SessionGuard;
use super::will::Will;
use crate::OutletLane;

pub(crate) use self::handshake::serve;

/// Bytes that wait to be written at which no more is read or forwarded.
const OUT_BYTES_MAX: usize = 64 << 10;

/// SUBSCRIBEs that may wait for the router before no more is read.
const SUBACKS_MAX: usize = 100;
/// Words of the router that are taken in before anything else is looked at.
const WORDS_AT_ONCE: usize = 200;

type Payment = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

/// A connection of an authenticated client.
pub(crate) struct Connection {
    broker: Arc<Broker>,
    stream: TcpStream,
    flow: Flow,
    principal: Principal,
    lane: Arc<OutletLane>,
    input: Input,
    oversize: Option<Box<Oversize>>,
    burst: Burst,
    pipeline: Pipeline,
    out: BytesMut,
    /// Since when the client takes no bytes.
    untaken: Option<Instant>,
    aliases: HashMap<u16, String>,
    /// QoS 2 publishes that are not released, and whether they are delivered.
    qos2: HashMap<u16, bool>,
    session: SessionGuard,
    link: Option<Box<SessionLink>>,
    /// There was no place for a link: what needs one is refused.
    linkless: bool,
    /// How long the session outlives the connection.
    session_expiry: Duration,
    will: Option<Box<Will>>,
    keep_alive: Duration,
    kick: CancellationToken,
    timer: Pin<Box<Sleep>>,
    /// Set when the front stops: when the connection ends at the latest.
    drain_until: Option<Instant>,
}

enum Event {
    Kicked,
    Piped(Result<Option<(Burst, Instant)>, Trouble>),
    Paid(Option<OwnedSemaphorePermit>),
    Socket(Ready),
    Word(Result<Option<Notification>, RouterGone>),
    Timer,
}

impl Connection {
    /// Works until the connection ends.
    async fn run(&mut self) -> End {
        let kicked = self.kick.clone().cancelled_owned();
        tokio::pin!(kicked);
        let mut payment = None;
        // What came right behind CONNECT.
        let mut outcome = self.handle_input().await;
        loop {
            if let Err(end) = outcome {
                return end;
            }
            outcome = match self.settle() {
                Err(end) => Err(end),
                Ok(()) => {
                    let event = self.wait(kicked.as_mut(), &mut payment).await;
                    self.handle(event, &mut payment).await
                }
            };
        }
    }

    /// Writes what can be written, and looks after the deadlines.
    fn settle(&mut self) -> Result<(), End> {
        if let Some(link) = &mut self.link {
            link.fill(&mut self.out, OUT_BYTES_MAX, self.flow)?;
            if link.waiting_bytes() > self.broker.settings.connection_bytes {
                self.broker.meters.slow_subscriber("own");
                return Err(Reason::QuotaExceeded.into());
            }
        }
        self.write()?;
        if let Some(link) = &mut self.link {
            link.account(self.out.len());
        }
        if self.drain_until.is_some() && self.pipeline.is_empty() && self.out.is_empty() {
            return Err(Reason::ShuttingDown.into());
        }
        self.arm()
    }

    fn write(&mut self) -> Result<(), End> {
        while !self.out.is_empty() {
            match self.stream.try_write(&self.out) {
                Ok(0) => return Err(End::Lost),
                Ok(written) => {
                    self.out.advance(written);
                    self.untaken = None;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.untaken.get_or_insert_with(Instant::now);
                    return Ok(());
                }
                Err(_lost) => return Err(End::Lost),
            }
        }
        if self.out.capacity() > 0 {
            self.out = BytesMut::new();
        }
        Ok(())
    }

    fn may_read(&self) -> bool {
        self.drain_until.is_none()
            && !self.pipeline.is_entering()
            && self.pipeline.bytes() < self.broker.settings.connection_bytes
            && self.out.len() < OUT_BYTES_MAX
            && self.link.as_ref().is_none_or(|link| link.unanswered() < SUBACKS_MAX)
    }

    async fn wait(&mut self, kicked: Pin<&mut WaitForCancellationFutureOwned>, payment: &mut Option<Payment>) -> Event {
        let may_read = self.may_read() && payment.is_none();
        let interest = match (may_read, self.out.is_empty()) {
            (true, true) => Some(Interest::READABLE),
            (true, false) => Some(Interest::READABLE | Interest::WRITABLE),
            (false, false) => Some(Interest::WRITABLE),
            (false, true) => None,
        };
        tokio::select! {
            () = kicked, if self.drain_until.is_none() => Event::Kicked,
            piped = self.pipeline.next(), if !self.pipeline.is_empty() => Event::Piped(piped),
            paid = async { payment.as_mut()?.await }, if payment.is_some() => Event::Paid(paid),
            word = next_word(&mut self.link), if self.link.is_some() => Event::Word(word),
            ready = self.stream.ready(interest.unwrap_or(Interest::WRITABLE)), if interest.is_some() => {
                Event::Socket(ready.unwrap_or(Ready::ALL))
            }
            () = self.timer.as_mut() => Event::Timer,
        }
    }

    async fn handle(&mut self, event: Event, payment: &mut Option<Payment>) -> Result<(), End> {
        match event {
            Event::Kicked if self.broker.stop.is_cancelled() => {
                self.drain_until = Some(Instant::now() + self.broker.settings.drain_timeout);
                Ok(())
            }
            Event::Kicked if self.link.as_ref().is_some_and(|link| link.is_evicted()) => {
                self.broker.meters.slow_subscriber("all");
                Err(Reason::QuotaExceeded.into())
            }
            Event::Kicked => Err(Reason::TakenOver.into()),
            Event::Piped(piped) => self.piped(piped),
            Event::Paid(paid) => {
                *payment = None;
                self.read(paid, payment).await
            }
            Event::Socket(ready) if ready.is_readable() && self.may_read() => self.read(None, payment).await,
            Event::Socket(_) | Event::Timer => Ok(()),
            Event::Word(word) => self.words(word?).await,
        }
    }

    /// Takes in a word of the router, and those behind it.
    async fn words(&mut self, word: Option<Notification>) -> Result<(), End> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let mut next = Some(word);
        for _word in 0..WORDS_AT_ONCE {
            match next {
                None => break,
                Some(None) => {}
                Some(Some(word)) => link.take(word, self.flow, &mut self.out).await?,
            }
            next = link.next().now_or_never().transpose()?;
        }
        // One that was taken from the link must not be dropped.
        if let Some(Some(word)) = next {
            link.take(word, self.flow, &mut self.out).await?;
        }
        Ok(())
    }

    async fn read(&mut self, paid: Option<OwnedSemaphorePermit>, payment: &mut Option<Payment>) -> Result<(), End> {
        match self.input.read(&mut self.stream, paid)? {
            Heard::Nothing => Ok(()),
            Heard::Bytes => self.handle_input().await,
            Heard::NoBudget => {
                *payment = Some(Box::pin(self.input.pay()));
                Ok(())
            }
        }
    }

    /// Handles what was read, opening the link where a packet needs it.
    async fn handle_input(&mut self) -> Result<(), End> {
        loop {
            match self.parse() {
                Ok(Parsed::NeedsLink) => self.open_link().await?,
                // Also before an error: what came before it is appended.
                parsed => {
                    self.input.give_change();
                    self.submit()?;
                    return parsed.map(drop);
                }
            }
        }
    }

    async fn open_link(&mut self) -> Result<(), End> {
        let Ok(place) = self.broker.links.place() else {
            self.linkless = true;
            return Ok(());
        };
        let subscriptions = Subscriptions::new(self.broker.links.slot());
        let outbox = self.broker.outboxes.open(&self.kick);
        self.link = Some(Box::new(subscriptions.open(Memory::None, place, outbox).await?));
        Ok(())
    }

    fn submit(&mut self) -> Result<(), End> {
        let records = self.burst.records.len() as u64;
        if records > 0 {
            self.broker.meters.publishes.increment(records);
            self.broker.meters.publish_bytes.increment(self.burst.bytes as u64);
        }
        let submitted = self.pipeline.submit(&self.broker, &self.lane, &mut self.burst, Instant::now());
        submitted.map_err(|trouble| self.end_of(trouble))?;
        self.take_delivered()
    }

    fn piped(&mut self, piped: Result<Option<(Burst, Instant)>, Trouble>) -> Result<(), End> {
        if let Some((burst, since)) = piped.map_err(|trouble| self.end_of(trouble))? {
            self.delivered(burst, since);
        }
        self.take_delivered()
    }

    /// Acknowledges whatever else is delivered, so that it is written at once.
    fn take_delivered(&mut self) -> Result<(), End> {
        while let Some((burst, since)) = self.pipeline.try_next().map_err(|trouble| self.end_of(trouble))? {
            self.delivered(burst, since);
        }
        Ok(())
    }

    fn delivered(&mut self, burst: Burst, since: Instant) {
        self.out.extend_from_slice(&burst.acks);
        for pkid in &burst.qos2 {
            self.qos2.entry(*pkid).and_modify(|delivered| *delivered = true);
        }
        if burst.bytes > 0 {
            self.broker.meters.puback_seconds.record(since.elapsed());
        }
        self.broker.distribute(burst.copies);
    }

    fn end_of(&self, trouble: Trouble) -> End {
        match trouble {
            Trouble::RouterGone => Reason::RouterGone.into(),
            // A PUBACK with an error code would make the client forget the record; a closed session makes it re-send.
            Trouble::Log(AppendError::DiskFull { .. }) => Reason::QuotaExceeded.into(),
            Trouble::Log(AppendError::TooLarge { .. }) => Reason::PacketTooLarge.into(),
            Trouble::Log(_) => Reason::LogFailed.into(),
        }
    }
}

async fn next_word(link: &mut Option<Box<SessionLink>>) -> Result<Option<Notification>, RouterGone> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}
