//! Finds the row that a proof is asked for; where there is none, or there are several, it says what there is.

use std::fmt;

use arrow::array::RecordBatch;
use tacho_lake::Lake;
use tacho_lake::landing::Progress;
use tacho_lake::ledger::Logs;
use tacho_lake::ledger::view::LedgerView;
use tacho_lake::reader::RowFilter;
use tacho_schemas::table::Table;
use tacho_schemas::{RobotId, RobotKey};

use super::{ProveError, ProveRequest, RecordName};
use crate::leaf::{Place, PlaceColumns, RowKey};
use crate::statement::OffsetRange;

/// Keys of rows that an error names, at most.
const NAMED: usize = 32;

/// A row of the lake.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) table: Table,
    pub(super) batch: RecordBatch,
    pub(super) places: PlaceColumns,
    pub(super) row: usize,
    /// Identity of its log.
    pub(super) log_id: String,
}

impl Found {
    pub(super) fn place(&self) -> Place<'_> {
        self.places.place(self.row)
    }

    pub(super) fn robot(&self) -> &str {
        self.places.robot_id(self.row)
    }

    pub(super) fn epoch(&self) -> Option<i64> {
        self.places.stream_epoch(self.row)
    }

    /// Whether it stands in a range of offsets.
    pub(super) fn is_in(&self, range: &OffsetRange) -> bool {
        let place = self.place();
        range.log_id == self.log_id
            && i64::from(range.partition) == place.partition
            && (range.from..range.to).contains(&place.offset)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        write!(
            f,
            "the row of {} at offset {} of partition {} of log {}",
            self.table.name(),
            place.offset,
            place.partition,
            self.log_id
        )
    }
}

impl RecordName {
    /// Rows of the record, and of others that the name does not tell apart from it.
    fn filter(&self) -> RowFilter {
        let by = |filter: RowFilter, column, value: &Option<i64>| match value {
            Some(value) => filter.int(column, *value),
            None => filter,
        };
        match self {
            Self::Key { robot, seq, epoch } => {
                by(RowFilter::all().robot(robot.as_str()).int("seq", *seq), "stream_epoch", epoch)
            }
            Self::Place { log_epoch, partition, offset, ordinal } => {
                let filter = RowFilter::all().int("partition", *partition).int("offset", *offset);
                by(filter.int("ordinal", *ordinal), "log_epoch", log_epoch)
            }
        }
    }

    /// The epoch that tells them apart: the highest is meant.
    fn epoch(&self, places: &PlaceColumns, row: usize) -> Option<i64> {
        match self {
            Self::Key { .. } => places.stream_epoch(row),
            Self::Place { .. } => Some(places.place(row).log_epoch),
        }
    }

    /// The same name with an epoch.
    fn in_epoch(&self, found: Option<i64>) -> Self {
        let mut name = self.clone();
        match &mut name {
            Self::Key { epoch, .. } => *epoch = found,
            Self::Place { log_epoch, .. } => *log_epoch = found,
        }
        name
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = |what, epoch: &Option<i64>| epoch.map_or_else(String::new, |epoch| format!(", {what} {epoch}"));
        match self {
            Self::Key { robot, seq, epoch: of } => {
                write!(f, "robot {}{}, seq {seq}", robot.as_str(), epoch("stream epoch", of))
            }
            Self::Place { log_epoch, partition, offset, ordinal } => {
                let log = epoch("log epoch", log_epoch);
                write!(f, "partition {partition}{log}, offset {offset}, ordinal {ordinal}")
            }
        }
    }
}

/// Finds the row of a request.
pub(super) async fn find(lake: &Lake, request: &ProveRequest) -> Result<Found, ProveError> {
    let reader = lake.reader(request.table)?;
    let files = reader.live_files(None).await?.files;
    let mut candidates = Vec::new();
    for batch in reader.rows(&files, &request.record.filter()).await? {
        let places = PlaceColumns::new(request.table, &batch)?;
        candidates.extend((0..batch.num_rows()).map(|row| (batch.clone(), places.clone(), row)));
    }
    let highest = candidates.iter().map(|(_, places, row)| request.record.epoch(places, *row)).max();
    let Some(highest) = highest else {
        let asked = asked(request.table, &request.record);
        return Err(ProveError::NoRow { asked, exists: exists(lake, &request.record).await? });
    };
    candidates.retain(|(_, places, row)| request.record.epoch(places, *row) == highest);
    let chosen = choose(request, highest, &candidates)?;
    let (batch, places, row) = candidates.swap_remove(chosen);
    let log_epoch = places.place(row).log_epoch;
    let logs = Logs::load(&lake.object_store()).await?;
    let log = logs.iter().find(|log| log.log_epoch == log_epoch);
    let log_id = log.map_or_else(String::new, |log| log.log_id.to_string());
    Ok(Found { table: request.table, batch, places, row, log_id })
}

/// The one row that is meant.
fn choose(
    request: &ProveRequest,
    epoch: Option<i64>,
    candidates: &[(RecordBatch, PlaceColumns, usize)],
) -> Result<usize, ProveError> {
    let keys: Vec<String> = candidates.iter().map(|(_, places, row)| key_of(&places.place(*row))).collect();
    let asked = || asked(request.table, &request.record.in_epoch(epoch));
    let exist = || {
        let mut named: Vec<&str> = keys.iter().map(String::as_str).collect();
        named.sort_unstable();
        let more = if named.len() > NAMED { ", …" } else { "" };
        named.truncate(NAMED);
        format!("{}{more}", named.join(", "))
    };
    match &request.component {
        Some(component) => keys.iter().position(|key| key == component).ok_or_else(|| ProveError::NoComponent {
            asked: asked(),
            component: component.clone(),
            exist: exist(),
        }),
        None if candidates.len() > 1 => Err(ProveError::Several { asked: asked(), exist: exist() }),
        None => Ok(0),
    }
}

/// What tells rows of one record apart; dead letters have nothing but their place.
fn key_of(place: &Place<'_>) -> String {
    match place.key {
        RowKey::Text(text) => text.to_owned(),
        RowKey::Index(index) => index.to_string(),
        RowKey::None => format!("{}/{}/{}", place.partition, place.offset, place.ordinal),
    }
}

fn asked(table: Table, record: &RecordName) -> String {
    format!("{}: {record}", table.name())
}

/// What the lake knows of the robot, or of the partition.
async fn exists(lake: &Lake, record: &RecordName) -> Result<String, ProveError> {
    match record {
        RecordName::Key { robot, .. } => of_robot(lake, *robot).await,
        RecordName::Place { log_epoch, partition, .. } => of_partition(lake, *log_epoch, *partition).await,
    }
}

async fn of_robot(lake: &Lake, robot: RobotId) -> Result<String, ProveError> {
    let view = LedgerView::load(lake).await?;
    let Some(robot) = view.robot(&RobotKey::Id(robot)) else {
        return Ok("the lake knows no such robot".to_owned());
    };
    let streams = robot.streams.iter().map(|stream| {
        format!("stream epoch {} has seq {} to {}", stream.stream_epoch, stream.first_seq, stream.last_seq)
    });
    let streams: Vec<String> = streams.collect();
    Ok(if streams.is_empty() { "the robot has no streams".to_owned() } else { streams.join(", ") })
}

async fn of_partition(lake: &Lake, log_epoch: Option<i64>, partition: i64) -> Result<String, ProveError> {
    let logs = Logs::load(&lake.object_store()).await?;
    let progress = Progress::of(&logs, &lake.reader(Table::Records)?.head(None).await?.txns);
    let log_epoch = log_epoch.or(logs.last().map(|log| log.log_epoch)).unwrap_or(0);
    let next = i32::try_from(partition).map_or(0, |partition| progress.next_offset(log_epoch, partition));
    Ok(match next {
        0 => format!("nothing of partition {partition} of log epoch {log_epoch} has landed"),
        next => format!("of partition {partition} of log epoch {log_epoch} offsets below {next} have landed"),
    })
}
