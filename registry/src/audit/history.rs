//! The log for itself: key, signature, tiles, the chain of windows, the lock file, the registry. No row is looked at.

use std::collections::HashMap;
use std::path::Path;

use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::error::{differs, unreadable};
use super::survey::Survey;
use super::{AuditError, sum};
use crate::anchorer::Counted;
use crate::anchorer::heads::{self, Heads};
use crate::anchorer::lock;
use crate::file_registry::{FileRegistry, paths};
use crate::key::{self, KEY_FILE};
use crate::merkle::TreeHead;
use crate::published::Published;
use crate::salts::SyncedMonths;
use crate::statement::log_entry::LogEntry;
use crate::statement::{CompactStatement, OffsetRange, Statement as _, WindowStatement};

/// What a data directory must not have without a log.
const REMAINS: [&str; 6] =
    ["keys/log.key", "keys/log.vkey", "keys/salts", "registry/checkpoint", "registry/tile", "registry/segments"];

/// The entries of the log, checked against each other.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) published: Option<Published>,
    /// Entries of which the registry has a checkpoint.
    pub(super) registry_size: u64,
    /// Logs that the registry knows besides this one.
    pub(super) other_logs: u64,
    /// The windows; their ranges are moved to `ranges`.
    pub(super) windows: Vec<WindowStatement>,
    /// The ranges of each log and partition in order, each with the number of its window.
    pub(super) ranges: HashMap<(String, i32), Vec<(OffsetRange, u64)>>,
    pub(super) compactions: Vec<CompactStatement>,
    last_hash: Option<Digest>,
}

impl History {
    /// Reads and checks the log of a data directory.
    pub(super) fn read(data_dir: &Path, file_registry_dir: &Path) -> Result<Self, AuditError> {
        let dir = data_dir.join("registry");
        let read = || Published::read(data_dir).map_err(|error| unreadable(dir.display(), error));
        let Some(first) = read()? else {
            return match REMAINS.iter().find(|remains| data_dir.join(remains).exists()) {
                Some(remains) => {
                    Err(differs(lock::path_in(&dir).display(), format!("missing, but there is {remains}")))
                }
                None => Ok(Self::default()),
            };
        };
        // The registry before the log: an anchorer that goes on meanwhile is never behind it.
        let registry = FileRegistry::new(file_registry_dir);
        let path = registry.checkpoint_path(&first.lock.origin);
        let known = registry.head(&first.lock.origin, &first.key).map_err(|error| unreadable(path.display(), error))?;
        let Some(published) = read()? else { return Err(AuditError::Moved(dir.display().to_string())) };
        check_key(data_dir, &published)?;
        check_registry(&published, (first.lock.lodged().size, known), &path)?;
        let logs = registry.checkpoints().map_err(|error| unreadable(file_registry_dir.display(), error))?;
        let other_logs = logs.iter().filter(|checkpoint| **checkpoint != path).count() as u64;
        let registry_size = known.map_or(0, |head| head.size);
        let mut history = Self { registry_size, other_logs, ..Self::default() };
        history.read_entries(&published)?;
        history.check_lock(&published)?;
        history.check_heads(&published)?;
        history.published = Some(published);
        Ok(history)
    }

    /// Origin of the log; empty without one.
    pub(super) fn origin(&self) -> &str {
        self.published.as_ref().map_or("", |published| &published.lock.origin)
    }

    /// Entries of the log.
    pub(super) fn size(&self) -> u64 {
        self.published.as_ref().map_or(0, |published| published.lock.size)
    }

    /// How much of the salt keys the leaves have used.
    pub(super) fn salts(&self) -> SyncedMonths {
        self.published.as_ref().map(|published| published.lock.salts.clone()).unwrap_or_default()
    }

    /// Per table, the Delta version up to which it is stated; -1 without windows.
    pub(super) fn versions(&self) -> Tables<i64> {
        self.published.as_ref().map_or(Tables([-1; 8]), |published| published.lock.versions.clone())
    }

    /// All entries: those of the tiles, then those of an append that is not published yet.
    fn read_entries(&mut self, published: &Published) -> Result<(), AuditError> {
        let origin = &published.lock.origin;
        published.tiles.check(&published.head, |index, entry| self.visit(origin, index, entry))?;
        published.tiles.check_partials(&published.head)?;
        let (head, lock) = (published.head, &published.lock);
        let Some(unpublished) = lock.unpublished.as_ref().filter(|_| head != lock.head()) else { return Ok(()) };
        let path = lock::path_in(&published.dir);
        let entries = unpublished.entries(&published.dir).map_err(|error| unreadable(path.display(), error))?;
        for (index, entry) in (head.size..).zip(&entries) {
            self.visit(origin, index, entry)?;
        }
        let staged = published.tiles.stage(&head, &entries)?;
        if staged.head == lock.head() {
            Ok(())
        } else {
            Err(differs(path.display(), "its entries do not lead to its root"))
        }
    }

    fn visit(&mut self, origin: &str, index: u64, entry: &[u8]) -> Result<(), AuditError> {
        let object = || format!("entry {index} of the log");
        match LogEntry::decode(entry).map_err(|error| unreadable(object(), error))? {
            LogEntry::Window(window) => self.window(origin, *window, object),
            LogEntry::Compact(compaction) => {
                self.compactions.push(compaction);
                Ok(())
            }
            LogEntry::Key(_) | LogEntry::Unknown(_) => Ok(()),
        }
    }

    fn window(
        &mut self,
        origin: &str,
        mut window: WindowStatement,
        object: impl Fn() -> String,
    ) -> Result<(), AuditError> {
        let win_no = self.windows.len() as u64;
        if window.win_no != win_no {
            return Err(differs(object(), format!("window {} where window {win_no} is due", window.win_no)));
        }
        if window.origin != origin {
            return Err(differs(object(), format!("a window of the log {}", window.origin)));
        }
        if window.prev_win_hash != self.last_hash {
            return Err(differs(
                object(),
                format!("window {win_no} does not follow window {}", win_no.wrapping_sub(1)),
            ));
        }
        if window.counts.rows.len() != Table::ALL.len() {
            return Err(AuditError::Schema { win_no });
        }
        self.last_hash = Some(window.leaf_hash());
        for range in std::mem::take(&mut window.ranges) {
            let known = self.ranges.entry((range.log_id.clone(), range.partition)).or_default();
            let due = known.last().map_or(0, |(last, _)| last.to);
            if range.from != due {
                let what = format!(
                    "window {win_no} begins partition {} at offset {}, {due} is due",
                    range.partition, range.from
                );
                return Err(differs(object(), what));
            }
            known.push((range, win_no));
        }
        self.windows.push(window);
        Ok(())
    }

    /// The lock file says what the entries say.
    fn check_lock(&self, published: &Published) -> Result<(), AuditError> {
        let (lock, path) = (&published.lock, lock::path_in(&published.dir));
        let mut totals = Counted::default();
        for WindowStatement { counts, .. } in &self.windows {
            totals.landed += counts.landed;
            totals.duplicate += counts.duplicate;
            totals.rejected += counts.rejected;
        }
        let ends = |range: &crate::anchorer::LogRange| {
            let known = self.ranges.get(&(range.log_id.to_string(), range.partition));
            known.and_then(|known| known.last()).map_or(0, |(last, _)| last.to)
        };
        let what = if lock.next_win_no != self.windows.len() as u64 || lock.last_window != self.last_hash {
            "its last window is not that of the log"
        } else if lock.totals != totals {
            "its counts are not the sums of the windows'"
        } else if lock.progress.iter().any(|range| range.to != ends(range)) {
            "its progress is not that of the windows"
        } else {
            return Ok(());
        };
        Err(differs(path.display(), what))
    }

    /// The heads on disk, with which the anchorer goes on, are those of the last window.
    fn check_heads(&self, published: &Published) -> Result<(), AuditError> {
        for (back, window) in (0..heads::KEPT).zip(self.windows.iter().rev()) {
            let path = heads::snapshot_path(&published.dir, window.win_no);
            if back > 0 && !path.exists() {
                continue;
            }
            let heads = Heads::load(&published.dir, window.win_no + 1);
            let heads = heads.map_err(|error| unreadable(path.display(), error))?;
            if heads.root() != (window.heads_root, window.n_heads) {
                return Err(differs(path.display(), format!("not the heads that window {} states", window.win_no)));
            }
        }
        Ok(())
    }
}

/// Rows without a log, beside a registry that knows one: it was taken away.
pub(super) fn check_begun(
    history: &History,
    survey: &Survey,
    data_dir: &Path,
    file_registry_dir: &Path,
) -> Result<(), AuditError> {
    if history.published.is_some() || sum(&survey.young_rows) == 0 {
        return Ok(());
    }
    let registry = FileRegistry::new(file_registry_dir);
    let known = registry.checkpoints().map_err(|error| unreadable(file_registry_dir.display(), error))?;
    if known.is_empty() {
        return Ok(());
    }
    let what = format!("missing, though rows have landed; the registry holds signed heads of logs: {}", paths(&known));
    Err(differs(lock::path_in(&data_dir.join("registry")).display(), what))
}

/// The secret key, where it can be had, is that of the public one.
fn check_key(data_dir: &Path, published: &Published) -> Result<(), AuditError> {
    let keys = data_dir.join("keys");
    if published.key.name() != published.lock.origin {
        return Err(differs(keys.join(key::VKEY_FILE).display(), "the key of another log"));
    }
    let path = keys.join(KEY_FILE);
    if !path.exists() {
        return Ok(());
    }
    match key::load(&keys) {
        Ok(secret) if *secret.verifier() == published.key => Ok(()),
        Ok(_) => Err(differs(path.display(), format!("not the secret half of {}", key::VKEY_FILE))),
        Err(error) => Err(unreadable(path.display(), error)),
    }
}

/// The registry's tree is one that this log had, and not less than it had accepted.
fn check_registry(
    published: &Published,
    (accepted, known): (u64, Option<TreeHead>),
    path: &Path,
) -> Result<(), AuditError> {
    let known = match known {
        None if accepted > 0 => {
            return Err(differs(path.display(), "the registry does not know the log, which was lodged with it"));
        }
        None => return Ok(()),
        Some(known) if known.size < accepted => {
            let what = format!("the registry has a tree of {} entries, it had accepted {accepted}", known.size);
            return Err(differs(path.display(), what));
        }
        Some(known) => known,
    };
    if known.size > published.head.size {
        let what = format!("the registry has a tree of {} entries, the log has {}", known.size, published.head.size);
        return Err(differs(path.display(), what));
    }
    if known.size == 0 || known == published.head {
        return Ok(());
    }
    let proved = published.tiles.consistency(&known, &published.head);
    proved.map(drop).map_err(|_other_tree| {
        differs(
            path.display(),
            format!("the log is not one that extends the registry's tree of {} entries", known.size),
        )
    })
}
