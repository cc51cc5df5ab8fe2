//! Where a row stands in the history: in which window, or behind the last.

use std::collections::HashMap;

use tacho_lake::landing::Progress;
use tacho_lake::ledger::Logs;

use super::AuditError;
use super::error::differs;
use super::history::History;
use crate::leaf::Place;

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// In a window.
    Window(u64),
    /// Landed, and younger than the last window.
    Young,
    /// At or above the progress: not landed, or on its way.
    Beyond,
    /// At no place that a log can have.
    Nowhere,
}

/// The windows by place.
#[derive(Debug)]
pub(super) struct Places {
    /// By log epoch and partition, the end of each range with the number of its window, rising.
    ends: HashMap<(i64, i64), Vec<(i64, u64)>>,
    progress: Progress,
    logs: i64,
}

impl Places {
    /// The windows of a history; `logs` number the logs that it names.
    pub(super) fn new(history: &History, logs: &Logs, progress: Progress) -> Result<Self, AuditError> {
        let mut ends = HashMap::new();
        for ((log_id, partition), ranges) in &history.ranges {
            let log = logs.iter().find(|log| log.log_id.to_string() == *log_id);
            let Some(log) = log else {
                return Err(differs(
                    "_ledger/logs.json",
                    format!("the log {log_id}, of which windows are, is missing"),
                ));
            };
            let last = ranges.last().map_or(0, |(range, _)| range.to);
            let landed = progress.next_offset(log.log_epoch, *partition);
            if landed < last {
                let what = format!(
                    "the progress of partition {partition} of log {log_id} is {landed}, windows are closed up to {last}"
                );
                return Err(differs("records", what));
            }
            let of_partition = ranges.iter().map(|(range, win_no)| (range.to, *win_no)).collect();
            ends.insert((log.log_epoch, i64::from(*partition)), of_partition);
        }
        let logs = logs.iter().map(|log| log.log_epoch).max().unwrap_or(0);
        Ok(Self { ends, progress, logs })
    }

    /// Where a row stands.
    pub(super) fn standing(&self, place: &Place<'_>) -> Standing {
        let Ok(partition) = i32::try_from(place.partition) else { return Standing::Nowhere };
        if place.offset < 0 || partition < 0 || !(1..=self.logs).contains(&place.log_epoch) {
            return Standing::Nowhere;
        }
        if let Some(ends) = self.ends.get(&(place.log_epoch, place.partition)) {
            let at = ends.partition_point(|(end, _)| *end <= place.offset);
            if let Some((_, win_no)) = ends.get(at) {
                return Standing::Window(*win_no);
            }
        }
        match self.progress.contains(place.log_epoch, partition, place.offset) {
            true => Standing::Young,
            false => Standing::Beyond,
        }
    }

    /// The window that a transaction of a commit belongs to: the one that holds the offset before `next_offset`.
    pub(super) fn window_of_txn(&self, log_epoch: i64, partition: i64, next_offset: i64) -> Option<u64> {
        let ends = self.ends.get(&(log_epoch, partition))?;
        let at = ends.partition_point(|(end, _)| *end < next_offset);
        ends.get(at).map(|(_, win_no)| *win_no)
    }
}
