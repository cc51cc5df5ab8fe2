//! Records of the spool that Kafka does not take: which ones, of whom, and why; and what may go in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tacho_schemas::{Digest, Envelope, RawKind, RecordId, RobotKey};

use tracing::{debug, error, info, warn};

use super::outstanding::{Outstanding, Refused};
use crate::{Append, AppendError};

/// Bytes of the payload that go in the place of a record that is too large.
const KEPT_BYTES: usize = 4 << 10;

/// What is refused of all partitions, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Whether what is too large becomes a dead letter.
    dead_letters: bool,
    /// The first record of the step that was sent last.
    tried: BTreeMap<usize, RefusedRecord>,
    /// The record that Kafka refuses.
    known: BTreeMap<usize, RefusedRecord>,
    /// Partitions whose next record goes as a dead letter.
    letters: BTreeSet<usize>,
}

/// A record that was sent alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedRecord {
    id: RecordId,
    robot: RobotKey,
    /// Of its payload.
    bytes: usize,
    why: Option<AppendError>,
}

impl Refusals {
    pub(crate) fn new(dead_letters: bool) -> Self {
        Self { dead_letters, ..Self::default() }
    }

    /// The records that Kafka refuses.
    pub(crate) fn known(&self) -> &BTreeMap<usize, RefusedRecord> {
        &self.known
    }

    /// What is to be sent as a step of a partition.
    pub(crate) fn step(&mut self, partition: usize, records: Vec<Append>) -> Vec<Append> {
        let first = records.first().map(|record| (partition, RefusedRecord::new(record)));
        self.tried.extend(first);
        if !self.letters.contains(&partition) {
            return records;
        }
        records.into_iter().map(as_letter).collect()
    }

    /// Keeps in mind which record of a partition Kafka refuses, until it takes it, and says so once.
    pub(crate) fn judge(&mut self, number: usize, partition: &Outstanding, refused: Option<Refused>) {
        let Some(Refused { refusal, is_record }) = refused else {
            if !partition.is_refused()
                && let Some(record) = self.known.remove(&number)
            {
                match self.letters.remove(&number) {
                    true => warn!(%record, "it went as a dead letter, as log.kafka.spool.too_large says"),
                    false => info!(partition = number, "kafka takes the record that it has refused"),
                }
            }
            return;
        };
        let record = self.tried.remove(&number).filter(|_| is_record);
        let Some(record) = record.map(|record| record.refused(refusal.error.clone())) else {
            debug!(partition = number, error = %refusal.error, "kafka refuses some of the spool: it goes on in steps");
            return;
        };
        if self.known.get(&number) != Some(&record) {
            error!(%record, "kafka refuses a record of the spool: its partition waits");
        }
        self.known.insert(number, record);
        if refusal.is_too_large && self.dead_letters {
            self.letters.insert(number);
        }
    }
}

impl RefusedRecord {
    /// One that may be refused.
    pub(crate) fn new(record: &Append) -> Self {
        let Append { envelope, payload } = record;
        Self { id: envelope.id, robot: envelope.robot, bytes: payload.len(), why: None }
    }

    /// The same, with the reason.
    pub(crate) fn refused(self, why: AppendError) -> Self {
        Self { why: Some(why), ..self }
    }
}

impl fmt::Display for RefusedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, robot, bytes, .. } = self;
        write!(f, "record {id} of robot {} ({bytes} bytes)", robot.as_str())?;
        match &self.why {
            Some(AppendError::Storage { reason }) => write!(f, ": {reason}"),
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// What goes in the place of a record that the topic does not take for its size: its dead letter, as of a publish over the
/// limit.
fn as_letter(record: Append) -> Append {
    let Append { envelope, payload } = record;
    let kind = match envelope.kind {
        RawKind::Oversize { .. } => envelope.kind,
        _ => RawKind::Oversize { bytes: payload.len() as u64, sha256: Digest::of(&payload) },
    };
    Append { envelope: Envelope { kind, ..envelope }, payload: payload.slice(..payload.len().min(KEPT_BYTES)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    #[test]
    fn a_letter_has_the_envelope_the_first_bytes_the_length_and_the_digest() {
        let whole = Append { payload: vec![7; 5_000].into(), ..record(1, 9) };
        let letter = as_letter(whole.clone());
        assert_eq!((letter.envelope.id, letter.envelope.robot), (whole.envelope.id, whole.envelope.robot));
        assert_eq!(letter.envelope.kind, RawKind::Oversize { bytes: 5_000, sha256: Digest::of(&whole.payload) });
        assert_eq!(letter.payload, whole.payload[..KEPT_BYTES]);
        assert_eq!(as_letter(letter.clone()), letter, "what was over the limit before says what it was");
    }

    #[test]
    fn a_refused_record_is_named_with_its_robot_and_the_reason() {
        let reason = "partition 3: too large".into();
        let refused = RefusedRecord::new(&record(1, 9)).refused(AppendError::Storage { reason });
        let text = refused.to_string();
        assert!(text.starts_with("record 00000000-0000-0000-0000-000000000005-9 of robot CNAB12HX"), "{text}");
        assert!(text.ends_with("(2 bytes): partition 3: too large"), "{text}");
    }
}
