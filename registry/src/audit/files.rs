//! Which files there are: those that windows and compactions state, and no others. Commits are compared with what was
//! stated of them as far as the Delta log still has them; of older ones there is the balance of files.

use std::collections::{BTreeMap, HashMap, HashSet};

use tacho_lake::reader::Commit;
use tacho_schemas::Digest;
use tacho_schemas::table::Table;

use super::AuditError;
use super::error::{differs, unreadable};
use super::history::History;
use super::lake::Pinned;
use super::places::Places;
use super::survey::Survey;
use crate::anchorer::plan::partition_of;
use crate::anchorer::window::{is_compaction, root_of_files, statement};
use crate::statement::{CompactStatement, FileStatement, Statement as _};

/// Paths that a divergence names, at most.
const NAMED: usize = 4;

/// The files of each window, and those that compaction has made.
#[derive(Debug, Default)]
struct Stated {
    /// By window, what it can have added, by path.
    windows: BTreeMap<u64, BTreeMap<String, FileStatement>>,
    /// Paths of outputs of compactions.
    outputs: HashSet<String>,
    /// Paths of inputs of compactions that came before the first window, and that no statement covers.
    unstated_inputs: HashSet<String>,
}

/// Compares the files with the statements.
pub(super) async fn check(
    pinned: &Pinned,
    history: &History,
    survey: &Survey,
    places: &Places,
) -> Result<(), AuditError> {
    if history.windows.is_empty() {
        return Ok(());
    }
    let mut stated = Stated::default();
    for table in Table::ALL {
        stated.commits(pinned, history, places, table).await?;
    }
    stated.live(history, survey)?;
    stated.check_windows(history)?;
    check_balance(pinned, history).await
}

impl Stated {
    /// The commits of a table up to the stated version, as far as they are there.
    async fn commits(
        &mut self,
        pinned: &Pinned,
        history: &History,
        places: &Places,
        table: Table,
    ) -> Result<(), AuditError> {
        let (reader, stated) = (pinned.reader(table)?, pinned.tables.get(table).stated);
        let oldest = pinned.oldest_entry(table).await?;
        if oldest > stated {
            return Ok(());
        }
        let bad = |error| unreadable(format!("{}/_delta_log", table.name()), error);
        let base = reader.live_files(Some(oldest)).await.map_err(bad)?;
        let mut known: HashMap<String, FileStatement> = HashMap::new();
        known.extend(base.files.iter().map(|file| (file.path.clone(), statement(table, file))));
        let statements = history.compactions.iter().filter(|compaction| compaction.table == table.name());
        let statements: HashMap<i64, &CompactStatement> = statements.map(|of| (of.version, of)).collect();
        for commit in reader.commits_between(oldest - 1, stated).await.map_err(bad)? {
            known.extend(commit.adds.iter().map(|file| (file.path.clone(), statement(table, file))));
            let compaction = statements.get(&commit.version).copied();
            if is_compaction(&commit) {
                let inputs = (commit.version > oldest).then_some(&known);
                self.compaction(table, &commit, compaction, inputs)?;
            } else if compaction.is_some() {
                return Err(differs(entry_name(table, commit.version), "was stated as a compaction and is none"));
            } else if let Some(win_no) = window_of(pinned, places, &commit) {
                let added = commit.adds.iter().map(|file| statement(table, file));
                self.windows.entry(win_no).or_default().extend(added.map(|file| (file.path.clone(), file)));
            }
        }
        Ok(())
    }

    fn compaction(
        &mut self,
        table: Table,
        commit: &Commit,
        stated: Option<&CompactStatement>,
        known: Option<&HashMap<String, FileStatement>>,
    ) -> Result<(), AuditError> {
        let Some(stated) = stated else {
            // Gap events are not held back for anchors: they may be merged before the first window.
            if table != Table::GapEvents {
                return Err(differs(entry_name(table, commit.version), "a compaction that the log does not state"));
            }
            let inputs = commit.removes.iter().map(|remove| format!("{}/{}", table.name(), remove.path));
            self.unstated_inputs.extend(inputs);
            return Ok(());
        };
        let outputs: Vec<FileStatement> = commit.adds.iter().map(|file| statement(table, file)).collect();
        self.outputs.extend(outputs.iter().map(|output| output.path.clone()));
        if root_of_files(outputs) != (stated.outputs_root, stated.n_outputs) {
            return Err(differs(entry_name(table, commit.version), "has made other files than were stated"));
        }
        let Some(known) = known else { return Ok(()) };
        let inputs = commit.removes.iter().filter_map(|remove| known.get(&remove.path).cloned()).collect();
        if root_of_files(inputs) == (stated.inputs_root, stated.n_inputs) {
            Ok(())
        } else {
            Err(differs(entry_name(table, commit.version), "has removed other files than were stated"))
        }
    }

    /// The live files: each is of one window, or was made by a compaction.
    fn live(&mut self, history: &History, survey: &Survey) -> Result<(), AuditError> {
        let single = history.compactions.iter().filter(|compaction| compaction.n_outputs == 1);
        let single: HashSet<Digest> = single.map(|compaction| compaction.outputs_root).collect();
        for file in survey.files.iter().filter(|file| !file.is_young) {
            let path = &file.statement.path;
            if single.contains(&file.statement.leaf_hash()) || self.outputs.contains(path) {
                continue;
            }
            match file.windows {
                Some((first, last)) if first == last => {
                    let of_window = self.windows.entry(first).or_default();
                    of_window.insert(path.clone(), file.statement.clone());
                }
                Some((first, last)) => {
                    let what = format!("has rows of the windows {first} to {last}, and no compaction states it");
                    return Err(differs(path, what));
                }
                None => return Err(differs(path, "has no rows of any window, and no window has it")),
            }
        }
        Ok(())
    }

    /// A window has at least these files; if it had no more, they have its root.
    fn check_windows(&self, history: &History) -> Result<(), AuditError> {
        let none = BTreeMap::new();
        for window in &history.windows {
            let files = self.windows.get(&window.win_no).unwrap_or(&none);
            let files = files.values().filter(|file| !self.unstated_inputs.contains(&file.path));
            let files: Vec<FileStatement> = files.cloned().collect();
            let count = files.len() as u64;
            let named: Vec<&str> = files.iter().take(NAMED).map(|file| file.path.as_str()).collect();
            let object = || format!("window {}", window.win_no);
            if count > window.n_files {
                let what = format!("has added {} files, there are {count}: {} …", window.n_files, named.join(", "));
                return Err(differs(object(), what));
            }
            if count == window.n_files && root_of_files(files.clone()).0 != window.files_root {
                let what = format!("its files are not those that were anchored: {}", named.join(", "));
                return Err(differs(object(), what));
            }
        }
        Ok(())
    }
}

/// As many files are there as windows have added and compactions have left.
async fn check_balance(pinned: &Pinned, history: &History) -> Result<(), AuditError> {
    let mut found = 0_u64;
    for table in Table::ALL {
        let version = pinned.tables.get(table).stated;
        let live = pinned.reader(table)?.live_files(Some(version)).await;
        found += live.map_err(|error| unreadable(table.name(), error))?.files.len() as u64;
    }
    let added: u64 = history.windows.iter().map(|window| window.n_files).sum();
    let made: u64 = history.compactions.iter().map(|compaction| compaction.n_outputs).sum();
    let merged: u64 = history.compactions.iter().map(|compaction| compaction.n_inputs).sum();
    if found + merged == added + made {
        return Ok(());
    }
    let what = format!("{found} files after the last window; {added} were added, {merged} merged into {made}");
    Err(differs("the tables of the lake", what))
}

/// The window of a commit, by the offsets up to which it has written.
fn window_of(pinned: &Pinned, places: &Places, commit: &Commit) -> Option<u64> {
    let windows = commit.txns.iter().filter_map(|txn| {
        let (log_id, partition) = partition_of(txn)?;
        let log = pinned.logs.by_id(log_id)?;
        places.window_of_txn(log.log_epoch, partition.into(), txn.version)
    });
    windows.max()
}

fn entry_name(table: Table, version: i64) -> String {
    format!("{}/_delta_log/{version:020}.json", table.name())
}
