//! A table whose rows are made when a query scans it, not when the session is opened.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

type Load = dyn Fn() -> BoxFuture<'static, Result<RecordBatch, DataFusionError>> + Send + Sync;

/// A table that is loaded by each scan.
pub(crate) struct LazyTable {
    schema: SchemaRef,
    load: Box<Load>,
}

impl LazyTable {
    /// A table with these columns, whose rows `load` gives.
    pub(crate) fn new(
        schema: SchemaRef,
        load: impl Fn() -> BoxFuture<'static, Result<RecordBatch, DataFusionError>> + Send + Sync + 'static,
    ) -> Self {
        Self { schema, load: Box::new(load) }
    }
}

impl fmt::Debug for LazyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyTable").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for LazyTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let rows = (self.load)().await?;
        let table = MemTable::try_new(self.schema(), vec![vec![rows]])?;
        table.scan(state, projection, filters, limit).await
    }
}
