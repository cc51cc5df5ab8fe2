//! The roster that was taken last, kept in the data directory with its note: a start needs no network, and knows what was in
//! force although it has not landed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tacho_registry::durable::{self, Access};
use tacho_registry::note::VerifierKey;
use tracing::warn;

use crate::roster::{Signed, note_file, read_file};

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("roster").join("roster")
}

/// Whether one is kept, whoever signed it.
pub(super) fn exists(data_dir: &Path) -> bool {
    file(data_dir).exists()
}

/// Forgets what was kept: whoever starts goes on without a roster.
pub(in crate::up) fn forget(data_dir: &Path) -> anyhow::Result<()> {
    let file = file(data_dir);
    for path in [&file, &note_file(&file)].into_iter().filter(|path| path.exists()) {
        std::fs::remove_file(path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Keeps a roster in place of the one before; what is kept already is not written again.
pub(in crate::up) fn keep(data_dir: &Path, signed: &Signed) -> anyhow::Result<()> {
    let file = file(data_dir);
    let folder = file.parent().unwrap_or(data_dir);
    durable::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (path, bytes) in [(&file, signed.text.as_bytes()), (&note_file(&file), &signed.note)] {
        if std::fs::read(path).is_ok_and(|kept| kept == bytes) {
            continue;
        }
        durable::replace(path, bytes, Access::Shared).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// What was kept, if this key has signed it. One that was cut off between its two files is none: it is a copy.
pub(super) fn read(data_dir: &Path, key: &VerifierKey) -> Option<Signed> {
    let file = file(data_dir);
    if !exists(data_dir) {
        return None;
    }
    let read = read_file(&file, key);
    read.inspect_err(|error| warn!(error = format!("{error:#}"), "the kept roster is not taken")).ok()
}
