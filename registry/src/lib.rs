//! Tamper evidence: leaves, Merkle trees, statements, the transparency log, checkpoints and proofs.
//!
//! One tree type (RFC 6962, SHA-256) and C2SP formats throughout. The modules below are formats and pure
//! rules; what touches the disk says so in its header. [`anchorer`] decides when a window is cut and lodges its
//! checkpoint with the [`file_registry`].

pub mod anchorer;
pub mod audit;
pub mod cbor;
pub mod checkpoint;
pub mod durable;
pub mod file_registry;
pub mod fuzzing;
pub mod key;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod prove;
pub mod salts;
pub mod statement;
pub mod summaries;
pub mod tiles;

#[cfg(test)]
mod plant;
mod published;
mod rosters;
mod text;

pub use anchorer::{AnchorError, Anchored, Anchorer, AnchorerOptions, OpenError, Verdict};
pub use audit::{AuditError, AuditReport, audit};
pub use file_registry::FileRegistry;
pub use prove::{ProveError, ProveRequest, RecordName, prove};
pub use summaries::{AnchorSummary, summaries};
