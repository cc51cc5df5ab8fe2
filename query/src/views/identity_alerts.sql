-- Robots whose identity or counters cannot be: clones, robots that the roster does not let report, and `counter_alerts`. `kind` says
-- which; `since` and `until` are times of receipt, `count` is how many rows show it. Clones show by turns: one that comes late, or
-- that changes its gateway or its part once, is none; a component without an ID is unknown, not another one.
WITH in_order AS (
    SELECT robot_id, principal, stream_epoch, received_at, record_order(stream_epoch, seq) AS number,
           lag(principal) OVER received AS principal_before, lag(stream_epoch) OVER received AS stream_epoch_before,
           lag(record_order(stream_epoch, seq)) OVER received AS number_before
    FROM records
    WINDOW received AS (PARTITION BY robot_id ORDER BY log_epoch, "partition", "offset", ordinal)
), part_steps AS (
    SELECT robot_id, joint, received_at, component_id AS part, lag(component_id) IGNORE NULLS OVER life AS part_before,
           component_epoch, lag(component_epoch) OVER life AS epoch_before
    FROM joints
    WINDOW life AS (PARTITION BY robot_id, joint ORDER BY stream_epoch, seq)
)
SELECT robot_id, 'clone_two_senders' AS kind, 'now' AS urgency, min(received_at) AS since, max(received_at) AS until,
       count(*) AS count, concat('sent by ', min(least(principal, principal_before)), ' and by ',
              max(greatest(principal, principal_before)), ' by turns, out of order') AS evidence
FROM in_order WHERE principal <> principal_before AND number < number_before
GROUP BY robot_id HAVING count(*) > 1
UNION ALL
SELECT robot_id, 'clone_two_streams', 'soon', min(received_at), max(received_at), count(*),
       concat('stream ', CAST(min(stream_epoch) AS VARCHAR), ' and newer ones by turns')
FROM in_order WHERE stream_epoch < stream_epoch_before
GROUP BY robot_id HAVING count(*) > 1
UNION ALL
SELECT robot_id, 'clone_two_components', 'soon', min(received_at), max(received_at), count(*),
       concat('component ', min(part), ' and ', max(part), ' in ', joint, ' by turns')
FROM part_steps WHERE part <> part_before
GROUP BY robot_id, joint HAVING count(*) > count(DISTINCT part) + 1
UNION ALL
SELECT robot_id, 'component_renamed', 'soon', min(received_at), max(received_at), count(*),
       concat('another component in ', joint, ' without a new component_epoch: its life cannot be told from the robot''s hours')
FROM part_steps WHERE part <> part_before AND component_epoch = epoch_before
GROUP BY robot_id, joint
UNION ALL
SELECT robot_id, 'sequence_conflict', 'soon', min(received_at), max(received_at), count(*),
       'sequence numbers that another record has: a second robot of this ID, or a restart without a new stream_epoch'
FROM rejected WHERE reason = 'sequence_conflict' GROUP BY robot_id
UNION ALL
SELECT robot_id, 'zombie', 'now', min(received_at), max(received_at), count(*), 'reports, and the roster says it is scrapped'
FROM records WHERE flags LIKE '%robot_scrapped:%' GROUP BY robot_id
UNION ALL
SELECT robot_id, 'suspended', 'watch', min(received_at), max(received_at), count(*), 'reports, and the roster says it is suspended'
FROM records WHERE flags LIKE '%robot_suspended:%' GROUP BY robot_id
UNION ALL
SELECT robot_id, 'not_commissioned', 'watch', min(received_at), max(received_at), count(*),
       'reports of before the day on which the roster says that it is commissioned'
FROM records WHERE flags LIKE '%robot_not_commissioned:%' GROUP BY robot_id
UNION ALL
SELECT robot_id, 'not_registered', 'watch', min(received_at), max(received_at), count(*),
       'the roster does not know this ID, its manufacturer or its model'
FROM records WHERE flags LIKE '%unknown_manufacturer:%' OR flags LIKE '%unknown_model:%' OR flags LIKE '%robot_unlisted:%'
GROUP BY robot_id
UNION ALL
SELECT robot_id, 'component_epoch_backwards', 'soon', min(received_at), max(received_at), count(*),
       concat('component_epoch of ', joint, ' fell')
FROM part_steps WHERE component_epoch < epoch_before GROUP BY robot_id, joint
UNION ALL
SELECT robot_id, kind, urgency, since, until, count, evidence FROM counter_alerts
