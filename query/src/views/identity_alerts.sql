-- Robots whose identity or counters cannot be: clones, scrapped robots that report, counters that run backwards or faster
-- than time. `kind` says which; `since` and `until` are times of receipt, `count` is how many rows or pairs show it.
WITH senders AS (
    SELECT robot_id, principal, min(received_at) AS since, max(received_at) AS until, count(*) AS n
    FROM records GROUP BY robot_id, principal
), streams AS (
    SELECT robot_id, stream_epoch, min(received_at) AS since, max(received_at) AS until, count(*) AS n
    FROM records GROUP BY robot_id, stream_epoch
), robot_steps AS (
    SELECT robot_id, received_at, CAST(power_on_h AS DOUBLE) AS power_on_h,
           CAST(date_part('epoch', window_end) AS DOUBLE) / 3600.0 AS at_h,
           lag(CAST(power_on_h AS DOUBLE)) OVER (PARTITION BY robot_id ORDER BY stream_epoch, seq) AS power_on_h_before,
           lag(CAST(date_part('epoch', window_end) AS DOUBLE) / 3600.0)
               OVER (PARTITION BY robot_id ORDER BY stream_epoch, seq) AS at_h_before
    FROM records
), joint_steps AS (
    SELECT robot_id, joint, received_at, CAST(input_rev AS DOUBLE) AS input_rev,
           lag(CAST(input_rev AS DOUBLE))
               OVER (PARTITION BY robot_id, joint, component_epoch, component_id ORDER BY stream_epoch, seq)
               AS input_rev_before
    FROM joints WHERE input_rev IS NOT NULL
), pack_steps AS (
    SELECT robot_id, pack_id, received_at, CAST(discharged_ah AS DOUBLE) AS discharged_ah,
           lag(CAST(discharged_ah AS DOUBLE))
               OVER (PARTITION BY robot_id, pack_id, pack_epoch ORDER BY stream_epoch, seq) AS discharged_ah_before
    FROM batteries
)
SELECT one.robot_id, 'clone_two_senders' AS kind, 'now' AS urgency, greatest(one.since, other.since) AS since,
       least(one.until, other.until) AS until, one.n + other.n AS count,
       concat('sent by ', one.principal, ' and by ', other.principal, ' at the same time') AS evidence
FROM senders AS one
JOIN senders AS other ON one.robot_id = other.robot_id AND one.principal < other.principal
WHERE one.since <= other.until AND other.since <= one.until
UNION ALL
SELECT one.robot_id, 'clone_two_streams', 'soon', greatest(one.since, other.since), least(one.until, other.until),
       one.n + other.n,
       concat('streams ', CAST(one.stream_epoch AS VARCHAR), ' and ', CAST(other.stream_epoch AS VARCHAR), ' by turns')
FROM streams AS one
JOIN streams AS other ON one.robot_id = other.robot_id AND one.stream_epoch < other.stream_epoch
WHERE other.since < one.until
UNION ALL
SELECT robot_id, 'sequence_conflict', 'soon', min(received_at), max(received_at), count(*),
       'sequence numbers that another record has: a second robot of this ID, or a restart without a new stream_epoch'
FROM rejected WHERE reason = 'sequence_conflict' GROUP BY robot_id
UNION ALL
SELECT robot_id, 'zombie', 'now', min(received_at), max(received_at), count(*), 'reports, and the roster says it is scrapped'
FROM records WHERE flags LIKE '%robot_scrapped:%' GROUP BY robot_id
UNION ALL
SELECT robot_id, 'not_registered', 'watch', min(received_at), max(received_at), count(*),
       'the roster does not know this ID, its manufacturer or its model'
FROM records WHERE flags LIKE '%unknown_manufacturer:%' OR flags LIKE '%unknown_model:%' OR flags LIKE '%robot_unlisted:%'
GROUP BY robot_id
UNION ALL
SELECT robot_id, 'counter_backwards', 'soon', min(received_at), max(received_at), count(*),
       'power_on_h fell, which it never does in a robot''s life'
FROM robot_steps WHERE power_on_h < power_on_h_before GROUP BY robot_id
UNION ALL
SELECT robot_id, 'counter_too_fast', 'soon', min(received_at), max(received_at), count(*),
       'power_on_h rose by more than the time between two records'
FROM robot_steps WHERE at_h >= at_h_before AND power_on_h - power_on_h_before > at_h - at_h_before + 1.0 GROUP BY robot_id
UNION ALL
SELECT robot_id, 'counter_backwards', 'soon', min(received_at), max(received_at), count(*),
       concat('input_rev of ', joint, ' fell without a new component_epoch')
FROM joint_steps WHERE input_rev < input_rev_before GROUP BY robot_id, joint
UNION ALL
SELECT robot_id, 'counter_backwards', 'soon', min(received_at), max(received_at), count(*),
       concat('discharged_ah of ', pack_id, ' fell without a new pack_epoch')
FROM pack_steps WHERE discharged_ah < discharged_ah_before GROUP BY robot_id, pack_id
