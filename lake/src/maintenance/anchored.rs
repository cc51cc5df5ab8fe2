//! What maintenance must know of the anchors: how far it may go in each table.

use tacho_schemas::table::Table;

/// The anchorer's word. Versions are those of the Delta log, inclusive; `None`: nothing yet.
pub trait Anchored: Send + Sync + std::fmt::Debug {
    /// Files that were added up to this version belong to closed windows: they may be merged.
    fn closed(&self, table: Table) -> Option<i64>;

    /// Commits up to this version have been stated: their removed files and their entries may go.
    fn stated(&self, table: Table) -> Option<i64>;
}

/// A lake without anchors: everything may be merged and cleaned at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unanchored;

impl Anchored for Unanchored {
    fn closed(&self, _table: Table) -> Option<i64> {
        Some(i64::MAX)
    }

    fn stated(&self, _table: Table) -> Option<i64> {
        Some(i64::MAX)
    }
}
