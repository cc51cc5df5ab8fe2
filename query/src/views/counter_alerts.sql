-- Counters that fall, or that rise faster than time or machines allow. `since` and `until` are times of receipt, `count` is how many
-- rows show it. A counter is too fast where it rose, from one record to the next, by an hour more than the time that passed by the
-- robot's clock and by that of receipt, `power_on_h` also from the first record to the last; revolutions, charge and ways where
-- they went beyond 20,000 rpm, 1,000 A and 10 m/s in that time. A clock that is wrong can hide that. Histograms are not compared.
WITH robot_steps AS (
    SELECT robot_id, received_at, window_end, lag(window_end) OVER life AS window_end_before,
           hours_between(received_at, lag(received_at) OVER life) AS received_h,
           lag(CASE WHEN servo_on_h IS NOT NULL THEN window_end END) IGNORE NULLS OVER life AS servo_on_at_before,
           lag(CASE WHEN motion_h IS NOT NULL THEN window_end END) IGNORE NULLS OVER life AS motion_at_before,
           lag(CASE WHEN distance_m IS NOT NULL THEN window_end END) IGNORE NULLS OVER life AS distance_at_before,
           power_on_h, servo_on_h, motion_h, energy_kwh, distance_m, step_count, estop_count, protective_stop_count,
           collision_count, error_count, brake_dynamic_count, brake_energy_j,
           lag(power_on_h) IGNORE NULLS OVER life AS power_on_h_before, lag(servo_on_h) IGNORE NULLS OVER life AS servo_on_h_before,
           lag(motion_h) IGNORE NULLS OVER life AS motion_h_before, lag(energy_kwh) IGNORE NULLS OVER life AS energy_kwh_before,
           lag(distance_m) IGNORE NULLS OVER life AS distance_m_before, lag(step_count) IGNORE NULLS OVER life AS step_count_before,
           lag(estop_count) IGNORE NULLS OVER life AS estop_count_before,
           lag(protective_stop_count) IGNORE NULLS OVER life AS protective_stop_count_before,
           lag(collision_count) IGNORE NULLS OVER life AS collision_count_before,
           lag(error_count) IGNORE NULLS OVER life AS error_count_before,
           lag(brake_dynamic_count) IGNORE NULLS OVER life AS brake_dynamic_count_before,
           lag(brake_energy_j) IGNORE NULLS OVER life AS brake_energy_j_before
    FROM records
    WINDOW life AS (PARTITION BY robot_id ORDER BY stream_epoch, seq)
), robot_falls AS (
    SELECT robot_id, received_at, unnest(make_array(
        CASE WHEN power_on_h < power_on_h_before THEN 'power_on_h' END, CASE WHEN servo_on_h < servo_on_h_before THEN 'servo_on_h' END,
        CASE WHEN motion_h < motion_h_before THEN 'motion_h' END, CASE WHEN energy_kwh < energy_kwh_before THEN 'energy_kwh' END,
        CASE WHEN distance_m < distance_m_before THEN 'distance_m' END, CASE WHEN step_count < step_count_before THEN 'step_count' END,
        CASE WHEN estop_count < estop_count_before THEN 'estop_count' END,
        CASE WHEN protective_stop_count < protective_stop_count_before THEN 'protective_stop_count' END,
        CASE WHEN collision_count < collision_count_before THEN 'collision_count' END,
        CASE WHEN error_count < error_count_before THEN 'error_count' END,
        CASE WHEN brake_dynamic_count < brake_dynamic_count_before THEN 'brake_dynamic_count' END,
        CASE WHEN brake_energy_j < brake_energy_j_before THEN 'brake_energy_j' END)) AS counter
    FROM robot_steps
    WHERE power_on_h < power_on_h_before OR servo_on_h < servo_on_h_before OR motion_h < motion_h_before
       OR energy_kwh < energy_kwh_before OR distance_m < distance_m_before OR step_count < step_count_before
       OR estop_count < estop_count_before OR protective_stop_count < protective_stop_count_before
       OR collision_count < collision_count_before OR error_count < error_count_before
       OR brake_dynamic_count < brake_dynamic_count_before OR brake_energy_j < brake_energy_j_before
), joint_steps AS (
    SELECT robot_id, joint, received_at, input_rev, input_rev_load, momentary_peak_count,
           greatest(hours_between(window_end, lag(window_end) OVER life),
                    hours_between(received_at, lag(received_at) OVER life)) AS passed_h,
           lag(input_rev) OVER life AS input_rev_step, lag(input_rev) IGNORE NULLS OVER life AS input_rev_before,
           lag(input_rev_load) IGNORE NULLS OVER life AS input_rev_load_before,
           lag(momentary_peak_count) IGNORE NULLS OVER life AS momentary_peak_count_before
    FROM joints
    WINDOW life AS (PARTITION BY robot_id, joint, component_epoch, component_id ORDER BY stream_epoch, seq)
), joint_falls AS (
    SELECT robot_id, joint, received_at, unnest(make_array(
        CASE WHEN input_rev < input_rev_before THEN 'input_rev' END,
        CASE WHEN input_rev_load < input_rev_load_before THEN 'input_rev_load' END,
        CASE WHEN momentary_peak_count < momentary_peak_count_before THEN 'momentary_peak_count' END)) AS counter
    FROM joint_steps
    WHERE input_rev < input_rev_before OR input_rev_load < input_rev_load_before
       OR momentary_peak_count < momentary_peak_count_before
), pack_steps AS (
    SELECT robot_id, pack_id, received_at, lag(discharged_ah) OVER life AS discharged_ah_step,
           greatest(hours_between(window_end, lag(window_end) OVER life),
                    hours_between(received_at, lag(received_at) OVER life)) AS passed_h,
           discharged_ah, lag(discharged_ah) IGNORE NULLS OVER life AS discharged_ah_before,
           charged_ah, lag(charged_ah) IGNORE NULLS OVER life AS charged_ah_before,
           bms_cycle_count, lag(bms_cycle_count) IGNORE NULLS OVER life AS bms_cycle_count_before,
           discharged_wh, lag(discharged_wh) IGNORE NULLS OVER life AS discharged_wh_before,
           charged_wh, lag(charged_wh) IGNORE NULLS OVER life AS charged_wh_before,
           ageing_cycle, lag(ageing_cycle) IGNORE NULLS OVER life AS ageing_cycle_before,
           deep_discharge_count, lag(deep_discharge_count) IGNORE NULLS OVER life AS deep_discharge_count_before,
           cold_charge_count, lag(cold_charge_count) IGNORE NULLS OVER life AS cold_charge_count_before,
           overtemp_h, lag(overtemp_h) IGNORE NULLS OVER life AS overtemp_h_before
    FROM batteries
    WINDOW life AS (PARTITION BY robot_id, pack_id, pack_epoch ORDER BY stream_epoch, seq)
), pack_falls AS (
    SELECT robot_id, pack_id, received_at, unnest(make_array(
        CASE WHEN discharged_ah < discharged_ah_before THEN 'discharged_ah' END,
        CASE WHEN charged_ah < charged_ah_before THEN 'charged_ah' END,
        CASE WHEN bms_cycle_count < bms_cycle_count_before THEN 'bms_cycle_count' END,
        CASE WHEN discharged_wh < discharged_wh_before THEN 'discharged_wh' END,
        CASE WHEN charged_wh < charged_wh_before THEN 'charged_wh' END,
        CASE WHEN ageing_cycle < ageing_cycle_before THEN 'ageing_cycle' END,
        CASE WHEN deep_discharge_count < deep_discharge_count_before THEN 'deep_discharge_count' END,
        CASE WHEN cold_charge_count < cold_charge_count_before THEN 'cold_charge_count' END,
        CASE WHEN overtemp_h < overtemp_h_before THEN 'overtemp_h' END)) AS counter
    FROM pack_steps
    WHERE discharged_ah < discharged_ah_before OR charged_ah < charged_ah_before OR bms_cycle_count < bms_cycle_count_before
       OR discharged_wh < discharged_wh_before OR charged_wh < charged_wh_before OR ageing_cycle < ageing_cycle_before
       OR deep_discharge_count < deep_discharge_count_before OR cold_charge_count < cold_charge_count_before OR overtemp_h < overtemp_h_before
), falls AS (
    SELECT robot_id, received_at, counter FROM robot_falls
    UNION ALL
    SELECT robot_id, received_at, concat(counter, ' of ', joint) FROM joint_falls WHERE counter IS NOT NULL
    UNION ALL
    SELECT robot_id, received_at, concat(counter, ' of ', pack_id) FROM pack_falls WHERE counter IS NOT NULL
), robot_rises AS (
    SELECT robot_id, received_at, greatest(hours_between(window_end, window_end_before), received_h) AS power_on_passed_h,
           greatest(hours_between(window_end, servo_on_at_before), received_h) AS servo_on_passed_h,
           greatest(hours_between(window_end, motion_at_before), received_h) AS motion_passed_h,
           greatest(hours_between(window_end, distance_at_before), received_h) AS distance_passed_h,
           CAST(power_on_h AS DOUBLE) - CAST(power_on_h_before AS DOUBLE) AS power_on_h,
           CAST(servo_on_h AS DOUBLE) - CAST(servo_on_h_before AS DOUBLE) AS servo_on_h,
           CAST(motion_h AS DOUBLE) - CAST(motion_h_before AS DOUBLE) AS motion_h,
           CAST(distance_m AS DOUBLE) - CAST(distance_m_before AS DOUBLE) AS distance_m
    FROM robot_steps
), rises AS (
    SELECT robot_id, received_at, unnest(make_array(
        CASE WHEN power_on_h > power_on_passed_h + 1.0 THEN 'power_on_h' END,
        CASE WHEN servo_on_h > servo_on_passed_h + 1.0 THEN 'servo_on_h' END,
        CASE WHEN motion_h > motion_passed_h + 1.0 THEN 'motion_h' END,
        CASE WHEN distance_m > 36000.0 * (distance_passed_h + 1.0) THEN 'distance_m' END)) AS counter
    FROM robot_rises
    UNION ALL
    SELECT robot_id, received_at, concat('input_rev of ', joint)
    FROM joint_steps
    WHERE CAST(input_rev AS DOUBLE) - CAST(input_rev_step AS DOUBLE) > 1.2e6 * (passed_h + 1.0)
    UNION ALL
    SELECT robot_id, received_at, concat('discharged_ah of ', pack_id)
    FROM pack_steps
    WHERE CAST(discharged_ah AS DOUBLE) - CAST(discharged_ah_step AS DOUBLE) > 1000.0 * (passed_h + 1.0)
), lives AS (
    SELECT robot_id, min(received_at) AS since, max(received_at) AS until, count(*) AS n,
           hours_between(max(window_end), min(window_end)) AS passed_h,
           CAST(last_value(power_on_h ORDER BY stream_epoch, seq) AS DOUBLE)
               - CAST(first_value(power_on_h ORDER BY stream_epoch, seq) AS DOUBLE) AS power_on_h
    FROM records WHERE window_end <= received_at + INTERVAL '5 minutes' GROUP BY robot_id
)
SELECT robot_id, 'counter_backwards' AS kind, 'soon' AS urgency, min(received_at) AS since, max(received_at) AS until,
       count(*) AS count, concat(counter, ' fell, which it never does in the life of what it counts') AS evidence
FROM falls WHERE counter IS NOT NULL GROUP BY robot_id, counter
UNION ALL
SELECT robot_id, 'counter_too_fast', 'soon', min(received_at), max(received_at), count(*),
       concat(counter, ' rose by more than the time between two records allows')
FROM rises WHERE counter IS NOT NULL GROUP BY robot_id, counter
UNION ALL
SELECT robot_id, 'counter_too_fast', 'soon', since, until, n, 'power_on_h rose by more than the time that passed between the first record and the last'
FROM lives WHERE power_on_h > passed_h + 1.0
UNION ALL
SELECT robot_id, 'counter_too_large', 'soon', min(received_at), max(received_at), count(*),
       'servo_on_h or motion_h is more than power_on_h'
FROM records WHERE servo_on_h > power_on_h OR motion_h > power_on_h GROUP BY robot_id
