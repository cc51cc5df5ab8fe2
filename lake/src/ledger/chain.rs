//! Which snapshots a partition's ledger stands on, and what the next one must hold.
//!
//! Like the levels of a merge tree: 15 small snapshots stay beside each other, the 16th holds what they hold, and
//! so on by tiers. So a commit writes what it changed, now and then what the last ones changed, whatever the
//! number of robots; and a start reads some dozen files.

use std::collections::BTreeSet;

use tacho_schemas::RobotKey;

use super::snapshot::SnapshotName;

/// So many snapshots of a tier are merged into one of the next.
const FAN_IN: usize = 16;
/// Tier of a snapshot that holds all robots.
pub(super) const FULL: u8 = u8::MAX;
/// No chain is longer: there would have to be 16^15 snapshots.
pub(super) const LENGTH_MAX: usize = 256;

/// A snapshot in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: SnapshotName,
    pub(super) tier: u8,
    /// Robots that it holds, in rising order; of a full one they are not kept.
    pub(super) keys: Vec<RobotKey>,
}

/// From the full snapshot to the one that the last commit names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain(pub(super) Vec<Link>);

/// What the next snapshot is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// Links of the chain that stay; the last of them is the base.
    pub(super) kept: usize,
    pub(super) tier: u8,
    /// The robots to write; `None` for all.
    pub(super) keys: Option<Vec<RobotKey>>,
}

impl Chain {
    /// Plans the snapshot of a batch that changed these robots, of `robots` in all.
    pub(super) fn plan<'a>(&self, changed: impl Iterator<Item = &'a RobotKey>, robots: usize) -> Plan {
        let full = Plan { kept: 0, tier: FULL, keys: None };
        if self.0.is_empty() {
            return full;
        }
        let (mut kept, mut tier) = (self.0.len(), 0);
        loop {
            let of_tier = self.0[..kept].iter().rev().take_while(|link| link.tier == tier).count();
            if of_tier + 1 < FAN_IN {
                break;
            }
            kept -= of_tier;
            tier += 1;
        }
        let mut keys: BTreeSet<RobotKey> = changed.copied().collect();
        keys.extend(self.0[kept..].iter().flat_map(|link| &link.keys));
        if tier > 0 && keys.len() * 2 >= robots {
            return full;
        }
        Plan { kept, tier, keys: Some(keys.into_iter().collect()) }
    }

    /// The snapshot that the next one builds on.
    pub(super) fn base(&self, plan: &Plan) -> Option<SnapshotName> {
        self.0[..plan.kept].last().map(|link| link.name)
    }

    /// Adds the snapshot that was planned, and drops those that it replaces.
    pub(super) fn push(&mut self, plan: Plan, name: SnapshotName) {
        self.0.truncate(plan.kept);
        self.0.push(Link { name, tier: plan.tier, keys: plan.keys.unwrap_or_default() });
    }

    /// Whether a snapshot is needed to load the newest.
    pub(super) fn holds(&self, name: SnapshotName) -> bool {
        self.0.iter().any(|link| link.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_schemas::RobotId;

    fn key(number: usize) -> RobotKey {
        let id = format!("CNAB12HX0001{number:017}");
        RobotKey::Id(RobotId::parse(id.as_bytes()).unwrap())
    }

    fn name(next_offset: i64) -> SnapshotName {
        SnapshotName { next_offset, random: 0 }
    }

    /// Lands one robot after another, of many; gives the robots written in all and the longest chain.
    fn run(commits: usize, robots: usize, active: usize) -> (usize, usize) {
        let mut chain = Chain::default();
        let (mut written, mut longest) = (0, 0);
        for commit in 0..commits {
            let changed = key(commit % active);
            let plan = chain.plan([changed].iter(), robots);
            if commit > 0 {
                written += plan.keys.as_ref().map_or(robots, Vec::len);
            }
            chain.push(plan, name(commit.try_into().unwrap()));
            longest = longest.max(chain.0.len());
        }
        (written, longest)
    }

    #[test]
    fn the_work_of_a_commit_does_not_grow_with_the_number_of_idle_robots() {
        let small = run(2_000, 10_000, 100);
        let large = run(2_000, 1_000_000, 100);
        assert_eq!(small, large);
        assert!(large.0 <= 2_000 * 10, "{} robots written in 2,000 commits", large.0);
        assert!(large.1 <= 64, "a chain of {}", large.1);
    }

    #[test]
    fn once_half_of_the_robots_would_be_written_all_are() {
        let mut chain = Chain::default();
        for commit in 0..16 {
            let plan = chain.plan([key(0)].iter(), 2);
            chain.push(plan, name(commit));
        }
        assert_eq!(chain.0.len(), 16);
        let plan = chain.plan([key(1)].iter(), 2);
        assert_eq!((plan.kept, plan.tier, &plan.keys), (0, FULL, &None));
        assert_eq!(chain.base(&plan), None);
        chain.push(plan, name(99));
        assert!(chain.holds(name(99)) && !chain.holds(name(3)));
    }
}
