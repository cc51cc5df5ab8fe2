//! What a start finds in the journal: where each robot was cut, what is not delivered, what of it is still needed.

use std::collections::BTreeMap;

use super::cutter::{At, Cutter};
use super::journal::{Cut, Entry, Journal, JournalError, Placed};
use super::needed::Needed;

/// What a start finds in the journal.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The last cut of each robot.
    cuts: BTreeMap<String, Cut>,
    /// Records that may not be in the log, in order, each with its offset.
    pub(super) undelivered: Vec<(i64, Cut)>,
    pub(super) needed: Needed,
}

impl Recovery {
    /// Reads the whole journal once.
    pub(super) async fn read(journal: &Journal) -> Result<Self, JournalError> {
        let (first, next) = journal.range();
        let mut found = Self { needed: Needed::of_journal(first), ..Self::default() };
        if first == next {
            return Ok(found);
        }
        let mut reader = journal.reader(first)?;
        while !reader.is_caught_up() {
            for placed in reader.next().await? {
                found.note(placed);
            }
        }
        Ok(found)
    }

    fn note(&mut self, placed: Placed) {
        self.needed.note(&placed);
        match placed.entry {
            Some(Entry::Cut(cut)) => {
                if !cut.record.is_empty() {
                    self.undelivered.push((placed.offset, (*cut).clone()));
                }
                self.cuts.insert(cut.robot_id.clone(), *cut);
            }
            Some(Entry::Delivered(delivered)) => self.undelivered.retain(|(offset, _)| *offset >= delivered.below),
            _ => {}
        }
    }

    /// Puts a cutter where the last run left it, and gives the offset from which it goes on.
    pub(super) fn restore(&self, cutter: &mut Cutter) -> i64 {
        for cut in self.cuts.values() {
            cutter.restore(cut.clone());
        }
        let start = self.needed.start();
        for (offset, server, table) in self.needed.tables_before(start) {
            cutter.number(At { offset, server, received_us: 0 }, table.clone());
        }
        start
    }
}
