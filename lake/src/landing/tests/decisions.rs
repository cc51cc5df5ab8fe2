//! What lands and what does not: duplicates, conflicts, gaps, late fills, rejects, lost offsets, configurations.

use std::collections::BTreeMap;

use tacho_schemas::Digest;
use tacho_schemas::processed::{DeclaredGap, Step, Verdict};

use super::feed::{Feed, bad, config, good, processed, robot};
use super::plant::Plant;
use crate::landing::{LandError, Verdict as Next};
use crate::ledger::Counts;

/// Robots of the feed's texts are long: what is compared is what stands behind them.
fn behind_robot(rows: &[String]) -> Vec<&str> {
    rows.iter().map(|row| row.split_once(' ').unwrap().1).collect()
}

#[tokio::test]
async fn each_record_lands_once_and_the_ledger_is_balanced() {
    let mut feed = Feed::new();
    for verdict in [good(1, "a"), good(1, "a"), good(1, "b"), bad(Some(2)), bad(None), good(3, "c")] {
        feed.push(0, verdict);
    }
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    feed.land(&mut landing, 100).await;
    let content = plant.content().await;
    assert_eq!(behind_robot(&content["records"]), ["1 1 0 1 0", "1 3 0 6 0"]);
    assert_eq!(behind_robot(&content["joints"]), ["1 1 0 1 0 J0", "1 1 0 1 0 J1", "1 3 0 6 0 J0", "1 3 0 6 0 J1"]);
    assert_eq!(
        behind_robot(&content["rejected"]),
        [
            "- - 0 5 range /counters/power_on_h 626164206279746573",
            "1 1 0 3 sequence_conflict /seq 62",
            "1 2 0 4 range /counters/power_on_h 626164206279746573",
        ]
    );
    assert_eq!(behind_robot(&content["gap_events"]), ["1 2 0 4 0 opened rejected 2 2"]);
    let counts = Counts { landed: 2, duplicate: 1, rejected: 3 };
    assert_eq!(plant.view().await, BTreeMap::from([(robot(0), counts)]));
    assert_eq!(counts.received(), 6);
}

#[tokio::test]
async fn a_gap_opens_narrows_and_closes_across_batches_and_restarts() {
    let mut feed = Feed::new();
    for seq in [1, 6, 3, 5, 2, 4] {
        feed.push(0, good(seq, "a"));
    }
    let plant = Plant::new();
    for _ in 0..7 {
        let mut landing = plant.open(feed.identity).await;
        let (steps, last) = feed.batch(&landing.progress(), 1);
        landing.land(steps, &last).await.unwrap();
    }
    let content = plant.content().await;
    assert_eq!(
        behind_robot(&content["gap_events"]),
        [
            "1 2 0 5 0 closed missing 2 2",
            "1 3 0 3 0 narrowed missing 3 3",
            "1 4 0 6 0 closed missing 4 4",
            "1 5 0 4 0 narrowed missing 5 5",
            "1 6 0 2 0 opened missing 2 5",
        ]
    );
    assert_eq!(content["records"].len(), 6);
}

#[tokio::test]
async fn declared_gaps_are_told_of_records_that_land_only() {
    let mut feed = Feed::new();
    let mut verdict = good(1, "a");
    let Verdict::Kept(kept) = &mut verdict else { unreachable!() };
    kept.declared_gaps =
        vec![DeclaredGap { from_us: 1, to_us: 2, cause: "server restart".into(), pointer: Some("/joints/0".into()) }];
    feed.push(0, verdict.clone());
    feed.push(0, verdict);
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    feed.land(&mut landing, 100).await;
    assert_eq!(behind_robot(&plant.content().await["gap_events"]), ["1 1 0 1 0 time - - -"]);
}

#[tokio::test]
async fn lost_offsets_are_a_gap_and_the_records_behind_them_land() {
    let mut feed = Feed::new();
    for seq in 1..=4 {
        feed.push(0, good(seq, "a"));
    }
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    let mut steps = feed.steps(0, 0, 2);
    steps.push(Step::Lost { partition: 0, offsets: 2..4 });
    steps.extend(feed.steps(0, 4, 1));
    let landed = landing.land(steps, &BTreeMap::from([(0, feed.id_at(0, 4))])).await.unwrap();
    assert_eq!(landed.progress, [(0, 5)]);
    assert_eq!(landing.record_before(0), Some(feed.id_at(0, 4)));
    let content = plant.content().await;
    assert_eq!(behind_robot(&content["records"]), ["1 1 0 1 0", "1 4 0 4 0"]);
    assert_eq!(content["gap_events"].len(), 2);
    assert!(content["gap_events"].contains(&"? - - 0 2 0 lost - - -".to_owned()), "{content:?}");
}

#[tokio::test]
async fn steps_that_do_not_go_on_from_the_progress_change_nothing() {
    let mut feed = Feed::new();
    feed.push(0, good(1, "a"));
    feed.push(0, good(2, "a"));
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    let none = BTreeMap::new();
    let error = landing.land(feed.steps(0, 1, 1), &none).await.unwrap_err();
    assert!(matches!(error, LandError::OutOfOrder { partition: 0, expected: 0, .. }), "{error}");
    assert_eq!(error.verdict(), Next::Retry);
    let error = landing.land(vec![Step::Lost { partition: 9, offsets: 0..1 }], &none).await.unwrap_err();
    assert!(matches!(error, LandError::NotHeld { partition: 9 }), "{error}");
    assert_eq!(landing.progress(), [(0, 0), (1, 0)]);
    feed.land(&mut landing, 1).await;
    assert_eq!(plant.content().await["records"].len(), 2);
}

#[tokio::test]
async fn rows_of_another_configuration_than_the_one_in_force_halt_the_partition() {
    let mut feed = Feed::new();
    feed.push(0, good(1, "a"));
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    assert_eq!(landing.config_in_force(0), None);
    let other = Digest::of(b"another");
    let mut steps = vec![Step::Config { partition: 0, offset: 0, config: other }];
    steps.extend(feed.steps(0, 1, 1));
    let error = landing.land(steps, &BTreeMap::new()).await.unwrap_err();
    assert!(matches!(error, LandError::Configuration { partition: 0, offset: 1, .. }), "{error}");
    assert_eq!(error.verdict(), Next::Halt);
    feed.land(&mut landing, 100).await;
    assert_eq!(landing.config_in_force(0), Some(config()));
    assert_eq!(plant.open(feed.identity).await.config_in_force(0), Some(config()));
}

#[tokio::test]
async fn rows_that_are_not_what_the_entries_say_are_refused() {
    let mut feed = Feed::new();
    feed.push(0, good(1, "a"));
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    let mut steps = feed.steps(0, 0, 2);
    let Some(Step::Rows(rows)) = steps.last_mut() else { unreachable!() };
    let joints = rows.rows.get_mut(tacho_schemas::table::Table::Joints);
    *joints = joints.slice(0, 1);
    let error = landing.land(steps, &BTreeMap::new()).await.unwrap_err();
    assert!(matches!(error, LandError::Rows { expected: 2, found: 1, .. }), "{error}");
    assert_eq!(error.verdict(), Next::Halt);
}

#[tokio::test]
async fn an_empty_range_moves_nothing_and_a_batch_without_records_moves_the_progress() {
    let feed = Feed::new();
    let plant = Plant::new();
    let mut landing = plant.open(feed.identity).await;
    let version = landing.table(tacho_schemas::table::Table::Records).version();
    let empty = vec![Step::Lost { partition: 0, offsets: 0..0 }];
    assert_eq!(landing.land(empty, &BTreeMap::new()).await.unwrap().records_version, version);
    feed.land(&mut landing, 1).await;
    let nothing = Step::Rows(processed(1, 0, 1..50, Vec::new()));
    let landed = landing.land(vec![nothing], &BTreeMap::new()).await.unwrap();
    assert_eq!((landed.progress, landed.records_version), (vec![(0, 50)], version + 2));
    assert_eq!(plant.open(feed.identity).await.progress(), [(0, 50), (1, 1)]);
}
