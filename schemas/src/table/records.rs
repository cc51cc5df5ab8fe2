//! Columns of `records`: the envelope, the robot's counters, its motion and its pose test.

use super::column::{Column, boolean, int, list, place, provenance, since, text, time, total, value};

pub(super) fn columns() -> Vec<Column> {
    let mut columns = place();
    columns.extend(envelope());
    columns.extend(counters());
    columns.extend(motion());
    columns.extend([
        list("pose_test_command", 6, "commanded pose: x, y, z in m, a, b, c in rad"),
        list("pose_test_attained", 6, "attained poses, six numbers each, one after the other"),
        value("pose_test_ambient_temp_c", 1, "ambient temperature during the pose test"),
        value("robot_health_index", 4, "least component health index, 0 worn out to 1 as new"),
        text("robot_health_component", "component that has it"),
        text("gaps", "JSON: what the sender knows to be missing"),
        text("quality", "JSON: what the source said of single values"),
        text("principal", "authenticated sender; empty if anonymous"),
        int("payload_hash", "first 8 bytes, big-endian, of SHA-256 of the record as published").required(),
    ]);
    columns.extend(since(2, further_indicators()));
    columns.extend(provenance());
    columns
}

/// Of the formulas 2026.2 on; before them they are null.
fn further_indicators() -> [Column; 12] {
    [
        value("robot_health_geometric", 4, "weighted geometric mean of the healths, 0 to 1"),
        total("brake_damage", 9, "energy taken up by the brakes over what they bear in their life"),
        value("pose_accuracy_mm", 4, "AP_p of ISO 9283: commanded position to barycentre"),
        value("pose_accuracy_rad", 6, "greatest of AP_a, AP_b, AP_c of ISO 9283"),
        value("pose_repeatability_mm", 4, "RP_l of ISO 9283"),
        value("pose_repeatability_rad", 6, "greatest of RP_a, RP_b, RP_c of ISO 9283"),
        value("path_rms_m", 4, "distance from the reference path, root mean square; of the paths, else as sent"),
        value("path_max_m", 4, "distance from the reference path, greatest; of the paths, else as sent"),
        value("path_p95_m", 4, "distance from the reference path, 95th percentile; of the paths, else as sent"),
        value("path_ratio", 4, "path_max_m over what the order allows"),
        value("localization_ratio", 4, "uncertainty of the position over what the order allows"),
        text("methods", "JSON object: indicator -> how it was found, where not from counters or statistics as sent"),
    ]
}

fn envelope() -> [Column; 10] {
    [
        time("window_start", "start of the record's window").required(),
        time("window_end", "end of the record's window").required(),
        int("schema_version", "version of the record's contract").required(),
        text("robot_kind", "arm, humanoid or amr").required(),
        text("model", "model configuration that was applied"),
        text("model_config", "model configuration that the record asked for"),
        text("firmware", "firmware version"),
        text("operational_mode", "mode of operation"),
        value("payload_kg", 3, "payload"),
        value("ambient_temp_c", 1, "ambient temperature"),
    ]
}

fn counters() -> [Column; 12] {
    [
        total("power_on_h", 4, "cumulative hours under power"),
        total("servo_on_h", 4, "cumulative hours with servos on"),
        total("motion_h", 4, "cumulative hours in motion"),
        total("energy_kwh", 3, "cumulative energy"),
        int("estop_count", "cumulative emergency stops"),
        int("protective_stop_count", "cumulative protective stops"),
        int("collision_count", "cumulative collisions"),
        int("error_count", "cumulative errors"),
        int("brake_dynamic_count", "cumulative dynamic brake engagements"),
        total("brake_energy_j", 1, "cumulative energy taken up by the brakes"),
        total("distance_m", 3, "cumulative distance driven"),
        int("step_count", "cumulative steps walked"),
    ]
}

fn motion() -> [Column; 15] {
    [
        text("map_id", "map in use"),
        total("x_m", 3, "position on the map"),
        total("y_m", 3, "position on the map"),
        value("theta_rad", 4, "heading"),
        value("speed_m_s", 3, "speed"),
        boolean("localized", "whether the robot knows where it is"),
        value("localization_score", 3, "0 to 1"),
        value("localization_deviation_m", 4, "uncertainty of the position"),
        value("cross_track_rms_m", 4, "distance from the reference path, root mean square"),
        value("cross_track_max_m", 4, "distance from the reference path, greatest"),
        value("cross_track_p95_m", 4, "distance from the reference path, 95th percentile"),
        value("allowed_deviation_m", 4, "deviation that the order allows"),
        list("reference_path_m", 3, "x and y by turns"),
        list("actual_path_m", 3, "x and y by turns"),
        value("wheel_slip", 4, "ratio"),
    ]
}
