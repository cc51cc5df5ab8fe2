-- The latest indicators of each robot as a whole: health, brakes, pose test, path; and hours since its last service: a greasing,
-- an inspection or a replacement that names no component.
WITH serviced AS (
    SELECT robot_id, max("time") AS serviced_at FROM maintenance
    WHERE component_id IS NULL AND kind IN ('grease', 'inspect', 'replace') AND "time" <= received_at + INTERVAL '5 minutes'
    GROUP BY robot_id
), at_service AS (
    SELECT serviced.robot_id, serviced.serviced_at,
           max(CASE WHEN records.window_end <= serviced.serviced_at THEN records.servo_on_h END) AS before,
           min(CASE WHEN records.window_end > serviced.serviced_at THEN records.servo_on_h END) AS after
    FROM serviced JOIN records ON records.robot_id = serviced.robot_id
    GROUP BY serviced.robot_id, serviced.serviced_at
)
SELECT records.robot_id, robot_kind, model, stream_epoch, seq, window_end, power_on_h, servo_on_h,
       serviced_at,
       CAST(servo_on_h AS DOUBLE) - coalesce(CAST(coalesce(before, after) AS DOUBLE), 0.0) AS servo_on_h_since_service,
       robot_health_index, robot_health_component, robot_health_geometric, brake_damage,
       pose_accuracy_mm, pose_accuracy_rad, pose_repeatability_mm, pose_repeatability_rad,
       path_rms_m, path_max_m, path_p95_m, path_ratio, localization_score, localization_ratio,
       methods, absent, flags, formula_version, config_digest
FROM (
    SELECT robot_id AS of_robot_id, max(record_order(stream_epoch, seq)) AS newest FROM records GROUP BY robot_id
) AS latest
JOIN records ON records.robot_id = latest.of_robot_id
    AND record_order(records.stream_epoch, records.seq) = latest.newest
LEFT JOIN at_service ON at_service.robot_id = records.robot_id
