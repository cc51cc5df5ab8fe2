//! What became of records that a journal says were acknowledged: lost, twice, out of order?

use std::collections::{HashMap, HashSet};

use crate::lake::Lake;

/// Counts of a whole run.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Records of the journal.
    pub acknowledged: usize,
    /// Rows of `records`.
    pub landed: usize,
    /// Acknowledged, and not there.
    pub lost: usize,
    /// Rows beyond the first of a key.
    pub twice: usize,
    /// Rows whose sequence number is not above the one before of the same robot, in the order of the log.
    pub reordered: usize,
    /// Dead letters with other content under a key that is taken.
    pub conflicts: i64,
    /// Sequence numbers that the ledger misses, or has as rejected.
    pub missing: i64,
}

impl Outcome {
    /// Counts what a lake has of a journal (robot, epoch and sequence number a line).
    ///
    /// # Errors
    /// If the lake does not answer.
    pub fn of(lake: &Lake, journal: &str) -> anyhow::Result<Self> {
        let rows = lake.text("select robot_id, seq from records order by partition, \"offset\"", "csv")?;
        let landed: HashSet<&str> = rows.lines().skip(1).collect();
        Ok(Self {
            acknowledged: journal.lines().count(),
            landed: rows.lines().count() - 1,
            lost: journal.lines().filter(|line| !landed.contains(key(line).as_str())).count(),
            twice: rows.lines().count() - 1 - landed.len(),
            reordered: reordered(&rows),
            conflicts: lake.int("select count(*) from rejections where reason = 'sequence_conflict'")?,
            missing: lake.int("select coalesce(sum(missing) + sum(rejected_open), 0) from ledger")?,
        })
    }

    /// Of so many records, all once, in order.
    pub fn whole(records: usize) -> Self {
        Self { acknowledged: records, landed: records, lost: 0, twice: 0, reordered: 0, conflicts: 0, missing: 0 }
    }
}

fn reordered(csv: &str) -> usize {
    let mut last: HashMap<&str, i64> = HashMap::new();
    let keys = csv.lines().skip(1).filter_map(|line| line.split_once(','));
    keys.filter(|(robot, seq)| {
        let seq: i64 = seq.parse().expect("a number");
        last.insert(robot, seq).is_some_and(|before| before >= seq)
    })
    .count()
}

/// Robot and sequence number of a line of the journal.
fn key(line: &str) -> String {
    let parts: Vec<&str> = line.split(',').collect();
    format!("{},{}", parts[0], parts[2])
}
