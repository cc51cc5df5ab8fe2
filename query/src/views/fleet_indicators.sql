-- The latest indicators of each robot as a whole: health, brakes, pose test, path.
SELECT robot_id, robot_kind, model, stream_epoch, seq, window_end, power_on_h, servo_on_h,
       robot_health_index, robot_health_component, robot_health_geometric, brake_damage,
       pose_accuracy_mm, pose_accuracy_rad, pose_repeatability_mm, pose_repeatability_rad,
       path_rms_m, path_max_m, path_p95_m, path_ratio, localization_score, localization_ratio,
       methods, absent, flags, formula_version, config_digest
FROM (
    SELECT robot_id AS of_robot_id, max(record_order(stream_epoch, seq)) AS newest FROM records GROUP BY robot_id
) AS latest
JOIN records ON records.robot_id = latest.of_robot_id
    AND record_order(records.stream_epoch, records.seq) = latest.newest
