//! `audit`: recomputes everything that was anchored from the lake, the keys and the log as they are now, and names the
//! first thing that differs. Nothing is written; a running instance does not disturb it.
//!
//! First the log for itself ([`history`]), then every live file ([`survey`]), then rows, segments and heads window by
//! window ([`rows`]), then the configurations that rows name ([`configs`]), then which files there are ([`files`]), then
//! the ledger's counts.
//!
//! Rows that retention dropped would show as a divergence: no statement says yet which days were dropped, nor are the leaf
//! hashes of their rows kept, which the roots of their windows need. So the anchoring role lets retention drop nothing.

mod configs;
mod error;
mod files;
mod history;
mod lake;
mod places;
mod rows;
mod survey;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use tacho_lake::LakePlace;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

pub use error::{AuditError, Divergence};

use crate::salts::SaltStore;
use history::History;
use lake::Pinned;
use survey::Survey;

/// What an audit has found right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Origin of the log; empty if nothing was anchored yet.
    pub origin: String,
    /// Entries of the log.
    pub tree_size: u64,
    /// Entries of which the registry holds a signed checkpoint.
    pub registry_size: u64,
    /// Evidence of a former log beside which this one began at an operator's word: SHA-256 of a signed checkpoint.
    pub begun_beside: Option<Digest>,
    /// Logs that the registry knows besides this one.
    pub other_logs: u64,
    /// How often a registry had lost what it had accepted, and was given the log anew.
    pub lodged_anew: u64,
    /// Windows.
    pub windows: u64,
    /// Robots with a chain of segments.
    pub robots: u64,
    /// Rows of all windows, over all tables.
    pub rows: u64,
    /// Live data files.
    pub files: u64,
    /// Landed rows that are younger than the last window.
    pub young_rows: u64,
    /// Live files that are younger than the last window.
    pub young_files: u64,
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin.is_empty() {
            writeln!(f, "nothing is anchored yet")?;
        } else {
            writeln!(f, "log {}: {} entries, root and signature hold", self.origin, self.tree_size)?;
            writeln!(f, "registry: holds a checkpoint of {} entries of this log", self.registry_size)?;
            if let Some(evidence) = self.begun_beside {
                writeln!(
                    f,
                    "begun anew beside a former log, of which a signed checkpoint with SHA-256 {evidence} was there"
                )?;
            }
            if self.other_logs > 0 {
                writeln!(f, "registry: knows other logs, so many: {}", self.other_logs)?;
            }
            if self.lodged_anew > 0 {
                writeln!(f, "registry: given the log anew after a loss, so many times: {}", self.lodged_anew)?;
            }
        }
        let Self { windows, robots, rows, files, .. } = self;
        writeln!(f, "{windows} windows, {rows} rows of {robots} robots, {files} files: as anchored")?;
        write!(f, "not yet anchored: {} rows, {} files", self.young_rows, self.young_files)
    }
}

/// Audits a data directory; `progress` is told what is being done.
///
/// # Errors
/// [`AuditError`]: the first divergence, or why it could not be found out ([`AuditError::is_divergence`] tells which).
pub async fn audit(
    data_dir: &Path,
    lake: impl Into<LakePlace>,
    file_registry_dir: &Path,
    mut progress: impl FnMut(&str),
) -> Result<AuditReport, AuditError> {
    progress("the log");
    let history = History::read(data_dir, file_registry_dir)?;
    let pinned = Pinned::read(&lake.into(), &history).await?;
    let places = pinned.places(&history)?;
    let survey = Survey::make(&pinned, &places, &mut progress).await?;
    history::check_begun(&history, &survey, data_dir, file_registry_dir)?;
    let mut salts = SaltStore::read_only(data_dir.join("keys").join("salts"), history.salts());
    let robots = rows::check(&pinned, &history, &survey, &places, &mut salts, &mut progress).await?;
    progress("configurations");
    configs::check(&pinned, &history, &survey).await?;
    progress("files");
    files::check(&pinned, &history, &survey, &places).await?;
    pinned.check_ledger(&history, &survey)?;
    Ok(report(&history, &survey, robots))
}

fn report(history: &History, survey: &Survey, robots: u64) -> AuditReport {
    AuditReport {
        origin: history.origin().to_owned(),
        tree_size: history.size(),
        registry_size: history.registry_size,
        begun_beside: history.published.as_ref().and_then(|published| published.lock.begun_beside),
        other_logs: history.other_logs,
        lodged_anew: history.published.as_ref().map_or(0, |published| published.lock.lodged_anew.len() as u64),
        windows: history.windows.len() as u64,
        robots,
        rows: history.windows.iter().flat_map(|window| &window.counts.rows).sum(),
        files: survey.files.len() as u64,
        young_rows: sum(&survey.young_rows),
        young_files: survey.files.iter().filter(|file| file.is_young).count() as u64,
    }
}

fn sum(rows: &Tables<u64>) -> u64 {
    Table::ALL.iter().map(|table| rows.get(*table)).sum()
}
