//! Columns of `vibration`: one sensor location.

use super::column::{Column, list, place, provenance, since, text, time, total, value};

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
    columns.extend(since(2, further_indicators()));
    columns.extend(provenance());
    columns
}

/// Of the formulas 2026.2 on; before them they are null.
fn further_indicators() -> [Column; 5] {
    [
        text("velocity_zone", "A to D of ISO 10816-1, as a scale: robots are outside of the standard"),
        value("crest_factor", 3, "peak over root mean square; of the samples, else as sent"),
        value("kurtosis_pearson", 3, "fourth moment over squared variance; of the samples, else as sent"),
        value("skewness", 3, "third moment over the cubed standard deviation, of the samples"),
        text("methods", "JSON object: indicator -> how it was found, where not from counters or statistics as sent"),
    ]
}
