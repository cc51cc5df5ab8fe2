//! One call of the processor: what is built up while raw records pass, and a cache of models that ends with it.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;

use tacho_config::Found;
use tacho_schemas::dead_letter::DeadLetter;
use tacho_schemas::json::split;
use tacho_schemas::processed::{DeclaredGap, Entry, Kept, Processed, StreamKey, Verdict};
use tacho_schemas::record::{Record, RobotKind};
use tacho_schemas::{Digest, RawKind, RawRecord, RobotId};

use super::Processor;
use crate::decode::decode;
use crate::rows::{Origin, Rows};
use crate::validate::{Judge, validate};

/// Units of the column `power_on_h` in an hour.
const POWER_ON_UNITS: f64 = 10_000.0;

/// Rows and entries so far.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    processor: &'a Processor,
    partition: i32,
    entries: Vec<Entry>,
    rows: Rows,
    /// Models of the robots that were met, where the record asks for none by name.
    models: HashMap<(RobotId, RobotKind), Found<'a>>,
}

impl<'a> Batch<'a> {
    /// An empty batch, for about `records` records.
    pub(super) fn new(processor: &'a Processor, partition: i32, records: usize) -> Self {
        Self {
            processor,
            partition,
            entries: Vec::with_capacity(records),
            rows: Rows::new(records),
            models: HashMap::new(),
        }
    }

    /// Takes what one raw record carries.
    pub(super) fn publish(&mut self, raw: &RawRecord) {
        match &raw.envelope.kind {
            RawKind::Config(_) => {}
            RawKind::Oversize { bytes, sha256 } => {
                let letter = DeadLetter::oversize(raw.payload.clone(), *bytes, *sha256);
                self.reject(raw, Box::new(letter));
            }
            RawKind::Telemetry | RawKind::Retry { .. } => self.telemetry(raw),
        }
    }

    /// What was built.
    pub(super) fn finish(self, offsets: Range<i64>) -> Processed {
        Processed {
            partition: self.partition,
            offsets,
            config: self.processor.digest,
            entries: self.entries,
            rows: self.rows.finish(),
        }
    }

    /// Each record of a publish stands for itself.
    fn telemetry(&mut self, raw: &RawRecord) {
        match split(&raw.payload) {
            Err(letter) => self.reject(raw, letter),
            Ok(elements) => {
                for (ordinal, index) in (0_i64..).zip(0..elements.len()) {
                    let slice = elements.bytes(index).expect("an index below the number of elements");
                    self.record(raw, ordinal, slice);
                }
            }
        }
    }

    fn record(&mut self, raw: &RawRecord, ordinal: i64, slice: Bytes) {
        let digest = Digest::of(&slice);
        let envelope = &raw.envelope;
        let judged = decode(&slice, envelope.robot, envelope.topic_id.as_deref()).and_then(|mut record| {
            let found = self.found(&record);
            let judge = Judge {
                slice: &slice,
                received_at_us: envelope.received_at_us,
                ids: self.processor.snapshot.ids(),
                roster: self.processor.snapshot.roster_content(),
                found,
                formulas: self.processor.formulas,
            };
            validate(&mut record, &judge).map(|()| (record, found))
        });
        let verdict = match judged {
            Ok((record, found)) => {
                let origin = self.origin(raw, ordinal, digest, found);
                let component_rows = self.rows.append(&record, &origin);
                Verdict::Kept(kept(record, digest, component_rows, slice))
            }
            Err(rejected) => {
                Verdict::Rejected { key: rejected.key, letter: Box::new(rejected.into_dead_letter(slice, digest)) }
            }
        };
        self.entry(raw, ordinal, verdict);
    }

    fn origin<'r>(&self, raw: &'r RawRecord, ordinal: i64, digest: Digest, found: Found<'a>) -> Origin<'r>
    where
        'a: 'r,
    {
        let processor = self.processor;
        Origin {
            received_at_us: raw.envelope.received_at_us,
            log_epoch: processor.log_epoch,
            partition: self.partition,
            offset: raw.offset,
            ordinal,
            principal: &raw.envelope.principal,
            payload_hash: digest.first_i64(),
            found,
            formulas: processor.formulas,
            formulas_name: processor.snapshot.formulas(),
            config_digest: &processor.digest_text,
        }
    }

    /// A publish that is rejected as one.
    fn reject(&mut self, raw: &RawRecord, letter: Box<DeadLetter>) {
        self.entry(raw, 0, Verdict::Rejected { key: None, letter });
    }

    fn entry(&mut self, raw: &RawRecord, ordinal: i64, verdict: Verdict) {
        let envelope = &raw.envelope;
        self.entries.push(Entry {
            offset: raw.offset,
            ordinal,
            robot: envelope.robot,
            received_at_us: envelope.received_at_us,
            topic_id: envelope.topic_id.clone(),
            principal: envelope.principal.clone(),
            verdict,
        });
    }

    /// The model that applies to the robot of a record.
    fn found(&mut self, record: &Record) -> Found<'a> {
        let models = self.processor.snapshot.models();
        if let Some(name) = record.model_config.as_deref() {
            return models.find(&record.robot_id, record.robot_kind, Some(name));
        }
        let robot = (record.robot_id, record.robot_kind);
        *self.models.entry(robot).or_insert_with(|| models.find(&record.robot_id, record.robot_kind, None))
    }
}

/// What the ledger must know of a good record.
fn kept(record: Record, digest: Digest, component_rows: [u32; 5], payload: Bytes) -> Kept {
    let gaps = record.gaps.into_iter().map(|gap| DeclaredGap {
        from_us: gap.from_us,
        to_us: gap.to_us,
        cause: gap.cause,
        pointer: gap.pointer,
    });
    Kept {
        key: StreamKey { epoch: record.stream_epoch, seq: record.seq },
        payload_hash: digest.first_i64(),
        window_end_us: record.window_end_us,
        power_on: power_on_units(record.counters.power_on_h),
        component_rows,
        declared_gaps: gaps.collect(),
        payload,
    }
}

/// The counter as the column holds it: rounded as the table builder rounds.
#[expect(clippy::cast_possible_truncation, reason = "a float beyond i64 becomes the greatest i64, which is meant")]
fn power_on_units(hours: f64) -> i64 {
    (hours * POWER_ON_UNITS).round() as i64
}
