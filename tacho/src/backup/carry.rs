//! Files carried from one folder to another, each hashed on its way and synced where it arrives; by several threads,
//! because a sync waits for the disk and not for us.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use tacho_registry::durable;
use tacho_schemas::Hasher;

use super::manifest::{Damaged, FileEntry};
use super::mirror::is_keys;

/// Files that are on their way at a time.
const WORKERS: usize = 8;
/// Bytes read in one go.
const CHUNK: usize = 1 << 20;

/// A file to carry.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Path within both folders.
    pub(crate) path: PathBuf,
    /// How much of it, bytes; all of it without.
    pub(crate) length: Option<u64>,
    /// Whether a hard link will do, where the file systems allow it.
    pub(crate) link: bool,
}

/// What has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) entry: FileEntry,
    /// Whether it is a hard link.
    pub(crate) linked: bool,
}

/// Carries files from `from` to `to`, whose folders are made, and returns once all would survive a power cut.
pub(crate) fn carry(
    from: &Path,
    to: &Path,
    loads: &[Load],
    told: &(dyn Fn(&Path) + Sync),
) -> anyhow::Result<Vec<Arrived>> {
    let folders: BTreeSet<&Path> = loads.iter().flat_map(|load| load.path.ancestors().skip(1)).collect();
    for folder in &folders {
        let folder = to.join(folder);
        durable::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let arrived = each(loads, |load| {
        told(&load.path);
        one(&from.join(&load.path), &to.join(&load.path), load)
    })?;
    for folder in folders {
        let folder = to.join(folder);
        durable::sync_dir(&folder).with_context(|| folder.display().to_string())?;
    }
    Ok(arrived)
}

/// Reads files and gives their lengths and digests, in the same order.
pub(crate) fn measure(
    dir: &Path,
    files: &[FileEntry],
    told: &(dyn Fn(&Path) + Sync),
) -> anyhow::Result<Vec<FileEntry>> {
    each(files, |file| {
        told(&file.path);
        let path = dir.join(&file.path);
        match hashed(&path, None, None, &file.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Damaged { path, why: "it is missing".to_owned() }.into())
            }
            measured => measured.with_context(|| path.display().to_string()),
        }
    })
}

/// Does something with each item, several at a time; gives the results in the order of the items, or the first error.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> anyhow::Result<R> + Sync) -> anyhow::Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || -> anyhow::Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return Ok(()) };
            // After an error nobody begins anything more.
            let result = work(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(items.len())).map(|_| scope.spawn(worker)).collect();
        let ended =
            workers.into_iter().map(|worker| worker.join().map_err(|_panic| anyhow::anyhow!("a thread panicked"))?);
        ended.collect::<anyhow::Result<Vec<()>>>()
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn one(from: &Path, to: &Path, load: &Load) -> anyhow::Result<Arrived> {
    let at = || to.display().to_string();
    if load.link && fs::hard_link(from, to).is_ok() {
        let entry = hashed(to, None, None, &load.path).with_context(at)?;
        return Ok(Arrived { entry, linked: true });
    }
    let mut file = create(to, &load.path).with_context(at)?;
    let entry = hashed(from, load.length, Some(&mut file), &load.path).with_context(at)?;
    file.sync_all().with_context(at)?;
    Ok(Arrived { entry, linked: false })
}

/// A new file; secrets are their owner's only, however the source came here.
fn create(to: &Path, path: &Path) -> io::Result<File> {
    let is_key = path.components().next().is_some_and(|first| is_keys(first.as_os_str()));
    let public = !is_key || path.extension().is_some_and(|extension| extension == "vkey");
    OpenOptions::new().write(true).create_new(true).mode(if public { 0o666 } else { 0o600 }).open(to)
}

/// Reads a file, at most `length` bytes of it, and writes it to `copy`.
fn hashed(from: &Path, length: Option<u64>, mut copy: Option<&mut File>, path: &Path) -> io::Result<FileEntry> {
    let mut source = File::open(from)?.take(length.unwrap_or(u64::MAX));
    let (mut hasher, mut size, mut chunk) = (Hasher::default(), 0, vec![0; CHUNK]);
    loop {
        let read = match source.read(&mut chunk) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        hasher.update(&chunk[..read]);
        size += read as u64;
        if let Some(copy) = &mut copy {
            copy.write_all(&chunk[..read])?;
        }
    }
    Ok(FileEntry { path: path.to_owned(), size, sha256: hasher.finish() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tacho_schemas::Digest;

    use super::*;

    #[test]
    fn files_arrive_whole_or_up_to_their_length_and_secrets_are_their_owners() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let loads = [("keys/log.key", Some(3), false), ("lake/records/a.parquet", None, true), ("format", None, false)];
        for (path, ..) in loads {
            fs::create_dir_all(from.join(path).parent().unwrap()).unwrap();
            fs::write(from.join(path), "abcdef").unwrap();
        }
        let loads = loads.map(|(path, length, link)| Load { path: path.into(), length, link });
        let arrived = carry(&from, &to, &loads, &|_| {}).unwrap();
        let told: Vec<_> = arrived.iter().map(|file| (file.entry.size, file.entry.sha256, file.linked)).collect();
        let (abc, all) = (Digest::of(b"abc"), Digest::of(b"abcdef"));
        assert_eq!(told, [(3, abc, false), (6, all, true), (6, all, false)]);
        assert_eq!(fs::read(to.join("keys/log.key")).unwrap(), b"abc");
        assert_eq!(fs::metadata(to.join("keys/log.key")).unwrap().permissions().mode() & 0o777, 0o600);

        let entries: Vec<FileEntry> = arrived.into_iter().map(|file| file.entry).collect();
        assert_eq!(measure(&to, &entries, &|_| {}).unwrap(), entries);
        let error = carry(&from, &to, &loads, &|_| {}).unwrap_err();
        assert!(format!("{error:#}").contains(to.to_str().unwrap()), "nothing is overwritten: {error:#}");
    }
}
