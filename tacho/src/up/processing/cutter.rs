//! Cuts what the log gives into runs under one configuration each, and has them processed.

use std::collections::BTreeMap;
use std::sync::Arc;

use tacho_log::{PartitionBatch, ReadItem};
use tacho_processors::Processor;
use tacho_schemas::processed::Step;
use tacho_schemas::{Digest, RawKind, RawRecord, RecordId};

use super::Trouble;
use super::processors::{ConfigError, Processors};

/// What a record costs besides its payload, in bytes.
pub(super) const RECORD_BYTES: usize = 64;

/// Processes items of the log, each record under the configuration that is in force at its offset.
#[derive(Debug)]
pub(crate) struct Cutter {
    processors: Processors,
    in_force: BTreeMap<i32, Option<Digest>>,
    /// In force throughout, whatever control records say.
    instead: Option<Digest>,
}

/// What items of the log were made into.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub(crate) steps: Vec<Step>,
    /// Per partition, the raw record at the last offset.
    pub(crate) last: BTreeMap<i32, RecordId>,
    /// Bytes of the raw records.
    pub(crate) bytes: usize,
}

/// A run of records under one configuration, or what stands between two runs.
#[expect(clippy::large_enum_variant, reason = "a handful of pieces lives at a time")]
enum Piece {
    Run { processor: Arc<Processor>, records: PartitionBatch },
    Between(Step),
}

impl Cutter {
    /// A cutter at places where these configurations are in force.
    pub(crate) fn new(processors: Processors, in_force: BTreeMap<i32, Option<Digest>>) -> Self {
        Self { processors, in_force, instead: None }
    }

    /// The same with one configuration throughout.
    pub(crate) fn under(self, config: Digest) -> Self {
        let in_force = self.in_force.into_keys().map(|partition| (partition, Some(config))).collect();
        Self { in_force, instead: Some(config), ..self }
    }

    /// Processes items in the order of the log.
    pub(crate) async fn process(&mut self, items: Vec<ReadItem>) -> Result<Cut, Trouble> {
        let (mut cut, mut pieces) = (Cut::default(), Vec::new());
        for item in items {
            match item {
                ReadItem::Records(records) => self.cut(records, &mut cut, &mut pieces).await?,
                ReadItem::Lost(range) => pieces
                    .push(Piece::Between(Step::Lost { partition: range.partition, offsets: range.start..range.end })),
            }
        }
        let steps = tokio::task::spawn_blocking(move || pieces.into_iter().map(Piece::process).collect::<Vec<_>>());
        cut.steps = steps.await?;
        Ok(cut)
    }

    /// Cuts the records of a partition at its control records.
    async fn cut(&mut self, batch: PartitionBatch, cut: &mut Cut, pieces: &mut Vec<Piece>) -> Result<(), Trouble> {
        let partition = batch.partition;
        let mut run: Vec<RawRecord> = Vec::new();
        for record in batch.records {
            cut.bytes += record.payload.len() + RECORD_BYTES;
            cut.last.insert(partition, record.envelope.id);
            let RawKind::Config(said) = record.envelope.kind else {
                run.push(record);
                continue;
            };
            self.end_run(partition, &mut run, pieces).await?;
            let config = self.instead.unwrap_or(said);
            self.in_force.insert(partition, Some(config));
            pieces.push(Piece::Between(Step::Config { partition, offset: record.offset, config }));
        }
        self.end_run(partition, &mut run, pieces).await
    }

    async fn end_run(
        &mut self,
        partition: i32,
        run: &mut Vec<RawRecord>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), Trouble> {
        let Some(first) = run.first() else { return Ok(()) };
        let in_force = self.in_force.get(&partition).copied().flatten();
        let wrong = |source| Trouble::Config { partition, source };
        let config = in_force.ok_or(ConfigError::None { partition, offset: first.offset }).map_err(wrong)?;
        let processor = self.processors.under(config).await.map_err(wrong)?;
        pieces.push(Piece::Run { processor, records: PartitionBatch { partition, records: std::mem::take(run) } });
        Ok(())
    }

    /// The configurations that were used.
    pub(crate) fn used(&self) -> Vec<Digest> {
        self.processors.used()
    }
}

impl Piece {
    fn process(self) -> Step {
        match self {
            Self::Between(step) => step,
            Self::Run { processor, records } => {
                let range = match (records.records.first(), records.records.last()) {
                    (Some(first), Some(last)) => first.offset..last.offset + 1,
                    _ => 0..0,
                };
                Step::Rows(processor.process(records.partition, range, &records.records))
            }
        }
    }
}
