//! Settings of anchoring: how often a window closes, and where its checkpoint is lodged.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::written_path;
use crate::section::Section;
use crate::units::format_duration;

/// Anchors and the file registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorSettings {
    /// Longest time that a window stays open.
    pub window: Duration,
    /// Rows at which a window closes before its time.
    pub max_rows: u64,
    /// Name of the transparency log; `None`: `tacho.invalid/<uuid of the instance>`. Fixed at the first start.
    pub origin: Option<String>,
    /// Folder of the file registry; `None`: `<data_dir>.registry`. Read it by `Settings::registry_dir`.
    pub registry_dir: Option<PathBuf>,
}

impl AnchorSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        Self {
            window: s.duration("window", Duration::from_secs(1)..=Duration::from_secs(3600)),
            max_rows: s.integer("max_rows", 1_024..=16_777_216),
            origin: s.optional(
                "origin",
                "the name of a log: 3 to 200 visible ASCII characters without +, such as \"registry.example/fleet\"",
                |value| {
                    let origin = value.as_str()?;
                    is_origin(origin).then(|| origin.to_owned())
                },
            ),
            registry_dir: s.optional_path("registry_dir", base_dir),
        }
    }

    pub(super) fn written(&self) -> Table {
        let mut table = Table::new();
        table.insert("window".to_owned(), Value::from(format_duration(self.window)));
        table.insert("max_rows".to_owned(), Value::from(self.max_rows.cast_signed()));
        if let Some(origin) = &self.origin {
            table.insert("origin".to_owned(), Value::from(origin.as_str()));
        }
        if let Some(folder) = &self.registry_dir {
            table.insert("registry_dir".to_owned(), written_path(folder));
        }
        table
    }
}

/// A key name of a C2SP signed note: neither blank nor `+`; ASCII, so that nothing about it can look alike.
fn is_origin(origin: &str) -> bool {
    (3..=200).contains(&origin.len()) && origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
}
