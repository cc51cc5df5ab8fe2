//! `tacho restore`: a backup becomes a data directory, after every byte of it was checked.
//!
//! The registry lies outside of backups: it remembers what was anchored, and a start refuses a data directory that is
//! older than that.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::backup::carry::{Load, carry, measure};
use crate::backup::manifest::{Damaged, FileEntry, Manifest};
use crate::cli::DataDir;
use crate::exit::Answer;
use crate::output::Spinner;
use crate::up::instance::{FORMAT_FILE, Unfinished};

/// Makes a data directory of a backup: `tacho restore --from /mnt/backup/today --data tacho-data`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the backup.
    #[arg(long, overrides_with = "from")]
    from: PathBuf,
    #[command(flatten)]
    data: DataDir,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let settings = args.data.settings()?;
    let (from, to) = (args.from.clone(), settings.data_dir.clone());
    let restored = tokio::task::spawn_blocking(move || restore(&from, &to)).await.context("the restore was cut off")?;
    let manifest = match restored {
        Ok(manifest) => manifest,
        Err(error) => match error.downcast::<Damaged>() {
            Ok(damaged) => {
                crate::output::print(&format!("{damaged}\nnothing was restored\n"))?;
                return Ok(Answer::No);
            }
            Err(error) => return Err(error),
        },
    };
    let (data, registry) = (settings.data_dir.display(), settings.registry_dir());
    let mut text = format!(
        "restored {data} as it was at {}: {} files, tree of {} entries\n",
        manifest.began_at,
        manifest.files.len(),
        manifest.tree_size
    );
    if manifest.tree_size > 0 && !registry.exists() {
        text.push_str(&format!(
            "there is no registry in {}: bring it there before the start, because it tells whether something newer was \
             anchored; if it is lost, `tacho up --lodge-anew` gives a new one the log, and notes that it was so\n",
            registry.display()
        ));
    }
    crate::output::print(&text)?;
    Ok(Answer::Yes)
}

/// Checks the backup, then carries it. Until the end the folder says that it is not whole.
fn restore(from: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read(from)?;
    crate::backup::empty_folder(to)?;
    // From here on a start refuses the folder: an empty one would pass for an instance that begins.
    let restoring = Unfinished::begin(to)?;
    let spinner = Spinner::new();
    let found = measure(from, &manifest.files, &|path| spinner.tell(&format!("checking {}", path.display())));
    if let Err(error) = found.and_then(|found| Ok(compare(from, &manifest.files, &found)?)) {
        restoring.give_up()?;
        return Err(error);
    }
    let (format, others): (Vec<_>, Vec<_>) =
        manifest.files.iter().partition(|file| file.path == Path::new(FORMAT_FILE));
    let loads: Vec<Load> =
        others.into_iter().map(|file| Load { path: file.path.clone(), length: None, link: false }).collect();
    let arrived = carry(from, to, &loads, &|path| spinner.tell(&path.display().to_string()))?;
    let arrived: Vec<FileEntry> =
        arrived.into_iter().map(|file| file.entry).chain(format.into_iter().cloned()).collect();
    compare(from, &manifest.files, &arrived)?;
    restoring.end(&from.join(FORMAT_FILE))?;
    Ok(manifest)
}

/// Names the first file that is not what the manifest says.
fn compare(from: &Path, noted: &[FileEntry], found: &[FileEntry]) -> Result<(), Damaged> {
    let found: HashMap<&Path, &FileEntry> = found.iter().map(|file| (file.path.as_path(), file)).collect();
    for noted in noted {
        let path = from.join(&noted.path);
        let why = match found.get(noted.path.as_path()) {
            Some(found) if *found == noted => continue,
            Some(found) if found.size != noted.size => {
                format!("it has {} bytes, the manifest says {}", found.size, noted.size)
            }
            _ => "its SHA-256 is not the one in the manifest".to_owned(),
        };
        return Err(Damaged { path, why });
    }
    Ok(())
}
