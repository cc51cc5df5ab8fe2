//! Files that are either wholly there or not at all, also after a power cut: temp file, fsync, rename, fsync of
//! the folder. What is written, and in which order, is the caller's business.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As the process's umask says.
    Shared,
    /// Its owner only (0600): secrets.
    Owner,
}

/// Puts `bytes` at `path`, in place of what was there, and returns once they would survive a power cut.
///
/// # Errors
/// Whatever the file system says; the old content is then still in place.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, access)?;
    fs::rename(&temporary, path).inspect_err(|_| discard(&temporary))?;
    sync_dir(parent(path))
}

/// Puts `bytes` at `path`, where nothing may be yet.
///
/// # Errors
/// `AlreadyExists` if there is a file; else whatever the file system says.
pub fn create(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, access)?;
    let linked = fs::hard_link(&temporary, path);
    discard(&temporary);
    linked?;
    sync_dir(parent(path))
}

/// Makes a folder and its parents, and syncs every folder that got a new entry.
///
/// # Errors
/// Whatever the file system says.
pub fn create_dir_all(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = parent(dir);
    create_dir_all(above)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_dir(above)
}

/// Makes the entries of a folder durable.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The folder of a path.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_temporary(path: &Path, bytes: &[u8], access: Access) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a file name"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));
    let temporary = parent(path).join(temporary);
    let written = open_new(&temporary, access).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(temporary),
        Err(error) => {
            discard(&temporary);
            Err(error)
        }
    }
}

/// Opens a file that does not exist yet (a stale temporary file of a process with the same id is overwritten).
fn open_new(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    restrict(&mut options, access);
    options.open(path)
}

/// Sets the mode with which `options` creates a file.
pub(crate) fn restrict(options: &mut OpenOptions, access: Access) {
    #[cfg(unix)]
    if access == Access::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    }
    #[cfg(not(unix))]
    let _unused = (options, access);
}

fn discard(temporary: &Path) {
    if let Err(error) = fs::remove_file(temporary) {
        tracing::warn!(path = %temporary.display(), %error, "a temporary file is left");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_the_new_content_and_no_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        create_dir_all(path.parent().unwrap()).unwrap();
        replace(&path, b"one", Access::Shared).unwrap();
        replace(&path, b"two", Access::Shared).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn creating_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path, b"one", Access::Owner).unwrap();
        let error = create(&path, b"two", Access::Owner).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn an_owners_file_is_nobody_elses() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path, b"one", Access::Owner).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
