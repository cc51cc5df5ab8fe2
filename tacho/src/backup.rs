//! `tacho backup`: log, lake, keys and our transparency log in one consistent state, beside an instance that runs.
//!
//! First a mirror is made by hard links, until it is of one moment: while the state was linked, no window was closed and
//! nothing landed. So the backup is what a crash of that moment would have left, and a start makes it good as it does
//! after a crash. Then the mirror is carried to where it shall be, and the manifest is written.

pub(crate) mod carry;
pub(crate) mod manifest;
mod mirror;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tacho_lake::Lake;
use tacho_lake::ledger::view::LedgerView;
use tacho_lake::reader::TableReader;
use tacho_registry::anchorer::Lock;
use tacho_registry::durable;
use tacho_schemas::table::Table;

use crate::cli::DataDir;
use crate::exit::Answer;
use crate::output::Spinner;
use crate::up::instance;
use carry::{Arrived, Load, carry};
use manifest::{MANIFEST, Manifest};
use mirror::{Look, Mirror};

/// The mirror, within the data directory: on the same file system.
const MIRROR: &str = "backup.mirror";
/// Longest time that an instance may keep changing under the mirror.
const PATIENCE: Duration = Duration::from_secs(120);
/// The commits of the table that says what has landed.
const COMMITS: &str = "lake/records/_delta_log";
/// What says which windows are closed.
const LOCK: &str = "registry/lock.json";

/// Copies an instance, running or not, in one consistent state: `tacho backup --data tacho-data --to /mnt/backup/today`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the backup; it is made, and must be empty if it is there. It holds the private key: keep it so.
    #[arg(long, overrides_with = "to")]
    to: PathBuf,
    #[command(flatten)]
    data: DataDir,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let settings = args.data.settings()?;
    let data_dir = settings.data_dir;
    instance::require(&data_dir)?;
    ensure_is_none(&data_dir)?;
    ensure!(
        settings.lake.url.is_none() && data_dir.join("lake").exists(),
        "{} holds no lake, and a backup holds one directory in one state: copy the lake by the means of its storage, after \
         the data directory of `tacho anchor`",
        data_dir.display()
    );
    let to = args.to.clone();
    let made = tokio::task::spawn_blocking(move || make(&data_dir, &to)).await.context("the backup was cut off")??;
    let Made { mut manifest, arrived } = made;
    describe(&mut manifest, &args.to).await?;
    let linked = arrived.iter().filter(|file| file.linked).count();
    manifest.files = arrived.into_iter().map(|file| file.entry).collect();
    manifest.made_at = now();
    manifest.write(&args.to)?;
    let bytes: u64 = manifest.files.iter().map(|file| file.size).sum();
    let (to, files) = (args.to.display(), manifest.files.len());
    let mut text = format!("backup {to}: {files} files, {bytes} bytes, tree of {} entries\n", manifest.tree_size);
    if linked > 0 {
        text.push_str(&format!(
            "{linked} files are hard links: they share their disk with the data directory. Copy {to} to another disk; \
             `tacho restore` checks every byte of the copy\n"
        ));
    }
    crate::output::print(&text)?;
    Ok(Answer::Yes)
}

/// What was copied, before it is described.
struct Made {
    manifest: Manifest,
    arrived: Vec<Arrived>,
}

fn make(data_dir: &Path, to: &Path) -> anyhow::Result<Made> {
    empty_folder(to)?;
    let (data, target) = (data_dir.canonicalize(), to.canonicalize());
    if let (Ok(data), Ok(target)) = (data, target)
        && target.starts_with(data)
    {
        bail!("{} lies in the data directory: name a folder outside of it, best on another disk", to.display());
    }
    let spinner = Spinner::new();
    let staging = Staging::begin(data_dir)?;
    let manifest = Manifest::new(now());
    let mirror = staging.mirror(data_dir)?;
    let arrived = carry(&staging.dir, to, &loads(&mirror), &|path| spinner.tell(&path.display().to_string()))?;
    staging.end()?;
    Ok(Made { manifest, arrived })
}

/// A backup is complete in itself: what it is made of must not be one.
fn ensure_is_none(data_dir: &Path) -> anyhow::Result<()> {
    ensure!(!data_dir.join(MANIFEST).exists(), "{} is a backup itself: copy the folder as it is", data_dir.display());
    Ok(())
}

/// Makes a folder for its owner only, or takes one that is empty.
pub(crate) fn empty_folder(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let at = || dir.display().to_string();
    if !dir.exists() {
        let above = dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        durable::create_dir_all(above).with_context(|| above.display().to_string())?;
        fs::DirBuilder::new().mode(0o700).create(dir).with_context(at)?;
        return durable::sync_dir(above).with_context(|| above.display().to_string());
    }
    let first = fs::read_dir(dir).with_context(at)?.next();
    ensure!(first.is_none(), "{} is not empty: name a folder of its own", dir.display());
    Ok(())
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The folder in which the mirror is made, one at a time.
#[derive(Debug)]
struct Staging {
    dir: PathBuf,
    /// Held as long as the folder is in use.
    _held: File,
}

impl Staging {
    /// Takes the folder, and clears what a backup that was cut off has left in it.
    fn begin(data_dir: &Path) -> anyhow::Result<Self> {
        let dir = data_dir.join(MIRROR);
        let at = || dir.display().to_string();
        fs::create_dir_all(&dir).with_context(at)?;
        let held = File::open(&dir).with_context(at)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another backup of {} is under way", data_dir.display()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(at),
        }
        for entry in fs::read_dir(&dir).with_context(at)? {
            let path = entry.with_context(at)?.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| path.display().to_string())?;
        }
        Ok(Self { dir, _held: held })
    }

    /// A mirror of one moment.
    fn mirror(&self, data_dir: &Path) -> anyhow::Result<Mirror> {
        let mut mirror = Mirror::new(data_dir, &self.dir);
        mirror.look(&["lake"], Look::DataFiles)?;
        let former = former(data_dir)?;
        // The lake before the log: what has landed must be in the log, too. Retention takes of the log only what was
        // anchored before, which has landed before.
        // The bridge's journal last: of a record that it has and the log lacks a gap tells; the other way round its number
        // would be given again.
        let mut state = vec!["registry", "lake", "log", "keys", "format", "opcua"];
        state.extend(former.iter().map(String::as_str));
        let give_up = Instant::now() + PATIENCE;
        // A commit that lands within a look would be there without the ledger that it names, which was looked at before.
        loop {
            let commits = mirror.listed(COMMITS)?;
            if mirror.look(&state, Look::State)? && mirror.holds(LOCK)? && mirror.listed(COMMITS)? == commits {
                break;
            }
            ensure!(
                Instant::now() < give_up,
                "{} changed under the backup for {} s: try again when less lands",
                data_dir.display(),
                PATIENCE.as_secs()
            );
        }
        // What the state names was written before it, and is deleted long after.
        mirror.look(&["lake"], Look::DataFiles)?;
        Ok(mirror)
    }

    fn end(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.dir).with_context(|| self.dir.display().to_string())
    }
}

/// Removes what a backup that was cut off has left: its links keep the space of files that are deleted since.
pub(crate) fn clear_abandoned(data_dir: &Path) -> anyhow::Result<()> {
    if !data_dir.join(MIRROR).exists() {
        return Ok(());
    }
    match Staging::begin(data_dir) {
        Ok(abandoned) => abandoned.end(),
        // One is under way, of an instance that was at rest until now.
        Err(_in_use) => Ok(()),
    }
}

/// Folders of former transparency logs, and their keys.
fn former(data_dir: &Path) -> anyhow::Result<Vec<String>> {
    let at = || data_dir.display().to_string();
    let mut former = Vec::new();
    for entry in fs::read_dir(data_dir).with_context(at)? {
        let name = entry.with_context(at)?.file_name().to_string_lossy().into_owned();
        if name.starts_with("registry.former-") || name.starts_with("keys.former-") {
            former.push(name);
        }
    }
    Ok(former)
}

/// What is to be carried, and how: what may be changed in place is copied, and the newest segment of the log is.
fn loads(mirror: &Mirror) -> Vec<Load> {
    let is_segment = |path: &Path| path.starts_with("log") && path.extension().is_some_and(|ending| ending == "log");
    let newest = mirror.files.keys().rfind(|path| is_segment(path));
    let load = |(path, linked): (&PathBuf, &mirror::Linked)| {
        let sealed = is_segment(path) && Some(path) != newest;
        Load { path: path.clone(), length: linked.length, link: linked.length.is_none() || sealed }
    };
    mirror.files.iter().map(load).collect()
}

/// Says of which state the backup is, and makes sure that every file is there that its tables name.
async fn describe(manifest: &mut Manifest, to: &Path) -> anyhow::Result<()> {
    manifest.log_id = tacho_log::identity_in(&to.join("log")).context("log")?.map(|identity| identity.log_id);
    if let Some(lock) = Lock::read(&to.join("registry")).context("transparency log")? {
        (manifest.origin, manifest.tree_size) = (Some(lock.origin), lock.size);
    }
    let mut tables = BTreeMap::new();
    let lake = to.join("lake");
    if lake.join(Table::Records.name()).is_dir() {
        let lake = Lake::read_only(&lake).context("lake")?;
        LedgerView::load(&lake).await.context("ledger of what has landed")?;
    }
    for table in Table::ALL {
        if !lake.join(table.name()).is_dir() {
            continue;
        }
        let reader = TableReader::open(&lake, table).with_context(|| format!("table {}", table.name()))?;
        let live = reader.live_files(None).await.with_context(|| format!("table {}", table.name()))?;
        for file in &live.files {
            let found =
                reader.head_file(&file.path).await.with_context(|| format!("{} of {}", file.path, table.name()))?;
            let (size, path) = (found.size, &file.path);
            ensure!(size == file.size, "{path} of {} has {size} bytes, its commit says {}", table.name(), file.size);
        }
        tables.insert(table.name().to_owned(), live.version);
    }
    manifest.tables = tables;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_log_the_newest_segment_is_copied_and_the_sealed_ones_are_linked() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        for path in [
            "log/00000000000000000000.log",
            "log/00000000000000000000.index",
            "log/00000000000000000009.log",
            "log/identity",
            "registry/lock.json",
            "keys/log.key",
            "keys.former-1/log.key",
            "format",
        ] {
            let path = data.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let staging = Staging::begin(&data).unwrap();
        let second = Staging::begin(&data).unwrap_err().to_string();
        assert!(second.contains("another backup") && second.contains("under way"), "{second}");
        clear_abandoned(&data).unwrap();
        assert!(data.join(MIRROR).exists(), "it is in use");
        let loads = loads(&staging.mirror(&data).unwrap());
        let linked: Vec<_> = loads.iter().filter(|load| load.link).map(|load| load.path.to_str().unwrap()).collect();
        assert_eq!(linked, ["format", "log/00000000000000000000.log", "registry/lock.json"]);
        assert_eq!(loads.len(), 8);
        drop(staging);
        assert!(data.join(MIRROR).join("format").exists(), "as a backup that was cut off leaves it");
        clear_abandoned(&data).unwrap();
        assert!(!data.join(MIRROR).exists());
    }

    #[test]
    fn a_backup_goes_neither_into_a_folder_with_files_nor_into_the_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("data/lake")).unwrap();
        let refused = make(&dir.path().join("data"), dir.path()).err().unwrap().to_string();
        assert!(refused.contains("is not empty"), "{refused}");
        let refused = make(&dir.path().join("data"), &dir.path().join("data/backup")).err().unwrap().to_string();
        assert!(refused.contains("lies in the data directory"), "{refused}");
    }
}
