//! Where the landing tests land: a lake in a temporary folder, and what is in it.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use tacho_schemas::RobotKey;
use tacho_schemas::table::Table;
use tempfile::TempDir;

use crate::landing::{Landing, LandingOptions, LogIdentity, Progress};
use crate::ledger::Counts;
use crate::ledger::view::LedgerView;
use crate::reader::RowFilter;
use crate::{Faults, Lake, LakeOptions};

/// A lake in a temporary folder.
#[derive(Debug)]
pub(super) struct Plant {
    pub(super) dir: TempDir,
}

/// All landed rows by table, as texts, in order.
pub(super) type Content = BTreeMap<&'static str, Vec<String>>;

impl Plant {
    pub(super) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(super) fn lake(&self, faults: &str) -> Lake {
        let options = LakeOptions { faults: faults.parse::<Faults>().unwrap(), ..LakeOptions::default() };
        Lake::open(self.dir.path(), options).unwrap()
    }

    pub(super) async fn open(&self, identity: LogIdentity) -> Landing {
        Landing::open(&self.lake(""), identity, LandingOptions::default()).await.unwrap()
    }

    /// Rows below the progress of `records`, the anchors' and the views' way of reading.
    pub(super) async fn content(&self) -> Content {
        let lake = Lake::read_only(self.dir.path()).unwrap();
        let progress = Progress::read(&lake, None).await.unwrap();
        let mut content = Content::new();
        for table in Table::ALL {
            let reader = lake.reader(table).unwrap();
            let files = reader.live_files(None).await.unwrap().files;
            let batches = reader.rows(&files, &RowFilter::all()).await.unwrap();
            let mut rows: Vec<String> = batches.iter().flat_map(|batch| texts(table, batch, &progress)).collect();
            rows.sort();
            content.insert(table.name(), rows);
        }
        content
    }

    /// Data files that no commit has ever named.
    pub(super) async fn unnamed_files(&self) -> Vec<String> {
        let lake = Lake::read_only(self.dir.path()).unwrap();
        let mut unnamed = Vec::new();
        for table in Table::ALL {
            let reader = lake.reader(table).unwrap();
            let commits = reader.commits_between(-1, reader.version().await.unwrap()).await.unwrap();
            let named: Vec<String> = commits.into_iter().flat_map(|commit| commit.adds).map(|add| add.path).collect();
            let folder = self.dir.path().join(table.name());
            for day in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let is_day = day.file_name().unwrap().to_str().unwrap().starts_with("received_day=");
                for file in is_day.then(|| std::fs::read_dir(&day).unwrap()).into_iter().flatten() {
                    let path = file.unwrap().path().strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                    unnamed.extend((!named.contains(&path)).then(|| format!("{}/{path}", table.name())));
                }
            }
        }
        unnamed
    }

    pub(super) async fn view(&self) -> BTreeMap<RobotKey, Counts> {
        let lake = Lake::read_only(self.dir.path()).unwrap();
        let view = LedgerView::load(&lake).await.unwrap();
        view.rows().map(|row| (row.robot, row.counts)).collect()
    }
}

fn texts(table: Table, batch: &RecordBatch, progress: &Progress) -> Vec<String> {
    let int = |name: &str, row: usize| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(row);
    let landed = |row: &usize| {
        let partition = i32::try_from(int("partition", *row)).unwrap();
        progress.contains(int("log_epoch", *row), partition, int("offset", *row))
    };
    let names: &[&str] = match table {
        Table::GapEvents => &[
            "robot_id",
            "stream_epoch",
            "seq",
            "partition",
            "offset",
            "row_index",
            "kind",
            "hole",
            "seq_first",
            "seq_last",
        ],
        Table::Rejected => &["robot_id", "stream_epoch", "seq", "partition", "offset", "reason", "pointer", "payload"],
        Table::Joints => &["robot_id", "stream_epoch", "seq", "partition", "offset", "ordinal", "joint"],
        _ => &["robot_id", "stream_epoch", "seq", "partition", "offset", "ordinal"],
    };
    let columns: Vec<ArrayRef> =
        names.iter().map(|name| ArrayRef::clone(batch.column_by_name(name).unwrap())).collect();
    let cell = |column: &ArrayRef, row| {
        if column.is_null(row) { "-".to_owned() } else { array_value_to_string(column, row).unwrap() }
    };
    (0..batch.num_rows())
        .filter(landed)
        .map(|row| columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" "))
        .collect()
}
