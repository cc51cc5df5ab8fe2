//! Settings of a lake on an object store.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::written_path;
use crate::section::Section;

/// Most bytes of a URL or a name.
const TEXT_BYTES_MAX: usize = 1_024;

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

impl StoreSettings {
    /// Reads the keys of the section `lake` that belong to a store; `None` without a URL.
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Option<Self> {
        let url = s.optional("url", "s3://BUCKET or s3://BUCKET/PREFIX", |value| url(value.as_str()?));
        let endpoint = s.optional("endpoint", "http://HOST:PORT or https://HOST", |value| endpoint(value.as_str()?));
        let region = s.optional("region", "the name of a region", |value| name(value.as_str()?));
        let credentials_file = s.optional_path("credentials_file", base_dir);
        let Some(url) = url else {
            let lonely = [
                ("endpoint", endpoint.is_some()),
                ("region", region.is_some()),
                ("credentials_file", credentials_file.is_some()),
            ];
            if let Some((key, _)) = lonely.iter().find(|(_, is_there)| *is_there) {
                s.missing("url", &format!("s3://BUCKET/PREFIX, because `{key}` is there"));
            }
            return None;
        };
        Some(Self { url, endpoint, region: region.unwrap_or_else(|| "us-east-1".to_owned()), credentials_file })
    }

    pub(super) fn write(&self, table: &mut Table) {
        table.insert("url".to_owned(), Value::from(self.url.clone()));
        table.insert("region".to_owned(), Value::from(self.region.clone()));
        if let Some(endpoint) = &self.endpoint {
            table.insert("endpoint".to_owned(), Value::from(endpoint.clone()));
        }
        if let Some(file) = &self.credentials_file {
            table.insert("credentials_file".to_owned(), written_path(file));
        }
    }

    /// Whether what is sent to the store can be read on its way.
    pub fn is_in_the_clear(&self) -> bool {
        let host = self.endpoint.as_deref().and_then(|endpoint| endpoint.strip_prefix("http://"));
        let loopback = |host: &str| ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local));
        host.is_some_and(|host| !loopback(host))
    }
}

fn url(text: &str) -> Option<String> {
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
            assert_eq!(url(text).as_deref(), Some(text));
        }
        assert_eq!(url("s3://lake/plant/").as_deref(), Some("s3://lake/plant"));
        for text in
            ["", "lake", "file:///lake", "s3://", "s3://Lake", "s3://lake/a//b", "s3://lake/../x", "s3://lake/a?b"]
        {
            assert_eq!(url(text), None, "{text}");
        }
        assert_eq!(endpoint("http://127.0.0.1:9000/").as_deref(), Some("http://127.0.0.1:9000"));
        for text in ["127.0.0.1:9000", "http://", "https://user@host", "ftp://host"] {
            assert_eq!(endpoint(text), None, "{text}");
        }
    }
}
