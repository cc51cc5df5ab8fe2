//! The sequence ledger: of each robot's streams exactly which records were taken, and the counts of G4.
//!
//! The small state (first, highest, holes) decides landed, duplicate, conflict and gap without a scan of history.
//! `holes`, `stream`, `robot` and `partition` are the algebra, without I/O; `snapshot`, `chain` and `store` put it
//! on disk beside the commits of `records`; [`view`] reads it for SQL.

mod chain;
mod codec;
mod holes;
pub(crate) mod logs;
mod partition;
mod robot;
mod rows;
mod snapshot;
pub(crate) mod store;
mod stream;
pub mod view;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use holes::{Hole, HoleKind};
pub use logs::{LogEntry, Logs, LogsError};
pub use partition::{Draft, Ledger, ROBOTS_MAX, robots_max_of};
pub use robot::{Counts, Fate, GapChange, KEY_MAX, Robot, STREAMS_MAX};
pub use snapshot::{Position, SnapshotError, SnapshotName};
pub use store::LedgerError;
pub use stream::{Change, Content, HOLES_MAX, RECENT_KEYS, Stream};
