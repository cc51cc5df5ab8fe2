-- How accuracy changes over the last 30 days, per robot, component and quantity: slope per day with its 95 % bounds, number of
-- points, and whether there is a trend. Larger is worse for every quantity here. A replaced component is a new series.
WITH points AS (
    SELECT robot_id, joint AS component, coalesce(component_id, '') AS component_id, component_epoch,
           'following_error_rms_rad' AS quantity, window_end, CAST(following_error_rms_rad AS DOUBLE) AS y
    FROM joints WHERE following_error_rms_rad IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, joint, coalesce(component_id, ''), component_epoch, 'lost_motion_arcmin', window_end,
           CAST(lost_motion_arcmin AS DOUBLE)
    FROM joints WHERE lost_motion_arcmin IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, CAST(NULL AS VARCHAR), '', 0, 'pose_accuracy_mm', window_end, CAST(pose_accuracy_mm AS DOUBLE)
    FROM records WHERE pose_accuracy_mm IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, CAST(NULL AS VARCHAR), '', 0, 'pose_repeatability_mm', window_end, CAST(pose_repeatability_mm AS DOUBLE)
    FROM records WHERE pose_repeatability_mm IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, CAST(NULL AS VARCHAR), '', 0, 'path_rms_m', window_end, CAST(path_rms_m AS DOUBLE)
    FROM records WHERE path_rms_m IS NOT NULL AND window_end > now() - INTERVAL '30 days'
), lines AS (
    SELECT robot_id, component, component_id, component_epoch, quantity, max(window_end) AS window_end, avg(y) AS mean,
           line_of(y, x) AS line
    FROM (SELECT *, CAST(date_part('epoch', window_end) AS DOUBLE) / 86400.0 AS x FROM points)
    GROUP BY robot_id, component, component_id, component_epoch, quantity
), figures AS (
    SELECT *, line['n'] AS n, line['slope'] AS slope, line['sxx'] AS sxx, line['syy'] AS syy, line['sxy'] AS sxy,
           line['r2'] AS r2
    FROM lines
)
SELECT robot_id, component, component_id, component_epoch, quantity, window_end, mean, CAST(n AS BIGINT) AS n,
       slope AS slope_per_d,
       slope_low(n, sxx, syy, sxy) AS slope_per_d_low, slope_high(n, sxx, syy, sxy) AS slope_per_d_high, r2,
       CASE WHEN n < 3 THEN 'too few'
            WHEN slope_low(n, sxx, syy, sxy) > 0 THEN 'worse'
            WHEN slope_high(n, sxx, syy, sxy) < 0 THEN 'better'
            ELSE 'no trend' END AS trend
FROM figures
