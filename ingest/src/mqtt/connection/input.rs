//! Reading: bytes are paid for before they are read, and come out as runs of whole packets.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::FutureExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::mqtt::frame::{Header, Kind, header};
use crate::mqtt::reason::{End, Reason};

const READ_BYTES_MIN: usize = 4 << 10;
const READ_BYTES_MAX: usize = 256 << 10;
/// A read takes at most one of so many shares of all connections' bytes.
const BUDGET_SHARE: usize = 64;
/// Longest packet that is no PUBLISH, in bytes.
const CONTROL_BYTES_MAX: usize = 128 << 10;
/// Longest head of a PUBLISH: fixed header, topic, identifier, and as many bytes of properties.
pub(crate) const HEAD_BYTES_MAX: usize = 2 * (64 << 10) + 16;
/// Slowest sender of a long packet, in bytes per second.
const SLOWEST_BYTES_PER_SECOND: u64 = 16 << 10;

/// Bytes that were read and not yet handled.
#[derive(Debug)]
pub(crate) struct Input {
    /// What was read; a packet that is not whole yet stands at its front.
    pub(crate) buffer: BytesMut,
    /// Whole packets that are still to be handled.
    pub(crate) packets: Bytes,
    budget: Arc<Semaphore>,
    budget_bytes: usize,
    /// For the bytes in the buffer, and for those that its first packet still lacks if that is long: who could hold
    /// half a packet and wait for the rest of the payment would wait for others that do the same.
    paid: Option<OwnedSemaphorePermit>,
    /// Paid bytes that were not read yet.
    credit: usize,
    /// Bytes that the packet at the front of the buffer still lacks, if that is known.
    lacking: usize,
    read_bytes: usize,
    /// When the packet at the front of the buffer began to come, and how much of it was already taken out.
    since: Option<(Instant, u64)>,
    /// When bytes last came, or were last not asked for.
    pub(crate) heard: Instant,
}

/// What an attempt to read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Bytes.
    Bytes,
    /// Nothing now.
    Nothing,
    /// The budget of all connections is used up.
    NoBudget,
}

impl Input {
    /// With what came after CONNECT; `budget_bytes`: the whole budget.
    pub(crate) fn new(buffer: BytesMut, budget: Arc<Semaphore>, budget_bytes: usize) -> Self {
        Self {
            buffer,
            packets: Bytes::new(),
            budget,
            budget_bytes,
            paid: None,
            credit: 0,
            lacking: 0,
            read_bytes: READ_BYTES_MIN,
            since: None,
            heard: Instant::now(),
        }
    }

    /// Waits for the payment of the next read.
    pub(crate) fn pay(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + 'static {
        let (budget, price) = (Arc::clone(&self.budget), self.price());
        async move { budget.acquire_many_owned(price).await.ok() }
    }

    fn price(&self) -> u32 {
        let price = self.read_bytes.max(self.lacking).min(self.budget_bytes);
        u32::try_from(price).unwrap_or(u32::MAX)
    }

    /// Reads once; `advance`: a payment that was waited for.
    ///
    /// # Errors
    /// [`End::Lost`] at the end of the stream.
    pub(crate) fn read(&mut self, stream: &mut TcpStream, advance: Option<OwnedSemaphorePermit>) -> Result<Heard, End> {
        let payment = match advance {
            None if self.credit == 0 => {
                let payment = Arc::clone(&self.budget).try_acquire_many_owned(self.price());
                let Ok(payment) = payment else {
                    return Ok(Heard::NoBudget);
                };
                Some(payment)
            }
            advance => advance,
        };
        self.hold(payment);
        let asked = self.credit;
        self.buffer.reserve(asked);
        // Unlike `try_read_buf`, it notes a short read, and does not ask the socket in vain next time.
        let got = match stream.read_buf(&mut (&mut self.buffer).limit(asked)).now_or_never() {
            Some(Ok(got)) if got > 0 => got,
            Some(_ended) => return Err(End::Lost),
            None => {
                self.give_change();
                return Ok(Heard::Nothing);
            }
        };
        self.credit -= got;
        self.heard = Instant::now();
        let read_bytes_max = (self.budget_bytes / BUDGET_SHARE).clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        self.read_bytes = match got {
            got if got == asked => (self.read_bytes * 2).min(read_bytes_max),
            got if got < asked / 4 => (self.read_bytes / 2).max(READ_BYTES_MIN),
            _ => self.read_bytes,
        };
        Ok(Heard::Bytes)
    }

    fn hold(&mut self, payment: Option<OwnedSemaphorePermit>) {
        self.credit += payment.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        match (&mut self.paid, payment) {
            (Some(paid), Some(payment)) => paid.merge(payment),
            (none @ None, payment) => *none = payment,
            (Some(_), None) => {}
        }
    }

    /// Gives back what was paid and is not needed, and the memory of an empty buffer.
    pub(crate) fn give_change(&mut self) {
        let lacking = if self.lacking > self.read_bytes { self.lacking } else { 0 };
        let change = self.credit.saturating_sub(lacking);
        self.credit -= change;
        drop(self.payment(change));
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Takes the payment for bytes that were handled.
    pub(crate) fn payment(&mut self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let paid = self.paid.as_mut()?;
        // What came behind CONNECT was not paid for.
        let part = paid.split(bytes.min(paid.num_permits() - self.credit));
        if paid.num_permits() == 0 {
            self.paid = None;
        }
        part
    }

    /// Moves the whole packets at the front of the buffer to `packets`.
    pub(crate) fn frame(&mut self, publish_bytes_max: usize) {
        let mut end = 0;
        while let Ok(Some(h)) = header(&self.buffer[end..]) {
            if end + h.packet_len() > self.buffer.len() || check(&h, publish_bytes_max).is_err() {
                break;
            }
            end += h.packet_len();
        }
        self.packets = self.buffer.split_to(end).freeze();
        self.lacking = match header(&self.buffer) {
            Ok(Some(h)) if check(&h, publish_bytes_max).is_ok() => h.packet_len().saturating_sub(self.buffer.len()),
            _ => 0,
        };
        if self.buffer.is_empty() {
            self.since = None;
        } else if end > 0 || self.since.is_none() {
            self.since = Some((self.heard, 0));
        }
    }

    /// Looks at the packet at the front of the buffer that is not whole.
    ///
    /// # Errors
    /// [`Reason`] if it is known already that it will not be accepted.
    pub(crate) fn partial(&self, packet_bytes_max: usize) -> Result<Option<Header>, Reason> {
        let Some(h) = header(&self.buffer)? else {
            return Ok(None);
        };
        check(&h, packet_bytes_max)?;
        Ok(Some(h))
    }

    /// Notes that a part of the packet at the front was taken out.
    pub(crate) fn took(&mut self, bytes: usize) {
        self.lacking = 0;
        if let Some((_, taken)) = &mut self.since {
            *taken += bytes as u64;
        }
    }

    /// Notes that the rest of the packet at the front was taken out.
    pub(crate) fn took_rest(&mut self) {
        self.since = None;
    }

    /// When the packet at the front must be whole.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Instant> {
        let (since, taken) = self.since?;
        let bytes = taken + self.buffer.len() as u64;
        Some(since + patience + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND))
    }
}

fn check(h: &Header, publish_bytes_max: usize) -> Result<(), Reason> {
    let max = match h.kind {
        Kind::Publish => publish_bytes_max,
        _ => CONTROL_BYTES_MAX,
    };
    if h.packet_len() > max { Err(Reason::PacketTooLarge) } else { Ok(()) }
}
