//! Dead letters that the next start of an instance is to retry: `retries.json` in the data directory.
//!
//! They wait until the start has put its configuration in force: that is what was mended.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use tacho_registry::durable::{self, Access};
use tracing::{info, warn};

use super::{LETTERS_MAX, LetterName, Retrier};

/// The file.
const FILE: &str = "retries.json";

/// Adds letters to those that wait; durable when it returns.
pub(super) fn add(data_dir: &Path, letters: &[LetterName]) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    let all: BTreeSet<LetterName> = read(&path)?.into_iter().chain(letters.iter().copied()).collect();
    let text = serde_json::to_vec(&all).context("dead letters as JSON")?;
    durable::replace(&path, &text, Access::Shared).with_context(|| path.display().to_string())
}

/// Retries what waits. What cannot be retried now is told, and waits for the next start. A crash on the way retries some
/// twice, which the ledger finds.
pub(crate) async fn retry(data_dir: &Path, retrier: &Retrier) {
    let path = data_dir.join(FILE);
    let work = async {
        let letters = read(&path)?;
        let mut appended = 0;
        for letters in letters.chunks(LETTERS_MAX) {
            appended += retrier.retry(letters).await?.appended.len();
        }
        if !letters.is_empty() {
            info!(appended, asked = letters.len(), "dead letters are retried");
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = work.await {
        warn!(error = format!("{error:#}"), file = %path.display(), "dead letters wait for the next start");
    }
}

/// What waits, in the order of the log.
fn read(path: &Path) -> anyhow::Result<Vec<LetterName>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_wait_once_each_in_the_order_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let names = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<LetterName>>();
        add(dir.path(), &names(&["1:2:30:0", "1:2:4:1"])).unwrap();
        add(dir.path(), &names(&["1:2:4:1", "1:0:9:0"])).unwrap();
        assert_eq!(read(&dir.path().join(FILE)).unwrap(), names(&["1:0:9:0", "1:2:4:1", "1:2:30:0"]));
    }
}
