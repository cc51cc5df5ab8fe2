//! Columns of `rejected` and `gap_events`: what did not land, and what never arrived.

use super::column::{Column, binary, int, place, text, time};

pub(super) fn rejected() -> Vec<Column> {
    let mut columns = place();
    columns.extend([
        text("reason", "first reason, of a closed set").required(),
        text("pointer", "JSON pointer to what is wrong").required(),
        text("value", "the value there, cut at 64 bytes"),
        text("further", "JSON array of reason:pointer, at most 16"),
        text("topic_id", "ID of the MQTT topic, verbatim, where it is malformed"),
        text("principal", "authenticated sender; empty if anonymous"),
        binary("payload", "the bytes as published; the first 64 KiB of an oversize publish").required(),
        int("payload_bytes", "length as published").required(),
        text("payload_sha256", "SHA-256 of the bytes as published").required(),
        text("config_digest", "SHA-256 of the configuration in force").required(),
    ]);
    columns
}

pub(super) fn gap_events() -> Vec<Column> {
    let mut columns = place();
    columns.extend([
        int("row_index", "index among the gap events of the record").required(),
        text("kind", "opened, narrowed, closed, written_off; time: declared by the sender; lost: damaged log")
            .required(),
        text("hole", "missing or rejected"),
        int("seq_first", "first sequence number concerned"),
        int("seq_last", "last sequence number concerned"),
        time("time_from", "start, for a gap in time"),
        time("time_to", "end, for a gap in time"),
        text("cause", "cause as the sender says it"),
        text("pointer", "what the gap in time concerns"),
        text("config_digest", "SHA-256 of the configuration in force").required(),
    ]);
    columns
}
