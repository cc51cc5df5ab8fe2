//! A roster that is fetched: the note first, which is small and says whether there is anything new.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tacho_config::roster::ROSTER_BYTES_MAX;
use tacho_registry::note::VerifierKey;

use crate::roster::{Signed, verified};

/// Longest time for one request.
const PATIENCE: Duration = Duration::from_secs(60);
/// A longer note is refused, bytes.
const NOTE_BYTES_MAX: usize = 64 << 10;

/// An address.
#[derive(Debug)]
pub(super) struct Address {
    url: String,
    client: reqwest::Client,
}

impl Address {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().context("HTTP client")?;
        Ok(Self { url: url.to_owned(), client })
    }

    /// What is there now, verified; none if its note is the one that was `taken` last.
    pub(super) async fn fetch(&self, key: &VerifierKey, taken: Option<&[u8]>) -> anyhow::Result<Option<Signed>> {
        let note_url = format!("{}.note", self.url);
        let note = self.get(&note_url, NOTE_BYTES_MAX).await?;
        if taken == Some(&note) {
            return Ok(None);
        }
        let text = self.get(&self.url, ROSTER_BYTES_MAX).await?;
        let text = String::from_utf8(text).with_context(|| format!("{} is no text", self.url))?;
        verified((&text, &self.url), (&note, &note_url), key).map(Some)
    }

    async fn get(&self, url: &str, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
        let asked = self.client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let mut answer = asked.with_context(|| url.to_owned())?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.with_context(|| url.to_owned())? {
            ensure!(bytes.len() + chunk.len() <= bytes_max, "{url} has more than {bytes_max} bytes");
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
