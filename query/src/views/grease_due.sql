-- Grease of each joint's reducer since it was last renewed: the difference of the cumulative usage, and years. A greasing is
-- of one component, of one joint by its name, or, where it names none, of the whole robot.
WITH latest AS (
    SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end,
           CAST(grease_usage AS DOUBLE) AS grease_usage
    FROM joint_wear
), greased AS (
    SELECT latest.robot_id, latest.joint, max(maintenance."time") AS greased_at
    FROM latest JOIN maintenance ON maintenance.robot_id = latest.robot_id
    WHERE maintenance.kind = 'grease'
      AND (maintenance.component_id IS NULL OR maintenance.component_id = latest.component_id
           OR maintenance.component_id = latest.joint)
    GROUP BY latest.robot_id, latest.joint
), then_spent AS (
    SELECT latest.robot_id, latest.joint, max(CAST(joints.grease_usage AS DOUBLE)) AS spent
    FROM latest
    JOIN greased ON greased.robot_id = latest.robot_id AND greased.joint = latest.joint
    JOIN joints ON joints.robot_id = latest.robot_id AND joints.joint = latest.joint
               AND joints.component_epoch = latest.component_epoch
               AND coalesce(joints.component_id, '') = coalesce(latest.component_id, '')
               AND joints.window_end <= greased.greased_at
    GROUP BY latest.robot_id, latest.joint
)
SELECT latest.robot_id, latest.joint, latest.component_id, latest.component_epoch, latest.stream_epoch, latest.seq,
       latest.window_end, greased.greased_at, latest.grease_usage,
       latest.grease_usage - coalesce(then_spent.spent, 0.0) AS grease_usage_since,
       (date_part('epoch', latest.window_end) - date_part('epoch', greased.greased_at)) / 31557600.0 AS years_since
FROM latest
LEFT JOIN greased ON greased.robot_id = latest.robot_id AND greased.joint = latest.joint
LEFT JOIN then_spent ON then_spent.robot_id = latest.robot_id AND then_spent.joint = latest.joint
