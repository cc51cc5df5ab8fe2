-- The present state of the gaps. Sequence numbers: what was opened, less what was filled or written off since,
-- summed over the edges of all ranges. Gaps in time and of a damaged log stand as they were reported, and so does
-- what was written off; a whole stream that was closed is `stream_closed`.
WITH edges AS (
    SELECT robot_id, stream_epoch, hole, seq_first AS at,
           CASE WHEN kind = 'opened' THEN 1 ELSE -1 END AS step
    FROM gap_events WHERE hole IS NOT NULL AND kind IN ('opened', 'narrowed', 'closed', 'written_off')
    UNION ALL
    SELECT robot_id, stream_epoch, hole, seq_last + 1 AS at,
           CASE WHEN kind = 'opened' THEN -1 ELSE 1 END AS step
    FROM gap_events WHERE hole IS NOT NULL AND kind IN ('opened', 'narrowed', 'closed', 'written_off')
), steps AS (
    SELECT robot_id, stream_epoch, hole, at, sum(step) AS step
    FROM edges GROUP BY robot_id, stream_epoch, hole, at HAVING sum(step) <> 0
), runs AS (
    SELECT robot_id, stream_epoch, hole, at,
           sum(step) OVER (PARTITION BY robot_id, stream_epoch, hole ORDER BY at) AS open,
           lead(at) OVER (PARTITION BY robot_id, stream_epoch, hole ORDER BY at) AS next_at
    FROM steps
)
SELECT robot_id, stream_epoch,
       CASE WHEN kind = 'written_off' AND hole IS NULL THEN 'stream_closed' ELSE kind END AS kind, seq_first, seq_last,
       CASE WHEN kind = 'written_off' AND hole IS NULL THEN NULL ELSE seq_last - seq_first + 1 END AS records,
       time_from, time_to, cause
FROM gap_events WHERE kind IN ('written_off', 'time', 'lost')
UNION ALL
SELECT robot_id, stream_epoch, hole, at, next_at - 1, next_at - at, NULL, NULL, NULL
FROM runs WHERE open > 0
