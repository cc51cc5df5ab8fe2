//! How far a server was heard, and the subscription that a later start may go on with.

use serde::{Deserialize, Serialize};

use super::{Data, Entry};

/// How far a server was heard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Time of the last message, Unix microseconds UTC; 0 if none is known.
    pub at_us: i64,
    /// Its subscription.
    pub subscribed: Option<Subscribed>,
    /// The last message with a number since then.
    pub message: Option<Message>,
}

/// How far the messages of a subscription are in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The subscription.
    pub subscription: u32,
    /// Sequence number of the message after the last one that is whole.
    pub expected: u32,
    /// Samples of that message that are there already: it was being written when a run ended.
    pub part: usize,
}

/// A subscription as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Subscribed {
    /// Its number on the server.
    pub subscription: u32,
    /// How long the server may be silent, in milliseconds.
    pub keep_alive_ms: u64,
    /// Digest of what is subscribed, so that a changed mapping never goes on with it.
    pub items: u64,
    /// Signals whose nodes were not there.
    pub missing: Vec<u32>,
    /// Sequence number of the message after this entry.
    #[serde(default = "first")]
    pub expected: u32,
    /// Length of the server's queue of each signal.
    #[serde(default)]
    pub queues: Vec<u32>,
    /// When the server was started, by its own clock: with another start, the number may be another subscription's.
    #[serde(default)]
    pub server_start_us: Option<i64>,
}

fn first() -> u32 {
    1
}

impl Heard {
    /// Follows an entry about the server.
    pub(in crate::opcua) fn follows(&mut self, entry: &Entry, received_us: i64) {
        match entry {
            Entry::Subscribed(subscribed) => {
                *self = Self { at_us: received_us, subscribed: Some(subscribed.clone()), message: None };
            }
            Entry::Data(data) if data.subscription != 0 => {
                self.at_us = received_us;
                // A keep-alive has no number.
                if data.sequence != 0 {
                    self.message = Some(self.after(data));
                }
            }
            _ => {}
        }
    }

    /// The subscription to go on with, from the message that it expects now.
    pub(in crate::opcua) fn resumed(&self) -> Option<(Subscribed, usize)> {
        let subscribed = self.subscribed.clone()?;
        let of_it = |message: &&Message| message.subscription == subscribed.subscription;
        Some(match self.message.as_ref().filter(of_it) {
            Some(message) => (Subscribed { expected: message.expected, ..subscribed }, message.part),
            None => (subscribed, 0),
        })
    }

    fn after(&self, data: &Data) -> Message {
        let subscription = data.subscription;
        if !data.goes_on {
            return Message { subscription, expected: after(data.sequence), part: 0 };
        }
        let begun = self.message.filter(|begun| (begun.subscription, begun.expected) == (subscription, data.sequence));
        let part = begun.map_or(0, |begun| begun.part) + data.samples.len();
        Message { subscription, expected: data.sequence, part }
    }
}

/// The sequence number after another; there is no 0.
pub(in crate::opcua) fn after(sequence: u32) -> u32 {
    sequence.checked_add(1).unwrap_or(1)
}
