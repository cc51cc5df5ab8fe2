-- How accuracy changes over the last 30 days, per robot, component and quantity: slope per day with its 95 % bounds, number of
-- points, and whether there is a trend. Larger is worse for every quantity here; `growth_pct_low` is the least growth in 30 days
-- that the bounds leave, in percent of the mean; `drift` is |first - last|, of poses that of ISO 9283 (dAP, dRP). Only components
-- in place are here, each a series of its own, and each method (`method`: from samples or paths, or as the robot sent it). Fewer
-- than three points, or less than a day of them, are 'too few'; of the others one in twenty has a trend by chance. Records from
-- more than five minutes ahead of their receipt are left out: their clock is wrong.
WITH points AS (
    SELECT robot_id, joint AS component, coalesce(component_id, '') AS component_id, component_epoch,
           'following_error_rms_rad' AS quantity, stream_epoch, seq, received_at, window_end,
           CAST(following_error_rms_rad AS DOUBLE) AS y, method_of(methods, 'following_error_rms_rad') AS method
    FROM joints WHERE following_error_rms_rad IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, joint, coalesce(component_id, ''), component_epoch, 'lost_motion_arcmin', stream_epoch, seq, received_at,
           window_end, CAST(lost_motion_arcmin AS DOUBLE), 'sent'
    FROM joints WHERE lost_motion_arcmin IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, CAST(NULL AS VARCHAR), '', 0, 'pose_accuracy_mm', stream_epoch, seq, received_at, window_end,
           CAST(pose_accuracy_mm AS DOUBLE), 'sent'
    FROM records WHERE pose_accuracy_mm IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, CAST(NULL AS VARCHAR), '', 0, 'pose_repeatability_mm', stream_epoch, seq, received_at, window_end,
           CAST(pose_repeatability_mm AS DOUBLE), 'sent'
    FROM records WHERE pose_repeatability_mm IS NOT NULL AND window_end > now() - INTERVAL '30 days'
    UNION ALL
    SELECT robot_id, CAST(NULL AS VARCHAR), '', 0, 'path_rms_m', stream_epoch, seq, received_at, window_end,
           CAST(path_rms_m AS DOUBLE), method_of(methods, 'path_rms_m')
    FROM records WHERE path_rms_m IS NOT NULL AND window_end > now() - INTERVAL '30 days'
), lines AS (
    SELECT robot_id, component, component_id, component_epoch, quantity, method, avg(y) AS mean,
           last_value(stream_epoch ORDER BY stream_epoch, seq) AS stream_epoch,
           last_value(seq ORDER BY stream_epoch, seq) AS seq,
           last_value(window_end ORDER BY stream_epoch, seq) AS window_end,
           first_value(y ORDER BY stream_epoch, seq) AS first_y, last_value(y ORDER BY stream_epoch, seq) AS last_y,
           line_of(y, x) AS line, max(x) - min(x) AS span_d
    FROM (SELECT *, CAST(date_part('epoch', window_end) AS DOUBLE) / 86400.0 AS x FROM points
          WHERE window_end <= received_at + INTERVAL '5 minutes')
    GROUP BY robot_id, component, component_id, component_epoch, quantity, method
), figures AS (
    SELECT lines.*, line['n'] AS n, line['slope'] AS slope, line['sxx'] AS sxx, line['syy'] AS syy, line['sxy'] AS sxy,
           line['r2'] AS r2
    FROM lines
    LEFT JOIN joint_wear AS worn ON worn.robot_id = lines.robot_id AND worn.joint = lines.component
    WHERE lines.component IS NULL
       OR (coalesce(worn.component_id, '') = lines.component_id AND worn.component_epoch = lines.component_epoch)
)
SELECT robot_id, component, component_id, component_epoch, quantity, method, stream_epoch, seq, window_end, mean,
       abs(last_y - first_y) AS drift, CAST(n AS BIGINT) AS n,
       slope AS slope_per_d,
       slope_low(n, sxx, syy, sxy) AS slope_per_d_low, slope_high(n, sxx, syy, sxy) AS slope_per_d_high, r2,
       CASE WHEN n >= 3 AND span_d >= 1.0 AND mean > 0 THEN 3000.0 * slope_low(n, sxx, syy, sxy) / mean END AS growth_pct_low,
       CASE WHEN n < 3 OR span_d < 1.0 THEN 'too few'
            WHEN slope_low(n, sxx, syy, sxy) > 0 THEN 'worse'
            WHEN slope_high(n, sxx, syy, sxy) < 0 THEN 'better'
            ELSE 'no trend' END AS trend
FROM figures
