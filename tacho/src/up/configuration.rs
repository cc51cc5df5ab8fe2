//! The configuration that changes rows: made into a snapshot, stored, and put in force by control records.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use tacho_config::{Settings, Snapshot};
use tacho_lake::Lake;
use tacho_lake::config_store::ConfigStore;
use tacho_lake::landing::Landing;
use tacho_log::EmbeddedLog;
use tacho_schemas::table::Table;
use tacho_schemas::{Digest, RecordId};
use tracing::info;
use uuid::Uuid;

use super::roster::{self, Signed};

/// The snapshot that the settings mean, without a roster.
fn snapshot(settings: &Settings) -> anyhow::Result<Snapshot> {
    let schema_ids: BTreeMap<String, Digest> =
        Table::ALL.iter().map(|table| (table.name().to_owned(), table.schema_id())).collect();
    Snapshot::of_settings(settings, schema_ids).map_err(|problems| anyhow!("{problems}")).context("configuration")
}

/// Stores the configuration that the settings mean, with this roster, and gives its digest.
pub(super) async fn store(
    settings: &Settings,
    roster: Option<Signed>,
    configs: &ConfigStore,
) -> anyhow::Result<Digest> {
    let mut snapshot = snapshot(settings)?;
    if let Some(signed) = roster {
        configs.put(signed.text.as_bytes()).await.context("configuration store")?;
        snapshot = snapshot.with_roster(signed.roster);
    }
    configs.put(&snapshot.canonical_bytes()).await.context("configuration store")
}

/// Puts the configuration in force in every partition where it is not.
///
/// What is in force at the end of the log is known where all of it is landed; where something waits, perhaps another
/// control record, this one is written again, which does no harm. Gives the version of the roster in force, 0 without one.
pub(super) async fn apply(
    settings: &Settings,
    lake: &Lake,
    landing: &Landing,
    log: &EmbeddedLog,
) -> anyhow::Result<u64> {
    let roster = settings.processing.roster.as_ref().map(roster::read).transpose().context("roster")?;
    let version = roster.as_ref().map_or(0, |signed| signed.roster.version());
    let digest = store(settings, roster, &lake.configs().context("configuration store")?).await?;
    let session = Uuid::new_v4();
    let appender = log.appender();
    let ends = log.next_offsets();
    for (counter, (partition, next)) in (0_u64..).zip(landing.progress()) {
        let all_landed = usize::try_from(partition).is_ok_and(|slot| ends.get(slot) == Some(&next));
        if all_landed && landing.config_in_force(partition) == Some(digest) {
            continue;
        }
        let id = RecordId { session, counter };
        let delivered = appender.append_control(partition, id, crate::clock::now_us(), digest).await;
        delivered.with_context(|| format!("control record for partition {partition}"))?;
        info!(partition, %digest, "configuration put in force");
    }
    Ok(version)
}
