//! What of the journal a later start needs, so that the rest may go: from where on each robot's entries, the tables that
//! number them, and how far each server was heard.
//!
//! What lies far back is written anew at the journal's end, with the offset from which it holds: a start puts it there, so
//! that the same records come of the journal whatever was released, and whenever.

use std::collections::BTreeMap;

use super::cutter::Table;
use super::journal::{Cut, Entry, Heard, Placed, Renewed, Still};

/// What of the journal a later start needs.
#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Offset of the journal's first entry when it was opened.
    first: i64,
    /// What servers said below this offset is noted.
    noted: i64,
    /// From where on each robot's entries are needed: its last cut, or where it was first named.
    robots: BTreeMap<String, i64>,
    /// Tables of each server by the offset from which they hold, and where they are written.
    tables: BTreeMap<String, BTreeMap<i64, (Table, i64)>>,
    servers: BTreeMap<String, Hearing>,
}

/// How far a server was heard, and what of the journal says so.
#[derive(Debug, Default)]
struct Hearing {
    heard: Heard,
    /// Offset of the last message.
    at: Option<i64>,
    /// Offset of the last message with a number.
    numbered: Option<i64>,
    /// From where on the server's entries are needed; none while nothing says what lay before them.
    from: Option<i64>,
}

/// What lies far back.
#[derive(Debug)]
pub(super) enum Old {
    /// The last cut of a robot.
    Robot(String),
    /// What is to be written anew about a server.
    OfServer(String, Renewed),
}

impl Needed {
    /// Of a journal whose first entry is at an offset.
    pub(super) fn of_journal(first: i64) -> Self {
        Self { first, ..Self::default() }
    }

    /// Notes an entry at its place. One that was noted before changes nothing.
    pub(super) fn note(&mut self, placed: &Placed) {
        let (offset, server) = (placed.offset, &*placed.server);
        match &placed.entry {
            Some(Entry::Table(table)) => self.table(server, table, offset, offset),
            Some(Entry::Cut(cut)) => self.is_cut(cut),
            Some(Entry::Renewed(renewed)) => match &renewed.what {
                Still::Table(table) => self.table(server, table, renewed.as_of, offset),
                Still::Heard(heard) => self.heard_before(server, heard, renewed.as_of),
            },
            Some(entry @ (Entry::Data(_) | Entry::Subscribed(_))) if offset >= self.noted => {
                let hearing = self.servers.entry(server.to_owned()).or_default();
                hearing.heard.follows(entry, placed.received_us);
                match entry {
                    Entry::Data(data) if data.sequence != 0 => {
                        (hearing.at, hearing.numbered) = (Some(offset), Some(offset));
                    }
                    Entry::Data(_) => hearing.at = Some(offset),
                    _ => hearing.from = Some(offset),
                }
            }
            _ => {}
        }
        self.noted = self.noted.max(offset + 1);
    }

    /// A robot is cut: what lies below is in its state.
    pub(super) fn is_cut(&mut self, cut: &Cut) {
        let from = self.robots.entry(cut.robot_id.clone()).or_insert(cut.until);
        *from = cut.until.max(*from);
    }

    /// What was written anew is at an offset.
    pub(super) fn is_renewed(&mut self, server: &str, renewed: &Renewed, offset: i64) {
        match &renewed.what {
            Still::Table(table) => self.table(server, table, renewed.as_of, offset),
            Still::Heard(_) => {
                if let Some(hearing) = self.servers.get_mut(server) {
                    hearing.from = Some(renewed.as_of);
                }
            }
        }
    }

    /// The offset from which entries are to be applied to what the last cuts left.
    pub(super) fn start(&self) -> i64 {
        self.robots.values().copied().min().unwrap_or(self.first).max(self.first)
    }

    /// The tables that hold before an offset, each with its server and place, in their order.
    pub(super) fn tables_before<'a>(&'a self, offset: i64) -> Vec<(i64, &'a str, &'a Table)> {
        let of_server = |(server, tables): (&'a String, &'a BTreeMap<i64, (Table, i64)>)| {
            tables.range(..offset).map(|(place, (table, _))| (*place, server.as_str(), table))
        };
        let mut all: Vec<_> = self.tables.iter().flat_map(of_server).collect();
        all.sort_by_key(|(place, ..)| *place);
        all
    }

    /// How far each server was heard.
    pub(super) fn heard(&self) -> impl Iterator<Item = (&String, &Heard)> {
        self.servers.iter().map(|(server, hearing)| (server, &hearing.heard))
    }

    /// Forgets tables that no entry needs any more; gives the offset below which nothing is needed.
    pub(super) fn below(&mut self) -> i64 {
        let start = self.start();
        for tables in self.tables.values_mut() {
            if let Some(holds) = tables.range(..=start).next_back().map(|(place, _)| *place) {
                tables.retain(|place, _| *place >= holds);
            }
        }
        let tables = self.tables.values().flat_map(|tables| tables.values().map(|(_, at)| *at));
        let servers = self.servers.values().filter_map(|hearing| hearing.from);
        tables.chain(servers).fold(start, i64::min)
    }

    /// What is needed and lies before an offset.
    pub(super) fn old(&self, before: i64) -> Vec<Old> {
        let robots = self.robots.iter().filter(|(_, from)| **from < before).map(|(robot, _)| Old::Robot(robot.clone()));
        let tables = self.tables.iter().flat_map(|(server, tables)| {
            let old = tables.iter().filter(move |(_, (_, at))| *at < before);
            old.map(|(place, (table, _))| {
                let renewed = Renewed { as_of: *place, what: Still::Table(table.clone()) };
                Old::OfServer(server.clone(), renewed)
            })
        });
        let servers = self.servers.iter().filter(|(_, hearing)| hearing.from.is_some_and(|from| from < before));
        let servers = servers.map(|(server, hearing)| {
            let renewed = Renewed { as_of: self.noted, what: Still::Heard(hearing.heard.clone()) };
            Old::OfServer(server.clone(), renewed)
        });
        robots.chain(tables).chain(servers).collect()
    }

    fn table(&mut self, server: &str, table: &Table, place: i64, at: i64) {
        let tables = self.tables.entry(server.to_owned()).or_default();
        let before = tables.range(..place).next_back();
        if before.is_some_and(|(_, (before, _))| before == table) {
            return;
        }
        let (_, written) = tables.entry(place).or_insert_with(|| (table.clone(), at));
        *written = at.max(*written);
        for robot in &table.robots {
            self.robots.entry(robot.robot_id.clone()).or_insert(place);
        }
    }

    /// All that a server said below an offset, from an entry that was written later.
    fn heard_before(&mut self, server: &str, heard: &Heard, as_of: i64) {
        let hearing = self.servers.entry(server.to_owned()).or_default();
        // What came of its own entries is as good, if none of them are gone.
        if hearing.from.is_some_and(|from| from >= self.first) {
            return;
        }
        let (own, later) = (&hearing.heard, |offset: Option<i64>| offset.is_some_and(|offset| offset >= as_of));
        let at_us = if later(hearing.at) { own.at_us } else { heard.at_us };
        let message = if later(hearing.numbered) { own.message } else { heard.message };
        hearing.heard = Heard { at_us, message, subscribed: heard.subscribed.clone() };
        hearing.from = Some(as_of);
    }
}
