//! The few things that the log does to files, each with its faults and each as durable as its name says.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::faults::{Fault, Faults, Operation};

/// The log's directory.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    dir: PathBuf,
    faults: Faults,
    /// Whether nothing is written, whatever is asked for: another process may have the log.
    read_only: bool,
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    faults: Faults,
}

impl Storage {
    pub(crate) fn new(dir: PathBuf, faults: Faults) -> Self {
        Self { dir, faults, read_only: false }
    }

    /// The directory of a log that is only read: what a start would mend stays as it is.
    pub(crate) fn read_only(dir: PathBuf) -> Self {
        Self { dir, faults: Faults::none(), read_only: true }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Creates a file; what has the same name is replaced.
    pub(crate) fn create(&self, path: &Path) -> io::Result<Output> {
        self.faults.check(Operation::Create)?;
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Output { file, faults: self.faults.clone() })
    }

    /// Makes created, renamed and removed names durable.
    pub(crate) fn sync_dir(&self) -> io::Result<()> {
        if self.read_only {
            return Ok(());
        }
        self.faults.check(Operation::Sync)?;
        File::open(&self.dir)?.sync_all()
    }

    /// Writes a whole file and syncs it; its name is durable only after [`Storage::sync_dir`].
    pub(crate) fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.read_only {
            return Ok(());
        }
        let mut output = self.create(path)?;
        output.write(bytes)?;
        output.sync()
    }

    /// Writes a whole file so that it is there entirely, by this name and durably, or not at all.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        self.write_whole(&temporary, bytes)?;
        fs::rename(&temporary, path)?;
        self.sync_dir()
    }

    /// Cuts a file to `length` bytes, and makes that and all its bytes durable.
    pub(crate) fn cut(&self, path: &Path, length: u64) -> io::Result<()> {
        if self.read_only {
            return Ok(());
        }
        self.faults.check(Operation::Cut)?;
        let file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() > length {
            file.set_len(length)?;
        }
        file.sync_all()
    }

    /// Removes a file; it is no error if there is none. Durable only after [`Storage::sync_dir`].
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        if self.read_only {
            return Ok(());
        }
        self.faults.check(Operation::Cut)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Finds out whether a file of `bytes` bytes can be written and synced.
    pub(crate) fn probe(&self, bytes: usize) -> io::Result<()> {
        let path = self.dir.join("probe");
        let written = self.write_whole(&path, &vec![0; bytes]);
        self.remove(&path)?;
        written
    }
}

impl Output {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.faults.next(Operation::Write) {
            None => self.file.write_all(bytes),
            Some(fault) => {
                if fault == Fault::ShortWrite {
                    self.file.write_all(&bytes[..bytes.len() / 2])?;
                }
                Err(fault.error())
            }
        }
    }

    /// Makes the bytes durable (`fdatasync`).
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.faults.check(Operation::Sync)?;
        self.file.sync_data()
    }
}
