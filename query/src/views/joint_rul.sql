-- Remaining life of each joint's component by the rate of its last 30 days, with bounds; one row per component in place.
-- The line is damage over time; it crosses 1, the L10 life. `trend` says where there is none: then there is no rest either.
-- A component that was replaced (another component_id or component_epoch) starts a new series. Hours are of the calendar.
WITH recent AS (
    SELECT robot_id, joint, coalesce(component_id, '') AS component_id, component_epoch, stream_epoch, seq, window_end,
           CAST(reducer_damage AS DOUBLE) AS damage, CAST(reducer_rul_h AS DOUBLE) AS life_average_rul_h,
           CAST(date_part('epoch', window_end) AS DOUBLE) / 3600.0 AS at_h
    FROM joints
    WHERE reducer_damage IS NOT NULL AND window_end > now() - INTERVAL '30 days'
), lines AS (
    SELECT robot_id, joint, component_id, component_epoch,
           line_of(damage, at_h) AS line, max(at_h) AS now_h,
           max(damage) AS damage, min(damage) AS damage_first, max(window_end) AS window_end,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(life_average_rul_h ORDER BY stream_epoch, seq) AS life_average_rul_h
    FROM recent GROUP BY robot_id, joint, component_id, component_epoch
), newest AS (
    SELECT *, line['n'] AS n, line['slope'] AS slope, line['avgx'] AS avgx, line['avgy'] AS avgy, line['sxx'] AS sxx,
           line['syy'] AS syy, line['sxy'] AS sxy,
           row_number() OVER (PARTITION BY robot_id, joint ORDER BY component_epoch DESC, window_end DESC) AS place
    FROM lines
)
SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, damage,
       weibull_failure(damage) AS failure_probability,
       life_average_rul_h, CAST(n AS BIGINT) AS n, slope AS damage_per_h,
       slope_low(n, sxx, syy, sxy) AS damage_per_h_low, slope_high(n, sxx, syy, sxy) AS damage_per_h_high,
       CASE WHEN n < 3 THEN 'too few'
            WHEN slope_low(n, sxx, syy, sxy) > 0 THEN 'rising'
            WHEN slope_high(n, sxx, syy, sxy) < 0 THEN 'falling'
            ELSE 'no trend' END AS trend,
       CASE WHEN slope_low(n, sxx, syy, sxy) > 0 THEN trend_crossing(n, avgx, avgy, sxx, syy, sxy, 1.0) - now_h END
           AS rul_h,
       CASE WHEN slope_low(n, sxx, syy, sxy) > 0 THEN fieller_low(n, avgx, avgy, sxx, syy, sxy, 1.0) - now_h END
           AS rul_h_low,
       CASE WHEN slope_low(n, sxx, syy, sxy) > 0 THEN fieller_high(n, avgx, avgy, sxx, syy, sxy, 1.0) - now_h END
           AS rul_h_high,
       CASE WHEN slope > 0 THEN weibull_failure_next(damage, slope * 8766.0) END AS failure_probability_next_year
FROM newest WHERE place = 1
