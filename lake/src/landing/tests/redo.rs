//! Whatever interrupts a landing, and whoever lands beside it: each record lands once, and nothing else changes.

use std::time::Duration;

use tacho_schemas::table::Table;

use super::feed::Feed;
use super::plant::Plant;
use crate::landing::{LandError, Landing, LandingOptions, Verdict};

/// Steps that a landing passes.
fn steps() -> Vec<String> {
    let tables = [Table::Joints, Table::Rejected, Table::GapEvents, Table::Records];
    let of_table = ["before_file", "after_file", "before_commit", "commit_answer", "after_commit"];
    let tables = tables.iter().flat_map(|table| of_table.map(|step| format!("lake.{}.{step}", table.name())));
    let own =
        ["lake.landing.before_batch", "lake.ledger.before_put", "lake.ledger.after_put", "lake.landing.after_batch"];
    tables.chain(own.map(str::to_owned)).collect()
}

#[tokio::test]
async fn after_an_error_at_any_step_each_record_lands_once() {
    let feed = Feed::mixed(12);
    let whole = Plant::new();
    feed.land(&mut whole.open(feed.identity).await, 1_000).await;
    let (content, counts) = (whole.content().await, whole.view().await);
    assert!(content.values().filter(|rows| !rows.is_empty()).count() == 4, "every table that is walked has rows");
    for step in steps() {
        for same_process in [true, false] {
            let plant = Plant::new();
            plant.open(feed.identity).await;
            let lake = plant.lake(&format!("{step}:2=error"));
            let mut landing = Landing::open(&lake, feed.identity, LandingOptions::default()).await.unwrap();
            let mut errors = 0;
            // The batches differ before and after the error, as they do after a restart.
            let mut count = 17;
            loop {
                let (steps, last) = feed.batch(&landing.progress(), count);
                if steps.is_empty() {
                    break;
                }
                if let Err(error) = landing.land(steps, &last).await {
                    errors += 1;
                    count = 11;
                    assert_eq!(errors, 1, "{step}: {error}");
                    if same_process {
                        landing.recover().await.unwrap();
                    } else {
                        landing = plant.open(feed.identity).await;
                    }
                }
            }
            // A lost answer is recognised: the batch has landed.
            assert_eq!(errors, usize::from(!step.ends_with("commit_answer")), "{step}");
            assert_eq!(plant.content().await, content, "{step}, same process: {same_process}");
            assert_eq!(plant.view().await, counts, "{step}");
            assert_eq!(landing.record_before(0), Some(feed.id_at(0, feed.end(0) - 1)), "{step}");
            // Of a commit that may have been made, the file stays; all others of the batch are gone.
            let left = plant.unnamed_files().await;
            assert_eq!(left.len(), usize::from(step.ends_with("before_commit")), "{step}: {left:?}");
        }
    }
}

#[tokio::test]
async fn of_two_that_land_the_same_partitions_one_wins_each_and_rows_are_there_once() {
    let feed = Feed::mixed(12);
    let whole = Plant::new();
    feed.land(&mut whole.open(feed.identity).await, 1_000).await;
    let plant = Plant::new();
    let mut landings = [plant.open(feed.identity).await, plant.open(feed.identity).await];
    let mut fenced = 0;
    for round in 0..200_usize {
        let landing = &mut landings[round % 2];
        let (steps, last) = feed.batch(&landing.progress(), if round % 2 == 0 { 7 } else { 4 });
        match landing.land(steps, &last).await {
            Ok(_) => {}
            Err(LandError::Fenced { partitions }) => {
                fenced += 1;
                assert_eq!(landing.progress().len(), 2 - partitions.len());
                landing.hold(&partitions).await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(fenced > 0);
    assert_eq!(plant.content().await, whole.content().await);
    assert_eq!(plant.view().await, whole.view().await);
}

#[tokio::test]
async fn the_loser_of_one_partition_keeps_the_other() {
    let feed = Feed::mixed(6);
    let plant = Plant::new();
    let mut first = plant.open(feed.identity).await;
    let mut second = plant.open(feed.identity).await;
    first.release(&[1]);
    let (steps, last) = feed.batch(&first.progress(), 10);
    first.land(steps, &last).await.unwrap();
    let (steps, last) = feed.batch(&second.progress(), 10);
    let error = second.land(steps, &last).await.unwrap_err();
    assert!(matches!(&error, LandError::Fenced { partitions } if partitions == &[0]), "{error}");
    assert_eq!(second.progress(), [(1, 0)]);
    feed.land(&mut second, 100).await;
    feed.land(&mut first, 100).await;
    let whole = Plant::new();
    feed.land(&mut whole.open(feed.identity).await, 1_000).await;
    assert_eq!(plant.content().await, whole.content().await);
}

#[tokio::test]
async fn while_the_ledger_cannot_be_written_nothing_lands_and_then_all_does() {
    let feed = Feed::mixed(6);
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    let (folder, aside) = (plant.dir.path().join("_ledger/0"), plant.dir.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "a file where the folder was").unwrap();
    for _ in 0..2 {
        let (steps, last) = feed.batch(&landing.progress(), 10);
        let error = landing.land(steps, &last).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Wait, "{error}");
        assert!(error.to_string().contains("_ledger/0/"), "{error}");
        assert!(plant.content().await["records"].is_empty());
    }
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    feed.land(&mut landing, 10).await;
    let whole = Plant::new();
    feed.land(&mut whole.open(feed.identity).await, 1_000).await;
    assert_eq!(plant.content().await, whole.content().await);
}

#[tokio::test]
async fn clean_up_leaves_what_the_next_start_needs_and_little_else() {
    let feed = Feed::mixed(40);
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    feed.land(&mut landing, 2).await;
    assert!(landing.clean_up(Duration::from_secs(3_600)).await.unwrap() == 0, "readers may want what is young");
    assert!(landing.clean_up(Duration::ZERO).await.unwrap() > 0);
    let files = std::fs::read_dir(plant.dir.path().join("_ledger/0")).unwrap().count();
    assert!(files <= 32, "{files} snapshots are left");
    let again = plant.open(feed.identity).await;
    for partition in 0..2 {
        assert_eq!(again.ledger(partition), landing.ledger(partition));
    }
    assert_eq!(plant.view().await.len(), 6);
}
