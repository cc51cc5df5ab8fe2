//! Writing files so that they survive a power cut: what is synced, and in which order.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use object_store::{Error, Result};
use tracing::debug;

use super::NAME;

/// Writes files by way of a folder of temporary files on the same file system.
#[derive(Debug)]
pub(super) struct Durable {
    temp: PathBuf,
    /// Folders whose entry in their parent is known to be on disk.
    known: Mutex<HashSet<PathBuf>>,
}

/// A temporary file; deleted when dropped, unless it was published.
#[derive(Debug)]
pub(super) struct Temp {
    path: PathBuf,
    pub(super) file: File,
    published: bool,
}

/// An I/O error with the file that it concerns, in the object store's terms.
pub(super) fn error(path: &Path, source: io::Error) -> Error {
    let path = path.display().to_string();
    match source.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path, source: source.into() },
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: source.into() },
        _ => Error::Generic { store: NAME, source: Box::new(FileError { path, source }) },
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{path}")]
struct FileError {
    path: String,
    source: io::Error,
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| error(folder, source))
}

impl Durable {
    pub(super) fn new(temp: PathBuf) -> Self {
        Self { temp, known: Mutex::default() }
    }

    /// Makes a folder, its parents and their entries durable, once.
    pub(super) fn make_folder(&self, folder: &Path) -> Result<()> {
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        // What another process has just made may not be on disk yet: sync all the way up to the lake's folder.
        fs::create_dir_all(folder).map_err(|source| error(folder, source))?;
        let lake = self.temp.parent().unwrap_or(&self.temp);
        for parent in folder.ancestors().skip(1).take_while(|parent| parent.starts_with(lake)) {
            sync_folder(parent)?;
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        Ok(())
    }

    /// A new temporary file.
    pub(super) fn begin(&self) -> Result<Temp> {
        let path = self.temp.join(uuid::Uuid::new_v4().simple().to_string());
        let open = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match open() {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.temp).map_err(|source| error(&self.temp, source))?;
                open()
            }
            other => other,
        };
        let file = file.map_err(|source| error(&path, source))?;
        Ok(Temp { path, file, published: false })
    }

    /// Writes a file. With `create` a file that is there stays, is synced, and the error is `AlreadyExists`.
    pub(super) fn put<'a>(&self, target: &Path, parts: impl Iterator<Item = &'a [u8]>, create: bool) -> Result<()> {
        let mut temp = self.begin()?;
        for part in parts {
            temp.file.write_all(part).map_err(|source| error(target, source))?;
        }
        self.publish(temp, target, create)
    }

    /// Syncs a temporary file and gives it its name.
    pub(super) fn publish(&self, mut temp: Temp, target: &Path, create: bool) -> Result<()> {
        temp.file.sync_all().map_err(|source| error(target, source))?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        self.make_folder(folder)?;
        if create {
            match fs::hard_link(&temp.path, target) {
                Err(exists) if exists.kind() == io::ErrorKind::AlreadyExists => {
                    File::open(target).and_then(|file| file.sync_all()).map_err(|source| error(target, source))?;
                    sync_folder(folder)?;
                    return Err(error(target, exists));
                }
                linked => linked.map_err(|source| error(target, source))?,
            }
        } else {
            fs::rename(&temp.path, target).map_err(|source| error(target, source))?;
            temp.published = true;
        }
        sync_folder(folder)
    }

    /// Deletes temporary files older than `age`.
    pub(super) fn clear(&self, age: Duration) -> Result<usize> {
        let mut cleared = 0;
        for entry in fs::read_dir(&self.temp).map_err(|source| error(&self.temp, source))? {
            let entry = entry.map_err(|source| error(&self.temp, source))?;
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let old = modified.ok().and_then(|time| time.elapsed().ok()).is_some_and(|elapsed| elapsed > age);
            if old && fs::remove_file(entry.path()).is_ok() {
                cleared += 1;
            }
        }
        Ok(cleared)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_file(&self.path)
        {
            debug!(path = %self.path.display(), %error, "temporary file stays");
        }
    }
}
