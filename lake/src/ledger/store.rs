//! Ledger snapshots as files: `_ledger/<partition>/<next offset>-<random>`, written before the commit that names them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tacho_schemas::RobotKey;
use tracing::debug;

use super::chain::{Chain, FULL, LENGTH_MAX, Link, Plan};
use super::logs::LogEntry;
use super::partition::{Draft, Ledger};
use super::robot::{Counts, Robot};
use super::snapshot::{Header, Position, Snapshot, SnapshotError, SnapshotName};

/// Why the ledger of a partition cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store cannot read, write or delete a snapshot.
    #[error("ledger snapshot {path}")]
    Store {
        /// File, within the lake.
        path: Path,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// A file is not the snapshot that it should be.
    #[error("ledger snapshot {path}")]
    Snapshot {
        /// File, within the lake.
        path: Path,
        /// What is wrong.
        #[source]
        source: SnapshotError,
    },
}

impl LedgerError {
    /// Whether a file is not there: a reader without a lock may have been overtaken by clean-up.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Store { source: object_store::Error::NotFound { .. }, .. })
    }
}

/// How a partition stands, as the last commit of `records` says: progress, ledger, and the files of it.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) position: Position,
    pub(crate) ledger: Ledger,
    chain: Chain,
}

/// A snapshot on disk that no commit names yet.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: SnapshotName,
    pub(crate) bytes: u64,
    plan: Plan,
    position: Position,
}

impl Standing {
    /// Nothing has landed, and these robots are known from another log.
    pub(crate) fn starting(ledger: Ledger) -> Self {
        Self { position: Position::default(), ledger, chain: Chain::default() }
    }

    /// What the commit that names the snapshot makes of it.
    pub(crate) fn adopt(&mut self, draft: Draft, written: Written) {
        self.ledger.adopt(draft);
        self.chain.push(written.plan, written.name);
        self.position = written.position;
    }

    /// The snapshot that the last commit names.
    pub(crate) fn snapshot(&self) -> Option<SnapshotName> {
        self.chain.0.last().map(|link| link.name)
    }
}

/// The folder `_ledger` of a lake. The store is rooted at the lake.
#[derive(Debug, Clone)]
pub(crate) struct LedgerStore(pub(crate) Arc<dyn ObjectStore>);

impl LedgerStore {
    /// Writes the snapshot of what `draft` makes of a partition, at `position`.
    pub(crate) async fn put(
        &self,
        (log, partition): (&LogEntry, i32),
        standing: &Standing,
        draft: &Draft,
        (position, random): (Position, i64),
    ) -> Result<Written, LedgerError> {
        let (plan, header) = plan(log, partition, standing, draft, position, random);
        let file = encode(&header, &plan, standing, draft);
        let written = Written { name: header.name(), bytes: file.len().try_into().unwrap_or(u64::MAX), plan, position };
        let path = path(partition, header.name());
        match self.0.put(&path, file.into()).await {
            Ok(_) => Ok(written),
            Err(source) => Err(LedgerError::Store { path, source }),
        }
    }

    /// Loads the ledger that a snapshot and its bases make.
    pub(crate) async fn load(
        &self,
        log: &LogEntry,
        partition: i32,
        name: SnapshotName,
        robots_max: usize,
    ) -> Result<Standing, LedgerError> {
        let mut snapshots = Vec::new();
        let mut next = Some(name);
        while let Some(name) = next {
            let snapshot = self.read(log, partition, name).await?;
            next = snapshot.header.base;
            let falls = next.is_none_or(|base| base.next_offset < name.next_offset);
            if !falls || snapshots.len() == LENGTH_MAX {
                return Err(malformed(partition, name, "a base that is no older, or too many of them"));
            }
            snapshots.push((name, snapshot));
        }
        let mut standing = Standing::starting(Ledger::new(robots_max));
        for (name, snapshot) in snapshots.into_iter().rev() {
            let keys = snapshot.apply(&mut standing.ledger);
            let keys = keys.map_err(|source| LedgerError::Snapshot { path: path(partition, name), source })?;
            let tier = snapshot.header.tier;
            let keys = if tier == FULL { Vec::new() } else { keys };
            standing.chain.0.push(Link { name, tier, keys });
            standing.position = snapshot.header.position;
        }
        debug!(partition, %name, files = standing.chain.0.len(), robots = standing.ledger.len(), "ledger loaded");
        Ok(standing)
    }

    async fn read(&self, log: &LogEntry, partition: i32, name: SnapshotName) -> Result<Snapshot, LedgerError> {
        let path = path(partition, name);
        let read = async { self.0.get(&path).await?.bytes().await };
        let file = match read.await {
            Ok(file) => file,
            Err(source) => return Err(LedgerError::Store { path, source }),
        };
        let snapshot = Snapshot::parse(&file).map_err(|source| LedgerError::Snapshot { path, source })?;
        let header = &snapshot.header;
        if (header.partition, header.name(), header.log_id) != (partition, name, log.log_id) {
            return Err(malformed(partition, name, "another log, partition or name than its path says"));
        }
        Ok(snapshot)
    }

    /// Deletes the snapshots of a partition that `standing` has no use for and that are not ahead of it; how many.
    /// Younger ones than `keep` stay for those who read beside it.
    pub(crate) async fn clean_up(
        &self,
        partition: i32,
        standing: &Standing,
        keep: Duration,
    ) -> Result<usize, LedgerError> {
        let keep = chrono::TimeDelta::from_std(keep).unwrap_or_default();
        let now = chrono::Utc::now();
        // A time to come is that of a clock that was set back.
        let is_young = |written: chrono::DateTime<chrono::Utc>| (written..written + keep).contains(&now);
        let folder = Path::from(format!("_ledger/{partition}"));
        let store_error = |path: &Path| {
            let path = path.clone();
            move |source| LedgerError::Store { path, source }
        };
        let listed: Vec<ObjectMeta> = self.0.list(Some(&folder)).try_collect().await.map_err(store_error(&folder))?;
        let mut deleted = 0;
        for path in listed.into_iter().filter(|meta| !is_young(meta.last_modified)).map(|meta| meta.location) {
            let name = path.filename().and_then(|name| name.parse::<SnapshotName>().ok());
            let needless =
                |name: &SnapshotName| name.next_offset <= standing.position.next_offset && !standing.chain.holds(*name);
            if name.is_some_and(|name| needless(&name)) {
                self.0.delete(&path).await.map_err(store_error(&path))?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

fn plan(
    log: &LogEntry,
    partition: i32,
    standing: &Standing,
    draft: &Draft,
    position: Position,
    random: i64,
) -> (Plan, Header) {
    let robots = standing.ledger.len() + draft.new_robots();
    let changed = draft.robots().map(|(key, _)| key);
    let plan = standing.chain.plan(changed, robots);
    let mut totals: Counts = standing.ledger.totals();
    totals.add(draft.totals());
    let header = Header {
        log_id: log.log_id,
        log_epoch: log.log_epoch,
        partition,
        random,
        base: standing.chain.base(&plan),
        tier: plan.tier,
        position,
        totals,
        robots,
    };
    (plan, header)
}

fn encode(header: &Header, plan: &Plan, standing: &Standing, draft: &Draft) -> bytes::Bytes {
    let all: Vec<RobotKey>;
    let keys = match &plan.keys {
        Some(keys) => keys,
        None => {
            let known = standing.ledger.robots().chain(draft.robots()).map(|(key, _)| *key);
            all = known.collect::<BTreeSet<_>>().into_iter().collect();
            &all
        }
    };
    // Only the state that the newest snapshot makes is in memory: what is merged deeper is written whole.
    let on_newest = plan.kept > 0 && plan.kept == standing.chain.0.len();
    let robots = keys.iter().map(|key| {
        let before = standing.ledger.robot(key);
        let robot: &Robot = draft.get(key).or(before).expect("planned robots are known or drafted");
        (key, before.filter(|_| on_newest), robot)
    });
    Snapshot::encode(header, robots)
}

fn path(partition: i32, name: SnapshotName) -> Path {
    Path::from(format!("_ledger/{partition}/{name}"))
}

fn malformed(partition: i32, name: SnapshotName, what: &'static str) -> LedgerError {
    LedgerError::Snapshot { path: path(partition, name), source: SnapshotError::Malformed(what) }
}
