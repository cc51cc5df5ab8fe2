//! What of each table is visible: rows below the progress of `records`, and nothing else, in the columns of this release.
//!
//! The other tables commit before `records`, so for a moment, or after a crash, they hold rows of records that
//! have not landed yet.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, col, lit, when};
use datafusion::prelude::SessionContext;
use tacho_lake::Lake;
use tacho_lake::landing::Progress;
use tacho_lake::ledger::Logs;
use tacho_lake::table::Txn;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use crate::QueryError;

/// One moment of the lake: a version of each table, and the progress that the version of `records` names.
#[derive(Debug)]
pub(crate) struct Moment {
    versions: Tables<i64>,
    txns: Tables<Vec<Txn>>,
    progress: Progress,
}

impl Moment {
    /// The present. `records` is read first, so that the other tables hold at least what it has landed.
    pub(crate) async fn of(lake: &Lake) -> Result<Self, QueryError> {
        let mut versions = Tables::<i64>::default();
        let mut txns = Tables::<Vec<Txn>>::default();
        for table in Table::ALL {
            let head = lake.reader(table)?.head(None).await?;
            *versions.get_mut(table) = head.version;
            *txns.get_mut(table) = head.txns;
        }
        let progress = Progress::of(&Logs::load(&lake.object_store()).await?, txns.get(Table::Records));
        Ok(Self { versions, txns, progress })
    }

    /// The version of a table.
    pub(crate) fn version(&self, table: Table) -> i64 {
        *self.versions.get(table)
    }

    /// The transactions of that version of `records`.
    pub(crate) fn records_txns(&self) -> &[Txn] {
        self.txns.get(Table::Records)
    }

    /// The table without the rows that have not landed, and with the columns that it lacks as nulls; as it is if there is
    /// nothing of both.
    pub(crate) fn visible(
        &self,
        context: &SessionContext,
        table: Table,
        provider: Arc<dyn TableProvider>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let (landed, columns) = (self.landed(table)?, completed(table, &provider.schema())?);
        if landed.is_none() && columns.is_none() {
            return Ok(provider);
        }
        let mut frame = context.read_table(provider)?;
        if let Some(landed) = landed {
            frame = frame.filter(landed)?;
        }
        if let Some(columns) = columns {
            frame = frame.select(columns)?;
        }
        Ok(frame.into_view())
    }

    /// The condition that a row has landed; `None` if all have.
    fn landed(&self, table: Table) -> Result<Option<Expr>, DataFusionError> {
        let mut beyond = Vec::new();
        for log in self.progress.logs() {
            for partition in 0..log.log.partitions {
                let written = version_of(self.txns.get(table), &log.log.app_id(partition)).unwrap_or(0);
                let landed = log.next_offsets.get(&partition).copied().unwrap_or(0);
                if written > landed {
                    beyond.push((log.log.log_epoch, partition, landed));
                }
            }
        }
        let mut conditions = beyond.into_iter().map(|(epoch, partition, landed)| {
            let here = col("log_epoch").eq(lit(epoch)).and(col("partition").eq(lit(i64::from(partition))));
            when(here, col("offset").lt(lit(landed))).otherwise(lit(true))
        });
        conditions.try_fold(None, |all: Option<Expr>, condition| {
            let condition = condition?;
            Ok(Some(all.map_or(condition.clone(), |all| all.and(condition))))
        })
    }
}

/// All columns of this release, for a table that a former one has made and that was not opened for writing since; `None` if it
/// has them.
fn completed(table: Table, schema: &Schema) -> Result<Option<Vec<Expr>>, DataFusionError> {
    let lacks = |name: &str| schema.field_with_name(name).is_err();
    if !table.columns().iter().any(|column| lacks(column.name)) {
        return Ok(None);
    }
    let columns = table.columns().iter().map(|column| match lacks(column.name) {
        true => Ok(lit(ScalarValue::try_from(&column.kind.arrow_type())?).alias(column.name)),
        false => Ok(col(column.name)),
    });
    columns.collect::<Result<_, _>>().map(Some)
}

fn version_of(txns: &[Txn], app_id: &str) -> Option<i64> {
    txns.iter().find(|txn| txn.app_id == app_id).map(|txn| txn.version)
}
