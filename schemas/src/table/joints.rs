//! Columns of `joints`: counters, window statistics and wear indicators of one joint.

use super::column::{Column, int, list, place, provenance, since, text, time, total, value};

pub(super) fn columns() -> Vec<Column> {
    let mut columns = place();
    columns.extend([
        time("window_end", "end of the record's window").required(),
        text("joint", "name of the joint, unique in the record").required(),
        text("component_id", "reducer or motor in place"),
        int("component_epoch", "grows when the component is replaced").required(),
    ]);
    columns.extend(counters());
    columns.extend(statistics());
    columns.extend(tests_and_samples());
    columns.extend(indicators());
    columns.extend(since(2, further_indicators()));
    columns.extend(provenance());
    columns
}

fn counters() -> [Column; 8] {
    [
        total("input_rev", 1, "cumulative input revolutions"),
        total("input_rev_load", 1, "cumulative input revolutions weighted with (|T|/T_N)^p"),
        list("load_hist_rev", 1, "cumulative input revolutions per |T|/T_N bin (12)"),
        list("grease_temp_hist_rev", 1, "cumulative input revolutions per grease temperature (8)"),
        list("temp_hist_h", 3, "cumulative hours per motor temperature (8)"),
        list("rainflow_hist_cycles", 1, "cumulative torque cycles per range (16)"),
        int("peak_torque_count", "cumulative |T| > T_R"),
        int("momentary_peak_count", "cumulative |T| > T_M"),
    ]
}

fn statistics() -> [Column; 12] {
    [
        value("torque_rms_nm", 2, "output torque in the window, root mean square"),
        value("torque_absmax_nm", 2, "output torque, greatest magnitude"),
        value("torque_mean_nm", 2, "output torque, mean"),
        value("current_rms_a", 3, "motor current, root mean square"),
        value("current_absmax_a", 3, "motor current, greatest magnitude"),
        value("speed_rms_rad_s", 3, "output speed, root mean square"),
        value("speed_absmax_rad_s", 3, "output speed, greatest magnitude"),
        value("temp_motor_c", 1, "motor temperature, greatest"),
        value("temp_reducer_c", 1, "reducer temperature, greatest"),
        value("temp_drive_c", 1, "drive temperature, greatest"),
        value("following_error_rms_rad", 6, "target minus actual position, root mean square"),
        value("following_error_max_rad", 6, "target minus actual position, greatest magnitude"),
    ]
}

fn tests_and_samples() -> [Column; 12] {
    [
        value("torque_residual_rms_nm", 2, "measured minus modelled torque, root mean square"),
        value("friction_residual_nm", 2, "friction above the controller's model"),
        value("friction_test_speed_rad_s", 3, "reference motion test: speed"),
        value("friction_test_torque_nm", 2, "reference motion test: torque"),
        value("lost_motion_arcmin", 3, "lost motion test"),
        value("brake_hold_ratio", 3, "brake holding test: held over nominal torque"),
        value("samples_dt_s", 6, "time between samples"),
        list("samples_position_rad", 6, "samples of the position"),
        list("samples_velocity_rad_s", 4, "samples of the velocity"),
        list("samples_torque_nm", 3, "samples of the torque"),
        list("samples_torque_model_nm", 3, "samples of the modelled torque"),
        list("samples_current_a", 4, "samples of the current"),
    ]
}

fn indicators() -> [Column; 6] {
    [
        total("reducer_damage", 9, "spent life of the reducer; 1 is its L10 life"),
        total("reducer_l10_h", 1, "L10 life at the average load so far, in operating hours"),
        total("reducer_rul_h", 1, "operating hours left at the average load so far"),
        total("thermal_load_rate_pct", 2, "100 (I_rms/I_cont)^2"),
        value("following_error_health", 4, "following error between reference (1) and limit (0)"),
        value("component_health_index", 4, "least health of the joint's indicators, 0 to 1"),
    ]
}

/// Of the formulas 2026.2 on; before them they are null.
fn further_indicators() -> [Column; 14] {
    [
        value("average_torque_ratio", 4, "life-average torque over its limit T_A (RV: over T_0)"),
        total("momentary_peak_usage", 6, "momentary peaks over the catalogue's allowed number"),
        total("grease_usage", 6, "spent lives of the reducer's grease since the component was new"),
        total("bearing_damage", 9, "spent life of the output bearing (ISO 281); 1 is its rating life"),
        total("fatigue_damage", 9, "Miner sum over the cumulative torque cycles"),
        total("fatigue_damage_window", 15, "Miner sum over the torque cycles of the window's samples"),
        total("reducer_damage_window", 15, "reducer damage of the window's samples"),
        value("torque_residual_norm", 6, "measured minus modelled torque, root mean square over T_N"),
        value("friction_excess_nm", 3, "friction above the controller's model, mean while it moves"),
        value("friction_ratio", 4, "friction of the reference motion over that of the joint as new"),
        value("lost_motion_health", 4, "lost motion between as new (1) and limit (0)"),
        total("temp_equivalent_h", 3, "hours at 40 °C that age as much (Arrhenius, 0.5 eV)"),
        total("winding_damage", 9, "spent life of the winding's insulation (Montsinger)"),
        text("methods", "JSON object: indicator -> how it was found, where not from counters or statistics as sent"),
    ]
}
