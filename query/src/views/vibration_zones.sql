-- The latest vibration of each place on a robot; `zone` is the zone of ISO 20816 as a number, A is 1 and D is 4.
SELECT robot_id, location, stream_epoch, seq, window_end, machine_class, velocity_rms_mm_s, velocity_zone,
       strpos('ABCD', velocity_zone) AS zone, crest_factor, kurtosis_pearson, skewness,
       methods, absent, flags, formula_version, config_digest
FROM (
    SELECT robot_id AS of_robot_id, location AS of_location, max(record_order(stream_epoch, seq)) AS newest
    FROM vibration WHERE velocity_zone IS NOT NULL GROUP BY robot_id, location
) AS latest
JOIN vibration ON vibration.robot_id = latest.of_robot_id AND vibration.location = latest.of_location
    AND record_order(vibration.stream_epoch, vibration.seq) = latest.newest
