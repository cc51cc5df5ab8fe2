//! What the tests of anchoring work on: a data directory, a real lake in it and a file registry beside it, all in a
//! temporary folder; records land by the lake's own landing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tacho_lake::landing::{LandError, LandingOptions, LogIdentity};
use tacho_lake::maintenance::{CompactOptions, Maintainer, MaintenanceOptions};
use tacho_lake::{Faults, Lake, LakeOptions, LakeTable, Landing, TableOptions};
use tacho_schemas::dead_letter::{DeadLetter, Problem};
use tacho_schemas::processed::{Entry, Kept, Processed, Step, StreamKey, Tables, Verdict};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::table::{GENERATION, Kind, Table, TableBuilder};
use tacho_schemas::{Digest, RecordId, RobotId, RobotKey};
use tempfile::TempDir;
use uuid::Uuid;

use crate::anchorer::{Anchored, Anchorer, AnchorerOptions, OpenError};
use crate::audit::{AuditError, AuditReport, audit};

const PARTITIONS: i32 = 2;
const ROBOTS: usize = 3;
const CONFIG: &[u8] = b"configuration";
/// 2026-03-01T00:00:00Z.
const START_US: i64 = 1_772_323_200_000_000;

/// A data directory, a lake and a registry.
#[derive(Debug)]
pub(crate) struct Plant {
    folder: TempDir,
    identity: LogIdentity,
    rounds: i64,
    /// Of the schemas of the release that works on it.
    generation: u8,
}

pub(crate) fn robot(number: usize) -> RobotId {
    RobotId::parse(format!("CNAB12HX0001{number:017}").as_bytes()).unwrap()
}

fn config() -> Digest {
    Digest::of(CONFIG)
}

impl Plant {
    pub(crate) fn new() -> Self {
        let identity = LogIdentity { log_id: Uuid::new_v4(), partitions: PARTITIONS };
        let plant = Self { folder: TempDir::new().unwrap(), identity, rounds: 0, generation: GENERATION };
        fs::create_dir_all(plant.lake_dir()).unwrap();
        plant
    }

    /// A second one of the same data, as a backup or a stolen copy is; it may use the registry of the first.
    pub(crate) fn copy(&self) -> Self {
        let folder = TempDir::new().unwrap();
        let copy = Self { folder, identity: self.identity, rounds: self.rounds, generation: self.generation };
        copy_dir(self.folder.path(), copy.folder.path());
        copy
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn lake_dir(&self) -> PathBuf {
        self.data_dir().join("lake")
    }

    pub(crate) fn registry_dir(&self) -> PathBuf {
        self.folder.path().join("data.registry")
    }

    pub(crate) fn options(&self) -> AnchorerOptions {
        AnchorerOptions {
            data_dir: self.data_dir(),
            lake: self.lake_dir().into(),
            file_registry_dir: self.registry_dir(),
            origin: None,
            new_origin: false,
            lodge_anew: false,
            window: Duration::from_secs(3_600),
            max_rows: 1 << 20,
            faults: Faults::none(),
        }
    }

    pub(crate) async fn anchorer(&self) -> Result<Anchorer, OpenError> {
        let anchorer = Anchorer::open(self.options()).await?;
        Ok(anchorer.of_release(self.generation))
    }

    /// From now on a release works on it that has the schemas of this generation.
    pub(crate) fn run_release(&mut self, generation: u8) {
        self.generation = generation;
    }

    /// Opens the log and closes a window.
    pub(crate) async fn anchor(&self) -> Anchored {
        self.anchorer().await.unwrap().tick(true).await.unwrap().expect("records have landed")
    }

    /// Lands a round and anchors it.
    pub(crate) async fn anchor_more(&mut self) {
        self.land(1).await;
        self.anchor().await;
    }

    pub(crate) async fn audit(&self) -> Result<AuditReport, AuditError> {
        audit(&self.data_dir(), &self.lake_dir(), &self.registry_dir(), |_| {}).await
    }

    /// Lands some rounds: in each a good record of every robot, and a dead letter with and one without a key.
    pub(crate) async fn land(&mut self, rounds: i64) {
        for _ in 0..rounds {
            self.round(Faults::none()).await.unwrap();
        }
    }

    /// Lands a round as far as a fault lets it; the next one begins with the same records.
    pub(crate) async fn land_until(&mut self, fault: &str) {
        self.round(format!("{fault}=error").parse().unwrap()).await.unwrap_err();
    }

    async fn round(&mut self, faults: Faults) -> Result<(), LandError> {
        let options = LandingOptions { new_log: true, ..LandingOptions::default() };
        let lake = Lake::open(self.lake_dir(), LakeOptions { faults, ..LakeOptions::default() }).unwrap();
        lake.configs().put(CONFIG).await.unwrap();
        let mut landing = Landing::open(&lake, self.identity, options).await.unwrap();
        let mut steps = Vec::new();
        let mut last = BTreeMap::new();
        for (partition, from) in landing.progress() {
            let counter = u64::try_from(self.rounds * 2 + i64::from(partition)).unwrap();
            last.insert(partition, RecordId { session: self.identity.log_id, counter });
            steps.extend(self.steps(landing.log_epoch(), partition, from));
        }
        landing.land(steps, &last).await?;
        self.rounds += 1;
        Ok(())
    }

    fn steps(&self, log_epoch: i64, partition: i32, from: i64) -> Vec<Step> {
        let mut steps = Vec::new();
        if from == 0 {
            steps.push(Step::Config { partition, offset: 0, config: config() });
        }
        let mut entries: Vec<Entry> = Vec::new();
        let seq = self.rounds;
        for number in (0..ROBOTS).filter(|number| i32::try_from(number % 2) == Ok(partition)) {
            for verdict in [good(seq), bad(Some(seq + 1_000)), bad(None)] {
                let offset = from.max(1) + i64::try_from(entries.len()).unwrap();
                entries.push(Entry {
                    offset,
                    ordinal: 0,
                    robot: RobotKey::Id(robot(number)),
                    received_at_us: START_US + offset * 1_000,
                    topic_id: None,
                    principal: "".into(),
                    verdict,
                });
            }
        }
        let offsets = entries[0].offset..entries[entries.len() - 1].offset + 1;
        steps.push(Step::Rows(processed((log_epoch, partition), offsets, entries, self.generation)));
        steps
    }

    /// From now on another log lands: its offsets begin at 0.
    pub(crate) fn begin_log(&mut self) {
        self.identity.log_id = Uuid::new_v4();
    }

    /// Merges what may be merged of a table; whether there was something.
    pub(crate) async fn compact(&self, table: Table, closed: i64) -> bool {
        let later = chrono::Utc::now() + chrono::TimeDelta::hours(2);
        self.maintainer(table).await.compact_once(Some(closed), later).await.unwrap().is_some()
    }

    /// Deletes what is not needed any more of a table: files and log entries.
    pub(crate) async fn clean(&self, table: Table, stated: i64) {
        let committer = LakeTable::open_or_create(&self.lake_dir(), table, TableOptions::default()).await.unwrap();
        committer.checkpoint().await.unwrap();
        let mut maintainer = self.maintainer(table).await;
        maintainer.vacuum(Some(stated)).await.unwrap();
        maintainer.clean_log(Some(stated)).await.unwrap();
    }

    async fn maintainer(&self, table: Table) -> Maintainer {
        let options = MaintenanceOptions {
            compact: CompactOptions { files_min: 2, ..CompactOptions::default() },
            removed_keep: Duration::ZERO,
            orphan_keep: Duration::ZERO,
            log_keep: Duration::ZERO,
            ..MaintenanceOptions::default()
        };
        Maintainer::open(&self.lake_dir(), table, TableOptions::default(), options).await.unwrap()
    }
}

fn good(seq: i64) -> Verdict {
    let payload = Bytes::from_static(b"payload");
    Verdict::Kept(Kept {
        key: StreamKey { epoch: 1, seq },
        payload_hash: Digest::of(&payload).first_i64(),
        window_end_us: START_US + seq * 1_000_000,
        power_on: seq,
        component_rows: [2, 0, 0, 0, 0],
        declared_gaps: Vec::new(),
        payload,
    })
}

fn bad(seq: Option<i64>) -> Verdict {
    let problem = Problem::new(RejectReason::Range, "/counters/power_on_h", "-1");
    let letter = Box::new(DeadLetter::of_publish(problem, &Bytes::from_static(b"bad bytes")));
    Verdict::Rejected { key: seq.map(|seq| StreamKey { epoch: 1, seq }), letter }
}

fn processed(
    (log_epoch, partition): (i64, i32),
    offsets: std::ops::Range<i64>,
    entries: Vec<Entry>,
    generation: u8,
) -> Processed {
    let mut builders = Tables::from_fn(TableBuilder::new);
    for entry in &entries {
        let Verdict::Kept(kept) = &entry.verdict else { continue };
        for (table, rows) in [(Table::Records, 1), (Table::Joints, 2)] {
            let builder = builders.get_mut(table);
            (0..rows).for_each(|index| row(builder, (table, generation), (log_epoch, partition), entry, kept, index));
        }
    }
    let rows = Tables::from_fn(|table| builders.get_mut(table).finish());
    Processed { partition, offsets, config: config(), entries, rows }
}

fn row(
    builder: &mut TableBuilder,
    (table, generation): (Table, u8),
    (log_epoch, partition): (i64, i32),
    entry: &Entry,
    kept: &Kept,
    index: u32,
) {
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
            (Kind::Text, "config_digest") => builder.text(column.name, Some(&config().to_string())),
            (Kind::Text, _) => builder.text(column.name, (column.generation <= generation).then_some("x")),
            (Kind::Int, _) => builder.int(column.name, (column.generation <= generation).then_some(int)),
            (Kind::Bool, _) => builder.boolean(column.name, None),
            (Kind::Time, "window_end") => builder.time(column.name, Some(kept.window_end_us)),
            (Kind::Time, _) => builder.time(column.name, Some(entry.received_at_us)),
            (Kind::Day, _) => builder.day_of(column.name, entry.received_at_us),
            (Kind::Decimal { .. }, _) => builder.decimal(column.name, (column.generation <= generation).then_some(1.0)),
            (Kind::DecimalList { .. }, _) => builder.decimals(column.name, None),
            (Kind::Binary, _) => builder.binary(column.name, None),
        }
    }
    builder.end_row();
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// All files below a folder, in order.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
