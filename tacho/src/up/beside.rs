//! The log in Kafka of a deployment of roles, opened by a command that appends beside them.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tacho_config::Settings;
use tacho_lake::{Faults, Lake};
use tacho_log::Log;

use super::following::{open_landing, open_log};
use super::{configuration, mapping};

/// Opens the log, if what the settings mean is in force in all of it.
///
/// # Errors
/// If not, with the way on; or if log or lake cannot be opened.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Arc<Log>> {
    let log = open_log(settings, false).await?;
    let place = mapping::lake_place(settings)?;
    let lake = Lake::open(&place, mapping::lake(settings, &Faults::none()));
    let lake = lake.with_context(|| format!("lake {place}"))?;
    let landing = open_landing(&lake, &log, false, None).await?;
    let lacking = configuration::lacking(settings, &lake, &landing).await?;
    ensure!(
        lacking.is_empty(),
        "these settings are not in force in partitions {lacking:?}, as far as they have landed: what is retried would be \
         judged by others; `tacho config apply` puts them in force, once the processors have come so far"
    );
    Ok(Arc::new(log))
}
