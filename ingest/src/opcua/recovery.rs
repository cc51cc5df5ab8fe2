//! What a start finds in the journal: where each robot was cut, what is not delivered, which subscriptions may live on.

use std::collections::BTreeMap;

use super::cutter::Cutter;
use super::journal::{Cut, Entry, Journal, JournalError, Placed, Subscribed};

/// What a start finds in the journal.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The last cut of each robot, and its offset.
    cuts: BTreeMap<String, (i64, Cut)>,
    /// Records that may not be in the log, in order.
    pub(super) undelivered: Vec<(i64, Cut)>,
    /// All tables, in order.
    tables: Vec<Placed>,
    /// Offset of the last subscription of each server.
    subscriptions: BTreeMap<String, i64>,
    /// Per server, how far it was heard.
    pub(super) heard: BTreeMap<String, Heard>,
}

/// How far a server was heard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// Time of the last message, Unix microseconds UTC.
    pub(super) at_us: i64,
    /// Its subscription, and the sequence number of the last message of it that is in the journal.
    pub(super) subscription: Option<(Subscribed, u32)>,
}

impl Recovery {
    /// Reads the whole journal once.
    pub(super) async fn read(journal: &Journal) -> Result<Self, JournalError> {
        let (first, next) = journal.range();
        let mut found = Self::default();
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
        let Placed { offset, server, received_us, entry } = placed;
        let name = server.to_string();
        match entry {
            Some(Entry::Cut(cut)) => {
                if !cut.record.is_empty() {
                    self.undelivered.push((offset, (*cut).clone()));
                }
                self.cuts.insert(cut.robot_id.clone(), (offset, *cut));
            }
            Some(Entry::Delivered(delivered)) => self.undelivered.retain(|(offset, _)| *offset >= delivered.below),
            Some(Entry::Table(table)) => {
                self.tables.push(Placed { offset, server, received_us, entry: Some(Entry::Table(table)) });
            }
            Some(Entry::Subscribed(subscribed)) => {
                self.subscriptions.insert(name.clone(), offset);
                let known = &mut self.heard.entry(name).or_default().subscription;
                let before = known.take().filter(|(known, _)| known.subscription == subscribed.subscription);
                *known = Some((subscribed, before.map_or(0, |(_, sequence)| sequence)));
            }
            Some(Entry::Data(data)) => {
                let heard = self.heard.entry(name).or_default();
                heard.at_us = received_us;
                let of_it = |(subscribed, _): &&mut (Subscribed, u32)| subscribed.subscription == data.subscription;
                // A keep-alive has no number.
                if let Some((_, sequence)) = heard.subscription.as_mut().filter(of_it)
                    && data.sequence != 0
                {
                    *sequence = data.sequence;
                }
            }
            Some(Entry::Gap(_) | Entry::Tick) | None => {}
        }
    }

    /// Puts a cutter where the last run left it, and gives the offset from which it goes on.
    pub(super) fn restore(&self, cutter: &mut Cutter, journal: &Journal) -> i64 {
        let (first, _) = journal.range();
        // Robots without a cut begin at the first entry: their data are all there.
        let known: Vec<_> = self.tables.iter().filter_map(Placed::table).flat_map(|table| &table.robots).collect();
        let is_cut = known.iter().all(|robot| self.cuts.contains_key(&robot.robot_id));
        let least = self.cuts.values().map(|(_, cut)| cut.until).min();
        let start = least.filter(|_| is_cut).unwrap_or(first).max(first);
        for (_, cut) in self.cuts.values() {
            cutter.restore(cut.clone());
        }
        for placed in self.tables.iter().filter(|placed| placed.offset < start) {
            if let Some(table) = placed.table() {
                cutter.apply(placed.at(), Entry::Table(table.clone()));
            }
        }
        start
    }

    /// Offsets of what must not be released yet.
    pub(super) fn kept(&self) -> BTreeMap<Kept, i64> {
        let cuts = self.cuts.iter().map(|(robot, (_, cut))| (Kept::Cut(robot.clone()), cut.until));
        let tables = self.tables.iter().map(|placed| (Kept::Table(placed.server.to_string()), placed.offset));
        let subscriptions =
            self.subscriptions.iter().map(|(server, offset)| (Kept::Subscribed(server.clone()), *offset));
        cuts.chain(tables).chain(subscriptions).collect()
    }

    /// The subscription of each server.
    pub(super) fn subscribed(&self) -> BTreeMap<String, Subscribed> {
        let of = |(server, heard): (&String, &Heard)| Some((server.clone(), heard.subscription.as_ref()?.0.clone()));
        self.heard.iter().filter_map(of).collect()
    }
}

/// What of the journal is still needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    /// The last cut of a robot.
    Cut(String),
    /// The table of a server.
    Table(String),
    /// The subscription of a server.
    Subscribed(String),
}
