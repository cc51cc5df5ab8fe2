//! The ledger against an oracle that keeps all history: whatever the order, the same records land.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tacho_schemas::dead_letter::{DeadLetter, Problem};
use tacho_schemas::processed::{Entry, Kept, StreamKey, Verdict};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::{RobotId, RobotKey};

use super::chain::FULL;
use super::holes::HoleKind;
use super::partition::{Draft, Ledger};
use super::robot::{Fate, GapChange};
use super::snapshot::{Header, Position, Snapshot};
use super::stream::{Change, HOLES_MAX, RECENT_KEYS};

pub(super) fn robot(number: usize) -> RobotKey {
    RobotKey::Id(RobotId::parse(format!("CNAB12HX0001{number:017}").as_bytes()).unwrap())
}

/// A good record; its content is a function of `hash`.
pub(super) fn kept(robot: RobotKey, epoch: i64, seq: i64, hash: i64) -> Entry {
    let kept = Kept {
        key: StreamKey { epoch, seq },
        payload_hash: hash,
        window_end_us: seq.saturating_mul(1_000),
        power_on: seq,
        component_rows: [0; 5],
        declared_gaps: Vec::new(),
        payload: Bytes::from_static(b"{}"),
    };
    entry(robot, Verdict::Kept(kept))
}

/// A rejected record.
pub(super) fn rejected(robot: RobotKey, key: Option<StreamKey>) -> Entry {
    let problem = Problem::new(RejectReason::Range, "/counters", "-1");
    let letter = Box::new(DeadLetter::of_publish(problem, &Bytes::from_static(b"{}")));
    entry(robot, Verdict::Rejected { key, letter })
}

fn entry(robot: RobotKey, verdict: Verdict) -> Entry {
    Entry { offset: 0, ordinal: 0, robot, received_at_us: 7, topic_id: None, principal: "".into(), verdict }
}

/// Decides one record and adopts it at once.
pub(super) fn decide(ledger: &mut Ledger, entry: &Entry) -> (Fate, Vec<GapChange>) {
    let (mut draft, mut changes) = (Draft::default(), Vec::new());
    let fate = draft.decide(ledger, entry, &mut changes);
    ledger.adopt(draft);
    (fate, changes)
}

/// All keys that were taken, with their hash, and all that were rejected.
#[derive(Debug, Default)]
struct Oracle {
    taken: BTreeMap<(RobotKey, i64), BTreeMap<i64, i64>>,
    rejected: BTreeMap<(RobotKey, i64), BTreeSet<i64>>,
    /// What `gap_events` says: numbers in holes, by kind.
    told: BTreeMap<(RobotKey, i64, HoleKind), BTreeSet<i64>>,
}

impl Oracle {
    /// What must become of a record, where no bound is reached.
    fn decide(&mut self, entry: &Entry) -> Fate {
        match &entry.verdict {
            Verdict::Kept(kept) => {
                let taken = self.taken.entry((entry.robot, kept.key.epoch)).or_default();
                match taken.get(&kept.key.seq) {
                    None => {
                        taken.insert(kept.key.seq, kept.payload_hash);
                        Fate::Landed
                    }
                    Some(hash) => {
                        let recent = taken.range(kept.key.seq..).count() <= RECENT_KEYS;
                        // Below the recent ones the content of these tests never exceeds the greatest.
                        let same = if recent { *hash == kept.payload_hash } else { true };
                        if same { Fate::Duplicate } else { Fate::Refused(RejectReason::SequenceConflict) }
                    }
                }
            }
            Verdict::Rejected { key, .. } => {
                if let Some(key) = key {
                    self.rejected.entry((entry.robot, key.epoch)).or_default().insert(key.seq);
                }
                Fate::Rejected
            }
        }
    }

    /// Follows the gap events.
    fn hear(&mut self, robot: RobotKey, changes: &[GapChange]) {
        for change in changes {
            let kind = change.hole.unwrap();
            let told = self.told.entry((robot, change.stream_epoch, kind)).or_default();
            for seq in change.first..=change.last {
                let changed = if change.change == Change::Opened { told.insert(seq) } else { told.remove(&seq) };
                assert!(changed, "{change:?} tells what was so before");
            }
        }
    }

    /// The holes that a stream must have.
    fn holes(&self, robot: RobotKey, epoch: i64) -> BTreeMap<i64, HoleKind> {
        let (none, nothing) = (BTreeMap::new(), BTreeSet::new());
        let taken = self.taken.get(&(robot, epoch)).unwrap_or(&none);
        let rejected = self.rejected.get(&(robot, epoch)).unwrap_or(&nothing);
        let seen: BTreeSet<i64> = taken.keys().chain(rejected).copied().collect();
        let (Some(first), Some(last)) = (seen.first(), seen.last()) else {
            return BTreeMap::new();
        };
        let open = (*first..=*last).filter(|seq| !taken.contains_key(seq));
        open.map(|seq| (seq, if rejected.contains(&seq) { HoleKind::Rejected } else { HoleKind::Missing })).collect()
    }

    fn check(&self, ledger: &Ledger) {
        for (key, robot) in ledger.robots() {
            for (epoch, stream) in robot.streams() {
                let expected = self.holes(*key, *epoch);
                let found: BTreeMap<i64, HoleKind> = stream
                    .holes()
                    .iter()
                    .flat_map(|hole| (hole.first..=hole.last).map(|seq| (seq, hole.kind)))
                    .collect();
                assert_eq!(found, expected, "{key} epoch {epoch}");
                for kind in [HoleKind::Missing, HoleKind::Rejected] {
                    let of_kind = expected.iter().filter(|(_, found)| **found == kind).map(|(seq, _)| *seq);
                    let told = self.told.get(&(*key, *epoch, kind)).cloned().unwrap_or_default();
                    assert_eq!(told, of_kind.collect(), "gap events of {key} epoch {epoch}");
                }
            }
        }
    }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let seq = prop_oneof![4 => 0..200_i64, 1 => 0..20_i64];
    (0..3_usize, 0..3_i64, seq, 0..12_u8, any::<bool>()).prop_map(|(number, epoch, seq, what, readable)| match what {
        0 | 1 => rejected(robot(number), readable.then_some(StreamKey { epoch, seq })),
        2 => rejected(RobotKey::Unreadable, None),
        3 => kept(robot(number), epoch, seq, -1),
        _ => kept(robot(number), epoch, seq, seq * 31),
    })
}

/// The ledger as its snapshots give it back: a full one before, and one on top of it.
pub(super) fn through_snapshots(before: &Ledger, draft: &Draft) -> Ledger {
    let mut after = before.clone();
    after.adopt(draft.clone());
    let header = |ledger: &Ledger| Header {
        log_id: uuid::Uuid::nil(),
        log_epoch: 1,
        partition: 0,
        random: 0,
        base: None,
        tier: FULL,
        position: Position::default(),
        totals: ledger.totals(),
        robots: ledger.len(),
    };
    let mut all: Vec<_> = before.robots().map(|(key, robot)| (key, None, robot)).collect();
    all.sort_by_key(|(key, ..)| **key);
    let mut some: Vec<_> = draft.robots().map(|(key, robot)| (key, before.robot(key), robot)).collect();
    some.sort_by_key(|(key, ..)| **key);
    let mut loaded = Ledger::new(1_000);
    for file in
        [Snapshot::encode(&header(before), all.into_iter()), Snapshot::encode(&header(&after), some.into_iter())]
    {
        Snapshot::parse(&file).unwrap().apply(&mut loaded).unwrap();
    }
    assert_eq!(loaded, after);
    loaded
}

proptest! {
    #[test]
    fn whatever_the_order_a_key_lands_once_and_the_holes_are_what_is_left(
        entries in prop::collection::vec(any_entry(), 0..400),
        restart_every in 1..40_usize,
    ) {
        let (mut ledger, mut oracle) = (Ledger::new(1_000), Oracle::default());
        let (mut draft, mut received) = (Draft::default(), 0);
        for (index, entry) in entries.iter().enumerate() {
            let mut changes = Vec::new();
            let fate = draft.decide(&ledger, entry, &mut changes);
            prop_assert_eq!(fate, oracle.decide(entry));
            oracle.hear(entry.robot, &changes);
            received += 1;
            if index % restart_every == 0 {
                ledger = through_snapshots(&ledger, &draft);
                draft = Draft::default();
                oracle.check(&ledger);
                prop_assert_eq!(ledger.totals().received(), received);
            }
        }
        ledger.adopt(draft);
        oracle.check(&ledger);
        let sum: u64 = ledger.robots().map(|(_, robot)| robot.counts().received()).sum();
        prop_assert_eq!((ledger.totals().received(), sum), (received, received));
        let landed: usize = oracle.taken.values().map(BTreeMap::len).sum();
        prop_assert_eq!(ledger.totals().landed, u64::try_from(landed).unwrap());
    }

    #[test]
    fn at_the_bound_of_holes_the_lowest_gives_way_and_nothing_above_the_floor_is_refused(
        seqs in prop::collection::vec(prop_oneof![Just(1_i64), 0..60_000_i64], 3_000..4_000),
    ) {
        let mut ledger = Ledger::new(10);
        let mut taken = BTreeSet::new();
        for seq in seqs {
            let floor = ledger.robot(&robot(0)).map_or(0, |robot| robot.streams()[0].1.floor());
            let (fate, _) = decide(&mut ledger, &kept(robot(0), 1, seq, seq));
            let expected = match (seq < floor, taken.insert(seq)) {
                (true, _) => Fate::Refused(RejectReason::BelowFloor),
                (false, true) => Fate::Landed,
                (false, false) => Fate::Duplicate,
            };
            prop_assert_eq!(fate, expected);
            let stream = &ledger.robot(&robot(0)).unwrap().streams()[0].1;
            prop_assert!(stream.holes().len() <= HOLES_MAX && stream.floor() >= floor);
        }
    }

    #[test]
    fn a_changed_byte_in_a_snapshot_is_found(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut ledger = Ledger::new(10);
        for seq in [1, 2, 9, 4] {
            decide(&mut ledger, &kept(robot(0), 1, seq, seq));
        }
        let header = Header {
            log_id: uuid::Uuid::nil(), log_epoch: 1, partition: 0, random: 5, base: None, tier: FULL,
            position: Position::default(), totals: ledger.totals(), robots: 1,
        };
        let file = Snapshot::encode(&header, ledger.robots().map(|(k, r)| (k, None, r)).collect::<Vec<_>>().into_iter());
        let mut bytes = file.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Snapshot::parse(&bytes.into()).is_err());
        prop_assert!(Snapshot::parse(&file.slice(..at)).is_err());
    }
}
