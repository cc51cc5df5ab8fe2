//! Configuration of Tachograph: what an operator writes, checked whole, and what of it changes rows.
//!
//! [`Settings`] is how a process runs; [`Snapshot`] is everything that changes rows, named by its digest. All problems of
//! a file are listed at once ([`Problems`]). There is no hot reload, no secret and no password check here: a file holds paths
//! to secrets, and `tacho-ingest` verifies passwords against the hashes of [`Users`].

pub mod ids;
pub mod limits;
pub mod models;
pub mod problem;
pub mod roster;
pub mod rules;
mod section;
pub mod settings;
pub mod snapshot;
pub mod units;
pub mod users;

pub use ids::{CheckScheme, Countries, CountryStatus, IdPolicy, SerialPattern};
pub use limits::{Judgement, Limits, SanityRange};
pub use models::{Found, FoundBy, Models, RobotModel};
pub use problem::{Problem, Problems, Warning};
pub use roster::Roster;
pub use rules::Rules;
pub use settings::Settings;
pub use snapshot::{FORMULAS, FORMULAS_2026_1, FORMULAS_2026_2, FORMULAS_SUPPORTED, Snapshot, SnapshotError};
pub use users::{User, Users};
