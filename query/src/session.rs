//! A session: the lake's tables and views at one moment, for reading only.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use tacho_config::{Problem, Rules};
use tacho_lake::lake::ProviderError;
use tacho_lake::ledger::LogsError;
use tacho_lake::reader::ReadError;
use tacho_lake::{Lake, LakePlace};
use tacho_schemas::table::Table;

use crate::lazy::LazyTable;
use crate::statements::AnchorRow;
use crate::visible::Moment;
use crate::{functions, statements, views};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The lake cannot be read.
    #[error("the lake cannot be read")]
    Lake(#[from] ReadError),
    /// A table cannot be given to the query engine.
    #[error("table {} cannot be opened", table.name())]
    Table {
        /// The table.
        table: Table,
        /// Why.
        #[source]
        source: ProviderError,
    },
    /// The list of logs cannot be read.
    #[error("the list of logs cannot be read")]
    Logs(#[from] LogsError),
    /// The statement is wrong, or its execution failed.
    #[error(transparent)]
    Sql(#[from] DataFusionError),
}

impl QueryError {
    /// Whether the statement is wrong, and not the lake.
    pub fn is_wrong_statement(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(
            error.find_root(),
            DataFusionError::SQL(..)
                | DataFusionError::Plan(_)
                | DataFusionError::SchemaError(..)
                | DataFusionError::NotImplemented(_)
        )
    }
}

/// Answers SQL about the lake as it was when the session was opened.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    rule_problems: Arc<[Problem]>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.context.session_id()).finish()
    }
}

impl Session {
    /// Opens a session on a lake, beside a running instance or without one. `anchors` gives the
    /// rows of the view `anchors` when it is asked for.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn open(
        lake: impl Into<LakePlace>,
        anchors: impl Fn() -> Result<Vec<AnchorRow>, String> + Send + Sync + 'static,
    ) -> Result<Self, QueryError> {
        Self::open_with(lake, anchors, &Rules::builtin()).await
    }

    /// The same, with `maintenance_due` by rules of one's own; see [`Session::rule_problems`].
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn open_with(
        lake: impl Into<LakePlace>,
        anchors: impl Fn() -> Result<Vec<AnchorRow>, String> + Send + Sync + 'static,
        rules: &Rules,
    ) -> Result<Self, QueryError> {
        let lake = Arc::new(Lake::read_only(lake)?);
        let moment = Moment::of(&lake).await?;
        let context = context();
        for table in Table::ALL {
            let provider = lake.provider(table, Some(moment.version(table))).await;
            let provider = provider.map_err(|source| QueryError::Table { table, source })?;
            let visible = moment.visible(&context, table, provider)?;
            context.register_table(table.name(), visible)?;
        }
        let ledger = LazyTable::new(statements::ledger_schema(), {
            let (lake, txns) = (Arc::clone(&lake), Arc::new(moment.records_txns().to_vec()));
            move || {
                let (lake, txns) = (Arc::clone(&lake), Arc::clone(&txns));
                Box::pin(async move { statements::ledger_rows(&lake, &txns).await })
            }
        });
        context.register_table("ledger", Arc::new(ledger))?;
        let anchors = Arc::new(anchors);
        let anchors = LazyTable::new(statements::anchors_schema(), move || {
            let anchors = Arc::clone(&anchors);
            Box::pin(async move { statements::anchor_rows(&anchors().map_err(DataFusionError::Execution)?) })
        });
        context.register_table("anchors", Arc::new(anchors))?;
        let rule_problems = views::create(&context, rules).await?.into();
        Ok(Self { context, rule_problems })
    }

    /// Rules that `maintenance_due` leaves out because they cannot be asked, each with what would be right.
    pub fn rule_problems(&self) -> &[Problem] {
        &self.rule_problems
    }

    /// Runs one statement; batches come as they are computed.
    ///
    /// # Errors
    /// If the statement is wrong, or would write.
    pub async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream, QueryError> {
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let frame = self.context.sql_with_options(sql, read_only).await?;
        Ok(frame.execute_stream().await?)
    }

    /// Runs one statement and gives its schema and all of its rows.
    ///
    /// # Errors
    /// As [`Session::stream`], and what fails while it runs.
    pub async fn query(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), QueryError> {
        let stream = self.stream(sql).await?;
        let schema = stream.schema();
        let batches = datafusion::physical_plan::common::collect(stream).await?;
        Ok((schema, batches))
    }
}

/// What keeps rules from being asked, whatever a lake holds.
///
/// # Errors
/// If the views cannot be made, which a test rules out.
pub async fn rule_problems(rules: &Rules) -> Result<Vec<Problem>, QueryError> {
    let context = context();
    for table in Table::ALL {
        context.register_table(table.name(), Arc::new(EmptyTable::new(table.arrow_schema())))?;
    }
    context.register_table("ledger", Arc::new(EmptyTable::new(statements::ledger_schema())))?;
    context.register_table("anchors", Arc::new(EmptyTable::new(statements::anchors_schema())))?;
    Ok(views::create(&context, rules).await?)
}

/// A context with the functions, without tables.
fn context() -> SessionContext {
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema("tacho", "public")
        .set_bool("datafusion.execution.parquet.pushdown_filters", true);
    let context = SessionContext::new_with_config(config);
    functions::register(&context);
    context
}
