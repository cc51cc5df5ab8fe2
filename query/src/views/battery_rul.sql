-- Remaining life of each battery pack in place by its measured capacity over the last year, with bounds, from now on. Two lines:
-- over the pack's cycles (`cycle_source` says which: the pack's own count, or its equivalent full cycles), with `trend`, and over
-- time in days, with `trend_d`. They cross the end of life of the pack's model. A line is of one method, `soh_capacity_method`:
-- the battery management's own value where it is sent, else full discharges, else parts of a cycle; but one that has been without
-- a point for ninety days comes behind the others. What the battery management repeats until it measures again is one point.
-- Fewer than three points, or less than a day of them, are 'too few'. A swapped pack (pack_id, pack_epoch) is a series of its
-- own. Records from more than five minutes ahead of their receipt are left out: their clock is wrong.
WITH sent AS (
    SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, soh_capacity, soh_capacity_method,
           CAST(capacity_ah AS DOUBLE) AS capacity_ah, CAST(end_of_life_ah AS DOUBLE) AS limit_ah,
           CAST(bms_cycle_count AS DOUBLE) AS own_cycle, CAST(equivalent_full_cycles AS DOUBLE) AS full_cycle,
           CAST(date_part('epoch', window_end) AS DOUBLE) / 86400.0 AS at_d,
           lag(capacity_ah) OVER (PARTITION BY robot_id, pack_id, pack_epoch, soh_capacity_method
                                  ORDER BY stream_epoch, seq) AS capacity_before
    FROM batteries
    WHERE capacity_ah IS NOT NULL AND window_end > now() - INTERVAL '365 days'
      AND window_end <= received_at + INTERVAL '5 minutes'
), measured AS (
    SELECT * FROM sent
    WHERE soh_capacity_method <> 'full_charge_ah' OR capacity_before IS NULL OR capacity_ah <> CAST(capacity_before AS DOUBLE)
), present AS (
    SELECT robot_id, pack_id, pack_epoch, max(CAST(bms_cycle_count AS DOUBLE)) AS own_cycle,
           max(CAST(equivalent_full_cycles AS DOUBLE)) AS full_cycle,
           max(CAST(date_part('epoch', window_end) AS DOUBLE)) / 86400.0 AS at_d
    FROM batteries
    WHERE window_end > now() - INTERVAL '365 days' AND window_end <= received_at + INTERVAL '5 minutes'
    GROUP BY robot_id, pack_id, pack_epoch
), lines AS (
    SELECT robot_id, pack_id, pack_epoch, soh_capacity_method,
           last_value(window_end ORDER BY stream_epoch, seq) AS window_end,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(CAST(soh_capacity AS DOUBLE) ORDER BY stream_epoch, seq) AS soh_capacity,
           last_value(capacity_ah ORDER BY stream_epoch, seq) AS capacity_ah,
           last_value(limit_ah ORDER BY stream_epoch, seq) AS limit_ah,
           max(at_d) AS measured_d,
           max(at_d) - min(at_d) AS span_d,
           line_of(capacity_ah, own_cycle) AS by_own_cycle, line_of(capacity_ah, full_cycle) AS by_full_cycle,
           line_of(capacity_ah, at_d) AS by_day
    FROM measured GROUP BY robot_id, pack_id, pack_epoch, soh_capacity_method
), ranked AS (
    SELECT lines.*, present.own_cycle, present.full_cycle, by_own_cycle['n'] >= by_full_cycle['n'] AS is_own, by_day['n'] AS n_d,
           CASE WHEN measured_d > present.at_d - 90.0 THEN 0 ELSE 6 END
           + CASE WHEN by_day['n'] >= 3 THEN 0 ELSE 3 END
           + CASE soh_capacity_method WHEN 'full_charge_ah' THEN 0 WHEN 'full_discharge' THEN 1 ELSE 2 END AS rank
    FROM lines
    JOIN present ON present.robot_id = lines.robot_id AND present.pack_id = lines.pack_id
                AND present.pack_epoch = lines.pack_epoch
), chosen AS (
    SELECT *, row_number() OVER (PARTITION BY robot_id, pack_id, pack_epoch ORDER BY rank) AS place,
           CASE WHEN is_own THEN by_own_cycle ELSE by_full_cycle END AS by_cycle,
           CASE WHEN is_own THEN own_cycle ELSE full_cycle END AS cycle
    FROM ranked
), figures AS (
    SELECT chosen.*, battery_health.methods, battery_health.absent, CAST(date_part('epoch', now()) AS DOUBLE) / 86400.0 AS now_d,
           by_cycle['n'] AS n, by_cycle['slope'] AS slope, by_cycle['avgx'] AS avgx, by_cycle['avgy'] AS avgy,
           by_cycle['sxx'] AS sxx, by_cycle['syy'] AS syy, by_cycle['sxy'] AS sxy, by_cycle['r2'] AS r2,
           by_day['slope'] AS slope_d, by_day['avgx'] AS avgx_d, by_day['avgy'] AS avgy_d,
           by_day['sxx'] AS sxx_d, by_day['syy'] AS syy_d, by_day['sxy'] AS sxy_d
    FROM chosen
    JOIN battery_health ON battery_health.robot_id = chosen.robot_id AND battery_health.pack_id = chosen.pack_id
                       AND battery_health.pack_epoch = chosen.pack_epoch
    WHERE place = 1
), trends AS (
    SELECT *,
           CASE WHEN n < 3 OR span_d < 1.0 THEN 'too few'
                WHEN slope_high(n, sxx, syy, sxy) < 0 THEN 'falling'
                WHEN slope_low(n, sxx, syy, sxy) > 0 THEN 'rising'
                ELSE 'no trend' END AS trend,
           CASE WHEN n_d < 3 OR span_d < 1.0 THEN 'too few'
                WHEN slope_high(n_d, sxx_d, syy_d, sxy_d) < 0 THEN 'falling'
                WHEN slope_low(n_d, sxx_d, syy_d, sxy_d) > 0 THEN 'rising'
                ELSE 'no trend' END AS trend_d
    FROM figures
)
SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, soh_capacity, soh_capacity_method, capacity_ah, limit_ah,
       cycle, CASE WHEN n > 0 THEN CASE WHEN is_own THEN 'bms_cycle_count' ELSE 'equivalent_full_cycles' END END AS cycle_source,
       CAST(n AS BIGINT) AS n, slope AS ah_per_cycle, r2,
       slope_low(n, sxx, syy, sxy) AS ah_per_cycle_low, slope_high(n, sxx, syy, sxy) AS ah_per_cycle_high, trend,
       CASE trend WHEN 'falling' THEN trend_crossing(n, avgx, avgy, sxx, syy, sxy, limit_ah) END AS end_at_cycle,
       CASE trend WHEN 'falling' THEN fieller_low(n, avgx, avgy, sxx, syy, sxy, limit_ah) END AS end_at_cycle_low,
       CASE trend WHEN 'falling' THEN fieller_high(n, avgx, avgy, sxx, syy, sxy, limit_ah) END AS end_at_cycle_high,
       CASE trend WHEN 'falling' THEN trend_crossing(n, avgx, avgy, sxx, syy, sxy, limit_ah) - cycle END AS rul_cycles,
       CAST(n_d AS BIGINT) AS n_d, slope_d AS ah_per_d, trend_d,
       CASE trend_d WHEN 'falling' THEN trend_crossing(n_d, avgx_d, avgy_d, sxx_d, syy_d, sxy_d, limit_ah) - now_d END AS rul_d,
       CASE trend_d WHEN 'falling' THEN fieller_low(n_d, avgx_d, avgy_d, sxx_d, syy_d, sxy_d, limit_ah) - now_d END AS rul_d_low,
       CASE trend_d WHEN 'falling' THEN fieller_high(n_d, avgx_d, avgy_d, sxx_d, syy_d, sxy_d, limit_ah) - now_d END AS rul_d_high,
       methods, absent
FROM trends
