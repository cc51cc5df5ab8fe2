-- The latest state of each robot, by its own numbering: a record that comes late does not become the latest.
SELECT robot_id, robot_kind, model, firmware, operational_mode, stream_epoch, seq,
       window_end, received_at, date_part('epoch', now()) - date_part('epoch', received_at) AS silent_s,
       power_on_h, motion_h, energy_kwh, protective_stop_count, error_count,
       robot_health_index, robot_health_component, flags
FROM (
    SELECT robot_id AS of_robot_id, max(record_order(stream_epoch, seq)) AS newest FROM records GROUP BY robot_id
) AS latest
JOIN records ON records.robot_id = latest.of_robot_id
    AND record_order(records.stream_epoch, records.seq) = latest.newest
