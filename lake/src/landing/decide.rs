//! What a batch of steps makes of each partition: the ledger decides record by record, and rows that do not land go.
//!
//! Nothing is written here, and the ledgers in memory stay as they are.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::RecordBatch;
use tacho_schemas::processed::{Processed, Step, Tables, Verdict};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::table::Table;
use tacho_schemas::{Digest, RecordId, RobotKey};
use tracing::error;

use super::LandError;
use super::pieces::{Piece, Selection};
use super::rows::OwnRows;
use crate::ledger::store::Standing;
use crate::ledger::{Change, Counts, Draft, Fate, Position};

/// A batch that is decided and waits to be committed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Rows that land, by table, in the order of the log.
    pub(super) pieces: Tables<Vec<Piece>>,
    pub(super) parts: BTreeMap<i32, Part>,
    pub(super) tally: Tally,
}

/// What a batch makes of one partition.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) draft: Draft,
    pub(super) position: Position,
}

/// Records and gap events of a batch, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) conflicts: u64,
    /// The robot of the first of them.
    pub(super) conflict_robot: Option<RobotKey>,
    /// Opened, narrowed, closed, written off.
    pub(super) gaps: [u64; 4],
}

/// Decides steps one after the other.
#[derive(Debug)]
pub(super) struct Decider<'a> {
    log_epoch: i64,
    standings: &'a BTreeMap<i32, Standing>,
    batch: Batch,
}

impl<'a> Decider<'a> {
    pub(super) fn new(log_epoch: i64, standings: &'a BTreeMap<i32, Standing>) -> Self {
        Self { log_epoch, standings, batch: Batch::default() }
    }

    /// Decides the next step.
    pub(super) fn step(&mut self, step: Step) -> Result<(), LandError> {
        match step {
            Step::Rows(processed) => self.rows(processed),
            Step::Config { partition, offset, config } => {
                let (_, part) = self.reach(partition, &(offset..offset + 1))?;
                part.position.config = Some(config);
                Ok(())
            }
            Step::Lost { partition, offsets } => self.lost(partition, &offsets),
        }
    }

    /// The batch; `last` names, per partition, the raw record before the next offset.
    pub(super) fn finish(mut self, last: &BTreeMap<i32, RecordId>) -> Batch {
        // An empty range moves nothing: each snapshot has a next offset of its own.
        let standings = self.standings;
        let moved = |partition: &i32, part: &Part| {
            standings.get(partition).is_some_and(|standing| standing.position.next_offset < part.position.next_offset)
        };
        self.batch.parts.retain(|partition, part| moved(partition, part));
        for (partition, part) in &mut self.batch.parts {
            part.position.record_before = last.get(partition).copied();
            self.batch.tally.counts.add(part.draft.totals());
        }
        self.batch
    }

    fn lost(&mut self, partition: i32, offsets: &Range<i64>) -> Result<(), LandError> {
        let log_epoch = self.log_epoch;
        let (_, part) = self.reach(partition, offsets)?;
        error!(partition, ?offsets, "the log lost these offsets to damage");
        let mut own = OwnRows::new(log_epoch, partition, part.position.config);
        if !offsets.is_empty() {
            own.lost(offsets, part.position.last_received_us);
        }
        self.keep_own(partition, offsets, own);
        Ok(())
    }

    fn rows(&mut self, processed: Processed) -> Result<(), LandError> {
        let Processed { partition, offsets, config, entries, rows } = processed;
        let log_epoch = self.log_epoch;
        let (standing, part) = self.reach(partition, &offsets)?;
        if part.position.config != Some(config) {
            let in_force = part.position.config;
            return Err(LandError::Configuration { partition, offset: offsets.start, in_force, of_rows: config });
        }
        let mut own = OwnRows::new(log_epoch, partition, Some(config));
        let mut selection = Selection::default();
        let mut tally = Tally::default();
        let mut changes = Vec::new();
        let mut place = (offsets.start, 0);
        for entry in &entries {
            if (entry.offset, entry.ordinal) < place || entry.offset >= offsets.end {
                return Err(LandError::Disorder { partition, offset: entry.offset });
            }
            place = (entry.offset, entry.ordinal + 1);
            changes.clear();
            let fate = part.draft.decide(&standing.ledger, entry, &mut changes);
            part.position.last_received_us = entry.received_at_us;
            match &entry.verdict {
                Verdict::Kept(kept) => {
                    selection.add(fate == Fate::Landed, kept);
                    if let Fate::Refused(reason) = fate {
                        if reason == RejectReason::SequenceConflict {
                            tally.conflicts += 1;
                            tally.conflict_robot.get_or_insert(entry.robot);
                        }
                        own.refused(entry, kept, reason);
                    }
                }
                Verdict::Rejected { key, letter } => own.rejected(entry, *key, letter),
            }
            changes.iter().for_each(|change| tally.gaps[index(change.change)] += 1);
            own.gaps(entry, &changes, fate == Fate::Landed);
        }
        self.keep(partition, &offsets, &rows, &selection)?;
        self.keep_own(partition, &offsets, own);
        self.batch.tally.add(tally);
        Ok(())
    }

    /// Moves a partition on to the end of a range that must begin where it stands.
    fn reach(&mut self, partition: i32, offsets: &Range<i64>) -> Result<(&'a Standing, &mut Part), LandError> {
        let standing = self.standings.get(&partition).ok_or(LandError::NotHeld { partition })?;
        let part = self
            .batch
            .parts
            .entry(partition)
            .or_insert_with(|| Part { draft: Draft::default(), position: standing.position });
        let expected = part.position.next_offset;
        if offsets.start != expected || offsets.end < expected {
            return Err(LandError::OutOfOrder { partition, expected, found: offsets.clone() });
        }
        part.position.next_offset = offsets.end;
        Ok((standing, part))
    }

    /// Keeps the rows of the records that land.
    fn keep(
        &mut self,
        partition: i32,
        offsets: &Range<i64>,
        rows: &Tables<RecordBatch>,
        selection: &Selection,
    ) -> Result<(), LandError> {
        for table in [Table::Records].into_iter().chain(Table::COMPONENTS) {
            let found = rows.get(table);
            let expected = selection.rows(table);
            if found.num_rows() != expected {
                return Err(LandError::Rows {
                    partition,
                    offset: offsets.start,
                    table,
                    expected,
                    found: found.num_rows(),
                });
            }
            let rows = selection.filter(table, found).map_err(|source| LandError::Arrow { table, source })?;
            self.push(table, Piece::new(partition, offsets.clone(), rows));
        }
        Ok(())
    }

    fn keep_own(&mut self, partition: i32, offsets: &Range<i64>, own: OwnRows) {
        let (rejected, gap_events) = own.finish();
        self.push(Table::Rejected, Piece::new(partition, offsets.clone(), rejected));
        self.push(Table::GapEvents, Piece::new(partition, offsets.clone(), gap_events));
    }

    fn push(&mut self, table: Table, piece: Piece) {
        if piece.rows.num_rows() > 0 {
            self.batch.pieces.get_mut(table).push(piece);
        }
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.conflicts += other.conflicts;
        self.conflict_robot = self.conflict_robot.or(other.conflict_robot);
        self.gaps.iter_mut().zip(other.gaps).for_each(|(sum, more)| *sum += more);
    }
}

/// Changes of holes, in the order in which [`Tally::gaps`] counts them.
pub(super) const CHANGES: [Change; 4] = [Change::Opened, Change::Narrowed, Change::Closed, Change::WrittenOff];

fn index(change: Change) -> usize {
    match change {
        Change::Opened => 0,
        Change::Narrowed => 1,
        Change::Closed => 2,
        Change::WrittenOff => 3,
    }
}

/// The digest as text, or that there is none.
pub(super) fn digest_text(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), Digest::to_string)
}
