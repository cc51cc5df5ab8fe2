//! Which log a lake follows: the same again, another one, a former one, one with other partitions.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::feed::{Feed, good, robot};
use super::plant::Plant;
use crate::landing::{LandError, Landing, LandingOptions, LogIdentity, OpenError, Verdict};

const NEW_LOG: LandingOptions = LandingOptions { new_log: true, partitions: None, begin: BTreeMap::new() };

async fn refused(plant: &Plant, identity: LogIdentity, options: LandingOptions) -> OpenError {
    Landing::open(&plant.lake(""), identity, options).await.unwrap_err()
}

#[tokio::test]
async fn another_log_is_refused_until_it_is_accepted_and_then_keys_stay_taken() {
    let mut feed = Feed::new();
    for number in 0..4 {
        feed.push(number, good(1, "a"));
        feed.push(number, good(3, "a"));
    }
    let plant = Plant::new();
    feed.land(&mut plant.open(feed.identity).await, 100).await;
    let mut other = Feed::new();
    other.log_epoch = 2;
    for number in 0..4 {
        other.push(number, good(1, "a"));
        other.push(number, good(2, "a"));
    }
    let error = refused(&plant, other.identity, LandingOptions::default()).await;
    assert!(matches!(error, OpenError::OtherLog { lake, .. } if lake == feed.identity.log_id), "{error}");
    assert!(error.to_string().contains("--new-log"));
    let mut landing = Landing::open(&plant.lake(""), other.identity, NEW_LOG).await.unwrap();
    assert_eq!((landing.log_epoch(), landing.progress()), (2, vec![(0, 0), (1, 0)]));
    assert_eq!(landing.record_before(0), None);
    other.land(&mut landing, 100).await;
    let content = plant.content().await;
    assert_eq!(content["records"].len(), 12, "seq 1, 2 and 3 of each robot: {content:?}");
    let closed = content["gap_events"].iter().filter(|row| row.ends_with("closed missing 2 2")).count();
    assert_eq!(closed, 4);
    let view = plant.view().await;
    assert_eq!((view[&robot(3)].landed, view[&robot(3)].duplicate), (3, 1));
    let error = refused(&plant, feed.identity, NEW_LOG).await;
    assert!(matches!(error, OpenError::FormerLog { .. }), "{error}");
    assert_eq!(plant.open(other.identity).await.log_epoch(), 2, "accepted once is accepted");
}

#[tokio::test]
async fn whoever_still_lands_a_log_that_the_lake_has_left_is_refused() {
    let feed = Feed::mixed(9);
    let plant = Plant::new();
    let mut former = plant.open(feed.identity).await;
    let other = LogIdentity { log_id: Uuid::new_v4(), partitions: 2 };
    Landing::open(&plant.lake(""), other, NEW_LOG).await.unwrap();
    let (steps, last) = feed.batch(&former.progress(), 100);
    let error = former.land(steps, &last).await.unwrap_err();
    assert!(matches!(error, LandError::LogLeft { .. }), "{error}");
    assert_eq!(error.verdict(), Verdict::Halt);
    assert!(plant.content().await["records"].is_empty());
}

#[tokio::test]
async fn a_new_log_may_have_other_partitions_but_a_log_may_not_change_them() {
    let feed = Feed::mixed(9);
    let plant = Plant::new();
    feed.land(&mut plant.open(feed.identity).await, 100).await;
    let before = plant.view().await;
    let error = refused(&plant, LogIdentity { partitions: 3, ..feed.identity }, NEW_LOG).await;
    assert!(matches!(error, OpenError::Partitions { known: 2, found: 3, .. }), "{error}");
    let wider = LogIdentity { log_id: Uuid::new_v4(), partitions: 5 };
    let landing = Landing::open(&plant.lake(""), wider, NEW_LOG).await.unwrap();
    let robots: usize = (0..5).map(|partition| landing.ledger(partition).unwrap().len()).sum();
    assert_eq!(robots, 6);
    assert_eq!(plant.view().await, before);
}

#[tokio::test]
async fn a_log_that_was_listed_but_not_taken_up_is_taken_up_at_the_next_start() {
    let feed = Feed::mixed(9);
    let plant = Plant::new();
    feed.land(&mut plant.open(feed.identity).await, 100).await;
    let before = plant.view().await;
    let other = LogIdentity { log_id: Uuid::new_v4(), partitions: 2 };
    let lake = plant.lake("lake.records.before_commit=error");
    Landing::open(&lake, other, NEW_LOG).await.unwrap_err();
    assert_eq!(plant.view().await, before, "readers see the log before");
    let landing = Landing::open(&plant.lake(""), other, LandingOptions::default()).await.unwrap();
    assert_eq!(landing.log_epoch(), 2);
    assert_eq!(plant.view().await, before);
}

#[tokio::test]
async fn a_damaged_or_missing_ledger_is_refused_with_the_name_of_the_file() {
    let feed = Feed::mixed(9);
    let plant = Plant::new();
    feed.land(&mut plant.open(feed.identity).await, 7).await;
    let folder = plant.dir.path().join("_ledger/0");
    let newest = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max_by_key(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split_once('-').unwrap().0.parse::<i64>().unwrap()
    });
    let newest = newest.unwrap();
    let whole = std::fs::read(&newest).unwrap();
    for damage in [&whole[..whole.len() - 1], &whole[..4], b"", &[whole.as_slice(), b"x"].concat()] {
        std::fs::write(&newest, damage).unwrap();
        let error = refused(&plant, feed.identity, LandingOptions::default()).await;
        assert!(error.to_string().contains(newest.file_name().unwrap().to_str().unwrap()), "{error}");
    }
    std::fs::remove_file(&newest).unwrap();
    let error = refused(&plant, feed.identity, LandingOptions::default()).await;
    assert!(error.to_string().contains("_ledger/0/"), "{error}");
    std::fs::remove_file(plant.dir.path().join("_ledger/logs.json")).unwrap();
    let error = refused(&plant, feed.identity, LandingOptions::default()).await;
    assert!(matches!(error, OpenError::LogsMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_ledger_or_a_list_of_logs_of_a_later_release_is_refused_and_says_so() {
    let feed = Feed::mixed(9);
    let plant = Plant::new();
    feed.land(&mut plant.open(feed.identity).await, 7).await;
    let ledger = plant.dir.path().join("_ledger");
    let snapshots: Vec<_> = std::fs::read_dir(ledger.join("0")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in &snapshots {
        let mut later = std::fs::read(path).unwrap();
        later[8] = 2;
        std::fs::write(path, later).unwrap();
    }
    let error = refused(&plant, feed.identity, LandingOptions::default()).await;
    let told = chain(&error);
    assert!(told.contains("of format 2") && told.contains("use the release that wrote it"), "{told}");
    let logs = ledger.join("logs.json");
    let text = std::fs::read_to_string(&logs).unwrap();
    std::fs::write(&logs, text.replace("\"format\": 1", "\"format\": 2, \"shards\": 3")).unwrap();
    let told = chain(&refused(&plant, feed.identity, LandingOptions::default()).await);
    assert!(told.contains("logs.json says format 2") && told.contains("use a later release"), "{told}");
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
