//! What a window adds to the log, computed from what was laid down: the statement, its segments, its files.
//!
//! The same files, salts and lock give the same bytes, whenever and however often it is done.

use std::path::{Path, PathBuf};

use tacho_lake::Lake;
use tacho_lake::reader::Commit;
use tacho_lake::table::DataFile;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::gather::{Gathered, gather};
use super::lock::Lock;
use super::plan::Prepared;
use super::{AnchorError, framed, root_and_number};
use crate::leaf::Schemas;
use crate::merkle::leaf_hash;
use crate::rosters;
use crate::salts::SaltStore;
use crate::statement::window::{Counts, OffsetRange};
use crate::statement::{CompactStatement, FileStatement, SegmentStatement, Statement as _, WindowStatement};

/// The data files that a window reads, and the compactions that it states.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) files: Vec<(Table, DataFile)>,
    compactions: Vec<CompactStatement>,
}

/// Finds the files that commits with new rows have added since the last window, whole.
pub(super) async fn sources(lake: &Lake, lock: &Lock, versions: &Tables<i64>) -> Result<Sources, AnchorError> {
    let mut sources = Sources::default();
    for table in Table::ALL {
        let (from, to) = (*lock.versions.get(table), *versions.get(table));
        let reader = lake.reader(table)?;
        if from < 0 {
            let live = reader.live_files(Some(to)).await?;
            sources.files.extend(live.files.into_iter().map(|file| (table, file)));
            continue;
        }
        for commit in reader.commits_between(from, to).await? {
            if is_compaction(&commit) {
                sources.compactions.push(compaction(table, &commit));
            }
            let added = commit.adds.into_iter().filter(|file| file.data_change);
            sources.files.extend(added.map(|file| (table, file)));
        }
    }
    Ok(sources)
}

/// Whether a commit only moves rows between files.
pub(crate) fn is_compaction(commit: &Commit) -> bool {
    !commit.adds.is_empty() && commit.adds.iter().all(|file| !file.data_change)
}

fn compaction(table: Table, commit: &Commit) -> CompactStatement {
    let inputs = commit.removes.iter().map(|file| FileStatement {
        path: format!("{}/{}", table.name(), file.path),
        size: file.size.unwrap_or_default(),
        sha256: file.sha256.unwrap_or(Digest([0; 32])),
    });
    let outputs = commit.adds.iter().map(|file| statement(table, file));
    let (inputs_root, n_inputs) = root_of_files(inputs.collect());
    let (outputs_root, n_outputs) = root_of_files(outputs.collect());
    CompactStatement {
        table: table.name().to_owned(),
        version: commit.version,
        inputs_root,
        n_inputs,
        outputs_root,
        n_outputs,
    }
}

/// The statement of a file as its commit names it.
pub(crate) fn statement(table: Table, file: &DataFile) -> FileStatement {
    FileStatement {
        path: format!("{}/{}", table.name(), file.path),
        size: file.size,
        sha256: file.sha256.unwrap_or(Digest([0; 32])),
    }
}

/// The root over statements of files, sorted by path.
pub(crate) fn root_of_files(mut files: Vec<FileStatement>) -> (Digest, u64) {
    files.sort_unstable();
    let leaves: Vec<Digest> = files.iter().map(|file| leaf_hash(&file.encode())).collect();
    root_and_number(&leaves)
}

/// A window, computed.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) statement: WindowStatement,
    pub(super) segments: Vec<SegmentStatement>,
    pub(super) gathered: Gathered,
    compactions: Vec<CompactStatement>,
}

impl Built {
    /// The entries that the window appends to the log: its statement, then the compactions.
    pub(super) fn entries(&self) -> Vec<Vec<u8>> {
        let compactions = self.compactions.iter().map(|compaction| compaction.encode());
        std::iter::once(self.statement.encode()).chain(compactions).collect()
    }
}

/// Computes a window; `heads` makes the segments out of the rows and says what the heads are with them.
pub(super) async fn build(
    lake: &Lake,
    lock: &Lock,
    salts: &mut SaltStore,
    (prepared, schemas): (&Prepared, &Schemas),
    heads: &mut super::Heads,
) -> Result<Built, AnchorError> {
    let sources = sources(lake, lock, &prepared.versions).await?;
    let gathered = gather(lake, salts, &sources.files, (&prepared.ranges, schemas)).await?;
    let segments = heads.extend(&gathered.streams);
    let leaves: Vec<Digest> = segments.iter().map(|segment| segment.leaf_hash()).collect();
    let (segs_root, n_segs) = root_and_number(&leaves);
    let (heads_root, n_heads) = heads.root();
    let (files_root, n_files) = root_of_files(gathered.files.clone());
    let statement = WindowStatement {
        origin: lock.origin.clone(),
        win_no: prepared.win_no,
        ranges: offset_ranges(prepared),
        counts: counts(lock, prepared, &gathered),
        segs_root,
        n_segs,
        heads_root,
        n_heads,
        files_root,
        n_files,
        schema_ids: schemas.ids(|table| *gathered.rows.get(table) > 0),
        config_digests: gathered.configs.iter().copied().collect(),
        roster_digest: rosters::in_lake(lake, &gathered.configs).await?,
        prev_win_hash: lock.last_window,
        beacon: prepared.beacon,
    };
    Ok(Built { statement, segments, gathered, compactions: sources.compactions })
}

fn offset_ranges(prepared: &Prepared) -> Vec<OffsetRange> {
    let mut ranges: Vec<OffsetRange> = prepared
        .ranges
        .iter()
        .filter(|range| range.from < range.to)
        .map(|range| OffsetRange {
            log_id: range.log_id.to_string(),
            partition: range.partition,
            from: range.from,
            to: range.to,
        })
        .collect();
    ranges.sort_by(|a, b| (&a.log_id, a.partition).cmp(&(&b.log_id, b.partition)));
    ranges
}

fn counts(lock: &Lock, prepared: &Prepared, gathered: &Gathered) -> Counts {
    let (now, before) = (prepared.totals, lock.totals);
    let landed = now.landed.saturating_sub(before.landed);
    let duplicate = now.duplicate.saturating_sub(before.duplicate);
    let rejected = now.rejected.saturating_sub(before.rejected);
    let rows = gathered.rows.0.to_vec();
    Counts { received: landed + duplicate + rejected, landed, duplicate, rejected, rows }
}

/// The file of a window's segments: each with its length in front.
pub(crate) fn segments_path(dir: &Path, win_no: u64) -> PathBuf {
    dir.join("segments").join(format!("{win_no:010}"))
}

/// Writes the segments of a window, reads them back, and checks that they have the root that it states.
pub(super) fn write_segments(
    dir: &Path,
    window: &WindowStatement,
    segments: &[SegmentStatement],
) -> Result<(), AnchorError> {
    let path = segments_path(dir, window.win_no);
    framed::write(&path, segments.iter())?;
    if are_of(window, &read_segments(dir, window.win_no)?) {
        Ok(())
    } else {
        Err(AnchorError::ReadBack { what: "segments", path })
    }
}

/// Whether these are the segments that a window states.
pub(crate) fn are_of(window: &WindowStatement, segments: &[SegmentStatement]) -> bool {
    let leaves: Vec<Digest> = segments.iter().map(|segment| segment.leaf_hash()).collect();
    root_and_number(&leaves) == (window.segs_root, window.n_segs)
}

/// Reads the segments of a window.
pub(crate) fn read_segments(dir: &Path, win_no: u64) -> Result<Vec<SegmentStatement>, AnchorError> {
    framed::read(&segments_path(dir, win_no))
}
