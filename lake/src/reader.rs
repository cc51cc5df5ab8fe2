//! Reading a table without writing to it: commits, live files, their bytes and their rows.
//!
//! For the anchorer, proofs and audits, which must see files as they are; SQL goes through [`crate::Lake::provider`].

mod commits;
mod file;
mod filter;
mod inspect;
mod object;

use std::sync::Arc;

use arrow::error::ArrowError;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use parquet::errors::ParquetError;
use tacho_schemas::table::Table;

pub use commits::{Commit, LiveFiles, RemovedFile};
pub use file::LoadedFile;
pub use filter::RowFilter;

use crate::table::delta::UnnameableFolder;
use crate::table::{DataFile, LogError};
use crate::{LakePlace, LakeStore};

/// Something of a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not answer, or refuses.
    #[error("store of the table")]
    Store(#[from] object_store::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The folder has no URL.
    #[error(transparent)]
    Folder(#[from] UnnameableFolder),
    /// A data file is damaged.
    #[error("data file {path} cannot be decoded")]
    Parquet {
        /// Path within the table's folder.
        path: String,
        /// Why.
        #[source]
        source: ParquetError,
    },
    /// Rows of a data file, or the schema in the log, are not the table's.
    #[error("{path}: {why}")]
    NotOurs {
        /// Path within the table's folder.
        path: String,
        /// What differs.
        why: String,
    },
    /// The program is ending.
    #[error("the reader stopped")]
    Stopped(#[from] tokio::task::JoinError),
}

/// A table of the lake, open for reading; clones are cheap.
#[derive(Debug, Clone)]
pub struct TableReader {
    table: Table,
    store: Arc<dyn ObjectStore>,
}

impl TableReader {
    /// A reader of the table `<name>/` of the lake in `place`.
    ///
    /// # Errors
    /// If the folder does not exist.
    pub fn open(place: impl Into<LakePlace>, table: Table) -> Result<Self, ReadError> {
        let store = LakeStore::open_existing(&place.into())?.beneath_existing(table.name())?;
        Ok(Self::new(table, Arc::clone(store.objects())))
    }

    /// A reader of the table whose folder is the root of `store`.
    pub fn new(table: Table, store: Arc<dyn ObjectStore>) -> Self {
        Self { table, store }
    }

    /// Which table it is.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The object of a path as commits spell it, which may be percent-encoded.
    fn location(path: &str) -> Result<Path, ReadError> {
        Path::from_url_path(path).map_err(|error| not_ours(path, &error))
    }

    /// Length and time of a data file on disk.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn head_file(&self, path: &str) -> Result<ObjectMeta, ReadError> {
        Ok(self.store.head(&Self::location(path)?).await?)
    }
}

/// An error of a file that is not what its table says.
fn not_ours(path: &str, why: &dyn std::fmt::Display) -> ReadError {
    ReadError::NotOurs { path: path.to_owned(), why: why.to_string() }
}

/// An error of decoding a file.
fn damaged(path: &str) -> impl Fn(ParquetError) -> ReadError {
    move |source| ReadError::Parquet { path: path.to_owned(), source }
}

/// An error of Arrow while decoding a file.
fn damaged_rows(path: &str) -> impl Fn(ArrowError) -> ReadError {
    move |source| ReadError::Parquet { path: path.to_owned(), source: source.into() }
}

/// Files that can hold a row of the filter, by their statistics.
fn prune<'a>(files: &'a [DataFile], filter: &'a RowFilter) -> impl Iterator<Item = &'a DataFile> {
    files.iter().filter(|file| filter.may_be_in(file))
}

#[cfg(test)]
mod tests;
