-- Grease of each joint's reducer since it was last renewed: the difference of the cumulative usage, and years. A greasing, or a
-- replacement, is of one component, of one joint by its name, or, where it names none, of the whole robot. A component that came
-- after another one is greased when it is first seen. Where the lake has no usage of before a greasing, what came before the
-- first one after it is not counted: usage is then of `usage_from` on. Without any greasing, years count from the first record:
-- they are at least so many.
WITH used AS (
    SELECT robot_id, joint, coalesce(component_id, '') AS component_id, component_epoch, stream_epoch, seq, window_end,
           CAST(grease_usage AS DOUBLE) AS grease_usage
    FROM joints
    WHERE grease_usage IS NOT NULL AND window_end <= received_at + INTERVAL '5 minutes'
), series AS (
    SELECT robot_id, joint, component_id, component_epoch, min(window_end) AS first_seen,
           max(record_order(stream_epoch, seq)) AS newest,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(window_end ORDER BY stream_epoch, seq) AS window_end,
           last_value(grease_usage ORDER BY stream_epoch, seq) AS grease_usage
    FROM used GROUP BY robot_id, joint, component_id, component_epoch
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY robot_id, joint ORDER BY newest DESC) AS place,
           count(*) OVER (PARTITION BY robot_id, joint) AS components
    FROM series
), latest AS (
    SELECT placed.*, components > 1 OR placed.component_epoch > 0 AS is_later, worn.methods
    FROM placed
    JOIN joint_wear AS worn ON worn.robot_id = placed.robot_id AND worn.joint = placed.joint
         AND coalesce(worn.component_id, '') = placed.component_id AND worn.component_epoch = placed.component_epoch
    WHERE place = 1
), greased AS (
    SELECT latest.robot_id, latest.joint, max(maintenance."time") AS greased_at
    FROM latest JOIN maintenance ON maintenance.robot_id = latest.robot_id
    WHERE maintenance.kind IN ('grease', 'replace')
      AND (maintenance.component_id IS NULL AND maintenance.kind = 'grease'
           OR maintenance.component_id = latest.component_id OR maintenance.component_id = latest.joint)
      AND maintenance."time" <= maintenance.received_at + INTERVAL '5 minutes'
      AND (NOT latest.is_later OR maintenance."time" >= latest.first_seen)
    GROUP BY latest.robot_id, latest.joint
), about AS (
    SELECT latest.robot_id, latest.joint,
           max(CASE WHEN used.window_end <= greased.greased_at THEN used.grease_usage END) AS before,
           min(CASE WHEN used.window_end > greased.greased_at THEN used.grease_usage END) AS after,
           min(CASE WHEN used.window_end > greased.greased_at THEN used.window_end END) AS after_at
    FROM latest
    JOIN greased ON greased.robot_id = latest.robot_id AND greased.joint = latest.joint
    JOIN used ON used.robot_id = latest.robot_id AND used.joint = latest.joint
             AND used.component_epoch = latest.component_epoch AND used.component_id = latest.component_id
    GROUP BY latest.robot_id, latest.joint
)
SELECT latest.robot_id, latest.joint, latest.component_id, latest.component_epoch, latest.stream_epoch, latest.seq,
       latest.window_end, greased.greased_at, latest.grease_usage,
       latest.grease_usage - coalesce(about.before, about.after, 0.0) AS grease_usage_since,
       CASE WHEN about.before IS NULL THEN about.after_at ELSE greased.greased_at END AS usage_from,
       (date_part('epoch', latest.window_end) - date_part('epoch', coalesce(greased.greased_at, latest.first_seen)))
           / 31557600.0 AS years_since, latest.methods
FROM latest
LEFT JOIN greased ON greased.robot_id = latest.robot_id AND greased.joint = latest.joint
LEFT JOIN about ON about.robot_id = latest.robot_id AND about.joint = latest.joint
