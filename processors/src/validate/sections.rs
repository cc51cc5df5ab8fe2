//! Sanity of the smaller sections: vibration, motion, pose test, declared gaps, quality.

use tacho_config::{Limits, SanityRange};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::record::{Gap, Motion, PoseTest, Quality, Vibration};

use super::place::Place;
use super::sieve::{ANY, MAGNITUDE, Sieve, even};

/// Headings, in rad: some count many turns.
const HEADING: SanityRange = even(-10_000.0, 10_000.0);

/// Whether a vibration sensor may stay.
pub(super) fn vibration(sensor: &Vibration, sieve: &mut Sieve<'_>) -> bool {
    let at = Place::Element("vibration", sensor.index);
    sieve.part(at, |sieve| {
        sieve.value(at, "velocity_rms_mm_s", sensor.velocity_rms_mm_s, &MAGNITUDE);
        sieve.value(at, "acceleration_rms_m_s2", sensor.acceleration_rms_m_s2, &MAGNITUDE);
        sieve.value(at, "peak_m_s2", sensor.peak_m_s2, &MAGNITUDE);
        sieve.value(at, "crest", sensor.crest, &MAGNITUDE);
        sieve.value(at, "kurtosis", sensor.kurtosis, &MAGNITUDE);
        sieve.value(at, "fs_hz", sensor.fs_hz, &MAGNITUDE);
        sieve.list(at, "samples_m_s2", sensor.samples_m_s2.as_deref(), &ANY);
    })
}

/// Whether a mobile robot's motion may stay.
pub(super) fn motion(motion: &Motion, limits: &Limits, sieve: &mut Sieve<'_>) -> bool {
    let at = Place::Section("motion");
    sieve.part(at, |sieve| {
        sieve.value(at, "x_m", motion.x_m, &ANY);
        sieve.value(at, "y_m", motion.y_m, &ANY);
        sieve.value(at, "theta_rad", motion.theta_rad, &HEADING);
        sieve.value(at, "speed_m_s", motion.speed_m_s, &limits.amr_speed_m_s);
        sieve.share(at, "localization_score", motion.localization_score, &limits.localization_score);
        sieve.value(at, "localization_deviation_m", motion.localization_deviation_m, &MAGNITUDE);
        sieve.value(at, "cross_track_rms_m", motion.cross_track_rms_m, &MAGNITUDE);
        sieve.value(at, "cross_track_max_m", motion.cross_track_max_m, &MAGNITUDE);
        sieve.value(at, "cross_track_p95_m", motion.cross_track_p95_m, &MAGNITUDE);
        sieve.value(at, "allowed_deviation_m", motion.allowed_deviation_m, &MAGNITUDE);
        sieve.value(at, "wheel_slip", motion.wheel_slip, &ANY);
        for (field, path) in [("reference_path_m", &motion.reference_path_m), ("actual_path_m", &motion.actual_path_m)]
        {
            sieve.list(at, field, path.as_deref().map(<[[f64; 2]]>::as_flattened), &ANY);
        }
        if let (Some(rms), Some(greatest)) = (motion.cross_track_rms_m, motion.cross_track_max_m)
            && rms > greatest
        {
            sieve.inconsistent(at, "cross_track_rms_m");
        }
    })
}

/// Whether a pose test may stay.
pub(super) fn pose_test(test: &PoseTest, limits: &Limits, sieve: &mut Sieve<'_>) -> bool {
    let at = Place::Section("pose_test");
    sieve.part(at, |sieve| {
        sieve.list(at, "command", test.command.as_deref().map(|pose| &pose[..]), &ANY);
        sieve.list(at, "attained", test.attained.as_deref().map(<[[f64; 6]]>::as_flattened), &ANY);
        sieve.value(at, "ambient_temp_c", test.ambient_temp_c, &limits.ambient_temp_c);
    })
}

/// Whether a declared gap may stay: it may not end before it starts.
pub(super) fn gap(gap: &Gap, sieve: &mut Sieve<'_>) -> bool {
    span(Place::Element("gaps", gap.index), Some(gap.from_us), Some(gap.to_us), sieve)
}

/// Whether a statement of quality may stay: its time may not end before it starts.
pub(super) fn quality(quality: &Quality, sieve: &mut Sieve<'_>) -> bool {
    span(Place::Element("quality", quality.index), quality.from_us, quality.to_us, sieve)
}

fn span(at: Place, from_us: Option<i64>, to_us: Option<i64>, sieve: &mut Sieve<'_>) -> bool {
    sieve.part(at, |sieve| {
        if let (Some(from_us), Some(to_us)) = (from_us, to_us)
            && from_us > to_us
        {
            sieve.wrong(at, "to", RejectReason::Consistency, ", before from");
        }
    })
}
