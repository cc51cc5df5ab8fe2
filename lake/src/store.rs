//! The local object store of the lake: what a put confirms is on disk.
//!
//! Every put is a temporary file, fsync, link (create) or rename (overwrite), fsync of the folder. `AlreadyExists` is
//! answered only after what exists was synced too, so that whoever steps over another's entry may rely on it.
//! Reads, listings and deletions are those of [`LocalFileSystem`].

mod durable;
mod upload;

use std::fmt;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use durable::Durable;

/// Folder of unfinished files, beneath the lake's.
const TEMP: &str = "_tmp";

/// Name that errors carry.
pub(crate) const NAME: &str = "lake";

/// A folder of the lake as an object store whose puts are durable.
#[derive(Debug, Clone)]
pub struct SyncedStore {
    inner: Arc<LocalFileSystem>,
    root: PathBuf,
    durable: Arc<Durable>,
}

impl SyncedStore {
    /// Opens the folder of the lake, which is made if it is missing; paths are relative to it.
    ///
    /// # Errors
    /// If it cannot be made or is no folder.
    pub fn open(lake_dir: &FsPath) -> Result<Self> {
        let temp = lake_dir.join(TEMP);
        std::fs::create_dir_all(&temp).map_err(|error| durable::error(&temp, error))?;
        let root = lake_dir.canonicalize().map_err(|error| durable::error(lake_dir, error))?;
        for folder in root.ancestors().take(2) {
            durable::sync_folder(folder)?;
        }
        let durable = Arc::new(Durable::new(root.join(TEMP)));
        Ok(Self { inner: Arc::new(LocalFileSystem::new_with_prefix(&root)?), root, durable })
    }

    /// Opens a lake's folder that exists, for readers: nothing is made.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn open_existing(lake_dir: &FsPath) -> Result<Self> {
        let root = lake_dir.canonicalize().map_err(|error| durable::error(lake_dir, error))?;
        let durable = Arc::new(Durable::new(root.join(TEMP)));
        Ok(Self { inner: Arc::new(LocalFileSystem::new_with_prefix(&root)?), root, durable })
    }

    /// The same store, with paths relative to a folder in it. The folder is made at the first put.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn beneath(&self, folder: &str) -> Result<Self> {
        let root = self.root.join(folder);
        if !root.is_dir() {
            self.durable.make_folder(&root)?;
        }
        Ok(Self { inner: Arc::new(LocalFileSystem::new_with_prefix(&root)?), root, durable: Arc::clone(&self.durable) })
    }

    /// The same, if the folder exists.
    ///
    /// # Errors
    /// If it does not.
    pub fn beneath_existing(&self, folder: &str) -> Result<Self> {
        let root = self.root.join(folder);
        Ok(Self { inner: Arc::new(LocalFileSystem::new_with_prefix(&root)?), root, durable: Arc::clone(&self.durable) })
    }

    /// The same store with paths relative to the root of the file system, as delta-rs asks for.
    pub fn whole(&self) -> Self {
        Self { inner: Arc::new(LocalFileSystem::new()), root: PathBuf::from("/"), durable: Arc::clone(&self.durable) }
    }

    /// Folder that paths are relative to, canonical.
    pub fn root(&self) -> &FsPath {
        &self.root
    }

    /// Deletes unfinished files that are older than `age`, which a crash has left.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn clear_unfinished(&self, age: std::time::Duration) -> Result<usize> {
        self.durable.clear(age)
    }

    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        tokio::task::spawn_blocking(work).await?
    }
}

impl fmt::Display for SyncedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "synced folder {}", self.root.display())
    }
}

/// Whether an error, or one beneath it, says that the disk is full or the quota used up.
pub(crate) fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        }
        next = error.source();
    }
    false
}

fn unsupported<T>(operation: &str) -> Result<T> {
    Err(object_store::Error::NotImplemented { operation: operation.to_owned(), implementer: NAME.to_owned() })
}

#[async_trait]
impl ObjectStore for SyncedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return unsupported("conditional update"),
        };
        let target = self.inner.path_to_filesystem(location)?;
        let durable = Arc::clone(&self.durable);
        Self::blocking(move || durable.put(&target, payload.iter().map(Bytes::as_ref), create)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        let durable = Arc::clone(&self.durable);
        let upload = Self::blocking(move || upload::Upload::begin(durable, target)).await?;
        Ok(Box::new(upload))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let create = match options.mode {
            CopyMode::Create => true,
            CopyMode::Overwrite => false,
        };
        let (from, to) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        let durable = Arc::clone(&self.durable);
        Self::blocking(move || {
            let bytes = std::fs::read(&from).map_err(|error| durable::error(&from, error))?;
            durable.put(&to, std::iter::once(bytes.as_slice()), create)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt as _;

    #[tokio::test]
    async fn a_put_makes_its_folders_and_leaves_nothing_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let store = SyncedStore::open(dir.path()).unwrap();
        let path = Path::from("a/b/c.json");
        store.put_opts(&path, "one".into(), PutMode::Create.into()).await.unwrap();
        let again = store.put_opts(&path, "two".into(), PutMode::Create.into()).await;
        assert!(matches!(again, Err(object_store::Error::AlreadyExists { .. })), "{again:?}");
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "one");
        store.put(&path, "three".into()).await.unwrap();
        assert_eq!(std::fs::read(dir.path().join("a/b/c.json")).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(dir.path().join(TEMP)).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn of_many_creators_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let store = SyncedStore::open(dir.path()).unwrap();
        let path = Path::from("_delta_log/00000000000000000001.json");
        let puts = (0..8).map(|n| store.put_opts(&path, format!("{n}").into(), PutMode::Create.into()));
        let results = futures::future::join_all(puts).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    }

    #[tokio::test]
    async fn parts_are_joined_in_the_order_in_which_they_were_given() {
        let dir = tempfile::tempdir().unwrap();
        let store = SyncedStore::open(dir.path()).unwrap().beneath("t").unwrap();
        let path = Path::from("x.parquet");
        let mut upload = store.put_multipart(&path).await.unwrap();
        let (first, second) = (upload.put_part("ab".into()), upload.put_part("cd".into()));
        second.await.unwrap();
        first.await.unwrap();
        assert!(store.head(&path).await.is_err(), "nothing is visible before it is complete");
        upload.complete().await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "abcd");
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part("zz".into()).await.unwrap();
        upload.abort().await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "abcd");
        assert_eq!(std::fs::read_dir(dir.path().join(TEMP)).unwrap().count(), 0);
    }

    #[test]
    fn a_full_disk_is_recognised_beneath_other_errors() {
        let full = durable::error(FsPath::new("x"), std::io::ErrorKind::StorageFull.into());
        assert!(is_disk_full(&full));
        assert!(!is_disk_full(&durable::error(FsPath::new("x"), std::io::ErrorKind::NotFound.into())));
    }
}
