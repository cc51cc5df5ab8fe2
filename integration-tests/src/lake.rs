//! What the lake says, asked as a user asks: by `tacho sql`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::plant::tacho;

/// One row: column name to value.
pub type Row = BTreeMap<String, Value>;

/// The lake of a plant, or of a cluster.
#[derive(Debug, Clone)]
pub struct Lake {
    option: &'static str,
    path: PathBuf,
}

impl Lake {
    /// The lake in a data directory.
    pub fn new(data: PathBuf) -> Self {
        Self { option: "--data", path: data }
    }

    /// The lake that a configuration names.
    pub fn of_config(file: PathBuf) -> Self {
        Self { option: "--config", path: file }
    }

    /// Rows of a query.
    ///
    /// # Errors
    /// If `tacho sql` does not answer.
    pub fn rows(&self, sql: &str) -> anyhow::Result<Vec<Row>> {
        let text = self.text(sql, "json")?;
        text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// The answer to a query in a format.
    ///
    /// # Errors
    /// If `tacho sql` does not answer.
    pub fn text(&self, sql: &str, format: &str) -> anyhow::Result<String> {
        let path = self.path.to_str().context("path")?;
        let output = tacho(&["sql", sql, self.option, path, "--format", format])?;
        ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).context("tacho sql writes UTF-8")
    }

    /// The one integer that a query gives.
    ///
    /// # Errors
    /// If it gives something else.
    pub fn int(&self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.rows(sql)?;
        let value = rows.first().and_then(|row| row.values().next()).with_context(|| format!("{sql}: no row"))?;
        value.as_i64().with_context(|| format!("{sql}: {value} is no integer"))
    }

    /// The same, or nothing while the lake is not there yet.
    pub fn try_int(&self, sql: &str) -> Option<i64> {
        self.int(sql).ok()
    }

    /// What breaks the balance of G4: robots whose received is not landed + duplicate + rejected, or whose rows
    /// are not what the ledger counts.
    ///
    /// # Errors
    /// If `tacho sql` does not answer.
    pub fn imbalances(&self) -> anyhow::Result<Vec<Row>> {
        self.rows(
            "select l.robot_id, l.received, l.landed, l.duplicate, l.rejected, r.n as rows, d.n as letters \
             from ledger l \
             left join (select robot_id, count(*) n from records group by robot_id) r on r.robot_id = l.robot_id \
             left join (select robot_id, count(*) n from rejected group by robot_id) d on d.robot_id = l.robot_id \
             where l.received <> l.landed + l.duplicate + l.rejected \
                or l.landed <> coalesce(r.n, 0) or l.rejected <> coalesce(d.n, 0)",
        )
    }

    /// Keys that are in `records` more than once.
    ///
    /// # Errors
    /// If `tacho sql` does not answer.
    pub fn twice(&self) -> anyhow::Result<Vec<Row>> {
        self.rows(
            "select robot_id, stream_epoch, seq, count(*) as times from records \
             group by robot_id, stream_epoch, seq having count(*) > 1 limit 10",
        )
    }
}
