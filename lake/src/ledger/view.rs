//! The ledger as SQL shows it: per robot the counts of G4 and the state of its streams, read without a lock.
//!
//! What the last commit of `records` names is what is shown, so counts and rows agree.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use object_store::ObjectStore;
use tacho_schemas::RobotKey;
use tacho_schemas::table::Table;
use tracing::debug;

use super::holes::HoleKind;
use super::logs::{LogEntry, Logs, LogsError};
use super::partition::robots_max_of;
use super::robot::{Counts, Robot};
use super::snapshot::SnapshotName;
use super::store::{LedgerError, LedgerStore, Standing};
use crate::Lake;
use crate::reader::{LiveFiles, ReadError};
use crate::table::Txn;

/// Attempts to read what clean-up may take away meanwhile.
const ATTEMPTS: u32 = 10;

/// One robot of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The robot; `?` counts what no robot can be told of.
    pub robot: RobotKey,
    /// Partition of the present log that it falls on.
    pub partition: i32,
    /// Records counted, over all logs of the lake.
    pub counts: Counts,
    /// Time of receipt of the latest record, Unix microseconds UTC.
    pub last_received_us: i64,
    /// Its streams, in rising order of the epochs; at most 16.
    pub streams: Vec<StreamRow>,
}

/// One stream of a robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamRow {
    /// Epoch of the stream.
    pub stream_epoch: i64,
    /// Lowest sequence number that arrived.
    pub first_seq: i64,
    /// Highest sequence number that arrived, taken or rejected.
    pub last_seq: i64,
    /// Sequence numbers between them that never arrived, and may still.
    pub missing: i64,
    /// Sequence numbers whose record was rejected, and may still be filled by a good one.
    pub rejected: i64,
    /// Records below this sequence number are refused; 0 if nothing was written off.
    pub floor_seq: i64,
}

impl LedgerRow {
    fn new(partition: i32, key: RobotKey, robot: &Robot) -> Self {
        let stream = |(epoch, stream): &(i64, super::Stream)| StreamRow {
            stream_epoch: *epoch,
            first_seq: stream.first(),
            last_seq: stream.highest(),
            missing: stream.hole_width(HoleKind::Missing),
            rejected: stream.hole_width(HoleKind::Rejected),
            floor_seq: stream.floor(),
        };
        Self {
            robot: key,
            partition,
            counts: robot.counts(),
            last_received_us: robot.last_received_us(),
            streams: robot.streams().iter().map(stream).collect(),
        }
    }
}

/// The ledgers of all partitions of a lake.
#[derive(Debug, Clone, Default)]
pub struct LedgerView(BTreeMap<i32, Standing>);

/// Why the ledgers of a lake cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The list of logs cannot be read.
    #[error(transparent)]
    Logs(#[from] LogsError),
    /// `records` cannot be read.
    #[error(transparent)]
    Records(#[from] ReadError),
    /// A snapshot cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl LedgerView {
    /// Loads the ledgers that the newest commit of `records` names. A lake without commits has no robots.
    ///
    /// # Errors
    /// If a file cannot be read or is damaged.
    pub async fn load(lake: &Lake) -> Result<Self, ViewError> {
        Ok(Self::newest(lake).await?.1)
    }

    /// The same, with the version of `records` that it is of.
    ///
    /// # Errors
    /// If a file cannot be read or is damaged.
    pub async fn newest(lake: &Lake) -> Result<(LiveFiles, Self), ViewError> {
        let reader = lake.reader(Table::Records)?;
        let mut attempt = 1;
        loop {
            let records = reader.live_files(None).await?;
            match Self::of(lake.object_store(), &records.txns).await {
                // Clean-up has taken a snapshot away: there is a newer commit.
                Err(ViewError::Ledger(error)) if error.is_not_found() && attempt < ATTEMPTS => attempt += 1,
                loaded => return Ok((records, loaded?)),
            }
        }
    }

    /// Loads the ledgers that the transactions of one version of `records` name, so that counts and rows agree.
    ///
    /// # Errors
    /// If a file cannot be read or is damaged, or clean-up has taken it away since: then a newer version counts.
    pub async fn of(store: Arc<dyn ObjectStore>, txns: &[Txn]) -> Result<Self, ViewError> {
        let txns: HashMap<&str, i64> = txns.iter().map(|txn| (txn.app_id.as_str(), txn.version)).collect();
        let txn = |app_id: &str| txns.get(app_id).copied();
        let logs = Logs::load(&store).await?;
        let ledgers = LedgerStore(store);
        let mut standings = BTreeMap::new();
        // A log that was just listed and has no commit yet does not hide the one before.
        let Some(log) = logs.iter().rev().find(|log| txn(&log.ledger_app_id(0)).is_some()) else {
            return Ok(Self(standings));
        };
        for partition in 0..log.partitions {
            if let Some(name) = name(log, partition, txn) {
                let standing = ledgers.load(log, partition, name, robots_max_of(log.partitions)).await?;
                standings.insert(partition, standing);
            }
        }
        debug!(log = %log.log_id, partitions = standings.len(), "ledger view loaded");
        Ok(Self(standings))
    }

    /// The robots, in rising order within each partition.
    pub fn rows(&self) -> impl Iterator<Item = LedgerRow> {
        self.0.iter().flat_map(|(partition, standing)| {
            let mut robots: Vec<_> = standing.ledger.robots().collect();
            robots.sort_unstable_by_key(|(key, _)| **key);
            robots.into_iter().map(|(key, robot)| LedgerRow::new(*partition, *key, robot))
        })
    }

    /// What is known of one robot.
    pub fn robot(&self, key: &RobotKey) -> Option<LedgerRow> {
        self.0.iter().find_map(|(partition, standing)| {
            standing.ledger.robot(key).map(|robot| LedgerRow::new(*partition, *key, robot))
        })
    }

    /// Counts of all robots together.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.0.values().for_each(|standing| totals.add(standing.ledger.totals()));
        totals
    }
}

fn name(log: &LogEntry, partition: i32, txn: impl Fn(&str) -> Option<i64>) -> Option<SnapshotName> {
    let next_offset = txn(&log.app_id(partition))?;
    let random = txn(&log.ledger_app_id(partition))?;
    Some(SnapshotName { next_offset, random })
}
