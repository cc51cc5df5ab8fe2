//! The log: where a raw record becomes durable, in order per robot, before its publish is acknowledged.
//!
//! The words of the seam (append, delivery, read, identity, health) stand at the top level and say nothing of
//! how a log is kept. [`embedded`] keeps it in files of one directory; Kafka and the spool will stand beside
//! it, behind the same words. What a record means is not known here.

pub mod append;
pub mod embedded;
pub mod health;
pub mod identity;
pub mod read;
pub mod verdict;

pub use append::{Append, AppendError, Delivered, Delivery, OffsetRange, Place};
pub use embedded::fuzzing;
pub use embedded::{
    Appender, Damage, EmbeddedLog, EmbeddedSettings, Fault, Faults, Hold, Lane, LogStats, OpenError, OpenReport,
    Operation, Reader, ReleaseError, Released, SettingsError, TornTail, hold, identity_in,
};
pub use health::{Head, Health};
pub use identity::LogIdentity;
pub use read::{HeldBefore, PartitionBatch, ReadError, ReadItem};
pub use verdict::Verdict;
