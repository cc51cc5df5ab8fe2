//! Statistics of a data file: its rows, and the ranges of the few columns that readers prune by.
//!
//! They travel in the `add` action as Delta spells them. Times there are bounds in whole milliseconds: rounded
//! down for the least, up for the greatest.

use std::collections::BTreeMap;
use std::mem::discriminant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::kernels::aggregate;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

/// Columns with statistics, where a table has them.
pub(crate) const COLUMNS: [&str; 9] =
    ["robot_id", "stream_epoch", "seq", "received_at", "log_epoch", "partition", "offset", "window_end", "time"];

/// Those of [`COLUMNS`] that are times.
const TIMES: [&str; 3] = ["received_at", "window_end", "time"];

/// Rows of a file and the ranges of some of its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileStats {
    /// Rows.
    pub rows: u64,
    /// By name of the column.
    pub columns: BTreeMap<String, ColumnStats>,
    /// Whether a commit states anything else, or anything twice: this release does not, and other readers may rely on it.
    pub foreign: bool,
}

/// The range of a column; no bounds if all its cells are null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnStats {
    /// No cell is less.
    pub min: Option<StatValue>,
    /// No cell is greater.
    pub max: Option<StatValue>,
    /// Cells that are null.
    pub nulls: u64,
}

/// A bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatValue {
    /// Of an integer column.
    Int(i64),
    /// Of a time column, microseconds UTC.
    TimeUs(i64),
    /// Of a text column.
    Text(String),
}

impl FileStats {
    /// What a commit states and this release cannot read.
    pub(super) fn unreadable() -> Self {
        Self { foreign: true, ..Self::default() }
    }

    /// Takes the rows of a batch into account.
    pub fn observe(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for name in COLUMNS {
            if let Some(column) = batch.column_by_name(name) {
                let seen = self.columns.entry(name.to_owned()).or_default();
                seen.nulls += column.null_count() as u64;
                seen.widen(range(column));
            }
        }
    }

    /// Whether a row with this text in the column can be in the file.
    pub fn may_hold_text(&self, column: &str, text: &str) -> bool {
        self.may_overlap(column, &StatValue::Text(text.to_owned()), &StatValue::Text(text.to_owned()))
    }

    /// Whether a row with an integer of `first..=last` in the column can be in the file.
    pub fn may_hold_ints(&self, column: &str, first: i64, last: i64) -> bool {
        self.may_overlap(column, &StatValue::Int(first), &StatValue::Int(last))
    }

    fn may_overlap(&self, column: &str, first: &StatValue, last: &StatValue) -> bool {
        match self.columns.get(column).map(|stats| (&stats.min, &stats.max)) {
            Some((Some(min), Some(max))) if discriminant(min) == discriminant(first) => min <= last && first <= max,
            _ => true,
        }
    }

    /// How what a commit states differs from what its file's rows give; `None` if it does not.
    pub(super) fn difference(&self, rows: &Self) -> Option<String> {
        // With the bounds of times as commits have them.
        let found = Self::from_json(&rows.to_json()).unwrap_or_else(Self::unreadable);
        if self.rows != found.rows {
            return Some(format!("has {} rows, its commit states {}", found.rows, self.rows));
        }
        if let Some(name) = COLUMNS.into_iter().find(|name| self.columns.get(*name) != found.columns.get(*name)) {
            return Some(format!("its commit states another range or number of nulls of {name} than its rows have"));
        }
        self.foreign.then(|| "its commit states statistics that are not ours".to_owned())
    }

    /// As Delta's `add.stats` has them.
    pub(crate) fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    fn to_value(&self) -> Value {
        let bounds = |bound: fn(&ColumnStats) -> Option<&StatValue>, up: bool| {
            let pairs = self
                .columns
                .iter()
                .filter_map(|(name, stats)| bound(stats).map(|value| (name.clone(), value.to_json(up))));
            pairs.collect::<Map<String, Value>>()
        };
        let nulls: Map<String, Value> =
            self.columns.iter().map(|(name, stats)| (name.clone(), stats.nulls.into())).collect();
        json!({
            "numRecords": self.rows,
            "minValues": bounds(|stats| stats.min.as_ref(), false),
            "maxValues": bounds(|stats| stats.max.as_ref(), true),
            "nullCount": nulls,
        })
    }

    /// Reads Delta's `add.stats`; `None` if it has no number of rows. Columns other than [`COLUMNS`] make it foreign.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let stats: Value = serde_json::from_str(text).ok()?;
        let rows = stats.get("numRecords")?.as_u64()?;
        let bound =
            |kind: &str, name: &str| stats.get(kind)?.get(name).and_then(|value| StatValue::from_json(name, value));
        let mut columns = BTreeMap::new();
        for name in COLUMNS {
            let nulls = stats.get("nullCount").and_then(|nulls| nulls.get(name)).and_then(Value::as_u64);
            let (min, max) = (bound("minValues", name), bound("maxValues", name));
            if nulls.is_some() || min.is_some() || max.is_some() {
                columns.insert(name.to_owned(), ColumnStats { min, max, nulls: nulls.unwrap_or_default() });
            }
        }
        let mut read = Self { rows, columns, foreign: false };
        let ours = read.to_value();
        // What stands there twice is the same value, and a longer text.
        read.foreign = ours != stats || ours.to_string().len() != text.len();
        Some(read)
    }
}

impl ColumnStats {
    fn widen(&mut self, range: Option<(StatValue, StatValue)>) {
        let Some((min, max)) = range else { return };
        self.min = Some(self.min.take().map_or(min.clone(), |seen| seen.min(min)));
        self.max = Some(self.max.take().map_or(max.clone(), |seen| seen.max(max)));
    }
}

impl StatValue {
    fn to_json(&self, up: bool) -> Value {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
            Self::TimeUs(us) => {
                let ms = if up { us.saturating_add(999) } else { *us }.div_euclid(1_000);
                let time = DateTime::from_timestamp_millis(ms);
                time.map_or(Value::Null, |time| time.to_rfc3339_opts(SecondsFormat::Millis, true).into())
            }
        }
    }

    fn from_json(name: &str, value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if TIMES.contains(&name) => {
                let time = DateTime::parse_from_rfc3339(text).ok()?;
                Some(Self::TimeUs(time.timestamp_micros()))
            }
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Self::Int),
            _ => None,
        }
    }
}

/// Least and greatest cell of a column that is not all null.
fn range(column: &dyn Array) -> Option<(StatValue, StatValue)> {
    match column.data_type() {
        DataType::Int64 => {
            let column = column.as_primitive::<Int64Type>();
            Some((StatValue::Int(aggregate::min(column)?), StatValue::Int(aggregate::max(column)?)))
        }
        DataType::Timestamp(_, _) => {
            let column = column.as_primitive_opt::<TimestampMicrosecondType>()?;
            Some((StatValue::TimeUs(aggregate::min(column)?), StatValue::TimeUs(aggregate::max(column)?)))
        }
        DataType::Utf8 => {
            let column = column.as_string::<i32>();
            let (min, max) = (aggregate::min_string(column)?, aggregate::max_string(column)?);
            Some((StatValue::Text(min.to_owned()), StatValue::Text(max.to_owned())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_schemas::table::Table;

    fn stats_of(min_us: i64, max_us: i64) -> FileStats {
        let range = |min, max| ColumnStats { min: Some(min), max: Some(max), nulls: 1 };
        let columns = BTreeMap::from([
            ("robot_id".to_owned(), range(StatValue::Text("A".to_owned()), StatValue::Text("C".to_owned()))),
            ("offset".to_owned(), range(StatValue::Int(-3), StatValue::Int(9))),
            ("received_at".to_owned(), range(StatValue::TimeUs(min_us), StatValue::TimeUs(max_us))),
        ]);
        FileStats { rows: 4, columns, foreign: false }
    }

    #[test]
    fn json_keeps_bounds_and_rounds_times_outwards() {
        let read = FileStats::from_json(&stats_of(-1, 1_700_000_000_000_001).to_json()).unwrap();
        assert_eq!(read, stats_of(-1_000, 1_700_000_000_001_000));
    }

    #[test]
    fn what_a_commit_states_wrongly_is_named() {
        let rows = stats_of(-1, 1_700_000_000_000_001);
        let text = rows.to_json();
        assert_eq!(FileStats::from_json(&text).unwrap().difference(&rows), None);
        for (from, to, named) in [
            ("\"numRecords\":4", "\"numRecords\":5", "has 4 rows"),
            ("\"offset\":-3", "\"offset\":-2", "offset"),
            ("\"robot_id\":\"C\"", "\"robot_id\":\"B\"", "robot_id"),
            ("{\"offset\":1,", "{\"offset\":0,", "offset"),
            ("\"offset\":-3", "\"offset\":-3,\"soc\":1", "not ours"),
            ("\"offset\":-3", "\"offset\":7,\"offset\":-3", "not ours"),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert_ne!(wrong, text, "{from}");
            let told = FileStats::from_json(&wrong).unwrap().difference(&rows).unwrap();
            assert!(told.contains(named), "{told}");
        }
    }

    #[test]
    fn files_are_pruned_only_outside_their_ranges() {
        let stats = stats_of(0, 1);
        assert!(stats.may_hold_text("robot_id", "B") && !stats.may_hold_text("robot_id", "D"));
        assert!(stats.may_hold_ints("offset", 9, 20) && !stats.may_hold_ints("offset", 10, 20));
        assert!(stats.may_hold_ints("partition", 0, 0), "a column without statistics prunes nothing");
        assert!(stats.may_hold_ints("received_at", 5, 5), "nor does a value of another type");
    }

    #[test]
    fn every_table_has_the_columns_that_place_a_row() {
        for table in Table::ALL {
            let schema = table.arrow_schema();
            let present = COLUMNS.iter().filter(|name| schema.field_with_name(name).is_ok()).count();
            assert!(present >= 7, "{}", table.name());
        }
    }
}
