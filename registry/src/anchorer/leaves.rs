//! Leaves on their way into segments: gathered in the order of files, sorted by stream and place in the log.
//!
//! Texts are interned, so that a row costs one fixed-size entry whatever its robot and joint are called.

use std::collections::HashMap;

use tacho_schemas::Digest;
use tacho_schemas::table::Table;

use super::AnchorError;
use crate::leaf::place::told;
use crate::leaf::{PlaceColumns, RowKey, SaltKey};
use crate::salts::{Month, SaltStore};

/// The rows of one robot and stream epoch in one window, in the order of leaves.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Number of the window, as the caller counts them.
    pub(crate) window: u64,
    pub(crate) robot: Box<str>,
    pub(crate) epoch: Option<i64>,
    pub(crate) leaves: Vec<Leaf>,
    /// Salt key of the month in which the first row was received.
    pub(crate) key: SaltKey,
}

/// One row, hashed.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) order: Order,
    pub(crate) seq: Option<i64>,
    pub(crate) time_us: Option<i64>,
    pub(crate) hash: Digest,
    month: Month,
}

/// Where a leaf stands within its segment: (log epoch, partition, offset, ordinal, table, row key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    pub(crate) place: [i64; 4],
    /// By the name of the table, as texts are ordered.
    table_rank: u8,
    pub(crate) table: Table,
    /// Index, or the rank of the text.
    key: i64,
}

/// Gathers leaves.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    robots: HashMap<Box<str>, usize>,
    /// Streams as they were met: window, robot, epoch.
    streams: HashMap<(u64, usize, Option<i64>), Vec<Leaf>>,
    texts: HashMap<Box<str>, i64>,
    keys: HashMap<(usize, Month), SaltKey>,
}

impl Collector {
    /// Makes sure that the salt keys of these rows of a batch are at hand, and durable.
    pub(crate) fn ready_keys(
        &mut self,
        places: &PlaceColumns,
        rows: impl Iterator<Item = usize>,
        salts: &mut SaltStore,
    ) -> Result<(), AnchorError> {
        let mut wanted: Vec<(usize, Month)> = Vec::new();
        for row in rows {
            let needed = (self.robot(places.robot_id(row)), Month::of_us(places.received_at_us(row)));
            if !self.keys.contains_key(&needed) && wanted.last() != Some(&needed) {
                wanted.push(needed);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let names: HashMap<usize, &str> = self.robots.iter().map(|(name, number)| (*number, name.as_ref())).collect();
        let asked: Vec<(&str, Month)> = wanted.iter().map(|(robot, month)| (names[robot], *month)).collect();
        let keys = salts.keys_for(&asked)?;
        self.keys.extend(wanted.into_iter().zip(keys));
        Ok(())
    }

    /// The salt key of a row whose batch was made ready.
    pub(crate) fn key(&self, places: &PlaceColumns, row: usize) -> &SaltKey {
        let robot = self.robots[places.robot_id(row)];
        &self.keys[&(robot, Month::of_us(places.received_at_us(row)))]
    }

    /// Adds a row of a window.
    pub(crate) fn add(
        &mut self,
        window: u64,
        table: Table,
        (places, row): (&PlaceColumns, usize),
        time_us: Option<i64>,
        hash: Digest,
    ) {
        let place = places.place(row);
        let key = match place.key {
            RowKey::None => 0,
            RowKey::Index(index) => index,
            RowKey::Text(text) => self.text(text),
        };
        let order = Order {
            place: [place.log_epoch, place.partition, place.offset, place.ordinal],
            table_rank: rank(table),
            table,
            key,
        };
        let seq = matches!(table, Table::Records | Table::Rejected).then(|| places.seq(row)).flatten();
        let month = Month::of_us(places.received_at_us(row));
        let stream = (window, self.robot(places.robot_id(row)), places.stream_epoch(row));
        self.streams.entry(stream).or_default().push(Leaf { order, seq, time_us, hash, month });
    }

    fn robot(&mut self, name: &str) -> usize {
        if let Some(number) = self.robots.get(name) {
            return *number;
        }
        let number = self.robots.len();
        self.robots.insert(name.into(), number);
        number
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = i64::try_from(self.texts.len()).unwrap_or(i64::MAX);
        self.texts.insert(text.into(), number);
        number
    }

    /// The streams, sorted by window, robot and epoch, each with its leaves in order.
    pub(crate) fn finish(self) -> Vec<Stream> {
        let ranks = ranks(&self.texts);
        let names: HashMap<usize, &str> = self.robots.iter().map(|(name, number)| (*number, name.as_ref())).collect();
        let mut streams = Vec::with_capacity(self.streams.len());
        for ((window, robot, epoch), mut leaves) in self.streams {
            for leaf in &mut leaves {
                if matches!(leaf.order.table, Table::Joints | Table::Batteries | Table::Vibration) {
                    leaf.order.key = usize::try_from(leaf.order.key).map_or(0, |number| ranks[number]);
                }
            }
            leaves.sort_unstable_by_key(|leaf| leaf.order);
            let month = leaves[0].month;
            let key = self.keys[&(robot, month)].clone();
            streams.push(Stream { window, robot: names[&robot].into(), epoch, leaves, key });
        }
        streams.sort_unstable_by(|a, b| (a.window, &a.robot, a.epoch).cmp(&(b.window, &b.robot, b.epoch)));
        streams
    }
}

impl Stream {
    /// Makes sure that each of its rows belongs to a record or dead letter, and is there once.
    ///
    /// # Errors
    /// [`AnchorError::Orphan`] names the first that does not.
    pub(crate) fn check_records(&self) -> Result<(), AnchorError> {
        let Some(orphan) = orphan(&self.leaves) else { return Ok(()) };
        let (table, place) = (orphan.table.name(), told(orphan.place));
        Err(AnchorError::Orphan { table, robot: self.robot.to_string(), place })
    }
}

/// A row, of sorted leaves, whose place has not exactly one record or dead letter, or that is there twice: landing makes
/// no such row.
fn orphan(leaves: &[Leaf]) -> Option<Order> {
    let of_records = |leaf: &&Leaf| matches!(leaf.order.table, Table::Records | Table::Rejected);
    leaves.chunk_by(|leaf, next| leaf.order.place == next.order.place).find_map(|of_place| {
        let twice = of_place.windows(2).find(|pair| pair[0].order == pair[1].order).map(|pair| pair[0].order);
        let records = of_place.iter().filter(of_records).count();
        twice.or((records != 1).then_some(of_place[0].order))
    })
}

/// By number of a text, its rank among all texts.
fn ranks(texts: &HashMap<Box<str>, i64>) -> Vec<i64> {
    let mut sorted: Vec<(&str, i64)> = texts.iter().map(|(text, number)| (text.as_ref(), *number)).collect();
    sorted.sort_unstable();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in (0..).zip(sorted) {
        if let Some(slot) = usize::try_from(number).ok().and_then(|number| ranks.get_mut(number)) {
            *slot = rank;
        }
    }
    ranks
}

/// Rank of a table among the names of all tables.
fn rank(table: Table) -> u8 {
    let before = Table::ALL.into_iter().filter(|other| other.name() < table.name()).count();
    u8::try_from(before).unwrap_or(u8::MAX)
}
