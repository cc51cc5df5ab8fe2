//! The lake as a whole: its store, committers and readers of its tables, and providers for queries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use object_store::ObjectStore;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use crate::config_store::ConfigStore;
use crate::ledger::logs::table_app_id;
use crate::reader::{ReadError, TableReader};
use crate::table::OpenError;
use crate::table::delta::DeltaLog;
use crate::{LakePlace, LakeStore, LakeTable, TableOptions};

/// Unfinished files of a crash are deleted at the next start once they are so old.
const UNFINISHED_AGE: Duration = Duration::from_secs(3_600);

/// How the lake is written.
pub type LakeOptions = TableOptions;

/// A query cannot be given its table.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The table cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// delta-rs or DataFusion refuses.
    #[error("table provider")]
    Provider(#[from] DataFusionError),
}

type Cached = HashMap<Table, (i64, Arc<dyn TableProvider>)>;

/// The lake, wherever it lies.
#[derive(Debug)]
pub struct Lake {
    store: LakeStore,
    options: LakeOptions,
    providers: Mutex<Cached>,
}

impl Lake {
    /// Opens the lake. A folder is made if it is missing; tables are made by [`Lake::open_tables`].
    ///
    /// # Errors
    /// If the folder cannot be made or read, or the address of the store is not right.
    pub fn open(place: impl Into<LakePlace>, options: LakeOptions) -> Result<Self, OpenError> {
        let store = LakeStore::open(&place.into())?;
        store.clear_unfinished(UNFINISHED_AGE)?;
        Ok(Self { store, options, providers: Mutex::default() })
    }

    /// Opens the lake for readers, also beside a process that writes: nothing is made, repaired or cleared.
    ///
    /// # Errors
    /// If there is no such folder, or the address of the store is not right.
    pub fn read_only(place: impl Into<LakePlace>) -> Result<Self, ReadError> {
        let store = LakeStore::open_existing(&place.into())?;
        let options = LakeOptions::default();
        Ok(Self { store, options, providers: Mutex::default() })
    }

    /// Store of the lake, rooted at its folder.
    pub(crate) fn store(&self) -> &LakeStore {
        &self.store
    }

    /// Its objects.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(self.store.objects())
    }

    /// How its tables are written.
    pub fn options(&self) -> &LakeOptions {
        &self.options
    }

    /// Committers of all tables, which are made or repaired if need be. `records` comes first: it says up to which
    /// version the others have landed.
    ///
    /// # Errors
    /// See [`LakeTable::open_or_create`].
    pub async fn open_tables(&self) -> Result<Tables<LakeTable>, OpenError> {
        let mut options = self.options.clone();
        let records = LakeTable::open_in(&self.store, Table::Records, options.clone()).await?;
        for table in Table::ALL {
            let confirmed = options.confirmed.get_mut(table);
            *confirmed = (*confirmed).max(records.txn(&table_app_id(table)));
        }
        let [_records, others @ ..] = Table::ALL;
        let others = others.map(|table| LakeTable::open_in(&self.store, table, options.clone()));
        let others = futures::future::try_join_all(others).await?;
        let all: Vec<LakeTable> = std::iter::once(records).chain(others).collect();
        Ok(Tables(all.try_into().expect("as many tables were opened as there are, records first")))
    }

    /// A reader of a table.
    ///
    /// # Errors
    /// If the table does not exist.
    pub fn reader(&self, table: Table) -> Result<TableReader, ReadError> {
        Ok(TableReader::new(table, Arc::clone(self.store.beneath_existing(table.name())?.objects())))
    }

    /// The store of configurations.
    pub fn configs(&self) -> ConfigStore {
        ConfigStore::new(self.object_store(), self.options.faults.clone())
    }

    /// A table at a version, or at the newest, for DataFusion. At the newest the provider of the last call is given
    /// again as long as nothing was committed.
    ///
    /// # Errors
    /// If the table does not exist or its log cannot be read.
    pub async fn provider(&self, table: Table, version: Option<i64>) -> Result<Arc<dyn TableProvider>, ProviderError> {
        let store = self.store.beneath_existing(table.name()).map_err(ReadError::from)?;
        let delta = DeltaLog::new(&store).map_err(ReadError::from)?;
        if version.is_some() {
            return Ok(delta.provider(version).await?);
        }
        let cached = self.cached(table);
        let newest = self
            .newest(&TableReader::new(table, Arc::clone(store.objects())), cached.as_ref().map(|cached| cached.0))
            .await?;
        if let Some((version, provider)) = cached
            && version == newest
        {
            return Ok(provider);
        }
        let provider = delta.provider(Some(newest)).await?;
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        providers.insert(table, (newest, Arc::clone(&provider)));
        Ok(provider)
    }

    /// Path within the table's folder and bytes of the files that are live at a version, as delta-rs reads the log, in order
    /// of the paths: what `tacho sql` and other engines see.
    ///
    /// # Errors
    /// If the table does not exist or delta-rs cannot read its log.
    pub async fn files_for_engines(&self, table: Table, version: i64) -> Result<Vec<(String, u64)>, ProviderError> {
        let store = self.store.beneath_existing(table.name()).map_err(ReadError::from)?;
        let files =
            DeltaLog::new(&store).map_err(ReadError::from)?.files(version).await.map_err(DataFusionError::from)?;
        let mut files: Vec<(String, u64)> =
            files.into_iter().map(|(path, size)| (path, u64::try_from(size).unwrap_or_default())).collect();
        files.sort_unstable();
        Ok(files)
    }

    fn cached(&self, table: Table) -> Option<(i64, Arc<dyn TableProvider>)> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner).get(&table).cloned()
    }

    /// The newest version; from a known one by looking at the next few, unless clean-up has passed it.
    async fn newest(&self, reader: &TableReader, known: Option<i64>) -> Result<i64, ReadError> {
        match known {
            Some(known) if reader.has_entry(known).await? => reader.version_since(known).await,
            _ => reader.version().await,
        }
    }
}

#[cfg(test)]
mod tests;
