//! Settings of processing: robot models beside the built-in ones, and the ranges that values are held against.
//!
//! These change rows, so a process puts them into a [`crate::Snapshot`]; a change takes effect by a control record.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::written_path;
use crate::limits::Limits;
use crate::section::Section;

/// What records are checked against.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessingSettings {
    /// A folder of robot models that are added to the built-in ones; see [`crate::Models::with_dir`].
    pub models_dir: Option<PathBuf>,
    /// Ranges of values, for all robots.
    pub limits: Limits,
}

impl ProcessingSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let mut limits = Limits::builtin();
        s.section("limits", |changes| limits.read_changes(changes));
        Self { models_dir: s.optional_path("models_dir", base_dir), limits }
    }

    pub(super) fn written(&self) -> Table {
        let mut table = Table::new();
        if let Some(folder) = &self.models_dir {
            table.insert("models_dir".to_owned(), written_path(folder));
        }
        table.insert("limits".to_owned(), Value::Table(self.limits.written()));
        table
    }
}
