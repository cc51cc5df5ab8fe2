-- Remaining life of each joint's component in place by the rate of its last 30 days, with bounds. The rate is the slope of damage
-- over time; what is left to 1, the L10 life, goes at that rate. It is the slope of the load counter where that is sent, in
-- damage of the newest record: a model that was changed meanwhile is no wear. `trend` says where there is none: then there is no
-- rest either; it is 'too few' with fewer than three records or less than a day of them, as of a joint that is silent, or whose
-- damage cannot be told, which `absent` says why. `rul_h_recent` goes by the last three days: where it is far from `rul_h`, the
-- duty has changed, and the bounds do not cover that. A component that was replaced (another component_id or component_epoch)
-- starts a new series. Hours are of the calendar, those of `life_average_rul_h` of operation. Records from more than five minutes
-- ahead of their receipt are left out: their clock is wrong.
WITH recent AS (
    SELECT robot_id, joint, coalesce(component_id, '') AS component_id, component_epoch, stream_epoch, seq, window_end,
           input_rev_load IS NOT NULL AS is_load, CAST(reducer_damage AS DOUBLE) AS damage,
           coalesce(CAST(input_rev_load AS DOUBLE), CAST(reducer_damage AS DOUBLE)) AS y,
           CAST(reducer_rul_h AS DOUBLE) AS life_average_rul_h,
           CAST(date_part('epoch', window_end) AS DOUBLE) / 3600.0 AS at_h
    FROM joints
    WHERE reducer_damage IS NOT NULL AND window_end > now() - INTERVAL '30 days'
      AND window_end <= received_at + INTERVAL '5 minutes'
), lines AS (
    SELECT robot_id, joint, component_id, component_epoch, is_load,
           line_of(y, at_h) AS line,
           line_of(y, at_h) FILTER (WHERE window_end > now() - INTERVAL '3 days') AS line_recent,
           max(at_h) - min(at_h) AS span_h,
           last_value(y ORDER BY stream_epoch, seq) AS y,
           last_value(damage ORDER BY stream_epoch, seq) AS damage,
           last_value(window_end ORDER BY stream_epoch, seq) AS window_end,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(life_average_rul_h ORDER BY stream_epoch, seq) AS life_average_rul_h
    FROM recent GROUP BY robot_id, joint, component_id, component_epoch, is_load
), longest AS (
    SELECT *, row_number() OVER (PARTITION BY robot_id, joint, component_id, component_epoch
                                 ORDER BY line['n'] DESC, is_load) AS place,
           CASE WHEN is_load AND y > 0 THEN damage / y ELSE 1.0 END AS damage_per_y
    FROM lines
), rates AS (
    SELECT worn.robot_id, worn.joint, worn.component_id, worn.component_epoch, worn.methods, worn.absent,
           coalesce(longest.stream_epoch, worn.stream_epoch) AS stream_epoch, coalesce(longest.seq, worn.seq) AS seq,
           coalesce(longest.window_end, worn.window_end) AS window_end,
           coalesce(longest.damage, CAST(worn.reducer_damage AS DOUBLE)) AS damage,
           coalesce(longest.life_average_rul_h, CAST(worn.reducer_rul_h AS DOUBLE)) AS life_average_rul_h,
           coalesce(line['n'], 0.0) AS n, span_h, line['slope'] * damage_per_y AS slope,
           slope_low(line['n'], line['sxx'], line['syy'], line['sxy']) * damage_per_y AS slope_low,
           slope_high(line['n'], line['sxx'], line['syy'], line['sxy']) * damage_per_y AS slope_high,
           line_recent['slope'] * damage_per_y AS slope_recent,
           slope_low(line_recent['n'], line_recent['sxx'], line_recent['syy'], line_recent['sxy']) * damage_per_y AS slope_recent_low
    FROM joint_wear AS worn
    LEFT JOIN longest ON longest.robot_id = worn.robot_id AND longest.joint = worn.joint AND longest.place = 1
                     AND longest.component_id = coalesce(worn.component_id, '') AND longest.component_epoch = worn.component_epoch
), trends AS (
    SELECT *, 1.0 - damage AS rest,
           CASE WHEN n < 3 OR span_h < 24.0 THEN 'too few'
                WHEN slope_low > 0 THEN 'rising'
                WHEN slope_high < 0 THEN 'falling'
                ELSE 'no trend' END AS trend
    FROM rates
)
SELECT robot_id, joint, component_id, component_epoch, stream_epoch, seq, window_end, damage,
       weibull_failure(damage) AS failure_probability,
       life_average_rul_h, CAST(n AS BIGINT) AS n, slope AS damage_per_h,
       slope_low AS damage_per_h_low, slope_high AS damage_per_h_high, slope_recent AS damage_per_h_recent,
       trend,
       CASE trend WHEN 'rising' THEN rest / slope END AS rul_h,
       CASE trend WHEN 'rising' THEN least(rest / slope_low, rest / slope_high) END AS rul_h_low,
       CASE trend WHEN 'rising' THEN greatest(rest / slope_low, rest / slope_high) END AS rul_h_high,
       CASE WHEN trend <> 'too few' AND slope_recent_low > 0 THEN rest / slope_recent END AS rul_h_recent,
       CASE trend WHEN 'rising' THEN weibull_failure_next(damage, slope * 8766.0) END AS failure_probability_next_year,
       methods, absent
FROM trends
