//! Rows that landing itself makes: dead letters in `rejected`, and `gap_events`.

use arrow::array::RecordBatch;
use tacho_schemas::dead_letter::{DeadLetter, Problem, Rejected};
use tacho_schemas::processed::{Entry, Kept, StreamKey, Verdict};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::table::{Table, TableBuilder};
use tacho_schemas::{Digest, RobotKey};

use crate::ledger::GapChange;

/// Builds the rows of one step of a landing, in the order of the log.
#[derive(Debug)]
pub(super) struct OwnRows {
    log_epoch: i64,
    partition: i32,
    config: String,
    rejected: TableBuilder,
    gap_events: TableBuilder,
}

/// Whose row it is and where its record stands: the first columns of every table.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    robot: &'a RobotKey,
    epoch: Option<i64>,
    seq: Option<i64>,
    received_at_us: i64,
    offset: i64,
    ordinal: i64,
}

impl<'a> Place<'a> {
    fn of(entry: &'a Entry, key: Option<StreamKey>) -> Self {
        Self {
            robot: &entry.robot,
            epoch: key.map(|key| key.epoch),
            seq: key.map(|key| key.seq),
            received_at_us: entry.received_at_us,
            offset: entry.offset,
            ordinal: entry.ordinal,
        }
    }
}

/// What a gap event says.
#[derive(Debug, Clone, Copy, Default)]
struct GapEvent<'a> {
    row_index: i64,
    kind: &'a str,
    hole: Option<&'a str>,
    seqs: Option<(i64, i64)>,
    times_us: Option<(i64, i64)>,
    cause: Option<&'a str>,
    pointer: Option<&'a str>,
}

impl OwnRows {
    /// No rows yet, of a log and partition, under a configuration (`None` before the first).
    pub(super) fn new(log_epoch: i64, partition: i32, config: Option<Digest>) -> Self {
        Self {
            log_epoch,
            partition,
            config: config.map(|digest| digest.to_string()).unwrap_or_default(),
            rejected: TableBuilder::new(Table::Rejected),
            gap_events: TableBuilder::new(Table::GapEvents),
        }
    }

    /// A record that processing rejected.
    pub(super) fn rejected(&mut self, entry: &Entry, key: Option<StreamKey>, letter: &DeadLetter) {
        let place = Place::of(entry, key);
        start(&mut self.rejected, place, self.log_epoch, self.partition);
        let rows = &mut self.rejected;
        rows.text("reason", Some(letter.reason.as_str()));
        rows.text("pointer", Some(&letter.pointer));
        rows.text("value", Some(&letter.value));
        rows.text("further", further_json(&letter.further).as_deref());
        rows.text("topic_id", entry.topic_id.as_deref());
        rows.text("principal", Some(&entry.principal));
        rows.binary("payload", Some(&letter.bytes));
        rows.int("payload_bytes", Some(letter.original_len.try_into().unwrap_or(i64::MAX)));
        rows.text("payload_sha256", Some(&letter.sha256.to_string()));
        rows.text("config_digest", Some(&self.config));
        rows.end_row();
    }

    /// A good record that the ledger refuses.
    pub(super) fn refused(&mut self, entry: &Entry, kept: &Kept, reason: RejectReason) {
        let value = format!("stream_epoch {}, seq {}", kept.key.epoch, kept.key.seq);
        let rejected =
            Rejected { key: Some(kept.key), first: Problem::new(reason, "/seq", &value), further: Vec::new() };
        let letter = rejected.into_dead_letter(kept.payload.clone(), Digest::of(&kept.payload));
        self.rejected(entry, Some(kept.key), &letter);
    }

    /// What a record did to holes and, if it landed, the gaps in time that it declares.
    pub(super) fn gaps(&mut self, entry: &Entry, changes: &[GapChange], landed: bool) {
        let mut row_index = 0;
        let key = match &entry.verdict {
            Verdict::Kept(kept) => Some(kept.key),
            Verdict::Rejected { key, .. } => *key,
        };
        for change in changes {
            // The stream is the hole's: another than the record's where an old stream is closed.
            let of_record = key.filter(|key| key.epoch == change.stream_epoch);
            let place = Place { epoch: Some(change.stream_epoch), ..Place::of(entry, of_record) };
            let event = GapEvent {
                row_index,
                kind: change.change.as_str(),
                hole: change.hole.map(|kind| kind.as_str()),
                seqs: Some((change.first, change.last)),
                ..GapEvent::default()
            };
            self.gap(place, event);
            row_index += 1;
        }
        let Verdict::Kept(kept) = &entry.verdict else {
            return;
        };
        for gap in kept.declared_gaps.iter().filter(|_| landed) {
            let event = GapEvent {
                row_index,
                kind: "time",
                times_us: Some((gap.from_us, gap.to_us)),
                cause: Some(&gap.cause),
                pointer: gap.pointer.as_deref(),
                ..GapEvent::default()
            };
            self.gap(Place::of(entry, key), event);
            row_index += 1;
        }
    }

    /// Offsets that the log lost, known by the time of receipt of the record before them.
    pub(super) fn lost(&mut self, offsets: &std::ops::Range<i64>, received_at_us: i64) {
        let place = Place {
            robot: &RobotKey::Unreadable,
            epoch: None,
            seq: None,
            received_at_us,
            offset: offsets.start,
            ordinal: 0,
        };
        let cause = format!("the log lost the offsets {} to {}", offsets.start, offsets.end - 1);
        self.gap(place, GapEvent { kind: "lost", cause: Some(&cause), ..GapEvent::default() });
    }

    fn gap(&mut self, place: Place<'_>, event: GapEvent<'_>) {
        start(&mut self.gap_events, place, self.log_epoch, self.partition);
        let rows = &mut self.gap_events;
        rows.int("row_index", Some(event.row_index));
        rows.text("kind", Some(event.kind));
        rows.text("hole", event.hole);
        rows.int("seq_first", event.seqs.map(|seqs| seqs.0));
        rows.int("seq_last", event.seqs.map(|seqs| seqs.1));
        rows.time("time_from", event.times_us.map(|times| times.0));
        rows.time("time_to", event.times_us.map(|times| times.1));
        rows.text("cause", event.cause);
        rows.text("pointer", event.pointer);
        rows.text("config_digest", Some(&self.config));
        rows.end_row();
    }

    /// Rows of `rejected` and of `gap_events`.
    pub(super) fn finish(mut self) -> (RecordBatch, RecordBatch) {
        (self.rejected.finish(), self.gap_events.finish())
    }
}

fn start(rows: &mut TableBuilder, place: Place<'_>, log_epoch: i64, partition: i32) {
    rows.text("robot_id", Some(place.robot.as_str()));
    rows.int("stream_epoch", place.epoch);
    rows.int("seq", place.seq);
    rows.time("received_at", Some(place.received_at_us));
    rows.day_of("received_day", place.received_at_us);
    rows.int("log_epoch", Some(log_epoch));
    rows.int("partition", Some(partition.into()));
    rows.int("offset", Some(place.offset));
    rows.int("ordinal", Some(place.ordinal));
}

fn further_json(further: &[(RejectReason, String)]) -> Option<String> {
    let texts: Vec<String> = further.iter().map(|(reason, pointer)| format!("{reason}:{pointer}")).collect();
    (!texts.is_empty()).then(|| serde_json::Value::from(texts).to_string())
}
