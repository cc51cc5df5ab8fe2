//! Where the lake lies: settings of a shared folder, or of an object store.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::written_path;
use crate::section::Section;

/// Most bytes of a URL or a name.
const TEXT_BYTES_MAX: usize = 1_024;

/// Where the lake lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeUrl {
    /// A folder, which processes with data directories of their own may share.
    Folder(PathBuf),
    /// An object store.
    Store(StoreSettings),
}

/// A lake on a store that speaks S3, with conditional puts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub url: String,
    /// Where the store listens, `http://…` or `https://…`; `None` for Amazon's own.
    pub endpoint: Option<String>,
    /// Region that requests are signed for.
    pub region: String,
    /// File of two lines, name and secret of the access key; `None`: as the environment or the machine's role says.
    pub credentials_file: Option<PathBuf>,
}

/// What stands in `url`.
enum Url {
    Folder(PathBuf),
    Store(String),
}

impl LakeUrl {
    /// Reads the keys of the section `lake` that say where it lies; `None` without a URL.
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Option<Self> {
        let expected = "s3://BUCKET, s3://BUCKET/PREFIX, or a folder, also as file:///PATH";
        let url = s.optional("url", expected, |value| url(value.as_str()?, base_dir));
        let endpoint = s.optional("endpoint", "http://HOST:PORT or https://HOST", |value| endpoint(value.as_str()?));
        let region = s.optional("region", "the name of a region", |value| name(value.as_str()?));
        let credentials_file = s.optional_path("credentials_file", base_dir);
        let Some(Url::Store(url)) = url else {
            let lonely = [
                ("endpoint", endpoint.is_some()),
                ("region", region.is_some()),
                ("credentials_file", credentials_file.is_some()),
            ];
            if let Some((key, _)) = lonely.iter().find(|(_, is_there)| *is_there) {
                s.problem("url", "", format!("s3://BUCKET/PREFIX, because `{key}` is there"));
            }
            return match url {
                Some(Url::Folder(folder)) => Some(Self::Folder(folder)),
                _ => None,
            };
        };
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        Some(Self::Store(StoreSettings { url, endpoint, region, credentials_file }))
    }

    pub(super) fn write(&self, table: &mut Table) {
        let store = match self {
            Self::Folder(folder) => {
                table.insert("url".to_owned(), written_path(folder));
                return;
            }
            Self::Store(store) => store,
        };
        table.insert("url".to_owned(), Value::from(store.url.clone()));
        table.insert("region".to_owned(), Value::from(store.region.clone()));
        if let Some(endpoint) = &store.endpoint {
            table.insert("endpoint".to_owned(), Value::from(endpoint.clone()));
        }
        if let Some(file) = &store.credentials_file {
            table.insert("credentials_file".to_owned(), written_path(file));
        }
    }

    /// The settings of the object store, if it lies on one.
    pub fn store(&self) -> Option<&StoreSettings> {
        match self {
            Self::Folder(_) => None,
            Self::Store(store) => Some(store),
        }
    }
}

impl StoreSettings {
    /// Whether what is sent to the store can be read on its way.
    pub fn is_in_the_clear(&self) -> bool {
        let host = self.endpoint.as_deref().and_then(|endpoint| endpoint.strip_prefix("http://"));
        let loopback = |host: &str| ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local));
        host.is_some_and(|host| !loopback(host))
    }
}

fn url(text: &str, base_dir: &Path) -> Option<Url> {
    if text.starts_with("s3://") {
        return bucket(text).map(Url::Store);
    }
    let path = text.strip_prefix("file://").unwrap_or(text);
    let sound = !path.is_empty() && !path.contains("://") && !path.contains('\0');
    sound.then(|| Url::Folder(base_dir.join(path)))
}

fn bucket(text: &str) -> Option<String> {
    let (bucket, prefix) = text.strip_prefix("s3://")?.split_once('/').unwrap_or((text.strip_prefix("s3://")?, ""));
    let of_bucket = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let of_prefix = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_=".contains(&byte);
    let sound = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(of_bucket)
        && prefix.bytes().all(of_prefix)
        && !prefix.contains("//")
        && prefix.split('/').all(|part| part != "." && part != "..")
        && text.len() <= TEXT_BYTES_MAX;
    sound.then(|| text.trim_end_matches('/').to_owned())
}

fn endpoint(text: &str) -> Option<String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let sound = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@".contains(&byte));
    (sound && text.len() <= TEXT_BYTES_MAX).then(|| text.trim_end_matches('/').to_owned())
}

fn name(text: &str) -> Option<String> {
    let sound = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    sound.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_bucket_and_perhaps_a_prefix_and_nothing_else() {
        for text in ["s3://lake", "s3://lake.of-7/plant/a=b"] {
            assert_eq!(bucket(text).as_deref(), Some(text));
        }
        assert_eq!(bucket("s3://lake/plant/").as_deref(), Some("s3://lake/plant"));
        for text in
            ["", "lake", "file:///lake", "s3://", "s3://Lake", "s3://lake/a//b", "s3://lake/../x", "s3://lake/a?b"]
        {
            assert_eq!(bucket(text), None, "{text}");
        }
        assert_eq!(endpoint("http://127.0.0.1:9000/").as_deref(), Some("http://127.0.0.1:9000"));
        for text in ["127.0.0.1:9000", "http://", "https://user@host", "ftp://host"] {
            assert_eq!(endpoint(text), None, "{text}");
        }
    }
}
