//! SQL over the lake by DataFusion: its tables up to the progress, and ready views.
//!
//! A session sees one moment of the lake and never writes. Serving it over the network and showing pages is
//! not here.

mod format;
pub mod functions;
mod lazy;
mod maintenance;
mod session;
mod statements;
mod views;
mod visible;

pub use format::{Format, FormatError, UnknownFormat};
pub use session::{QueryError, Session, rule_problems};
pub use statements::AnchorRow;
pub use views::views;
