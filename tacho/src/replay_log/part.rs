//! Which offsets of a log a replay covers, and which configuration is in force where it begins.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tacho_log::{EmbeddedLog, ReadItem};
use tacho_query::Session;
use tacho_schemas::{Digest, RawKind, RawRecord};

use super::bound::Bound;

/// Bytes that are looked through in one go.
const LOOK_BYTES: usize = 4 << 20;

/// The offsets of one partition that are replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Configuration in force at the start; `None` if a control record stands there, or nothing is replayed.
    pub(super) config: Option<Digest>,
}

/// What is known of a partition while the log is looked through.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    first: i64,
    next: i64,
    start: Option<i64>,
    end: Option<i64>,
    /// The last control record before the start.
    config: Option<Digest>,
    /// Whether a control record stands at the start.
    begins_with_control: bool,
}

/// Finds the parts between two bounds. The log is looked through only as far as that needs.
pub(super) async fn find(
    log: &EmbeddedLog,
    from: Option<&Bound>,
    to: Option<&Bound>,
) -> anyhow::Result<BTreeMap<i32, Part>> {
    let (first, next) = (log.first_offsets(), log.next_offsets());
    let mut seen: BTreeMap<i32, Seen> = (0..)
        .zip(first.iter().zip(next.iter()))
        .map(|(partition, (first, next))| (partition, Seen { first: *first, next: *next, ..Seen::default() }))
        .collect();
    for (partition, seen) in &mut seen {
        seen.bound(*partition, from, to)?;
    }
    named_partitions([from, to], seen.len())?;
    let starts: Vec<(i32, i64)> = seen.iter().map(|(partition, seen)| (*partition, seen.first)).collect();
    let mut reader = log.reader(&starts).context("the log cannot be read")?;
    while !reader.is_caught_up() && seen.values().any(|seen| !seen.is_settled()) {
        for item in reader.next(LOOK_BYTES).await.context("the log cannot be read")? {
            let ReadItem::Records(batch) = item else { continue };
            let Some(seen) = seen.get_mut(&batch.partition) else { continue };
            batch.records.iter().for_each(|record| seen.look(record, from, to));
        }
    }
    Ok(seen.into_iter().map(|(partition, seen)| (partition, seen.part())).collect())
}

/// A bound must not name a partition that there is not.
fn named_partitions(bounds: [Option<&Bound>; 2], partitions: usize) -> anyhow::Result<()> {
    for bound in bounds.into_iter().flatten() {
        if let Bound::Offsets(offsets) = bound
            && let Some(partition) =
                offsets.keys().find(|partition| usize::try_from(**partition).is_ok_and(|number| number >= partitions))
        {
            bail!("the log has the partitions 0 to {}, and none {partition}", partitions.saturating_sub(1));
        }
    }
    Ok(())
}

impl Seen {
    /// Takes what the bounds say of a partition without a look at its records.
    fn bound(&mut self, partition: i32, from: Option<&Bound>, to: Option<&Bound>) -> anyhow::Result<()> {
        let of = |bound: Option<&Bound>| match bound {
            Some(Bound::Offsets(offsets)) => Some(offsets.get(&partition).copied()),
            None => Some(None),
            Some(Bound::Received(_)) => None,
        };
        self.start = of(from).map(|offset| offset.unwrap_or(self.first));
        self.end = of(to).map(|offset| offset.unwrap_or(self.next));
        let (first, next) = (self.first, self.next);
        for offset in [self.start, self.end].into_iter().flatten() {
            if !(first..=next).contains(&offset) {
                bail!("offset {offset} of partition {partition} is outside of the log, which holds {first}..{next}");
            }
        }
        Ok(())
    }

    /// Whether more records would tell nothing: both ends are known, and what stands at the start.
    fn is_settled(&self) -> bool {
        let passed = self.start.is_some_and(|start| start >= self.next || start < self.first);
        self.end.is_some() && passed
    }

    /// Takes the next record of the partition; `first` is the offset of the next one.
    fn look(&mut self, record: &RawRecord, from: Option<&Bound>, to: Option<&Bound>) {
        let received = |bound: Option<&Bound>| match bound {
            Some(Bound::Received(time)) => record.envelope.received_at_us >= *time,
            _ => false,
        };
        if self.start.is_none() && received(from) {
            self.start = Some(record.offset);
        }
        let started = self.start.is_some_and(|start| start <= record.offset);
        if let RawKind::Config(digest) = record.envelope.kind {
            self.begins_with_control |= self.start == Some(record.offset);
            self.config = if started { self.config } else { Some(digest) };
        }
        if started && self.end.is_none() && received(to) {
            self.end = Some(record.offset);
        }
        self.first = record.offset + 1;
    }

    fn part(self) -> Part {
        let start = self.start.unwrap_or(self.next);
        let end = self.end.unwrap_or(self.next).max(start);
        Part { start, end, config: self.config.filter(|_| !self.begins_with_control) }
    }
}

/// The configuration under which the first rows from an offset on were made; `None` if there are none.
pub(super) async fn config_of_rows(
    session: &Session,
    log_epoch: i64,
    partition: i32,
    start: i64,
) -> anyhow::Result<Option<Digest>> {
    let of = |table: &str| {
        format!(
            "select \"offset\", config_digest from {table} where log_epoch = {log_epoch} and partition = {partition} \
             and \"offset\" >= {start}"
        )
    };
    let (records, rejected) = (of("records"), of("rejected"));
    let sql = format!("select config_digest from ({records} union all {rejected}) order by \"offset\" limit 1");
    let (_, rows) = session.query(&sql).await?;
    let Some(rows) = rows.iter().find(|rows| rows.num_rows() > 0) else { return Ok(None) };
    let texts = cast(rows.column(0), &DataType::Utf8)?;
    Ok(Some(texts.as_string::<i32>().value(0).parse().context("digest of a configuration")?))
}

#[cfg(test)]
mod tests;
