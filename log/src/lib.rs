//! The log: where a raw record becomes durable, in order per robot, before its publish is acknowledged.
//!
//! The words of the seam (append, delivery, read, identity, health) stand at the top level and say nothing of
//! how a log is kept. [`embedded`] keeps it in files of one directory, [`kafka`] in a topic; [`Log`] is either. [`spool`] takes a topic's records
//! while Kafka is away.
//! What a record means is not known here.

pub mod append;
mod asker;
pub mod embedded;
pub mod health;
pub mod identity;
pub mod kafka;
pub mod letter;
pub mod log;
pub mod read;
mod room;
pub mod share;
pub mod spool;
pub mod verdict;

pub use append::{Append, AppendError, Delivered, Delivery, OffsetRange, Place};
pub use embedded::fuzzing;
pub use embedded::{
    Damage, EmbeddedLog, EmbeddedSettings, Fault, Faults, Hold, LogStats, OpenError, OpenReport, Operation,
    ReleaseError, Released, SettingsError, TornTail, hold, identity_in,
};
pub use health::{Head, Health};
pub use identity::LogIdentity;
pub use kafka::{KafkaLog, KafkaSettings};
pub use letter::LetterCopy;
pub use log::{Appender, Lane, Log, Reader};
pub use read::{HeldBefore, PartitionBatch, ReadError, ReadItem};
pub use share::Share;
pub use spool::{Spool, SpoolDepth, SpoolSettings};
pub use verdict::Verdict;
