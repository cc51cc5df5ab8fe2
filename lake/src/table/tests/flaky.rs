//! A store that fails: before it has done what it was asked, or after.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result,
};

use super::*;

#[derive(Debug)]
struct Flaky {
    inner: Arc<dyn ObjectStore>,
    /// Puts that fail before anything is written.
    refused: AtomicUsize,
    /// Puts that are written and fail all the same.
    unanswered: AtomicUsize,
    /// Puts that are told that there is an object, while there is none: S3's answer to two creators at once.
    contended: AtomicUsize,
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

fn due(count: &AtomicUsize) -> Result<()> {
    let struck = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
    match struck {
        Ok(_) => {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            Err(object_store::Error::Generic { store: "flaky", source: full.into() })
        }
        Err(_none_left) => Ok(()),
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, at: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        due(&self.refused)?;
        due(&self.contended)
            .map_err(|source| object_store::Error::AlreadyExists { path: at.to_string(), source: Box::new(source) })?;
        let done = self.inner.put_opts(at, bytes, how).await?;
        due(&self.unanswered)?;
        Ok(done)
    }

    async fn put_multipart_opts(&self, at: &Path, how: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(at, how).await
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}

/// A table whose store refuses some puts of the next commit, or answers some with an error.
async fn flaky(dir: &FsPath, refused: usize, unanswered: usize) -> LakeTable {
    let mut table = open(dir, "").await;
    let (refused, unanswered) = (AtomicUsize::new(refused), AtomicUsize::new(unanswered));
    table.store = Arc::new(Flaky { inner: Arc::clone(&table.store), refused, unanswered, contended: 0.into() });
    table
}

/// A table whose store says of some puts of the next commit that another creator is at it.
async fn contended(dir: &FsPath, contended: usize) -> LakeTable {
    let mut table = open(dir, "").await;
    let inner = Arc::clone(&table.store);
    let (refused, unanswered) = (0.into(), 0.into());
    table.store = Arc::new(Flaky { inner, refused, unanswered, contended: contended.into() });
    table
}

#[tokio::test]
async fn creators_that_hinder_each_other_try_again_and_never_halt_landing() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = contended(dir.path(), 2).await;
    assert_eq!(table.append(Vec::new(), txn("a", 1), fence("a", None)).await.unwrap(), 1);
    let mut table = contended(dir.path(), 3).await;
    let hindered = table.append(Vec::new(), txn("a", 2), fence("a", Some(1))).await;
    assert!(matches!(hindered, Err(CommitError::Store(_))), "{hindered:?}");
    assert_eq!(table.append(Vec::new(), txn("a", 2), fence("a", Some(1))).await.unwrap(), 2);
}

#[tokio::test]
async fn a_commit_that_the_store_refuses_a_few_times_is_made_within_one_call() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = flaky(dir.path(), 2, 0).await;
    assert_eq!(table.append(Vec::new(), txn("a", 1), fence("a", None)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_disk_leaves_the_table_as_it_was_and_the_same_append_works_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = flaky(dir.path(), 3, 0).await;
    let refused = table.append(Vec::new(), txn("a", 1), fence("a", None)).await;
    assert!(matches!(&refused, Err(error @ CommitError::Full { version: 1, .. }) if error.is_certain()), "{refused:?}");
    assert_eq!((table.version(), table.txn("a")), (0, None));
    assert_eq!(table.append(Vec::new(), txn("a", 1), fence("a", None)).await.unwrap(), 1);
}

#[tokio::test]
async fn an_entry_that_is_there_although_the_store_says_that_the_disk_is_full_counts() {
    let dir = tempfile::tempdir().unwrap();
    let table = flaky(dir.path(), 0, 1).await;
    let files = table.write_rows(vec![sample::batch(Table::Joints, 3)]).await;
    assert!(files.is_err(), "the file was written, the answer was lost");
    assert_eq!(std::fs::read_dir(dir.path().join("joints/received_day=2026-03-01")).unwrap().count(), 0);
    let mut table = flaky(dir.path(), 0, 3).await;
    assert_eq!(table.append(Vec::new(), txn("a", 1), fence("a", None)).await.unwrap(), 1);
}

#[tokio::test]
async fn one_lost_answer_is_found_out_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = flaky(dir.path(), 0, 1).await;
    assert_eq!(table.append(Vec::new(), txn("a", 1), fence("a", None)).await.unwrap(), 1);
    assert_eq!(open(dir.path(), "").await.version(), 1);
}

#[tokio::test]
async fn a_commit_given_up_for_lost_that_was_made_fences_its_own_repetition() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = flaky(dir.path(), 0, 1).await;
    // The first put is made, its answer is lost, and the store is away while it is read back.
    let first = table.put_alone(txn("a", 1)).await;
    assert!(first.is_err());
    let again = table.append(Vec::new(), txn("a", 1), fence("a", None)).await;
    assert!(matches!(again, Err(CommitError::Fenced { theirs: 1, by_version: 1, .. })), "{again:?}");
    table.refresh().await.unwrap();
    assert_eq!((table.version(), table.txn("a")), (1, Some(1)));
}

impl LakeTable {
    /// Puts an entry without finding out what became of it.
    async fn put_alone(&self, txns: Vec<Txn>) -> Result<()> {
        let mut actions = vec![entry::commit_info("WRITE", &[], 0)];
        actions.extend(commit::txn_actions(&txns));
        log::put(self.store.as_ref(), self.version() + 1, entry::encode(&actions)).await
    }
}
