//! The store of a lake wherever it lies: what a put confirms is durable, and of two creators of one object one wins.
//!
//! In a folder both are our own doing ([`SyncedStore`]). On an object store both are the store's: a put is answered once the
//! object is kept, and a create is a put on condition that there is none (`If-None-Match: *`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, Result, RetryConfig};
use url::Url;

use crate::place::Bucket;
use crate::store::NAME;
use crate::{LakePlace, SyncedStore};

/// Longest time in which the client itself tries a request again; after it landing says what is wrong, and goes on trying.
const RETRY: Duration = Duration::from_secs(20);

/// A lake's store, or that of a folder in it; clones share it.
#[derive(Debug, Clone)]
pub struct LakeStore {
    objects: Arc<dyn ObjectStore>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Folder(SyncedStore),
    Bucket { whole: Arc<dyn ObjectStore>, url: Url },
}

impl LakeStore {
    /// Opens the store of a lake that is written to. A folder is made if it is missing, a bucket must be there.
    ///
    /// # Errors
    /// If the folder cannot be made, or the address of the store is not right.
    pub fn open(place: &LakePlace) -> Result<Self> {
        match place {
            LakePlace::Folder(folder) => Ok(Self::folder(SyncedStore::open(folder)?)),
            LakePlace::Bucket(bucket) => Self::bucket(bucket),
        }
    }

    /// Opens the store of a lake for readers: nothing is made.
    ///
    /// # Errors
    /// If the folder does not exist, or the address of the store is not right.
    pub fn open_existing(place: &LakePlace) -> Result<Self> {
        match place {
            LakePlace::Folder(folder) => Ok(Self::folder(SyncedStore::open_existing(folder)?)),
            LakePlace::Bucket(bucket) => Self::bucket(bucket),
        }
    }

    fn folder(store: SyncedStore) -> Self {
        Self { objects: Arc::new(store.clone()), kind: Kind::Folder(store) }
    }

    fn bucket(bucket: &Bucket) -> Result<Self> {
        let builder = match &bucket.key {
            None => AmazonS3Builder::from_env(),
            Some(key) => AmazonS3Builder::new().with_access_key_id(&key.id).with_secret_access_key(&key.secret),
        };
        let mut builder = builder
            .with_bucket_name(bucket.url.host_str().unwrap_or_default())
            .with_region(&bucket.region)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig { retry_timeout: RETRY, ..RetryConfig::default() });
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        Ok(Self::at(Arc::new(builder.build()?), bucket.url.clone()))
    }

    /// The part of a bucket's store that a URL names.
    fn at(whole: Arc<dyn ObjectStore>, url: Url) -> Self {
        let prefix = Path::from_url_path(url.path()).unwrap_or_default();
        let objects = Arc::new(PrefixStore::new(Arc::clone(&whole), prefix));
        Self { objects, kind: Kind::Bucket { whole, url } }
    }

    /// The same store, with paths relative to a folder in it. A folder of the disk is made at the first put.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn beneath(&self, folder: &str) -> Result<Self> {
        match &self.kind {
            Kind::Folder(store) => Ok(Self::folder(store.beneath(folder)?)),
            Kind::Bucket { whole, url } => Ok(Self::at(Arc::clone(whole), beneath(url, folder))),
        }
    }

    /// The same for readers. Whether there is a folder only a disk can tell.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn beneath_existing(&self, folder: &str) -> Result<Self> {
        match &self.kind {
            Kind::Folder(store) => Ok(Self::folder(store.beneath_existing(folder)?)),
            Kind::Bucket { .. } => self.beneath(folder),
        }
    }

    /// Its objects, for whoever need not know where it lies.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// Finds out whether an object store keeps the promise that everything rests on: of two creators of one object one wins.
    ///
    /// # Errors
    /// [`object_store::Error::NotSupported`] if it does not; else what keeps the store from being asked.
    pub(crate) async fn check_conditional_put(&self) -> Result<()> {
        let Kind::Bucket { url, .. } = &self.kind else { return Ok(()) };
        let probe = Path::from(format!("_probe/{}", uuid::Uuid::new_v4()));
        let create = || self.objects.put_opts(&probe, PutPayload::from_static(b"probe"), PutMode::Create.into());
        create().await?;
        let second = create().await;
        self.objects.delete(&probe).await?;
        match second {
            Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => {
                let why = format!("the object store of {url} ignores If-None-Match: commits would be lost on it");
                Err(object_store::Error::NotSupported { source: why.into() })
            }
        }
    }

    /// The whole file system or bucket, as delta-rs asks for it.
    pub(crate) fn whole(&self) -> Arc<dyn ObjectStore> {
        match &self.kind {
            Kind::Folder(store) => Arc::new(store.whole()),
            Kind::Bucket { whole, .. } => Arc::clone(whole),
        }
    }

    /// Its URL, with a slash at the end; `None` for a folder that no URL can name.
    pub(crate) fn url(&self) -> Option<Url> {
        match &self.kind {
            Kind::Folder(store) => Url::from_directory_path(store.root()).ok(),
            Kind::Bucket { url, .. } => Some(beneath(url, "")),
        }
    }

    /// The folder of the disk that it is; `None` on an object store.
    pub fn on_disk(&self) -> Option<&std::path::Path> {
        match &self.kind {
            Kind::Folder(store) => Some(store.root()),
            Kind::Bucket { .. } => None,
        }
    }

    /// Deletes unfinished files that are older than `age`, which a crash has left. An object store keeps none that shows.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn clear_unfinished(&self, age: Duration) -> Result<usize> {
        match &self.kind {
            Kind::Folder(store) => store.clear_unfinished(age),
            Kind::Bucket { .. } => Ok(0),
        }
    }
}

/// The URL of a folder beneath one, with a slash at the end.
fn beneath(url: &Url, folder: &str) -> Url {
    let mut url = url.clone();
    let parts = [url.path().trim_matches('/'), folder];
    let path: String = parts.iter().filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect();
    url.set_path(&format!("{path}/"));
    url
}

impl fmt::Display for LakeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Folder(store) => store.fmt(f),
            Kind::Bucket { url, .. } => write!(f, "{NAME} {url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::AccessKey;

    #[test]
    fn a_bucket_is_named_by_its_url_with_and_without_a_prefix() {
        let bucket = |url: &str| Bucket {
            url: url.parse().unwrap(),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            region: "us-east-1".to_owned(),
            key: Some(AccessKey { id: "name".to_owned(), secret: "hidden".to_owned() }),
        };
        for (url, table) in [("s3://lake", "s3://lake/joints/"), ("s3://lake/plant/7/", "s3://lake/plant/7/joints/")] {
            let place = LakePlace::Bucket(bucket(url));
            assert!(!format!("{place:?}").contains("hidden"));
            let store = LakeStore::open(&place).unwrap().beneath("joints").unwrap();
            assert_eq!(store.url().unwrap().as_str(), table);
            assert_eq!(store.on_disk(), None);
        }
    }
}
