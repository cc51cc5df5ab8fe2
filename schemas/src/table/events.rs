//! Columns of `events` and `maintenance`: what a robot reports as having happened.

use super::column::{Column, int, place, provenance, text, time};

pub(super) fn events() -> Vec<Column> {
    with_place([
        int("row_index", "index in the record's list").required(),
        time("time", "when it happened, by the robot's clock").required(),
        text("code", "code of the maker").required(),
        text("severity", "info, warning, error or fatal").required(),
        text("component_id", "component concerned"),
        text("text", "what the robot says of it"),
    ])
}

pub(super) fn maintenance() -> Vec<Column> {
    with_place([
        int("row_index", "index in the record's list").required(),
        time("time", "when it was done, by the robot's clock").required(),
        text("kind", "grease, replace, calibrate, inspect or battery_swap").required(),
        text("component_id", "component concerned"),
        int("new_component_epoch", "epoch that starts with it"),
        text("work_order", "number of the work order"),
    ])
}

fn with_place(own: [Column; 6]) -> Vec<Column> {
    let mut columns = place();
    columns.extend(own);
    columns.extend(provenance());
    columns
}
