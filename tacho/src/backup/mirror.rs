//! A mirror of a data directory by hard links: made in moments beside an instance that runs, and kept as it is while its
//! files are copied, whatever the instance removes meanwhile.
//!
//! Almost every file is written once and then replaced or removed, never changed, so a link holds it. A log's newest
//! segment, the index beside it and the salt keys grow in place: of these the length at the time of the link counts.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// What of the data directory is mirrored in one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The data files of the tables: written before the commit that names them, kept long after the one that removes
    /// them. What is gone stays in the mirror.
    DataFiles,
    /// All the rest, exactly as it is.
    State,
}

/// A file of the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Linked {
    inode: u64,
    /// How much of it counts, bytes, if it may grow.
    pub(super) length: Option<u64>,
}

/// The mirror.
#[derive(Debug)]
pub(super) struct Mirror {
    from: PathBuf,
    to: PathBuf,
    pub(super) files: BTreeMap<PathBuf, Linked>,
    /// Folders that are made.
    folders: BTreeSet<PathBuf>,
}

/// One look at the data directory.
#[derive(Debug, Default)]
struct Seen {
    files: BTreeSet<PathBuf>,
    /// Whether something went away between being listed and being linked.
    vanished: bool,
}

impl Mirror {
    /// An empty mirror of `from` in the folder `to`, on the same file system.
    pub(super) fn new(from: &Path, to: &Path) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), files: BTreeMap::new(), folders: Default::default() }
    }

    /// Links what is new since the last look. Gives whether the look was whole: nothing went away under it.
    ///
    /// # Errors
    /// A folder that cannot be read, or a file system without hard links.
    pub(super) fn look(&mut self, at: &[&str], look: Look) -> anyhow::Result<bool> {
        let mut seen = Seen::default();
        for name in at {
            self.visit(Path::new(name), look, &mut seen)?;
        }
        if look == Look::State {
            let gone: Vec<PathBuf> =
                self.files.keys().filter(|path| !is_data(path) && !seen.files.contains(*path)).cloned().collect();
            for path in gone {
                self.forget(&path)?;
            }
        }
        Ok(!seen.vanished)
    }

    /// Whether a file of the data directory is still the one that was linked; also if there is none in either.
    pub(super) fn holds(&self, path: &str) -> anyhow::Result<bool> {
        let live = match fs::metadata(self.from.join(path)) {
            Ok(metadata) => Some(metadata.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| self.from.join(path).display().to_string()),
        };
        Ok(live == self.files.get(Path::new(path)).map(|linked| linked.inode))
    }

    /// The names in a folder of the data directory as they are now; none if it is not there.
    pub(super) fn listed(&self, folder: &str) -> anyhow::Result<BTreeSet<OsString>> {
        let path = self.from.join(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries.with_context(|| path.display().to_string())?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<BTreeSet<OsString>>>();
        let names = names.with_context(|| path.display().to_string())?;
        Ok(names.into_iter().filter(|name| !is_passing(Path::new(name))).collect())
    }

    fn visit(&mut self, path: &Path, look: Look, seen: &mut Seen) -> anyhow::Result<()> {
        let from = self.from.join(path);
        let at = || from.display().to_string();
        let metadata = match fs::symlink_metadata(&from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata.with_context(at)?,
        };
        if metadata.is_file() {
            return self.link(path, metadata.ino(), look, seen);
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(&from).with_context(at)? {
            let entry = entry.with_context(at)?;
            let is_folder = entry.file_type().with_context(at)?.is_dir();
            entries.push((path.join(entry.file_name()), is_folder, entry.ino()));
        }
        entries.sort_unstable();
        for (path, is_folder, inode) in entries {
            match is_folder {
                _ if is_passing(&path) => {}
                true if look == Look::State && is_data(&path) => {}
                true => self.visit(&path, look, seen)?,
                false => self.link(&path, inode, look, seen)?,
            }
        }
        Ok(())
    }

    fn link(&mut self, path: &Path, inode: u64, look: Look, seen: &mut Seen) -> anyhow::Result<()> {
        if is_data(path) != (look == Look::DataFiles) {
            return Ok(());
        }
        seen.files.insert(path.to_owned());
        if self.files.get(path).is_some_and(|known| known.inode == inode) {
            return self.measure(path);
        }
        self.forget(path)?;
        let (from, to) = (self.from.join(path), self.to.join(path));
        let folder = to.parent().unwrap_or(&self.to);
        if self.folders.insert(folder.to_owned()) {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        match fs::hard_link(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                seen.vanished = true;
                return Ok(());
            }
            linked => linked.with_context(|| format!("hard link of {} in {}", from.display(), to.display()))?,
        }
        // It may have been replaced since it was listed: what was linked counts.
        let inode = fs::metadata(&to).with_context(|| to.display().to_string())?.ino();
        self.files.insert(path.to_owned(), Linked { inode, length: None });
        self.measure(path)
    }

    /// Notes how long a file is that may grow.
    fn measure(&mut self, path: &Path) -> anyhow::Result<()> {
        if may_grow(path)
            && let Some(linked) = self.files.get_mut(path)
        {
            let to = self.to.join(path);
            linked.length = Some(fs::metadata(&to).with_context(|| to.display().to_string())?.len());
        }
        Ok(())
    }

    fn forget(&mut self, path: &Path) -> anyhow::Result<()> {
        if self.files.remove(path).is_some() {
            let to = self.to.join(path);
            fs::remove_file(&to).with_context(|| to.display().to_string())?;
        }
        Ok(())
    }
}

/// Whether it is a data file of a table, or a folder of them.
pub(super) fn is_data(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str());
    parts.next().is_some_and(|first| first == "lake")
        && parts.next().is_some_and(|table| !table.to_string_lossy().starts_with('_'))
        && parts.next().is_some_and(|third| third != "_delta_log")
}

/// Whether a file may be changed in place.
fn may_grow(path: &Path) -> bool {
    path.starts_with("log") || path.components().next().is_some_and(|first| is_keys(first.as_os_str()))
}

/// Whether it is a folder that has secrets: of keys, of a former log's, or of the OPC UA bridge.
pub(super) fn is_keys(folder: &std::ffi::OsStr) -> bool {
    let folder = folder.to_string_lossy();
    folder == "keys" || folder == "opcua" || folder.starts_with("keys.former-")
}

/// Files that are on their way, or say who uses the folder: nothing that a backup has a use for.
fn is_passing(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || name.ends_with(".tmp") || ["_tmp", "lock", "probe"].contains(&name.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: [&str; 3] = ["log", "lake", "registry"];

    fn put(dir: &Path, path: &str, text: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, text).unwrap();
        fs::rename(temporary, path).unwrap();
    }

    fn names(mirror: &Mirror) -> Vec<String> {
        mirror.files.keys().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_second_look_takes_what_is_new_replaces_what_is_other_and_drops_what_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("data"), dir.path().join("mirror"));
        put(&from, "registry/lock.json", "one");
        put(&from, "registry/prepared.json", "p");
        put(&from, "registry/.lock.json.7-0.tmp", "passing");
        put(&from, "lake/_tmp/x", "passing");
        put(&from, "log/lock", "17");
        put(&from, "lake/records/_delta_log/0.json", "zero");
        let mut mirror = Mirror::new(&from, &to);
        assert!(mirror.look(&AT, Look::State).unwrap());
        assert_eq!(names(&mirror), ["lake/records/_delta_log/0.json", "registry/lock.json", "registry/prepared.json"]);
        assert!(mirror.holds("registry/lock.json").unwrap());
        let before = mirror.listed("lake/records/_delta_log").unwrap();
        assert_eq!(before, BTreeSet::from(["0.json".into()]));

        put(&from, "registry/lock.json", "two");
        put(&from, "lake/records/_delta_log/1.json", "one");
        fs::remove_file(from.join("registry/prepared.json")).unwrap();
        assert!(!mirror.holds("registry/lock.json").unwrap());
        assert_ne!(mirror.listed("lake/records/_delta_log").unwrap(), before);
        assert!(mirror.listed("lake/nothing").unwrap().is_empty());
        assert!(mirror.look(&AT, Look::State).unwrap());
        assert_eq!(names(&mirror).len(), 3);
        assert_eq!(fs::read(to.join("registry/lock.json")).unwrap(), b"two");
        assert!(!to.join("registry/prepared.json").exists());
    }

    #[test]
    fn a_data_file_that_is_gone_stays_and_a_growing_one_has_the_length_that_it_had() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("data"), dir.path().join("mirror"));
        put(&from, "lake/records/received_day=2026-11-21/a.parquet", "rows");
        put(&from, "log/00000000000000000000.log", "batch");
        let mut mirror = Mirror::new(&from, &to);
        assert!(mirror.look(&AT, Look::DataFiles).unwrap());
        assert!(mirror.look(&AT, Look::State).unwrap());
        fs::remove_dir_all(from.join("lake")).unwrap();
        let mut log = fs::OpenOptions::new().append(true).open(from.join("log/00000000000000000000.log")).unwrap();
        io::Write::write_all(&mut log, b"more").unwrap();
        assert!(mirror.look(&AT, Look::DataFiles).unwrap());
        let lengths: Vec<_> = mirror.files.values().map(|linked| linked.length).collect();
        assert_eq!(lengths, [None, Some(5)]);
        assert!(mirror.look(&AT, Look::State).unwrap());
        assert_eq!(mirror.files[Path::new("log/00000000000000000000.log")].length, Some(9));
        assert_eq!(fs::read(to.join("lake/records/received_day=2026-11-21/a.parquet")).unwrap(), b"rows");
    }
}
