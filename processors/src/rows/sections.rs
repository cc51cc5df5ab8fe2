//! Rows of `vibration`, `events` and `maintenance`.

use tacho_schemas::record::Record;
use tacho_schemas::table::TableBuilder;

use super::{Notes, Origin, further};

/// Appends a row per vibration sensor.
pub(super) fn vibration(row: &mut TableBuilder, origin: &Origin<'_>, record: &Record, notes: &mut Notes) {
    for sensor in &record.vibration {
        origin.place(row, record);
        row.time("window_end", Some(record.window_end_us));
        row.text("location", Some(&sensor.location));
        row.text("machine_class", sensor.machine_class.as_deref());
        row.decimal("velocity_rms_mm_s", sensor.velocity_rms_mm_s);
        row.decimal("acceleration_rms_m_s2", sensor.acceleration_rms_m_s2);
        row.decimal("peak_m_s2", sensor.peak_m_s2);
        row.decimal("crest", sensor.crest);
        row.decimal("kurtosis", sensor.kurtosis);
        row.decimal("fs_hz", sensor.fs_hz);
        row.decimals("samples_m_s2", sensor.samples_m_s2.as_deref());
        further::vibration(row, sensor, origin.formulas, notes);
        origin.end_component(row, record, ("vibration", sensor.index), notes);
    }
}

/// Appends a row per event.
pub(super) fn events(row: &mut TableBuilder, origin: &Origin<'_>, record: &Record, notes: &mut Notes) {
    for event in &record.events {
        origin.place(row, record);
        row.int("row_index", Some(i64::from(event.index)));
        row.time("time", Some(event.time_us));
        row.text("code", Some(&event.code));
        row.text("severity", Some(event.severity.as_str()));
        row.text("component_id", event.component_id.as_deref());
        row.text("text", event.text.as_deref());
        origin.end_component(row, record, ("events", event.index), notes);
    }
}

/// Appends a row per maintenance action.
pub(super) fn maintenance(row: &mut TableBuilder, origin: &Origin<'_>, record: &Record, notes: &mut Notes) {
    for action in &record.maintenance {
        origin.place(row, record);
        row.int("row_index", Some(i64::from(action.index)));
        row.time("time", Some(action.time_us));
        row.text("kind", Some(action.kind.as_str()));
        row.text("component_id", action.component_id.as_deref());
        row.int("new_component_epoch", action.new_component_epoch);
        row.text("work_order", action.work_order.as_deref());
        origin.end_component(row, record, ("maintenance", action.index), notes);
    }
}
