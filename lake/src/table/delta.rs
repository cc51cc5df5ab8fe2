//! The seam to delta-rs: its log store over our own store, its checkpoints, its table provider.
//!
//! Nothing else of delta-rs is used: entries are written and read by our own code, because carrying its
//! snapshots from commit to commit costs more with every commit.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake::{DeltaTable, DeltaTableError};

use crate::LakeStore;

/// A table's log as delta-rs sees it.
#[derive(Clone)]
pub(crate) struct DeltaLog(LogStoreRef);

impl std::fmt::Debug for DeltaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DeltaLog").field(&self.0.root_url().as_str()).finish()
    }
}

/// A folder that no URL can name.
#[derive(Debug, thiserror::Error)]
#[error("folder {0} cannot be written as a URL")]
pub struct UnnameableFolder(pub String);

impl DeltaLog {
    /// The log of the table in the store's folder.
    pub(crate) fn new(store: &LakeStore) -> Result<Self, UnnameableFolder> {
        let url = store.url().ok_or_else(|| UnnameableFolder(store.to_string()))?;
        let log = default_logstore(Arc::clone(store.objects()), store.whole(), &url, &StorageConfig::default());
        Ok(Self(log))
    }

    /// Writes a checkpoint of the newest version, and the hint at it; gives the version.
    pub(crate) async fn checkpoint(&self) -> Result<i64, DeltaTableError> {
        let mut table = DeltaTable::new(Arc::clone(&self.0));
        table.load().await?;
        deltalake::checkpoints::create_checkpoint(&table, None).await?;
        let version = table.version().unwrap_or_default();
        Ok(i64::try_from(version).unwrap_or(i64::MAX))
    }

    /// Path and bytes of the files that are live at a version.
    pub(crate) async fn files(&self, version: i64) -> Result<Vec<(String, i64)>, DeltaTableError> {
        let mut table = DeltaTable::new(Arc::clone(&self.0));
        table.load_version(u64::try_from(version).unwrap_or_default()).await?;
        let files = table.snapshot()?.log_data();
        Ok(files.iter().map(|file| (file.object_store_path().to_string(), file.size())).collect())
    }

    /// The table at a version, or at the newest, for DataFusion. Files are listed when a query is planned.
    pub(crate) async fn provider(&self, version: Option<i64>) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let version = version.map(|version| u64::try_from(version).unwrap_or_default());
        DeltaTable::new(Arc::clone(&self.0)).table_provider().with_table_version(version).await
    }
}
