//! What the landing tests land: a log of processed records of six robots.

use std::collections::BTreeMap;

use bytes::Bytes;
use tacho_schemas::dead_letter::{DeadLetter, Problem};
use tacho_schemas::partition::partition_of;
use tacho_schemas::processed::{Entry, Kept, Processed, Step, StreamKey, Tables, Verdict};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::table::{Kind, Table, TableBuilder};
use tacho_schemas::{Digest, RecordId, RobotKey};
use uuid::Uuid;

use crate::landing::{Landing, LogIdentity};

pub(super) const PARTITIONS: i32 = 2;
/// Joint rows of each record.
const JOINTS: u32 = 2;
const START_US: i64 = 1_772_323_200_000_000;

/// A log of two partitions; offset 0 of each is a control record.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) identity: LogIdentity,
    pub(super) log_epoch: i64,
    /// Verdicts by partition and offset (from 1); each offset holds one record of a robot.
    offsets: BTreeMap<i32, Vec<(RobotKey, Verdict)>>,
}

/// A robot; those with an even number fall on partition 0, the others on partition 1.
pub(super) fn robot(number: usize) -> RobotKey {
    let partition = i32::try_from(number % 2).unwrap();
    let ids = (0..).map(|serial| format!("CNAB12HX0001{serial:017}"));
    let mut of_partition = ids.filter(|id| partition_of(id.as_bytes(), PARTITIONS) == partition);
    RobotKey::Id(of_partition.nth(number / 2).unwrap().parse().unwrap())
}

pub(super) fn config() -> Digest {
    Digest::of(b"configuration")
}

/// A good record of stream 1 whose content is told by `content`.
pub(super) fn good(seq: i64, content: &'static str) -> Verdict {
    let payload = Bytes::from_static(content.as_bytes());
    Verdict::Kept(Kept {
        key: StreamKey { epoch: 1, seq },
        payload_hash: Digest::of(&payload).first_i64(),
        window_end_us: START_US + seq * 1_000_000,
        power_on: seq,
        component_rows: [JOINTS, 0, 0, 0, 0],
        declared_gaps: Vec::new(),
        payload,
    })
}

pub(super) fn bad(seq: Option<i64>) -> Verdict {
    let problem = Problem::new(RejectReason::Range, "/counters/power_on_h", "-1");
    let letter = Box::new(DeadLetter::of_publish(problem, &Bytes::from_static(b"bad bytes")));
    Verdict::Rejected { key: seq.map(|seq| StreamKey { epoch: 1, seq }), letter }
}

impl Feed {
    pub(super) fn new() -> Self {
        let identity = LogIdentity { log_id: Uuid::new_v4(), partitions: PARTITIONS };
        Self { identity, log_epoch: 1, offsets: (0..PARTITIONS).map(|partition| (partition, Vec::new())).collect() }
    }

    /// Appends a record.
    pub(super) fn push(&mut self, number: usize, verdict: Verdict) {
        let partition = i32::try_from(number % 2).unwrap();
        self.offsets.get_mut(&partition).unwrap().push((robot(number), verdict));
    }

    /// A log with good records, gaps, late fills, duplicates, conflicts and rejects of six robots.
    pub(super) fn mixed(rounds: i64) -> Self {
        let mut feed = Self::new();
        for round in 0..rounds {
            for number in 0..6 {
                match (round + i64::try_from(number).unwrap()) % 7 {
                    0 => feed.push(number, bad(Some(round))),
                    1 => feed.push(number, bad(None)),
                    2 => feed.push(number, good(round + 3, "ahead")),
                    3 => feed.push(number, good(round - 1, "as it was")),
                    _ => feed.push(number, good(round, "as it was")),
                }
                if round % 5 == 0 {
                    feed.push(number, good(round, "as it was"));
                }
                if round % 6 == 5 {
                    feed.push(number, good(round - 1, "something else"));
                }
            }
        }
        feed
    }

    pub(super) fn end(&self, partition: i32) -> i64 {
        1 + i64::try_from(self.offsets[&partition].len()).unwrap()
    }

    /// Steps of a partition from an offset on, at most `count` offsets.
    pub(super) fn steps(&self, partition: i32, from: i64, count: i64) -> Vec<Step> {
        let mut steps = Vec::new();
        let to = (from + count).min(self.end(partition));
        if from == 0 {
            steps.push(Step::Config { partition, offset: 0, config: config() });
        }
        let offsets = from.max(1)..to;
        if !offsets.is_empty() {
            let entries = offsets.clone().map(|offset| self.entry(partition, offset)).collect();
            steps.push(Step::Rows(processed(self.log_epoch, partition, offsets, entries)));
        }
        steps
    }

    fn entry(&self, partition: i32, offset: i64) -> Entry {
        let (robot, verdict) = &self.offsets[&partition][usize::try_from(offset - 1).unwrap()];
        Entry {
            offset,
            ordinal: 0,
            robot: *robot,
            received_at_us: START_US + offset * 1_000,
            topic_id: None,
            principal: "".into(),
            verdict: verdict.clone(),
        }
    }

    pub(super) fn id_at(&self, partition: i32, offset: i64) -> RecordId {
        let counter = u64::try_from(offset).unwrap() * 10 + u64::try_from(partition).unwrap();
        RecordId { session: self.identity.log_id, counter }
    }

    /// The next batch of a landing, at most `count` offsets of each partition.
    pub(super) fn batch(&self, progress: &[(i32, i64)], count: i64) -> (Vec<Step>, BTreeMap<i32, RecordId>) {
        let mut last = BTreeMap::new();
        let mut steps = Vec::new();
        for (partition, from) in progress {
            let of_partition = self.steps(*partition, *from, count);
            if !of_partition.is_empty() {
                last.insert(*partition, self.id_at(*partition, (from + count).min(self.end(*partition)) - 1));
            }
            steps.extend(of_partition);
        }
        (steps, last)
    }

    /// Lands all that is left, `count` offsets at a time.
    pub(super) async fn land(&self, landing: &mut Landing, count: i64) {
        loop {
            let (steps, last) = self.batch(&landing.progress(), count);
            if steps.is_empty() {
                return;
            }
            landing.land(steps, &last).await.unwrap();
        }
    }
}

pub(super) fn processed(
    log_epoch: i64,
    partition: i32,
    offsets: std::ops::Range<i64>,
    entries: Vec<Entry>,
) -> Processed {
    let mut builders = Tables::from_fn(TableBuilder::new);
    for entry in &entries {
        if let Verdict::Kept(kept) = &entry.verdict {
            row(&mut builders, Table::Records, log_epoch, partition, entry, kept, 0);
            (0..JOINTS).for_each(|joint| row(&mut builders, Table::Joints, log_epoch, partition, entry, kept, joint));
        }
    }
    let rows = Tables::from_fn(|table| builders.get_mut(table).finish());
    Processed { partition, offsets, config: config(), entries, rows }
}

fn row(
    builders: &mut Tables<TableBuilder>,
    table: Table,
    log_epoch: i64,
    partition: i32,
    entry: &Entry,
    kept: &Kept,
    index: u32,
) {
    let builder = builders.get_mut(table);
    for column in table.columns() {
        let int = match column.name {
            "stream_epoch" => kept.key.epoch,
            "seq" => kept.key.seq,
            "log_epoch" => log_epoch,
            "partition" => partition.into(),
            "offset" => entry.offset,
            "ordinal" => entry.ordinal,
            "payload_hash" => kept.payload_hash,
            _ => 1,
        };
        match (column.kind, column.name) {
            (Kind::Text, "robot_id") => builder.text(column.name, Some(entry.robot.as_str())),
            (Kind::Text, "joint") => builder.text(column.name, Some(&format!("J{index}"))),
            (Kind::Text, _) => builder.text(column.name, Some("x")),
            (Kind::Int, _) => builder.int(column.name, Some(int)),
            (Kind::Bool, _) => builder.boolean(column.name, None),
            (Kind::Time, _) => builder.time(column.name, Some(entry.received_at_us)),
            (Kind::Day, _) => builder.day_of(column.name, entry.received_at_us),
            (Kind::Decimal { .. }, _) => builder.decimal(column.name, Some(1.0)),
            (Kind::DecimalList { .. }, _) => builder.decimals(column.name, None),
            (Kind::Binary, _) => builder.binary(column.name, None),
        }
    }
    builder.end_row();
}
