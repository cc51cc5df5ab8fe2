//! Every live file: has it the bytes that its commit names, and where in the history do its rows stand.
//!
//! Statistics are not trusted to say which rows a file has: all rows are read, and what commits state is compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::StreamExt as _;
use tacho_lake::landing::Progress;
use tacho_lake::table::{DataFile, FileStats};
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::AuditError;
use super::error::{differs, unreadable};
use super::lake::{Pinned, PinnedTable};
use super::places::{Places, Standing};
use crate::anchorer::gather::{BATCH_ROWS, note_configs};
use crate::leaf::place::told;
use crate::leaf::{Place, PlaceColumns};
use crate::statement::FileStatement;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// How a file came into its table after the last window; all others came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// With new rows, by this version.
    Added(i64),
    /// By a compaction.
    Compacted,
}

/// A live file.
#[derive(Debug, Clone)]
pub(super) struct LiveFile {
    pub(super) table: Table,
    pub(super) file: DataFile,
    /// Its bytes as they are.
    pub(super) statement: FileStatement,
    /// First and last window of its rows.
    pub(super) windows: Option<(u64, u64)>,
    /// Whether it came after the last window.
    pub(super) is_young: bool,
}

/// All live files.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) files: Vec<LiveFile>,
    /// Rows in windows.
    pub(super) rows: Tables<u64>,
    /// Landed rows that are younger than the last window.
    pub(super) young_rows: Tables<u64>,
    /// Configurations that rows name.
    pub(super) configs: BTreeSet<Digest>,
    /// Per robot, rows of `records` and of `rejected` below the progress.
    pub(super) robots: HashMap<Box<str>, Tallied>,
}

/// What the tables have of one robot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tallied {
    /// Rows of `records`.
    pub(super) landed: u64,
    /// Rows of `rejected`.
    pub(super) rejected: u64,
}

impl Survey {
    /// Reads all live files.
    pub(super) async fn make(
        pinned: &Pinned,
        places: &Places,
        progress: &mut impl FnMut(&str),
    ) -> Result<Self, AuditError> {
        let mut survey = Self::default();
        for table in Table::ALL {
            let of_table = pinned.tables.get(table);
            let since = since(of_table);
            let count = of_table.live.files.len();
            for (number, file) in of_table.live.files.iter().enumerate() {
                progress(&format!("{}: file {} of {count}", table.name(), number + 1));
                let since = match of_table.stated {
                    ..0 => Some(Since::Added(of_table.live.version)),
                    _ => since.get(file.path.as_str()).copied(),
                };
                let live = survey.file(pinned, places, table, file, since).await?;
                survey.files.push(live);
            }
        }
        Ok(survey)
    }

    async fn file(
        &mut self,
        pinned: &Pinned,
        places: &Places,
        table: Table,
        file: &DataFile,
        since: Option<Since>,
    ) -> Result<LiveFile, AuditError> {
        let (reader, own) = (pinned.reader(table)?, &pinned.tables.get(table).progress);
        let hashed = match reader.hash_file(&file.path).await {
            Ok(hashed) => hashed,
            Err(error) => return Err(pinned.unreadable_file(table, &file.path, error).await),
        };
        let path = format!("{}/{}", table.name(), file.path);
        let statement = FileStatement { path, size: hashed.0, sha256: hashed.1 };
        check_bytes(file, &statement)?;
        let mut batches = match reader.read_file(&file.path, BATCH_ROWS).await {
            Ok(batches) => batches,
            Err(error) => return Err(pinned.unreadable_file(table, &file.path, error).await),
        };
        let (mut rows, mut windows) = (FileStats::default(), None);
        let day = file.received_day.parse::<NaiveDate>().map_err(|error| unreadable(&statement.path, error))?;
        let day = day.signed_duration_since(NaiveDate::default()).num_days();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| unreadable(&statement.path, error))?;
            rows.observe(&batch);
            self.batch(places, table, &statement.path, &batch, (since, own, day), &mut windows)?;
        }
        if let Some(what) = file.misstated(&rows) {
            return Err(differs(&statement.path, what));
        }
        Ok(LiveFile { table, file: file.clone(), statement, windows, is_young: since.is_some() })
    }

    fn batch(
        &mut self,
        places: &Places,
        table: Table,
        path: &str,
        batch: &RecordBatch,
        (since, own, day): (Option<Since>, &Progress, i64),
        windows: &mut Option<(u64, u64)>,
    ) -> Result<(), AuditError> {
        note_configs(batch, &mut self.configs).map_err(|error| unreadable(path, error))?;
        let columns = PlaceColumns::new(table, batch).map_err(|error| unreadable(path, error))?;
        for row in 0..batch.num_rows() {
            let place = columns.place(row);
            if columns.received_at_us(row).div_euclid(DAY_US) != day {
                return Err(differs(path, format!("{}, a row of another day of receipt", at(&place))));
            }
            let standing = places.standing(&place);
            let landed = || own.contains(place.log_epoch, i32::try_from(place.partition).unwrap_or(-1), place.offset);
            if let Some(what) = misplaced(table, standing, since, landed) {
                return Err(differs(path, format!("{}, {what}", at(&place))));
            }
            match standing {
                Standing::Window(win_no) => {
                    self.tally(table, columns.robot_id(row));
                    let (first, last) = windows.unwrap_or((win_no, win_no));
                    *windows = Some((first.min(win_no), last.max(win_no)));
                    *self.rows.get_mut(table) += 1;
                }
                Standing::Young => {
                    self.tally(table, columns.robot_id(row));
                    *self.young_rows.get_mut(table) += 1;
                }
                Standing::Beyond | Standing::Nowhere => {}
            }
        }
        Ok(())
    }
}

impl Survey {
    fn tally(&mut self, table: Table, robot: &str) {
        if !matches!(table, Table::Records | Table::Rejected) {
            return;
        }
        if !self.robots.contains_key(robot) {
            self.robots.insert(robot.into(), Tallied::default());
        }
        let Some(tallied) = self.robots.get_mut(robot) else { return };
        match table {
            Table::Records => tallied.landed += 1,
            _ => tallied.rejected += 1,
        }
    }
}

/// Files that came after the stated version.
fn since(table: &PinnedTable) -> HashMap<&str, Since> {
    let adds = table.unstated.iter().flat_map(|commit| commit.adds.iter().map(move |file| (commit.version, file)));
    adds.map(|(version, file)| {
        let since = if file.data_change { Since::Added(version) } else { Since::Compacted };
        (file.path.as_str(), since)
    })
    .collect()
}

/// What is wrong with a row that stands where its file has no business.
fn misplaced(table: Table, standing: Standing, since: Option<Since>, landed: impl Fn() -> bool) -> Option<String> {
    match (standing, since) {
        // While a batch is on its way the other tables have rows that `records` has not yet.
        (Standing::Beyond, _) if !landed() => Some("a row above what its own table has landed".to_owned()),
        (Standing::Nowhere, _) => Some("a place that no log has".to_owned()),
        (Standing::Window(win_no), Some(Since::Added(version))) => Some(format!(
            "a row of window {win_no} in a file that version {version} has added after the window was closed"
        )),
        (Standing::Young, None) => Some("a row that no window covers, in a file that was there before".to_owned()),
        (Standing::Beyond, None) => Some("a row above the progress, in a file that was there before".to_owned()),
        (Standing::Beyond, _) if table == Table::Records => Some("a row above the progress".to_owned()),
        _ => None,
    }
}

/// A row's place, in words.
pub(super) fn at(place: &Place<'_>) -> String {
    let Place { log_epoch, partition, offset, ordinal, .. } = *place;
    format!("row at {}", told([log_epoch, partition, offset, ordinal]))
}

fn check_bytes(file: &DataFile, found: &FileStatement) -> Result<(), AuditError> {
    let what = match file.sha256 {
        None => "its commit names no SHA-256".to_owned(),
        Some(expected) if expected != found.sha256 => format!(
            "was changed after its commit: SHA-256 is {} of {} bytes, was {expected} of {} bytes",
            found.sha256, found.size, file.size
        ),
        Some(_) if file.size != found.size => {
            format!("has {} bytes, its commit says {}", found.size, file.size)
        }
        Some(_) => return Ok(()),
    };
    Err(differs(&found.path, what))
}

/// Paths of the live files with rows of a window, at most a few, by table.
pub(super) fn files_of(survey: &Survey, win_no: u64) -> String {
    let of_window = survey.files.iter().filter(|file| file.holds(win_no));
    let mut by_table: BTreeMap<Table, Vec<&str>> = BTreeMap::new();
    for file in of_window {
        by_table.entry(file.table).or_default().push(&file.statement.path);
    }
    let named = by_table.values().map(|paths| match paths.as_slice() {
        [one] => (*one).to_owned(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    });
    named.collect::<Vec<_>>().join(", ")
}

impl LiveFile {
    /// Whether it may hold rows of a window.
    pub(super) fn holds(&self, win_no: u64) -> bool {
        self.windows.is_some_and(|(first, last)| (first..=last).contains(&win_no))
    }
}
