-- The latest wear of each joint. Counters are cumulative, so the latest row holds all of the component's life; of tests, which
-- are made now and then, the newest results are in `joint_tests`.
SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end,
       input_rev, input_rev_load, reducer_damage, reducer_l10_h, reducer_rul_h,
       weibull_failure(CAST(reducer_damage AS DOUBLE)) AS reducer_failure_probability,
       thermal_load_rate_pct, following_error_rms_rad, following_error_max_rad, following_error_health,
       component_health_index, temp_motor_c, temp_reducer_c,
       average_torque_ratio, momentary_peak_usage, grease_usage, bearing_damage, fatigue_damage, fatigue_damage_window,
       reducer_damage_window, torque_residual_norm, friction_excess_nm, friction_ratio, lost_motion_arcmin,
       lost_motion_health, temp_equivalent_h, winding_damage, brake_hold_ratio,
       methods, absent, flags, formula_version, config_digest
FROM (
    SELECT robot_id AS of_robot_id, joint AS of_joint, max(record_order(stream_epoch, seq)) AS newest FROM joints GROUP BY robot_id, joint
) AS latest
JOIN joints ON joints.robot_id = latest.of_robot_id AND joints.joint = latest.of_joint
    AND record_order(joints.stream_epoch, joints.seq) = latest.newest
