//! The ledger of one partition of the log, and drafts of what a batch would make of it.
//!
//! A draft copies the robots that it touches, so that the ledger in memory is never ahead of the lake:
//! it is adopted once the commit of `records` has succeeded, and dropped else.

use rustc_hash::FxHashMap;
use tacho_schemas::RobotKey;
use tacho_schemas::processed::{Entry, Verdict};
use tacho_schemas::reason::RejectReason;

use super::robot::{Counts, Fate, GapChange, Robot};

/// Most robots of a lake; records of further ones are dead letters.
pub const ROBOTS_MAX: usize = 1_000_000;

/// The share of [`ROBOTS_MAX`] of one of `partitions`: a quarter and 1,000 more than the mean, as hashing is uneven.
pub fn robots_max_of(partitions: i32) -> usize {
    let mean = ROBOTS_MAX / usize::try_from(partitions.max(1)).unwrap_or(1);
    mean + mean / 4 + 1_000
}

/// What is known of all robots of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    robots: FxHashMap<RobotKey, Robot>,
    robots_max: usize,
    totals: Counts,
}

impl Ledger {
    /// A ledger that knows nothing, of at most `robots_max` robots.
    pub fn new(robots_max: usize) -> Self {
        Self { robots: FxHashMap::default(), robots_max, totals: Counts::default() }
    }

    /// What is known of a robot.
    pub fn robot(&self, key: &RobotKey) -> Option<&Robot> {
        self.robots.get(key)
    }

    /// All robots, in no order.
    pub fn robots(&self) -> impl Iterator<Item = (&RobotKey, &Robot)> {
        self.robots.iter()
    }

    /// Number of robots.
    pub fn len(&self) -> usize {
        self.robots.len()
    }

    /// Whether no robot is known.
    pub fn is_empty(&self) -> bool {
        self.robots.is_empty()
    }

    /// Counts of all robots together.
    pub fn totals(&self) -> Counts {
        self.totals
    }

    /// Makes the draft's robots this ledger's.
    pub fn adopt(&mut self, draft: Draft) {
        self.totals.add(draft.totals);
        self.robots.extend(draft.robots);
    }

    /// Puts a robot as a snapshot has it.
    pub(super) fn put(&mut self, key: RobotKey, robot: Robot) {
        self.totals.add(robot.counts);
        if let Some(before) = self.robots.insert(key, robot) {
            self.totals.subtract(before.counts);
        }
    }

    /// Adds a robot of another log's ledger.
    pub(crate) fn absorb(&mut self, key: RobotKey, robot: Robot) {
        self.totals.add(robot.counts);
        self.robots.entry(key).or_default().absorb(robot);
    }

    /// All robots, out of the ledger.
    pub(crate) fn into_robots(self) -> impl Iterator<Item = (RobotKey, Robot)> {
        self.robots.into_iter()
    }
}

/// What a batch makes of a ledger: the robots that it touched, and its counts.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    robots: FxHashMap<RobotKey, Robot>,
    new_robots: usize,
    totals: Counts,
}

impl Draft {
    /// Decides what becomes of the next record of the log, on top of `ledger`; appends what it did to holes.
    pub fn decide(&mut self, ledger: &Ledger, entry: &Entry, changes: &mut Vec<GapChange>) -> Fate {
        let known = self.robots.contains_key(&entry.robot) || ledger.robots.contains_key(&entry.robot);
        let room = ledger.len() + self.new_robots < ledger.robots_max;
        let fate;
        if known || room || entry.robot == RobotKey::Unreadable {
            let robot = self.touch(ledger, entry.robot);
            fate = fate_of(robot, entry, changes);
            robot.count(fate, entry.received_at_us);
        } else {
            fate = Fate::Refused(RejectReason::RobotLimit);
            self.touch(ledger, RobotKey::Unreadable).count(fate, entry.received_at_us);
        }
        self.totals.count(fate);
        fate
    }

    /// Counts of the batch.
    pub fn totals(&self) -> Counts {
        self.totals
    }

    /// The robots that were touched, in no order.
    pub fn robots(&self) -> impl Iterator<Item = (&RobotKey, &Robot)> {
        self.robots.iter()
    }

    /// The robot as the draft has it.
    pub(super) fn get(&self, key: &RobotKey) -> Option<&Robot> {
        self.robots.get(key)
    }

    /// Robots that the ledger does not know yet.
    pub(super) fn new_robots(&self) -> usize {
        self.new_robots
    }

    /// The robot, copied from the ledger at the first touch.
    fn touch(&mut self, ledger: &Ledger, key: RobotKey) -> &mut Robot {
        let new_robots = &mut self.new_robots;
        self.robots.entry(key).or_insert_with(|| {
            ledger.robots.get(&key).cloned().unwrap_or_else(|| {
                *new_robots += 1;
                Robot::default()
            })
        })
    }
}

/// What becomes of a record of this robot. Robot `?` has no streams.
fn fate_of(robot: &mut Robot, entry: &Entry, changes: &mut Vec<GapChange>) -> Fate {
    match (&entry.verdict, entry.robot) {
        (Verdict::Kept(_), RobotKey::Unreadable) => Fate::Refused(RejectReason::IdMalformed),
        (Verdict::Kept(kept), RobotKey::Id(_)) => robot.take(kept, changes),
        (Verdict::Rejected { key: Some(key), .. }, RobotKey::Id(_)) => {
            robot.reject(*key, changes);
            Fate::Rejected
        }
        (Verdict::Rejected { .. }, _) => Fate::Rejected,
    }
}
