-- Remaining life of each battery pack by its measured capacity over the last year, with bounds; one row per pack in use.
-- Two lines: over the pack's own cycles (else its equivalent full cycles), and over time in days. They cross the end of
-- life of the pack's model. `trend` says where there is none. A swapped pack (pack_id, pack_epoch) is a series of its own.
WITH recent AS (
    SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, soh_capacity, soh_capacity_method,
           CAST(capacity_ah AS DOUBLE) AS capacity_ah, CAST(end_of_life_ah AS DOUBLE) AS limit_ah,
           CAST(coalesce(bms_cycle_count, equivalent_full_cycles) AS DOUBLE) AS cycle,
           CAST(date_part('epoch', window_end) AS DOUBLE) / 86400.0 AS at_d
    FROM batteries
    WHERE capacity_ah IS NOT NULL AND window_end > now() - INTERVAL '365 days'
), lines AS (
    SELECT robot_id, pack_id, pack_epoch, max(window_end) AS window_end,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(CAST(soh_capacity AS DOUBLE) ORDER BY stream_epoch, seq) AS soh_capacity,
           last_value(soh_capacity_method ORDER BY stream_epoch, seq) AS soh_capacity_method,
           last_value(capacity_ah ORDER BY stream_epoch, seq) AS capacity_ah,
           last_value(limit_ah ORDER BY stream_epoch, seq) AS limit_ah, max(cycle) AS cycle, max(at_d) AS now_d,
           line_of(capacity_ah, cycle) AS by_cycle, line_of(capacity_ah, at_d) AS by_day
    FROM recent GROUP BY robot_id, pack_id, pack_epoch
), figures AS (
    SELECT *, by_cycle['n'] AS n, by_cycle['slope'] AS slope, by_cycle['avgx'] AS avgx, by_cycle['avgy'] AS avgy,
           by_cycle['sxx'] AS sxx, by_cycle['syy'] AS syy, by_cycle['sxy'] AS sxy, by_cycle['r2'] AS r2,
           by_day['n'] AS n_d, by_day['avgx'] AS avgx_d, by_day['avgy'] AS avgy_d, by_day['sxx'] AS sxx_d,
           by_day['syy'] AS syy_d, by_day['sxy'] AS sxy_d
    FROM lines
)
SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end, soh_capacity, soh_capacity_method, capacity_ah, limit_ah, cycle,
       CAST(n AS BIGINT) AS n, slope AS ah_per_cycle, r2,
       slope_low(n, sxx, syy, sxy) AS ah_per_cycle_low, slope_high(n, sxx, syy, sxy) AS ah_per_cycle_high,
       CASE WHEN n < 3 THEN 'too few'
            WHEN slope_high(n, sxx, syy, sxy) < 0 THEN 'falling'
            WHEN slope_low(n, sxx, syy, sxy) > 0 THEN 'rising'
            ELSE 'no trend' END AS trend,
       CASE WHEN slope_high(n, sxx, syy, sxy) < 0 THEN trend_crossing(n, avgx, avgy, sxx, syy, sxy, limit_ah) END
           AS end_at_cycle,
       CASE WHEN slope_high(n, sxx, syy, sxy) < 0 THEN fieller_low(n, avgx, avgy, sxx, syy, sxy, limit_ah) END
           AS end_at_cycle_low,
       CASE WHEN slope_high(n, sxx, syy, sxy) < 0 THEN fieller_high(n, avgx, avgy, sxx, syy, sxy, limit_ah) END
           AS end_at_cycle_high,
       CASE WHEN slope_high(n, sxx, syy, sxy) < 0
            THEN trend_crossing(n, avgx, avgy, sxx, syy, sxy, limit_ah) - cycle END AS rul_cycles,
       CASE WHEN slope_high(n_d, sxx_d, syy_d, sxy_d) < 0
            THEN trend_crossing(n_d, avgx_d, avgy_d, sxx_d, syy_d, sxy_d, limit_ah) - now_d END AS rul_d,
       CASE WHEN slope_high(n_d, sxx_d, syy_d, sxy_d) < 0
            THEN fieller_low(n_d, avgx_d, avgy_d, sxx_d, syy_d, sxy_d, limit_ah) - now_d END AS rul_d_low,
       CASE WHEN slope_high(n_d, sxx_d, syy_d, sxy_d) < 0
            THEN fieller_high(n_d, avgx_d, avgy_d, sxx_d, syy_d, sxy_d, limit_ah) - now_d END AS rul_d_high
FROM figures
