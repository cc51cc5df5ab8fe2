//! The manifest of a backup: what it holds, of which state, and the digest of each file.
//!
//! It is written last, so a folder without one is no backup, or one that was cut off. Beside it lies its own digest, in
//! the form that `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tacho_registry::durable::{self, Access};
use tacho_schemas::Digest;
use uuid::Uuid;

/// The file of the manifest.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The file of its digest.
const DIGEST: &str = "manifest.sha256";
/// Version of backups that this program writes, and the newest that it restores.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Version of this file and of the folder's layout.
    pub(crate) format: u32,
    /// The program that made it.
    pub(crate) program: String,
    /// When it was begun, RFC 3339: what was acknowledged by then is in it.
    pub(crate) began_at: String,
    /// When it was whole, RFC 3339.
    pub(crate) made_at: String,
    /// Which log of records.
    pub(crate) log_id: Option<Uuid>,
    /// Origin of the transparency log, if there is one.
    pub(crate) origin: Option<String>,
    /// Size of its tree.
    pub(crate) tree_size: u64,
    /// Delta version of each table.
    pub(crate) tables: BTreeMap<String, i64>,
    /// All files, in order of their paths.
    pub(crate) files: Vec<FileEntry>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Path within the folder.
    pub(crate) path: PathBuf,
    /// Length, bytes.
    pub(crate) size: u64,
    /// SHA-256 of its bytes.
    pub(crate) sha256: Digest,
}

/// What a backup is not: its manifest or one of its files is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("{} is damaged: {why}", path.display())]
pub(crate) struct Damaged {
    pub(crate) path: PathBuf,
    pub(crate) why: String,
}

impl Manifest {
    /// A manifest of this release.
    pub(crate) fn new(began_at: String) -> Self {
        Self {
            format: FORMAT,
            program: concat!("tachograph ", env!("CARGO_PKG_VERSION")).to_owned(),
            began_at,
            made_at: String::new(),
            log_id: None,
            origin: None,
            tree_size: 0,
            tables: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Writes it, durably: from here on the folder is a backup.
    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("manifest as JSON")?;
        text.push('\n');
        let digest = format!("{}  {MANIFEST}\n", Digest::of(text.as_bytes()));
        for (name, text) in [(DIGEST, digest), (MANIFEST, text)] {
            let path = dir.join(name);
            durable::replace(&path, text.as_bytes(), Access::Shared).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// Reads the manifest of a backup. Its version is looked at first: a later one may say all else in another way.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let path = dir.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "{} has no {MANIFEST}: it is no backup, or one that was cut off; make one with `tacho backup --to`",
                dir.display()
            ),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let damaged = |why: String| Damaged { path: path.clone(), why };
        let noted = dir.join(DIGEST);
        let noted = fs::read_to_string(&noted).with_context(|| noted.display().to_string())?;
        if noted.split_whitespace().next() != Some(Digest::of(text.as_bytes()).to_string().as_str()) {
            return Err(damaged(format!("its SHA-256 is not the one in {DIGEST}")).into());
        }
        let malformed = |error: serde_json::Error| damaged(error.to_string());
        let Version { format } = serde_json::from_str(&text).map_err(malformed)?;
        if format > FORMAT {
            bail!("{} says format {format}, this program knows format {FORMAT}: use a newer release", path.display());
        }
        let manifest: Self = serde_json::from_str(&text).map_err(malformed)?;
        if let Some(file) = manifest.files.iter().find(|file| !is_within(&file.path)) {
            return Err(damaged(format!("{} leads out of the folder", file.path.display())).into());
        }
        if let Some(pair) = manifest.files.windows(2).find(|pair| pair[0].path >= pair[1].path) {
            return Err(damaged(format!("{} is named twice, or not in its order", pair[1].path.display())).into());
        }
        manifest.require_all_named(dir)?;
        Ok(manifest)
    }

    /// Finds a file of the folder that is not in the list: what is left out of it would be left out of a restore.
    fn require_all_named(&self, dir: &Path) -> anyhow::Result<()> {
        let named = |path: &Path| self.files.binary_search_by(|file| file.path.as_path().cmp(path)).is_ok();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let at = || dir.join(&folder).display().to_string();
            for entry in fs::read_dir(dir.join(&folder)).with_context(at)? {
                let entry = entry.with_context(at)?;
                let path = folder.join(entry.file_name());
                if entry.file_type().with_context(at)?.is_dir() {
                    folders.push(path);
                } else if !named(&path) && path != Path::new(MANIFEST) && path != Path::new(DIGEST) {
                    let why = format!("it is not in {MANIFEST}");
                    return Err(Damaged { path: dir.join(path), why }.into());
                }
            }
        }
        Ok(())
    }
}

/// Whether a path stays in the folder that it is taken from.
fn is_within(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(dir: &Path, change: impl FnOnce(String) -> String) {
        let text = change(fs::read_to_string(dir.join(MANIFEST)).unwrap());
        fs::write(dir.join(DIGEST), format!("{}  {MANIFEST}\n", Digest::of(text.as_bytes()))).unwrap();
        fs::write(dir.join(MANIFEST), text).unwrap();
    }

    fn written(path: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::new("2026-11-21T08:00:00Z".to_owned());
        manifest.files.push(FileEntry { path: path.into(), size: 3, sha256: Digest::of(b"abc") });
        manifest.write(dir.path()).unwrap();
        dir
    }

    #[test]
    fn a_manifest_reads_back_and_every_changed_byte_is_found() {
        let dir = written("log/identity");
        let manifest = Manifest::read(dir.path()).unwrap();
        assert_eq!(manifest.files[0].path, Path::new("log/identity"));
        let bytes = fs::read(dir.path().join(MANIFEST)).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(dir.path().join(MANIFEST), &changed).unwrap();
            let error = Manifest::read(dir.path()).unwrap_err();
            assert!(error.is::<Damaged>() && error.to_string().contains(MANIFEST), "byte {at}: {error:#}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_and_so_is_a_folder_without_a_manifest() {
        let dir = written("format");
        rewritten(dir.path(), |text| text.replace("\"format\": 1", "\"format\": 2, \"shards\": []"));
        let error = Manifest::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("says format 2") && error.contains("newer release"), "{error}");
        fs::remove_file(dir.path().join(MANIFEST)).unwrap();
        let error = Manifest::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("it is no backup, or one that was cut off"), "{error}");
    }

    #[test]
    fn a_file_that_is_named_twice_or_not_at_all_is_told() {
        let dir = written("format");
        fs::create_dir(dir.path().join("log")).unwrap();
        fs::write(dir.path().join("log/more"), "").unwrap();
        let error = Manifest::read(dir.path()).unwrap_err();
        assert!(error.is::<Damaged>() && error.to_string().contains("log/more is damaged: it is not in"), "{error:#}");
        fs::remove_file(dir.path().join("log/more")).unwrap();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        manifest.files.push(manifest.files[0].clone());
        manifest.write(dir.path()).unwrap();
        let error = Manifest::read(dir.path()).unwrap_err();
        assert!(error.is::<Damaged>() && error.to_string().contains("format is named twice"), "{error:#}");
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_refused() {
        for path in ["../keys/log.key", "/etc/passwd", "log/../../x"] {
            let error = Manifest::read(written(path).path()).unwrap_err().to_string();
            assert!(error.contains("leads out of the folder"), "{path}: {error}");
        }
    }
}
