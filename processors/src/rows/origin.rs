//! What every row of one record says: whose it is, where its raw record stands in the log, and what computed it.

use tacho_config::Found;
use tacho_schemas::record::{Extra, Record};
use tacho_schemas::table::TableBuilder;

use super::Notes;
use super::notes::{flags_within, own_extra};
use crate::indicators::FormulaSet;

/// Where a record comes from and what it is processed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Time of receipt, Unix microseconds UTC.
    pub(crate) received_at_us: i64,
    /// Counts the logs of the lake.
    pub(crate) log_epoch: i64,
    /// Partition of the log.
    pub(crate) partition: i32,
    /// Offset of the publish.
    pub(crate) offset: i64,
    /// Index of the record within the publish.
    pub(crate) ordinal: i64,
    /// Authenticated sender.
    pub(crate) principal: &'a str,
    /// First 8 bytes of the SHA-256 of the record's bytes.
    pub(crate) payload_hash: i64,
    /// The model that applies.
    pub(crate) found: Found<'a>,
    /// The set of formulas.
    pub(crate) formulas: FormulaSet,
    /// Its name.
    pub(crate) formulas_name: &'a str,
    /// Digest of the configuration, as text.
    pub(crate) config_digest: &'a str,
}

impl Origin<'_> {
    /// The first columns of every table.
    pub(super) fn place(&self, row: &mut TableBuilder, record: &Record) {
        row.text("robot_id", Some(record.robot_id.as_str()));
        row.int("stream_epoch", Some(record.stream_epoch));
        row.int("seq", Some(record.seq));
        row.time("received_at", Some(self.received_at_us));
        row.day_of("received_day", self.received_at_us);
        row.int("log_epoch", Some(self.log_epoch));
        row.int("partition", Some(i64::from(self.partition)));
        row.int("offset", Some(self.offset));
        row.int("ordinal", Some(self.ordinal));
    }

    /// The last columns of the row of an element of a section, with the flags and unknown fields that are its own; ends the row.
    pub(super) fn end_component(
        &self,
        row: &mut TableBuilder,
        record: &Record,
        (section, index): (&'static str, u32),
        notes: &mut Notes,
    ) {
        let flags = flags_within(&record.flags, section, index);
        let extra = own_extra(&record.extra, section, index);
        notes.flag_misfits(row, flags);
        self.end(row, notes, &extra);
    }

    /// The last columns of every table; ends the row.
    pub(super) fn end(&self, row: &mut TableBuilder, notes: &mut Notes, extra: &Extra) {
        row.text("absent", notes.absent());
        row.text("flags", notes.flags());
        row.text("extra", extra.to_json_text().as_deref());
        row.text("formula_version", Some(self.formulas_name));
        row.text("config_digest", Some(self.config_digest));
        row.end_row();
        notes.clear();
    }
}
