//! The files of a data directory, as an attacker, a crash or an auditor meets them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// All files below a folder.
///
/// # Errors
/// If it cannot be read.
pub fn all_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() { found.extend(all_files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

/// Whole lines of a file, such as the acknowledgements in a device's journal; none if it is not there.
pub fn lines(file: &Path) -> usize {
    std::fs::read(file).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

/// Data files that the newest version of a table names, by what its Delta log adds and removes.
///
/// # Errors
/// If the log cannot be read.
pub fn live_files(data: &Path, table: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = data.join("lake").join(table);
    let mut live: Vec<String> = Vec::new();
    for entry in all_files(&folder.join("_delta_log"))? {
        if entry.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        for line in std::fs::read_to_string(&entry)?.lines() {
            let action: serde_json::Value = serde_json::from_str(line).context("an action of the Delta log")?;
            live.extend(action["add"]["path"].as_str().map(str::to_owned));
            if let Some(removed) = action["remove"]["path"].as_str() {
                live.retain(|path| path != removed);
            }
        }
    }
    Ok(live.into_iter().map(|path| folder.join(path)).filter(|path| path.exists()).collect())
}
