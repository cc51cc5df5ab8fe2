-- The newest result of each test of each joint's component in place, whichever record had it: `test` is brake, friction or
-- lost_motion, and only its own columns have values. What a component was like before it was replaced is not here.
WITH results AS (
    SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, methods, 'brake' AS test,
           CAST(brake_hold_ratio AS DOUBLE) AS brake_hold_ratio, CAST(NULL AS DOUBLE) AS friction_ratio,
           CAST(NULL AS DOUBLE) AS lost_motion_arcmin, CAST(NULL AS DOUBLE) AS lost_motion_health
    FROM joints WHERE brake_hold_ratio IS NOT NULL
    UNION ALL
    SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, methods, 'friction',
           NULL, CAST(friction_ratio AS DOUBLE), NULL, NULL
    FROM joints WHERE friction_ratio IS NOT NULL
    UNION ALL
    SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, methods, 'lost_motion',
           NULL, NULL, CAST(lost_motion_arcmin AS DOUBLE), CAST(lost_motion_health AS DOUBLE)
    FROM joints WHERE lost_motion_arcmin IS NOT NULL
), newest AS (
    SELECT results.*, row_number() OVER (PARTITION BY results.robot_id, results.joint, results.test
                                         ORDER BY record_order(results.stream_epoch, results.seq) DESC) AS place
    FROM results
    JOIN joint_wear ON joint_wear.robot_id = results.robot_id AND joint_wear.joint = results.joint
                   AND joint_wear.component_epoch = results.component_epoch
                   AND coalesce(joint_wear.component_id, '') = coalesce(results.component_id, '')
)
SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, test,
       brake_hold_ratio, friction_ratio, lost_motion_arcmin, lost_motion_health, methods
FROM newest WHERE place = 1
