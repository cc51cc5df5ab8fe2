//! Settings for a command: a configuration file, or the profile `development`, with what the command line overrides.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use tacho_config::Settings;

/// Loads the settings; `data` overrides the data directory.
pub(crate) fn load(config: Option<&Path>, data: Option<&Path>) -> anyhow::Result<Settings> {
    let mut settings = match config {
        None => Settings::development(),
        Some(path) => Settings::load(path)
            .map_err(|problems| anyhow!("{problems}"))
            .with_context(|| format!("configuration {}", path.display()))?,
    };
    if let Some(data) = data {
        data.clone_into(&mut settings.data_dir);
    }
    Ok(settings)
}
