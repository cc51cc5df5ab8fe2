//! Settings for a command: a configuration file, or the profile `development`, with what the command line overrides.

use std::path::Path;

use anyhow::Context as _;
use tacho_config::{Problems, Settings, Users};

use crate::exit::WrongUse;

/// The users that the settings name; none without a file.
pub(crate) fn users(settings: &Settings) -> Result<Users, Problems> {
    let mqtt = &settings.mqtt;
    let Some(file) = &mqtt.users_file else { return Ok(Users::default()) };
    let users = Users::load(file)?;
    if mqtt.anonymous { Ok(users) } else { users.some(file) }
}

/// Loads the settings; `data` overrides the data directory.
pub(crate) fn load(config: Option<&Path>, data: Option<&Path>) -> anyhow::Result<Settings> {
    let mut settings = match config {
        None => Settings::development(),
        Some(path) => {
            // A file that cannot be read is no wrong use; one that says nonsense is.
            std::fs::metadata(path).with_context(|| format!("configuration {}", path.display()))?;
            let wrong = |problems: Problems| WrongUse(format!("configuration {}: {problems}", path.display()));
            Settings::load(path).map_err(wrong)?
        }
    };
    if let Some(data) = data {
        data.clone_into(&mut settings.data_dir);
    }
    Ok(settings)
}
