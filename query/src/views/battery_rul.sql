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
           CAST(regr_count(capacity_ah, cycle) AS DOUBLE) AS n, regr_slope(capacity_ah, cycle) AS slope,
           regr_avgx(capacity_ah, cycle) AS avgx, regr_avgy(capacity_ah, cycle) AS avgy,
           regr_sxx(capacity_ah, cycle) AS sxx, regr_syy(capacity_ah, cycle) AS syy, regr_sxy(capacity_ah, cycle) AS sxy,
           regr_r2(capacity_ah, cycle) AS r2,
           CAST(regr_count(capacity_ah, at_d) AS DOUBLE) AS n_d, regr_avgx(capacity_ah, at_d) AS avgx_d,
           regr_avgy(capacity_ah, at_d) AS avgy_d, regr_sxx(capacity_ah, at_d) AS sxx_d,
           regr_syy(capacity_ah, at_d) AS syy_d, regr_sxy(capacity_ah, at_d) AS sxy_d
    FROM recent GROUP BY robot_id, pack_id, pack_epoch
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
FROM lines
