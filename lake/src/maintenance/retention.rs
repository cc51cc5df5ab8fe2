//! Retention: the rows of whole days of receipt leave the table. Off unless the operator asks, and only as far as the
//! anchorer allows.

use chrono::NaiveDate;
use metrics::counter;

use super::Maintainer;
use crate::fault::InjectedFault;
use crate::table::entry::{self, Action, MetaData};
use crate::table::schema::APPEND_ONLY;
use crate::table::{CommitError, DataFile, LogError};

/// Days were not dropped.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Another was faster, or the store refuses.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// An injected fault.
    #[error(transparent)]
    Fault(#[from] InjectedFault),
}

impl Maintainer {
    /// Drops the rows that were received before a day, if the anchorer has stated the commits that brought them.
    /// Gives the number of files that left the table.
    ///
    /// # Errors
    /// If another commit was in the way; then nothing is dropped.
    pub async fn drop_days(&mut self, stated: Option<i64>, before: NaiveDate) -> Result<usize, RetentionError> {
        let Some(stated) = stated else { return Ok(0) };
        let state = self.newest().await?;
        let unstated = self.added_after(stated, &state).await?;
        let before = before.format("%Y-%m-%d").to_string();
        let files = state.files.values().map(DataFile::from);
        let files: Vec<DataFile> =
            files.filter(|file| file.received_day < before && !unstated.contains(&file.path)).collect();
        if files.is_empty() {
            return Ok(0);
        }
        let now_ms = entry::now_ms();
        let mut actions = vec![entry::commit_info("DELETE", &[("before", before.as_str())], now_ms)];
        actions.extend(may_delete(&state.meta).map(Action::from));
        actions.extend(files.iter().map(|file| file.remove(now_ms, true).into()));
        let faults = self.committer.options.faults.clone();
        faults.reach("lake.retention.before_commit")?;
        self.committer.commit(&actions, &[], &[], &|| Ok(())).await?;
        faults.reach("lake.retention.after_commit")?;
        let rows = files.iter().filter_map(|file| file.stats.as_ref()).map(|stats| stats.rows).sum();
        counter!("tacho_lake_expired_rows_total", "table" => self.table().name()).increment(rows);
        Ok(files.len())
    }
}

/// The metadata that lifts the ban on deletions, `None` if there is no ban. A table has the ban until its first drop,
/// so that no other engine deletes by mistake.
fn may_delete(meta: &MetaData) -> Option<MetaData> {
    let banned = meta.configuration.get(APPEND_ONLY)?.as_deref() == Some("true");
    let mut meta = meta.clone();
    meta.configuration.insert(APPEND_ONLY.to_owned(), Some("false".to_owned()));
    banned.then_some(meta)
}
