//! A small file system in memory of a test's own, so that a disk can be full without harm to the host's.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// A mounted file system of a few MiB, unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many MiB at a folder, which is made; `None`, with a message, where this user may not.
    ///
    /// # Errors
    /// If the folder cannot be made or there is no `mount`.
    pub fn mounted(at: PathBuf, mib: u32) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(&at).with_context(|| at.display().to_string())?;
        let size = format!("size={mib}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        let mount = mount.context("mount")?;
        if !mount.status.success() {
            eprintln!("skipped: a small disk cannot be mounted: {}", String::from_utf8_lossy(&mount.stderr));
            return Ok(None);
        }
        Ok(Some(Self(at)))
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes all of the space that is left, but for so many bytes.
    ///
    /// # Errors
    /// If the file that takes it cannot be made.
    pub fn fill_but(&self, left: u64) -> anyhow::Result<()> {
        let mut filler = std::fs::File::create(self.filler()).context("filler")?;
        while filler.write_all(&[0; 4096]).is_ok() {}
        let full = filler.metadata().context("filler")?.len();
        filler.set_len(full.saturating_sub(left)).context("filler")
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// If it was not filled.
    pub fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.filler()).context("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the process on it ends at about the same time.
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
