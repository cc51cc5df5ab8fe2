-- The newest result of each measurement of each battery pack in place, whichever record had it: `test` is capacity, resistance
-- or imbalance, and only its own columns have values.
WITH results AS (
    SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, methods, 'capacity' AS test, soh_capacity_method,
           CAST(soh_capacity AS DOUBLE) AS soh_capacity, CAST(pack_health_index AS DOUBLE) AS pack_health_index,
           CAST(NULL AS DOUBLE) AS soh_resistance, CAST(NULL AS DOUBLE) AS cell_imbalance_mv
    FROM batteries WHERE soh_capacity IS NOT NULL
    UNION ALL
    SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, methods, 'resistance', NULL,
           NULL, NULL, CAST(soh_resistance AS DOUBLE), NULL
    FROM batteries WHERE soh_resistance IS NOT NULL
    UNION ALL
    SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, methods, 'imbalance', NULL,
           NULL, NULL, NULL, CAST(cell_imbalance_mv AS DOUBLE)
    FROM batteries WHERE cell_imbalance_mv IS NOT NULL
), newest AS (
    SELECT results.*, row_number() OVER (PARTITION BY results.robot_id, results.pack_id, results.test
                                         ORDER BY record_order(results.stream_epoch, results.seq) DESC) AS place
    FROM results
    JOIN battery_health ON battery_health.robot_id = results.robot_id AND battery_health.pack_id = results.pack_id
                       AND battery_health.pack_epoch = results.pack_epoch
)
SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, test,
       soh_capacity, soh_capacity_method, pack_health_index, soh_resistance, cell_imbalance_mv, methods
FROM newest WHERE place = 1
