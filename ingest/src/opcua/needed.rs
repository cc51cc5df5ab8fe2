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
    robots: BTreeMap<String, Since>,
    /// Tables of each server by the offset from which they hold, and where they are written.
    tables: BTreeMap<String, BTreeMap<i64, (Table, i64)>>,
    servers: BTreeMap<String, Hearing>,
}

/// From where on a robot's entries are needed.
#[derive(Debug, Clone, Copy)]
struct Since {
    /// Where it was first named; a table that names it may stand before its cut, and after what that has of it.
    named: i64,
    /// What lies below is in its last cut.
    cut: Option<i64>,
}

impl Since {
    fn offset(self) -> i64 {
        self.cut.unwrap_or(self.named)
    }
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
                hearing.at = Some(offset);
                match entry {
                    Entry::Data(data) if data.sequence != 0 => hearing.numbered = Some(offset),
                    Entry::Data(_) => {}
                    _ => hearing.from = Some(offset),
                }
            }
            _ => {}
        }
        self.noted = self.noted.max(offset + 1);
    }

    /// A robot is cut: what lies below is in its state.
    pub(super) fn is_cut(&mut self, cut: &Cut) {
        let since = self.robots.entry(cut.robot_id.clone()).or_insert(Since { named: cut.until, cut: None });
        since.cut = since.cut.max(Some(cut.until));
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
        self.robots.values().map(|since| since.offset()).min().unwrap_or(self.first).max(self.first)
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

    /// The robots of a server by its last table, in their order.
    pub(super) fn robots_of(&self, server: &str) -> Vec<String> {
        let last = self.tables.get(server).and_then(|tables| tables.values().next_back());
        last.into_iter().flat_map(|(table, _)| table.robots.iter().map(|robot| robot.robot_id.clone())).collect()
    }

    /// How far each server was heard.
    pub(super) fn heard(&self) -> impl Iterator<Item = (&String, &Heard)> {
        self.servers.iter().map(|(server, hearing)| (server, &hearing.heard))
    }

    /// Forgets tables that no entry needs any more; gives the offset below which nothing is needed.
    pub(super) fn below(&mut self) -> i64 {
        let start = self.start();
        for tables in self.tables.values_mut() {
            if let Some(holds) = tables.range(..start).next_back().map(|(place, _)| *place) {
                tables.retain(|place, _| *place >= holds);
            }
            // Each session begins with the table: the first of equal ones holds on.
            let pairs = tables.iter().zip(tables.iter().skip(1));
            let again: Vec<_> = pairs.filter(|((_, a), (_, b))| a.0 == b.0).map(|(_, (place, _))| *place).collect();
            again.iter().for_each(|place| drop(tables.remove(place)));
        }
        let tables = self.tables.values().flat_map(|tables| tables.values().map(|(_, at)| *at));
        let servers = self.servers.values().filter_map(|hearing| hearing.from);
        tables.chain(servers).fold(start, i64::min)
    }

    /// What is needed and lies before an offset.
    pub(super) fn old(&self, before: i64) -> Vec<Old> {
        let robots = self.robots.iter().filter(|(_, since)| since.offset() < before);
        let robots = robots.map(|(robot, _)| Old::Robot(robot.clone()));
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
        let (_, written) = tables.entry(place).or_insert_with(|| (table.clone(), at));
        *written = at.max(*written);
        for robot in &table.robots {
            self.robots.entry(robot.robot_id.clone()).or_insert(Since { named: place, cut: None });
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::opcua::cutter::{RobotEntry, RobotState};
    use crate::opcua::journal::{Data, Subscribed};

    const ROBOT: &str = "CNAB12HX00010000000000000042A";

    fn table(kind: &str) -> Table {
        let (robot_id, robot_kind) = (ROBOT.to_owned(), kind.to_owned());
        let robot = RobotEntry { robot_id, robot_kind, power_on_h_start: None, joints: Vec::new() };
        Table { robots: vec![robot], signals: Vec::new() }
    }

    fn cut(until: i64) -> Entry {
        let (robot_id, server, state) = (ROBOT.to_owned(), "s".to_owned(), RobotState::default());
        Entry::Cut(Box::new(Cut { robot_id, server, until, state, record: Bytes::new() }))
    }

    fn renewed(as_of: i64, what: Still) -> Entry {
        Entry::Renewed(Box::new(Renewed { as_of, what }))
    }

    fn message(sequence: u32) -> Entry {
        Entry::Data(Data { subscription: 7, sequence, ..Data::default() })
    }

    fn subscribed(expected: u32) -> Subscribed {
        Subscribed { subscription: 7, expected, ..Subscribed::default() }
    }

    /// What is needed of a journal that begins at an offset, with entries at theirs.
    fn needed(first: i64, entries: Vec<(i64, Entry)>) -> Needed {
        let mut needed = Needed::of_journal(first);
        for (offset, entry) in entries {
            needed.note(&Placed { offset, server: "s".into(), received_us: offset * 1000, entry: Some(entry) });
        }
        needed
    }

    #[test]
    fn a_table_between_a_cut_and_what_it_has_of_a_robot_hides_nothing() {
        let needed = needed(165, vec![(168, Entry::Table(table("arm"))), (287, cut(165))]);
        assert_eq!(needed.start(), 165);
    }

    #[test]
    fn a_table_that_was_written_anew_holds_from_its_place_and_not_from_where_it_stands() {
        let again = renewed(10, Still::Table(table("arm")));
        let mut needed = needed(400, vec![(450, cut(420)), (500, Entry::Table(table("humanoid"))), (700, again)]);
        assert_eq!(needed.start(), 420);
        let before = needed.tables_before(420);
        assert_eq!(before, [(10, "s", &table("arm"))]);
        assert_eq!(needed.below(), 420);
        needed.note(&Placed { offset: 900, server: "s".into(), received_us: 0, entry: Some(cut(800)) });
        assert_eq!(needed.tables_before(800), [(10, "s", &table("arm")), (500, "s", &table("humanoid"))]);
        assert_eq!(needed.below(), 500, "the last table before the start, where it is written");
        assert_eq!(needed.tables_before(800), [(500, "s", &table("humanoid"))]);
    }

    #[test]
    fn a_subscription_that_was_written_anew_goes_on_after_the_messages_that_are_there() {
        let heard = |expected| Heard { at_us: 1, subscribed: Some(subscribed(expected)), message: None };
        let resumed = |entries| {
            let needed = needed(400, entries);
            let (_, heard) = needed.heard().next().unwrap();
            (heard.resumed().unwrap().0.expected, heard.at_us)
        };
        let again = |as_of, expected| renewed(as_of, Still::Heard(heard(expected)));
        assert_eq!(resumed(vec![(500, again(450, 30))]), (30, 1), "all messages are gone");
        assert_eq!(resumed(vec![(460, message(30)), (500, again(450, 30))]), (31, 460_000), "one came before it stood");
        assert_eq!(resumed(vec![(440, message(29)), (500, again(450, 30))]), (30, 1), "one that it has already");
        assert_eq!(resumed(vec![(500, again(450, 30)), (510, message(30))]), (31, 510_000), "one came after");
        let other = (470, Entry::Subscribed(subscribed(1)));
        assert_eq!(resumed(vec![other, (500, again(450, 30))]), (1, 470_000), "a new one was made before it stood");
    }
}
