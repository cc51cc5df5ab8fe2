//! Deadlines of a connection: keep-alive, acknowledgement, slow packets, slow readers, the end of a drain.
//!
//! One timer serves them all. It is only ever moved forward when it fires, so that a busy connection does not
//! touch it.

use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use crate::mqtt::reason::{End, Reason};

/// The timer of a connection without any deadline.
pub(super) const IDLE: Duration = Duration::from_secs(3600);

impl Connection {
    /// Arms the timer for the next deadline.
    ///
    /// # Errors
    /// How the connection ends, if a deadline has passed.
    pub(super) fn arm(&mut self) -> Result<(), End> {
        let deadlines = self.deadlines();
        let now = Instant::now();
        let (next, end) = match deadlines.into_iter().flatten().min_by_key(|(at, _)| *at) {
            Some((next, end)) => (next, Some(end)),
            None => (now + IDLE, None),
        };
        let armed = self.timer.deadline();
        if next < armed || armed <= now {
            match end {
                Some(end) if next <= now => return Err(end),
                _ => self.timer.as_mut().reset(next),
            }
        }
        Ok(())
    }

    fn deadlines(&mut self) -> [Option<(Instant, End)>; 5] {
        let settings = &self.broker.settings;
        let reading = self.may_read();
        if !reading {
            // What is not read cannot keep alive.
            self.input.heard = Instant::now();
        }
        let keep_alive = (reading && !self.keep_alive.is_zero())
            .then(|| (self.input.heard + self.keep_alive * 3 / 2, Reason::KeepAlive.into()));
        let busy = |at: Instant| (at, End::Close(Reason::ServerBusy));
        let delivery = self.pipeline.oldest().map(|since| busy(since + settings.puback_deadline));
        let packet = if reading { self.input.deadline(settings.packet_timeout) } else { None };
        let unread = self.untaken.map(|since| busy(since + settings.write_timeout));
        let drained = self.drain_until.map(|at| (at, Reason::ShuttingDown.into()));
        [keep_alive, delivery, packet.map(busy), unread, drained]
    }
}
