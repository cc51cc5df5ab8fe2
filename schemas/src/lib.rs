//! The vocabulary of Tachograph: what a robot ID, a record, a raw record and a row of the lake are.
//!
//! Pure data and rules about data. There is no I/O, no clock and no async here; every other crate depends
//! on this one, and this one on none of them.

mod chain;
pub mod dead_letter;
pub mod digest;
pub mod envelope;
pub mod json;
pub mod partition;
pub mod processed;
pub mod reason;
pub mod record;
pub mod robot_id;
pub mod table;

pub use chain::chain;
pub use digest::{Digest, Hasher};
pub use envelope::{Envelope, RawKind, RawRecord, RecordId, RobotKey};
pub use robot_id::RobotId;
