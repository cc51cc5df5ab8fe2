//! Commit entries that a power cut or a failing disk has damaged: what had landed is never given up silently, what had
//! not is made again.

use std::path::PathBuf;

use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::feed::Feed;
use super::plant::{Content, Plant};
use crate::landing::{Landing, LandingOptions, LogIdentity, OpenError};
use crate::{Lake, LakeOptions, table};

/// What a feed gives when nothing goes wrong.
async fn whole(feed: &Feed) -> Content {
    let plant = Plant::new();
    feed.land(&mut plant.open(feed.identity).await, 1_000).await;
    plant.content().await
}

/// A lake with one batch of the feed, and the newest entry of a table.
async fn landed(feed: &Feed, table: Table) -> (Plant, PathBuf) {
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    let (steps, last) = feed.batch(&landing.progress(), 17);
    landing.land(steps, &last).await.unwrap();
    let version = landing.table(table).version();
    let entry = plant.dir.path().join(format!("{}/_delta_log/{version:020}.json", table.name()));
    (plant, entry)
}

/// Leaves the first half of a file.
fn cut(file: &std::path::Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    bytes
}

async fn refused(plant: &Plant, identity: LogIdentity) -> OpenError {
    Landing::open(&plant.lake(""), identity, LandingOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_cut_entry_of_a_table_that_records_has_landed_past_is_named_and_stays() {
    let feed = Feed::mixed(12);
    for table in [Table::Joints, Table::Rejected, Table::GapEvents] {
        let (plant, entry) = landed(&feed, table).await;
        let bytes = cut(&entry);
        let error = refused(&plant, feed.identity).await;
        let named = matches!(&error, OpenError::Table(table::OpenError::ConfirmedDamaged { file, .. }) if entry.ends_with(file));
        assert!(named && error.to_string().contains("backup"), "{error}");
        assert_eq!(std::fs::read(&entry).unwrap().len(), bytes.len() / 2, "nothing was touched");
        std::fs::write(&entry, bytes).unwrap();
        feed.land(&mut plant.open(feed.identity).await, 1_000).await;
        assert_eq!(plant.content().await, whole(&feed).await);
    }
}

#[tokio::test]
async fn a_lost_entry_of_a_table_that_records_has_landed_past_is_named() {
    let feed = Feed::mixed(12);
    let (plant, entry) = landed(&feed, Table::Joints).await;
    std::fs::remove_file(entry).unwrap();
    let error = refused(&plant, feed.identity).await;
    let gone =
        matches!(error, OpenError::Table(table::OpenError::ConfirmedGone { table: "joints", newest: 0, confirmed: 1 }));
    assert!(gone, "{error}");
}

#[tokio::test]
async fn a_cut_entry_that_records_does_not_name_is_set_aside_and_its_rows_are_made_again() {
    let feed = Feed::mixed(12);
    let plant = Plant::new();
    let lake = plant.lake("lake.joints.after_commit:2=error");
    let mut landing = Landing::open(&lake, feed.identity, LandingOptions::default()).await.unwrap();
    for landed in [true, false] {
        let (steps, last) = feed.batch(&landing.progress(), 17);
        assert_eq!(landing.land(steps, &last).await.is_ok(), landed);
    }
    let entry = plant.dir.path().join("joints/_delta_log/00000000000000000002.json");
    cut(&entry);
    feed.land(&mut plant.open(feed.identity).await, 11).await;
    assert_eq!(plant.content().await, whole(&feed).await);
    assert!(entry.with_extension("json.torn").exists());
}

#[tokio::test]
async fn a_cut_entry_of_records_is_landed_again_unless_anchors_name_it() {
    let feed = Feed::mixed(12);
    let (plant, entry) = landed(&feed, Table::Records).await;
    cut(&entry);
    let mut options = LakeOptions { confirmed: Tables::default(), ..LakeOptions::default() };
    *options.confirmed.get_mut(Table::Records) = Some(2);
    let lake = Lake::open(plant.dir.path(), options).unwrap();
    let error = Landing::open(&lake, feed.identity, LandingOptions::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Table(table::OpenError::ConfirmedDamaged { .. })), "{error}");
    feed.land(&mut plant.open(feed.identity).await, 11).await;
    assert_eq!(plant.content().await, whole(&feed).await);
    assert!(entry.with_extension("json.torn").exists());
}

#[tokio::test]
async fn a_cut_merge_behind_the_landing_loses_nothing() {
    let feed = Feed::mixed(40);
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    feed.land(&mut landing, 4).await;
    let joints = landing.table(Table::Joints).version();
    drop(landing);
    let options = crate::maintenance::MaintenanceOptions::default();
    let mut maintainer =
        crate::maintenance::Maintainer::open(plant.dir.path(), Table::Joints, crate::TableOptions::default(), options)
            .await
            .unwrap();
    let merged = maintainer.compact_once(Some(joints), chrono::Utc::now()).await.unwrap().unwrap();
    let entry = plant.dir.path().join(format!("joints/_delta_log/{:020}.json", merged.version));
    cut(&entry);
    plant.open(feed.identity).await;
    assert_eq!(plant.content().await, whole(&feed).await);
    assert!(!entry.exists());
}
