//! Single rules of the ledger, one record at a time.

use tacho_schemas::RobotKey;
use tacho_schemas::processed::{Entry, Kept, StreamKey, Verdict};
use tacho_schemas::reason::RejectReason;

use super::holes::HoleKind;
use super::oracle::{decide, kept, rejected, robot, through_snapshots};
use super::partition::{Draft, Ledger};
use super::robot::{Fate, GapChange, STREAMS_MAX};
use super::stream::Change;

#[test]
fn a_jump_of_seq_is_one_hole_and_costs_nothing() {
    let mut ledger = Ledger::new(10);
    decide(&mut ledger, &kept(robot(0), 1, 1, 1));
    let (fate, changes) = decide(&mut ledger, &kept(robot(0), 1, 1_000_000_000_000, 2));
    assert_eq!(fate, Fate::Landed);
    let opened = GapChange {
        change: Change::Opened,
        stream_epoch: 1,
        first: 2,
        last: 999_999_999_999,
        hole: Some(HoleKind::Missing),
    };
    assert_eq!(changes, [opened]);
    let stream = &ledger.robot(&robot(0)).unwrap().streams()[0].1;
    assert_eq!((stream.holes().len(), stream.hole_width(HoleKind::Missing)), (1, 999_999_999_998));
}

#[test]
fn a_robot_that_restarts_its_seq_without_a_new_epoch_is_a_conflict_and_not_a_duplicate() {
    let mut ledger = Ledger::new(10);
    for seq in 1..=200 {
        decide(&mut ledger, &kept(robot(0), 1, seq, seq));
    }
    let mut again = kept(robot(0), 1, 3, 99);
    record_of(&mut again).window_end_us = 1_000_000;
    assert_eq!(decide(&mut ledger, &again).0, Fate::Refused(RejectReason::SequenceConflict), "a later window");
    record_of(&mut again).window_end_us = 0;
    record_of(&mut again).power_on = 201;
    assert_eq!(decide(&mut ledger, &again).0, Fate::Refused(RejectReason::SequenceConflict), "more hours");
    record_of(&mut again).power_on = 3;
    assert_eq!(decide(&mut ledger, &again).0, Fate::Duplicate, "an old record, below the 64 highest");
    assert_eq!(decide(&mut ledger, &kept(robot(0), 1, 150, 99)).0, Fate::Refused(RejectReason::SequenceConflict));
    assert_eq!(decide(&mut ledger, &kept(robot(0), 1, 150, 150)).0, Fate::Duplicate);
}

fn record_of(entry: &mut Entry) -> &mut Kept {
    match &mut entry.verdict {
        Verdict::Kept(kept) => kept,
        Verdict::Rejected { .. } => unreachable!(),
    }
}

#[test]
fn the_17th_stream_closes_the_one_of_the_lowest_epoch_and_what_is_below_is_refused() {
    let mut ledger = Ledger::new(10);
    decide(&mut ledger, &kept(robot(0), 1, 1, 1));
    decide(&mut ledger, &kept(robot(0), 1, 5, 5));
    for epoch in 2..=16 {
        decide(&mut ledger, &kept(robot(0), epoch, 1, 1));
    }
    let (fate, changes) = decide(&mut ledger, &kept(robot(0), 17, 1, 1));
    assert_eq!(fate, Fate::Landed);
    let told: Vec<_> = changes.iter().map(|change| (change.change, change.first, change.last, change.hole)).collect();
    assert_eq!(told, [(Change::WrittenOff, 2, 4, Some(HoleKind::Missing)), (Change::WrittenOff, 1, 5, None)]);
    assert_eq!(ledger.robot(&robot(0)).unwrap().streams().len(), STREAMS_MAX);
    assert_eq!(decide(&mut ledger, &kept(robot(0), 1, 6, 6)).0, Fate::Refused(RejectReason::BelowFloor));
    assert_eq!(decide(&mut ledger, &kept(robot(0), 2, 2, 2)).0, Fate::Landed);
}

#[test]
fn beyond_the_bound_of_robots_records_are_dead_letters_counted_for_robot_unknown() {
    let mut ledger = Ledger::new(2);
    for number in 0..2 {
        assert_eq!(decide(&mut ledger, &kept(robot(number), 1, 1, 1)).0, Fate::Landed);
    }
    assert_eq!(decide(&mut ledger, &kept(robot(2), 1, 1, 1)).0, Fate::Refused(RejectReason::RobotLimit));
    assert_eq!(decide(&mut ledger, &kept(robot(1), 1, 2, 1)).0, Fate::Landed);
    assert_eq!(ledger.robot(&RobotKey::Unreadable).unwrap().counts().rejected, 1);
    assert_eq!(ledger.totals().received(), 4);
}

#[test]
fn keys_beyond_two_to_the_53_are_refused_and_touch_nothing() {
    let mut ledger = Ledger::new(2);
    for (epoch, seq) in [(i64::MAX, 1), (1, i64::MAX), (-1, 1), (1, -1)] {
        assert_eq!(decide(&mut ledger, &kept(robot(0), epoch, seq, 1)).0, Fate::Refused(RejectReason::OutOfRange));
        decide(&mut ledger, &rejected(robot(0), Some(StreamKey { epoch, seq })));
    }
    assert!(ledger.robot(&robot(0)).unwrap().streams().is_empty());
}

#[test]
fn a_stream_that_only_grew_costs_a_snapshot_few_bytes() {
    let mut ledger = Ledger::new(1_000);
    for seq in 1..=100 {
        decide(&mut ledger, &kept(robot(0), 1, seq, seq));
    }
    let mut draft = Draft::default();
    draft.decide(&ledger, &kept(robot(0), 1, 101, 101), &mut Vec::new());
    assert_eq!(through_snapshots(&ledger, &draft).robot(&robot(0)).unwrap().streams()[0].1.highest(), 101);
    let (key, after) = draft.robots().next().unwrap();
    let size = |before| {
        let mut writer = super::codec::Writer::default();
        super::rows::write_robot(&mut writer, before, after);
        writer.0.len()
    };
    assert!(size(ledger.robot(key)) < 40, "{} bytes", size(ledger.robot(key)));
    assert!(size(None) > 64 * 8);
}

#[test]
fn a_rejected_record_leaves_a_hole_of_its_kind_that_a_good_one_fills() {
    let mut ledger = Ledger::new(2);
    let told = |changes: Vec<GapChange>| -> Vec<_> {
        changes.iter().map(|change| (change.change, change.first, change.last, change.hole)).collect()
    };
    decide(&mut ledger, &kept(robot(0), 1, 1, 1));
    let bad = |seq| rejected(robot(0), Some(StreamKey { epoch: 1, seq }));
    let (fate, changes) = decide(&mut ledger, &bad(4));
    assert_eq!(fate, Fate::Rejected);
    let missing = Some(HoleKind::Missing);
    let rejected = Some(HoleKind::Rejected);
    assert_eq!(told(changes), [(Change::Opened, 2, 3, missing), (Change::Opened, 4, 4, rejected)]);
    let (_, changes) = decide(&mut ledger, &bad(3));
    assert_eq!(told(changes), [(Change::Narrowed, 3, 3, missing), (Change::Opened, 3, 3, rejected)]);
    assert_eq!(told(decide(&mut ledger, &bad(3)).1), [], "again");
    assert_eq!(told(decide(&mut ledger, &bad(1)).1), [], "of a key that is taken");
    let (fate, changes) = decide(&mut ledger, &kept(robot(0), 1, 4, 4));
    assert_eq!((fate, told(changes)), (Fate::Landed, vec![(Change::Narrowed, 4, 4, rejected)]));
    let (fate, changes) = decide(&mut ledger, &kept(robot(0), 1, 3, 3));
    assert_eq!((fate, told(changes)), (Fate::Landed, vec![(Change::Closed, 3, 3, rejected)]));
    let (_, changes) = decide(&mut ledger, &kept(robot(0), 1, 2, 2));
    assert_eq!(told(changes), [(Change::Closed, 2, 2, missing)]);
}

#[test]
fn a_record_below_the_first_lands_and_lowers_it() {
    let mut ledger = Ledger::new(2);
    decide(&mut ledger, &kept(robot(0), 1, 10, 10));
    let (fate, changes) = decide(&mut ledger, &kept(robot(0), 1, 7, 7));
    assert_eq!(fate, Fate::Landed);
    assert_eq!((changes[0].change, changes[0].first, changes[0].last), (Change::Opened, 8, 9));
    assert_eq!(ledger.robot(&robot(0)).unwrap().streams()[0].1.first(), 7);
    assert_eq!(decide(&mut ledger, &kept(robot(0), 1, 7, 7)).0, Fate::Duplicate);
    assert_eq!(decide(&mut ledger, &kept(robot(0), 1, 10, 11)).0, Fate::Refused(RejectReason::SequenceConflict));
}
