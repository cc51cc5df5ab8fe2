//! The keys of one month and their file: read once, then only appended to. What was used of it must be in it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tacho_schemas::Digest;

use super::frames::{self, Entry};
use super::{SaltError, Synced, at};
use crate::durable::{self, Access};

/// The keys of a month.
pub(super) struct MonthKeys {
    path: PathBuf,
    keys: HashMap<Box<str>, [u8; 32]>,
    /// Open for appending, if this process has read or made something of it and may write.
    file: Option<File>,
    /// Of all that is in the file for sure.
    hash: Sha256,
    bytes: u64,
}

impl std::fmt::Debug for MonthKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.keys.len())
    }
}

impl MonthKeys {
    /// Reads a month; a writer cuts a torn tail off and syncs the rest.
    pub(super) fn read(path: PathBuf, writes: bool, used: Option<Synced>) -> Result<Self, SaltError> {
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes.map_err(at(&path))?,
        };
        if let Some(used) = used {
            check_used(&path, &bytes, &used)?;
        }
        let content = frames::decode(&bytes);
        let content = content.map_err(|damage| SaltError::Damaged { path: path.clone(), at: damage.at })?;
        let keys = content.entries.into_iter().map(|entry| (entry.robot, entry.secret)).collect();
        let mut month = Self { path, keys, file: None, hash: Sha256::new(), bytes: 0 };
        if writes && !bytes.is_empty() {
            month.settle(&bytes, content.end).map_err(at(&month.path))?;
        }
        Ok(month)
    }

    /// Makes sure that the good part of the file is on disk, and nothing else is in it.
    fn settle(&mut self, bytes: &[u8], end: usize) -> io::Result<()> {
        let file = open_append(&self.path)?;
        if end < bytes.len() {
            cut_tail(&self.path, &file, bytes, end)?;
        }
        // What was read may be in the page cache only, if the process that wrote it died before its fsync.
        file.sync_all()?;
        durable::sync_dir(durable::parent(&self.path))?;
        self.hash.update(&bytes[..end]);
        self.bytes = end as u64;
        self.file = Some(file);
        Ok(())
    }

    /// The secret of a robot.
    pub(super) fn secret(&self, robot: &str) -> Option<&[u8; 32]> {
        self.keys.get(robot)
    }

    /// How much of the file is on disk for sure; `None` for a reader, or without a file.
    pub(super) fn synced(&self) -> Option<Synced> {
        let sha256 = || Digest(self.hash.clone().finalize().into());
        self.file.as_ref().map(|_| Synced { bytes: self.bytes, sha256: sha256() })
    }

    /// Appends keys; they are on disk then. After an error the month is to be read again.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), SaltError> {
        let frames = frames::encode(entries);
        self.write(&frames).map_err(at(&self.path))?;
        self.hash.update(&frames);
        self.bytes += frames.len() as u64;
        self.keys.extend(entries.iter().map(|entry| (entry.robot.clone(), entry.secret)));
        Ok(())
    }

    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open_append(&self.path)?),
        };
        file.write_all(frames)?;
        file.sync_all()?;
        if self.bytes == 0 { durable::sync_dir(durable::parent(&self.path)) } else { Ok(()) }
    }
}

/// Refuses a file that is shorter than what was used of it.
pub(super) fn check_length(path: &Path, used: &Synced) -> Result<(), SaltError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        found => found.map_err(at(path))?.len(),
    };
    if found < used.bytes {
        return Err(SaltError::Cut { path: path.to_owned(), found, used: used.bytes });
    }
    Ok(())
}

fn check_used(path: &Path, bytes: &[u8], used: &Synced) -> Result<(), SaltError> {
    let beginning = usize::try_from(used.bytes).ok().and_then(|length| bytes.get(..length));
    match beginning.map(Digest::of) {
        None => Err(SaltError::Cut { path: path.to_owned(), found: bytes.len() as u64, used: used.bytes }),
        Some(found) if found != used.sha256 => Err(SaltError::Changed { path: path.to_owned(), used: used.bytes }),
        Some(_) => Ok(()),
    }
}

/// Takes what a failed write has left off a file: nothing behind `used` bytes was ever used.
pub(super) fn cut(path: &Path, used: u64) -> Result<(), SaltError> {
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file.and_then(|file| file.set_len(used).and_then(|()| file.sync_all())).map_err(at(path)),
    }
}

/// Cuts off what a crash left of a group that was never used; the bytes are kept beside the file.
fn cut_tail(path: &Path, file: &File, bytes: &[u8], end: usize) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".torn-{end}"));
    durable::replace(Path::new(&aside), &bytes[end..], Access::Owner)?;
    tracing::warn!(path = %path.display(), end, bytes = bytes.len() - end, "cut a torn tail off the salt keys");
    file.set_len(end as u64)
}

fn open_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    durable::restrict(&mut options, Access::Owner);
    options.open(path)
}
