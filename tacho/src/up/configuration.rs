//! The configuration that changes rows: made into a snapshot, stored, and put in force by control records.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use futures::future::join_all;
use tacho_config::{Settings, Snapshot};
use tacho_lake::Lake;
use tacho_lake::config_store::ConfigStore;
use tacho_lake::landing::Landing;
use tacho_log::{Appender, Log};
use tacho_schemas::table::Table;
use tacho_schemas::{Digest, RecordId};
use tracing::info;
use uuid::Uuid;

use super::roster::{self, Chosen, Edition};
use crate::exit::WrongUse;

/// The snapshot that the settings mean, without a roster.
fn snapshot(settings: &Settings) -> anyhow::Result<Snapshot> {
    let schema_ids: BTreeMap<String, Digest> =
        Table::ALL.iter().map(|table| (table.name().to_owned(), table.schema_id())).collect();
    let snapshot = Snapshot::of_settings(settings, schema_ids);
    Ok(snapshot.map_err(|problems| WrongUse(format!("configuration: {problems}")))?)
}

/// Finds out whether the settings mean a configuration at all.
pub(super) fn check(settings: &Settings) -> anyhow::Result<()> {
    roster::read(settings).context("roster")?;
    snapshot(settings).map(drop)
}

/// Stores the configuration that the settings mean, with the roster that they name.
pub(crate) async fn meant(settings: &Settings, lake: &Lake) -> anyhow::Result<Digest> {
    let named = roster::read(settings).context("roster")?;
    store(settings, &named.map_or(Chosen::None, Chosen::Named), &lake.configs()).await
}

/// Appends control records: from here on the configuration is in force.
pub(super) async fn put_in_force(appender: &Appender, partitions: &[i32], digest: Digest) -> anyhow::Result<()> {
    let session = Uuid::new_v4();
    let append = |counter, partition| async move {
        let id = RecordId { session, counter };
        let delivered = appender.append_control(partition, id, crate::clock::now_us(), digest).await;
        delivered.with_context(|| format!("control record for partition {partition}"))?;
        info!(partition, %digest, "configuration put in force");
        Ok(())
    };
    at_once(partitions, append).await
}

/// Appends to all partitions at once: one that is away holds up nothing but the end.
async fn at_once<F>(partitions: &[i32], append: impl Fn(u64, i32) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let appends = (0_u64..).zip(partitions).map(|(counter, partition)| append(counter, *partition));
    join_all(appends).await.into_iter().collect()
}

/// Puts the configuration in force in every partition of a log that is new: nothing can be processed before. The roster
/// stays that of the log before, until [`apply`] has looked whether another may follow.
pub(super) async fn begin(
    settings: &Settings,
    lake: &Lake,
    before: &Landing,
    appender: &Appender,
) -> anyhow::Result<()> {
    let partitions: Vec<i32> = (0..appender.partitions()).collect();
    let configs = lake.configs();
    let digest = match roster::in_force(&configs, before).await.context("the roster in force")? {
        Some(held) => store(settings, &Chosen::InForce(held), &configs).await?,
        None => meant(settings, lake).await?,
    };
    put_in_force(appender, &partitions, digest).await
}

/// Stores the configuration that the settings mean, with this roster, and gives its digest.
pub(super) async fn store(settings: &Settings, roster: &Chosen, configs: &ConfigStore) -> anyhow::Result<Digest> {
    let mut snapshot = snapshot(settings)?;
    if let Chosen::Named(signed) = roster {
        configs.put(signed.text.as_bytes()).await.context("configuration store")?;
    }
    if let Some(roster) = roster.roster() {
        snapshot = snapshot.with_roster(Arc::clone(roster));
    }
    configs.put(&snapshot.canonical_bytes()).await.context("configuration store")
}

/// Puts the configuration in force in every partition where it is not, with an older roster or none only if that is
/// `accepted`.
///
/// What is in force at the end of the log is known where all of it is landed; where something waits, perhaps another
/// control record, this one is written again, which does no harm. Names the roster in force, if there is one.
pub(super) async fn apply(
    settings: &Settings,
    lake: &Lake,
    landing: &Landing,
    log: &Log,
    accepted: bool,
) -> anyhow::Result<Option<Edition>> {
    let chosen = roster::at_start(settings, &lake.configs(), landing, accepted).await?;
    if let Chosen::Named(signed) = &chosen {
        roster::keep(&settings.data_dir, signed).context("keeping the roster")?;
    }
    let digest = store(settings, &chosen, &lake.configs()).await?;
    let ends = log.next_offsets();
    let in_force = |(partition, next): &(i32, i64)| {
        let all_landed = usize::try_from(*partition).is_ok_and(|slot| ends.get(slot) == Some(next));
        all_landed && landing.config_in_force(*partition) == Some(digest)
    };
    let lacking = landing.progress().into_iter().filter(|place| !in_force(place));
    let partitions: Vec<i32> = lacking.map(|(partition, _)| partition).collect();
    put_in_force(&log.appender(), &partitions, digest).await?;
    if settings.processing.roster.is_none() {
        roster::forget(&settings.data_dir)?;
    }
    Ok(chosen.edition())
}

/// The partitions whose newest landed records were judged under another configuration than the settings mean.
pub(super) async fn lacking(settings: &Settings, lake: &Lake, landing: &Landing) -> anyhow::Result<Vec<i32>> {
    let chosen = roster::at_start(settings, &lake.configs(), landing, false).await?;
    let digest = store(settings, &chosen, &lake.configs()).await?;
    let partitions = landing.progress().into_iter().map(|(partition, _)| partition);
    Ok(partitions.filter(|partition| landing.config_in_force(*partition) != Some(digest)).collect())
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_partition_that_is_away_holds_up_no_control_record_of_another() {
        let others = Notify::new();
        let append = async |_counter, partition| {
            match partition {
                0 => others.notified().await,
                _ => others.notify_one(),
            }
            Ok(())
        };
        at_once(&[0, 1], append).await.unwrap();
    }
}
