//! The configuration that changes rows: made into a snapshot, stored, and put in force by control records.

use std::collections::BTreeMap;

use anyhow::Context as _;
use tacho_config::{Settings, Snapshot};
use tacho_lake::Lake;
use tacho_lake::landing::Landing;
use tacho_log::EmbeddedLog;
use tacho_schemas::table::Table;
use tacho_schemas::{Digest, RecordId};
use tracing::info;
use uuid::Uuid;

use crate::exit::WrongUse;

/// The snapshot that the settings mean.
fn snapshot(settings: &Settings) -> anyhow::Result<Snapshot> {
    let schema_ids: BTreeMap<String, Digest> =
        Table::ALL.iter().map(|table| (table.name().to_owned(), table.schema_id())).collect();
    let snapshot = Snapshot::of_settings(settings, schema_ids);
    Ok(snapshot.map_err(|problems| WrongUse(format!("configuration: {problems}")))?)
}

/// Puts the configuration in force in every partition where it is not.
///
/// What is in force at the end of the log is known where all of it is landed; where something waits, perhaps another
/// control record, this one is written again, which does no harm.
pub(super) async fn apply(
    settings: &Settings,
    lake: &Lake,
    landing: &Landing,
    log: &EmbeddedLog,
) -> anyhow::Result<()> {
    let snapshot = snapshot(settings)?;
    let configs = lake.configs().context("configuration store")?;
    let digest = configs.put(&snapshot.canonical_bytes()).await.context("configuration store")?;
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
    Ok(())
}
