//! Columns of `vibration`: one sensor location.

use super::column::{Column, list, place, provenance, text, time, total, value};

pub(super) fn columns() -> Vec<Column> {
    let mut columns = place();
    columns.extend([
        time("window_end", "end of the record's window").required(),
        text("location", "where the sensor sits, unique in the record").required(),
        text("machine_class", "class of ISO 10816-1 that the scale is taken from"),
        value("velocity_rms_mm_s", 3, "vibration velocity 10 to 1000 Hz, root mean square"),
        value("acceleration_rms_m_s2", 3, "acceleration, root mean square"),
        value("peak_m_s2", 3, "acceleration, greatest magnitude"),
        value("crest", 3, "peak over root mean square"),
        value("kurtosis", 3, "fourth moment over squared variance; 3 for noise"),
        total("fs_hz", 3, "sampling frequency"),
        list("samples_m_s2", 4, "samples of the acceleration"),
    ]);
    columns.extend(provenance());
    columns
}
