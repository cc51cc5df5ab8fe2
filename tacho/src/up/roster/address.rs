//! A roster that is fetched: the note first, which is small and says whether there is anything new.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tacho_config::roster::ROSTER_BYTES_MAX;
use tacho_registry::durable::{self, Access};
use tacho_registry::note::VerifierKey;

use crate::roster::{Signed, note_file, verified};

/// Longest time for one request.
const PATIENCE: Duration = Duration::from_secs(60);
/// A longer note is refused, bytes.
const NOTE_BYTES_MAX: usize = 64 << 10;

/// An address, and what it said last.
#[derive(Debug)]
pub(super) struct Address {
    url: String,
    client: reqwest::Client,
    /// Note of the roster that was fetched last.
    note: Option<Vec<u8>>,
}

/// The copy in a data directory; its note lies beside it.
pub(super) fn kept_file(data_dir: &Path) -> PathBuf {
    data_dir.join("roster").join("roster")
}

impl Address {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().context("HTTP client")?;
        Ok(Self { url: url.to_owned(), client, note: None })
    }

    /// What is there now, verified; none if it is what was fetched last.
    pub(super) async fn fetch(&mut self, key: &VerifierKey) -> anyhow::Result<Option<Signed>> {
        let note_url = format!("{}.note", self.url);
        let note = self.get(&note_url, NOTE_BYTES_MAX).await?;
        if self.note.as_ref() == Some(&note) {
            return Ok(None);
        }
        let text = self.get(&self.url, ROSTER_BYTES_MAX).await?;
        let text = String::from_utf8(text).with_context(|| format!("{} is no text", self.url))?;
        let signed = verified((&text, &self.url), (&note, &note_url), key)?;
        self.note = Some(note);
        Ok(Some(signed))
    }

    /// Keeps what was fetched last, so that a start needs no network.
    pub(super) fn keep(&self, data_dir: &Path, signed: &Signed) -> anyhow::Result<()> {
        let file = kept_file(data_dir);
        let folder = file.parent().unwrap_or(data_dir);
        durable::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let note_file = note_file(&file);
        let note = self.note.as_deref().unwrap_or_default();
        for (path, bytes) in [(&file, signed.text.as_bytes()), (&note_file, note)] {
            durable::replace(path, bytes, Access::Shared).with_context(|| path.display().to_string())?;
        }
        Ok(())
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
