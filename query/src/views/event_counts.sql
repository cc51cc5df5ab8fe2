-- What robots reported in the last seven days, by component and severity. Events from more than five minutes ahead of their
-- receipt are left out: their clock is wrong.
SELECT robot_id, component_id, max("time") AS window_end,
       last_value(stream_epoch ORDER BY "time") AS stream_epoch, last_value(seq ORDER BY "time") AS seq,
       sum(CASE WHEN severity IN ('error', 'fatal') THEN 1 ELSE 0 END) AS errors_7d,
       sum(CASE WHEN severity = 'warning' THEN 1 ELSE 0 END) AS warnings_7d,
       sum(CASE WHEN severity = 'fatal' THEN 1 ELSE 0 END) AS fatal_7d
FROM events
WHERE "time" > now() - INTERVAL '7 days' AND "time" <= received_at + INTERVAL '5 minutes'
GROUP BY robot_id, component_id
