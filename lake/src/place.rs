//! Where a lake lies: in a folder of this machine, or on an object store by URL.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

/// Where a lake lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakePlace {
    /// A folder.
    Folder(PathBuf),
    /// A prefix of a bucket on a store that speaks S3.
    Bucket(Bucket),
}

/// A prefix of a bucket, and how its store is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// `s3://BUCKET/PREFIX`; no query, no fragment.
    pub url: Url,
    /// Where the store listens, `http://…` or `https://…`; `None` for Amazon's own.
    pub endpoint: Option<String>,
    /// Region that requests are signed for.
    pub region: String,
    /// Key that they are signed with; `None`: as the environment or the machine's role says.
    pub key: Option<AccessKey>,
}

/// A key of an object store.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Name of the key.
    pub id: String,
    /// What only its owner knows.
    pub secret: String,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("secret", &"***").finish()
    }
}

impl fmt::Display for LakePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(bucket) => bucket.url.fmt(f),
        }
    }
}

impl From<&Path> for LakePlace {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<&PathBuf> for LakePlace {
    fn from(folder: &PathBuf) -> Self {
        Self::Folder(folder.clone())
    }
}

impl From<PathBuf> for LakePlace {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

impl From<&LakePlace> for LakePlace {
    fn from(place: &LakePlace) -> Self {
        place.clone()
    }
}
