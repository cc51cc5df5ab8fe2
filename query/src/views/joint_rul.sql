-- Remaining life of each joint's component in place by the rate of its last 30 days, with bounds. The rate is the slope of damage
-- over time; what is left to 1, the L10 life, goes at that rate. `trend` says where there is none: then there is no rest either;
-- it is 'too few' with fewer than three records or less than a day of them.
-- Where `damage_per_h_recent`, the rate of the last three days, is far from `damage_per_h`, the duty has changed, and the bounds
-- do not cover that. A component that was replaced (another component_id or component_epoch) starts a new series. Hours are of
-- the calendar. Records from more than five minutes ahead of their receipt are left out: their clock is wrong.
WITH recent AS (
    SELECT robot_id, joint, coalesce(component_id, '') AS component_id, component_epoch, stream_epoch, seq, window_end,
           CAST(reducer_damage AS DOUBLE) AS damage, CAST(reducer_rul_h AS DOUBLE) AS life_average_rul_h,
           CAST(date_part('epoch', window_end) AS DOUBLE) / 3600.0 AS at_h
    FROM joints
    WHERE reducer_damage IS NOT NULL AND window_end > now() - INTERVAL '30 days'
      AND window_end <= received_at + INTERVAL '5 minutes'
), lines AS (
    SELECT robot_id, joint, component_id, component_epoch,
           line_of(damage, at_h) AS line,
           line_of(damage, at_h) FILTER (WHERE window_end > now() - INTERVAL '3 days') AS line_recent,
           max(at_h) - min(at_h) AS span_h,
           last_value(damage ORDER BY stream_epoch, seq) AS damage,
           last_value(window_end ORDER BY stream_epoch, seq) AS window_end,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(life_average_rul_h ORDER BY stream_epoch, seq) AS life_average_rul_h
    FROM recent GROUP BY robot_id, joint, component_id, component_epoch
), in_place AS (
    SELECT *, row_number() OVER (PARTITION BY robot_id, joint ORDER BY record_order(stream_epoch, seq) DESC) AS place
    FROM lines
), rates AS (
    SELECT *, line['n'] AS n, line['slope'] AS slope, 1.0 - damage AS rest,
           slope_low(line['n'], line['sxx'], line['syy'], line['sxy']) AS slope_low,
           slope_high(line['n'], line['sxx'], line['syy'], line['sxy']) AS slope_high
    FROM in_place WHERE place = 1
), trends AS (
    SELECT *, CASE WHEN n < 3 OR span_h < 24.0 THEN 'too few'
                   WHEN slope_low > 0 THEN 'rising'
                   WHEN slope_high < 0 THEN 'falling'
                   ELSE 'no trend' END AS trend
    FROM rates
)
SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, damage,
       weibull_failure(damage) AS failure_probability,
       life_average_rul_h, CAST(n AS BIGINT) AS n, slope AS damage_per_h,
       slope_low AS damage_per_h_low, slope_high AS damage_per_h_high, line_recent['slope'] AS damage_per_h_recent,
       trend,
       CASE trend WHEN 'rising' THEN rest / slope END AS rul_h,
       CASE trend WHEN 'rising' THEN least(rest / slope_low, rest / slope_high) END AS rul_h_low,
       CASE trend WHEN 'rising' THEN greatest(rest / slope_low, rest / slope_high) END AS rul_h_high,
       CASE trend WHEN 'rising' THEN weibull_failure_next(damage, slope * 8766.0) END AS failure_probability_next_year
FROM trends
